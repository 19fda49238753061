//! Groups of processes, as OTP's `pg` has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message};
use parking_lot::Mutex;

use crate::process::{Name, Notice, Object, own};
use crate::{Node, Pid, Port, Process, Ref};

/// Memberships and monitors a scope holds unless told otherwise: 2^20, as a registry holds entries.
const BOUND: usize = 1 << 20;

/// A scope of process groups whose members take `M` (OTP `pg`).
///
/// A group is there as long as it has members. A process may join several times, and must leave as often; one that ends
/// leaves before anybody hears of its end. Cloning gives another handle to the same scope; two scopes, and two nodes, do
/// not see each other.
///
/// ```
/// use actix::{Actor, Context, Handler, Message};
/// use supervisors::{Groups, Node};
///
/// #[derive(Clone, Message)]
/// #[rtype(result = "()")]
/// struct News(u32);
///
/// struct Reader(u32);
/// impl Actor for Reader {
///     type Context = Context<Self>;
/// }
/// impl Handler<News> for Reader {
///     type Result = ();
///     fn handle(&mut self, News(number): News, _: &mut Self::Context) {
///         self.0 += number;
///     }
/// }
///
/// # actix::run(async {
/// let node = Node::new();
/// let groups = Groups::new(&node);
/// let (one, two) = (node.spawn(Reader(0)), node.spawn(Reader(0)));
/// groups.join("readers", &one).expect("it lives");
/// groups.join("readers", &two).expect("it lives");
/// assert_eq!(groups.cast("readers", News(1)), 2);
/// # }).expect("it runs");
/// ```
pub struct Groups<M: Message + Send + 'static>(Arc<Scope<M>>)
where
    M::Result: Send;

struct Scope<M: Message + Send + 'static>
where
    M::Result: Send,
{
    node: Node,
    state: Mutex<State<M>>,
}

struct State<M: Message + Send + 'static>
where
    M::Result: Send,
{
    bound: usize,
    joined: usize,
    /// In the order of joining; who joined twice is there twice.
    groups: BTreeMap<Arc<str>, Vec<Member<M>>>,
    /// The groups of each process, as often as it is in them.
    by_pid: BTreeMap<Pid, Vec<Arc<str>>>,
    watchers: Vec<Watcher>,
    next_watcher: u64,
    /// Those that hold the scope, and so leave it when they end.
    held: BTreeSet<Pid>,
}

struct Watcher {
    id: GroupMonitor,
    pid: Pid,
    group: Option<Arc<str>>,
    tell: Box<dyn Fn(GroupEvent) + Send>,
}

/// A process in a group.
pub struct Member<M: Message + Send + 'static>
where
    M::Result: Send,
{
    /// Who it is.
    pub process: Process,
    /// What it takes messages by; it reaches this life of the process and none after it.
    pub port: Port<M>,
}

/// Which monitor of a group or scope, unique within its scope; taken down by [`Groups::demonitor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupMonitor(u64);

/// The members of a monitored group have changed (OTP `{Ref, join | leave, Group, Pids}`).
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
#[non_exhaustive]
pub struct GroupEvent {
    /// Which monitor this is of.
    pub monitor: GroupMonitor,
    /// Which group.
    pub group: Arc<str>,
    /// Whether they came or went.
    pub change: GroupChange,
    /// Who; as often as it joined or left.
    pub processes: Vec<Process>,
}

/// What happened to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// Members joined.
    Joined,
    /// Members left, or ended.
    Left,
}

/// Why a process did not join or leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// It has ended, or nobody runs there.
    #[error("the process has ended")]
    Dead,
    /// It belongs to another node than the scope.
    #[error("the process belongs to another node")]
    OtherNode,
    /// It is no member of that group (`pg`: `not_joined`).
    #[error("the process is no member of {0}")]
    NotJoined(Arc<str>),
    /// The scope holds as many memberships or monitors as it may.
    #[error("the scope is full")]
    Full,
}

impl<M: Message + Send + 'static> Groups<M>
where
    M::Result: Send,
{
    /// A scope of its own, for processes of this node.
    #[must_use]
    pub fn new(node: &Node) -> Self {
        let state = State {
            bound: BOUND,
            joined: 0,
            groups: BTreeMap::new(),
            by_pid: BTreeMap::new(),
            watchers: Vec::new(),
            next_watcher: 1,
            held: BTreeSet::new(),
        };
        Self(Arc::new(Scope { node: node.clone(), state: Mutex::new(state) }))
    }

    /// Refuses further memberships while there are this many, and further monitors likewise. Default 2^20.
    #[must_use]
    pub fn bounded(self, memberships: usize) -> Self {
        self.0.state.lock().bound = memberships;
        self
    }

    /// Lets the process that runs as `member` now join; once more if it is a member already.
    ///
    /// # Errors
    /// [`GroupError::Dead`], [`GroupError::OtherNode`], [`GroupError::Full`].
    pub fn join<A>(&self, group: &str, member: &Ref<A>) -> Result<(), GroupError>
    where
        A: Actor<Context = Context<A>> + Handler<M>,
    {
        let cell = member.cell().ok_or(GroupError::Dead)?;
        let process = Process(Arc::clone(&cell) as Arc<dyn Object>);
        if !process.node().is(&self.0.node) {
            return Err(GroupError::OtherNode);
        }
        let pid = process.pid();
        let port = Port::from(own(&cell));
        let new = {
            let mut state = self.0.state.lock();
            if state.joined >= state.bound {
                return Err(GroupError::Full);
            }
            state.joined += 1;
            let name = state.name(group);
            state
                .groups
                .entry(Arc::clone(&name))
                .or_default()
                .push(Member { process: process.clone(), port });
            state.by_pid.entry(pid).or_default().push(Arc::clone(&name));
            state.tell(&name, GroupChange::Joined, std::slice::from_ref(&process));
            state.held.insert(pid)
        };
        self.hold(&process, new)
    }

    /// Takes one membership back.
    ///
    /// # Errors
    /// [`GroupError::NotJoined`].
    pub fn leave(&self, group: &str, member: &Process) -> Result<(), GroupError> {
        let mut state = self.0.state.lock();
        let name = state.name(group);
        let members = state.groups.get_mut(&name);
        let at = members.as_ref().and_then(|members| members.iter().position(|it| it.process == *member));
        let (Some(members), Some(at)) = (members, at) else { return Err(GroupError::NotJoined(name)) };
        let gone = members.remove(at);
        if members.is_empty() {
            state.groups.remove(&name);
        }
        state.joined -= 1;
        if let Some(groups) = state.by_pid.get_mut(&member.pid())
            && let Some(at) = groups.iter().position(|group| *group == name)
        {
            groups.remove(at);
        }
        state.tell(&name, GroupChange::Left, &[gone.process]);
        Ok(())
    }

    /// The members, in the order of joining; who joined twice is there twice.
    #[must_use]
    pub fn members(&self, group: &str) -> Vec<Member<M>> {
        self.0.state.lock().groups.get(group).cloned().unwrap_or_default()
    }

    /// The members on this node. All are: a scope belongs to one node.
    #[must_use]
    pub fn local_members(&self, group: &str) -> Vec<Member<M>> {
        self.members(group)
    }

    /// The groups that have members, in alphabetical order.
    #[must_use]
    pub fn which_groups(&self) -> Vec<Arc<str>> {
        self.0.state.lock().groups.keys().cloned().collect()
    }

    /// Sends `message` to each member, as often as it has joined; to how many.
    #[allow(clippy::must_use_candidate, reason = "most callers do not care how many")]
    pub fn cast(&self, group: &str, message: M) -> usize
    where
        M: Clone,
    {
        let members = self.members(group);
        let Some((last, others)) = members.split_last() else { return 0 };
        for member in others {
            member.port.cast(message.clone());
        }
        last.port.cast(message);
        members.len()
    }

    /// Has `watcher` told by a [`GroupEvent`] who joins and leaves `group` from now on; gives who is in it now.
    ///
    /// Taken even by a mailbox that is full, and ends with the watcher.
    ///
    /// # Errors
    /// [`GroupError::Dead`], [`GroupError::OtherNode`], [`GroupError::Full`].
    pub fn monitor<W>(
        &self,
        group: &str,
        watcher: &Ref<W>,
    ) -> Result<(GroupMonitor, Vec<Member<M>>), GroupError>
    where
        W: Actor<Context = Context<W>> + Handler<GroupEvent>,
    {
        self.watch(Some(group.into()), watcher, |state| state.groups.get(group).cloned().unwrap_or_default())
    }

    /// [`monitor`](Self::monitor), of all groups of the scope; gives all groups and their members as they are now.
    ///
    /// # Errors
    /// As [`monitor`](Self::monitor).
    #[expect(clippy::type_complexity, reason = "it is a map of groups")]
    pub fn monitor_scope<W>(
        &self,
        watcher: &Ref<W>,
    ) -> Result<(GroupMonitor, BTreeMap<Arc<str>, Vec<Member<M>>>), GroupError>
    where
        W: Actor<Context = Context<W>> + Handler<GroupEvent>,
    {
        self.watch(None, watcher, |state| state.groups.clone())
    }

    /// Takes a monitor down; `false` if there is none of that id. What is in the mailbox already stays there.
    #[allow(clippy::must_use_candidate, reason = "most callers do not care")]
    pub fn demonitor(&self, monitor: GroupMonitor) -> bool {
        let mut state = self.0.state.lock();
        let before = state.watchers.len();
        state.watchers.retain(|watcher| watcher.id != monitor);
        state.watchers.len() < before
    }

    fn watch<W, R>(
        &self,
        group: Option<Arc<str>>,
        watcher: &Ref<W>,
        now: impl FnOnce(&State<M>) -> R,
    ) -> Result<(GroupMonitor, R), GroupError>
    where
        W: Actor<Context = Context<W>> + Handler<GroupEvent>,
    {
        let cell = watcher.cell().ok_or(GroupError::Dead)?;
        let process = Process(Arc::clone(&cell) as Arc<dyn Object>);
        if !process.node().is(&self.0.node) {
            return Err(GroupError::OtherNode);
        }
        let cell = Arc::downgrade(&cell);
        let tell = move |event| {
            if let Some(cell) = cell.upgrade() {
                let _ = cell.push_unbounded(Box::new(Notice(event)));
            }
        };
        let (id, now, new) = {
            let mut state = self.0.state.lock();
            if state.watchers.len() >= state.bound {
                return Err(GroupError::Full);
            }
            let id = GroupMonitor(state.next_watcher);
            state.next_watcher += 1;
            state.watchers.push(Watcher { id, pid: process.pid(), group, tell: Box::new(tell) });
            (id, now(&state), state.held.insert(process.pid()))
        };
        self.hold(&process, new)?;
        Ok((id, now))
    }

    /// Has the scope hear of the end of `process`, if it does not yet.
    fn hold(&self, process: &Process, new: bool) -> Result<(), GroupError> {
        if new && !process.0.control().hold(Arc::clone(&self.0) as Arc<dyn Name>) {
            // It died in between, and could not free what it did not hold yet.
            self.0.free(process.pid());
            return Err(GroupError::Dead);
        }
        Ok(())
    }
}

impl<M: Message + Send + 'static> State<M>
where
    M::Result: Send,
{
    /// The name, shared with the group if there is one.
    fn name(&self, group: &str) -> Arc<str> {
        self.groups.get_key_value(group).map_or_else(|| group.into(), |(name, _)| Arc::clone(name))
    }

    /// Under the lock, so that every watcher hears of the changes in the order they happened in.
    fn tell(&self, group: &Arc<str>, change: GroupChange, processes: &[Process]) {
        for watcher in &self.watchers {
            if watcher.group.as_ref().is_none_or(|watched| watched == group) {
                let (group, processes) = (Arc::clone(group), processes.to_vec());
                (watcher.tell)(GroupEvent { monitor: watcher.id, group, change, processes });
            }
        }
    }
}

impl<M: Message + Send + 'static> Name for Scope<M>
where
    M::Result: Send,
{
    fn free(&self, pid: Pid) {
        let mut state = self.state.lock();
        state.held.remove(&pid);
        state.watchers.retain(|watcher| watcher.pid != pid);
        let mut gone = Vec::new();
        for name in state.by_pid.remove(&pid).unwrap_or_default().into_iter().collect::<BTreeSet<_>>() {
            let Some(members) = state.groups.get_mut(&name) else { continue };
            let left: Vec<_> = members.extract_if(.., |it| it.process.pid() == pid).collect();
            if members.is_empty() {
                state.groups.remove(&name);
            }
            state.joined -= left.len();
            let processes: Vec<_> = left.iter().map(|member| member.process.clone()).collect();
            state.tell(&name, GroupChange::Left, &processes);
            gone.extend(left);
        }
        drop(state);
        drop(gone);
    }
}

impl<M: Message + Send + 'static> Clone for Groups<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Message + Send + 'static> Clone for Member<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self { process: self.process.clone(), port: self.port.clone() }
    }
}

impl<M: Message + Send + 'static> fmt::Debug for Groups<M>
where
    M::Result: Send,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Groups").field(&self.which_groups()).finish()
    }
}

impl<M: Message + Send + 'static> fmt::Debug for Member<M>
where
    M::Result: Send,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Member").field(&self.process).finish()
    }
}
