//! What outlives a process: its identity, its mailbox, the signals sent to it, and why it ended.

mod links;
mod watchers;

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use actix::Actor;

use super::mailbox::{Envelope, Queue};
use super::manners::{Manners, STARTED};
use super::overflow::{Admission, Overflow, Policy, PushError, Waiting};
use super::state::{Rare, State, Tell, Told, Trap};
use super::thread;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, OnceLock};
use crate::watch::{Turn, WhenStuck};
use crate::{ExitReason, Node, Path, Pid};

/// What is said to a process past its mailbox. The first one that ends it wins.
#[derive(Debug)]
pub(crate) enum Signal {
    /// End in good order: `stopping()` and `stopped()` run (a `gen_server` whose supervisor says `shutdown`).
    Stop(ExitReason),
    /// The supervisor above was killed: a supervisor stops its children and ends with this reason (OTP-131, OTP-133).
    Orphaned(ExitReason),
    /// End now, with this reason: nothing of the actor runs but its destructors (OTP-157).
    Exit(ExitReason),
    /// Panic with this message in the actor's own turn: a fault experiment.
    Panic(Arc<str>),
}

/// Hears of the death of one process, after its name was freed and its actor dropped (OTP-158).
pub(crate) trait ExitListener: Send + Sync {
    fn exited(&self, pid: Pid, reason: &ExitReason);

    /// Where in the tree this process is, if in one.
    fn path_of(&self, _: Pid) -> Option<Path> {
        None
    }
}

/// A name a process holds: freed before anyone hears of the death (OTP-187).
pub(crate) trait Name: Send + Sync {
    fn free(&self, pid: Pid);
}

/// The part of a process that does not depend on its actor's type.
pub(crate) struct Control {
    pub(crate) pid: Pid,
    pub(crate) node: Node,
    /// Its task, once it is one: a process is one task all its life.
    task: OnceLock<Waker>,
    signalled: AtomicBool,
    suspended: AtomicBool,
    /// Whether it has started, and what of its [`Manners`] each message must heed; most have none.
    pub(super) marks: AtomicU8,
    /// In the low half what is done if its turn does not end: a [`WhenStuck`], or what its node does; in the high half
    /// what its mailbox does when it is full. One byte for both keeps an idle process small.
    responses: AtomicU8,
    /// Messages waiting: written under the lock of the mailbox and read without.
    waiting: AtomicU32,
    handled: AtomicU64,
    state: Mutex<State>,
}

/// A process as everybody holds it: its control block and its typed mailbox.
pub(crate) struct Cell<A: Actor> {
    pub(crate) control: Control,
    queue: Mutex<Queue<A>>,
}

/// A [`Cell`] of any actor.
pub(crate) trait Object: Send + Sync {
    fn control(&self) -> &Control;
    /// The stamp of the oldest message that waits, by the node's [pulse](Node::stamp).
    fn oldest(&self) -> Option<u32>;
    /// The type of its actor.
    fn actor(&self) -> &'static str;
    /// Declares the process dead, from any thread; `false` if it already was. `drop_actor` runs between the freeing of
    /// the names and the telling of the watchers.
    fn declare(&self, reason: ExitReason, drop_actor: &mut dyn FnMut()) -> bool;
    /// Itself, to be taken for the cell of the actor it is.
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// How the sender with this ticket stands, which waits for room; it is woken when that changes.
    fn admission(&self, ticket: u64, waker: &Waker) -> Admission;
    /// That sender leaves, with its message, if it still waits; whether it did.
    fn leave_line(&self, ticket: u64) -> bool;
}

impl<A: Actor> Cell<A> {
    pub(crate) fn new(node: Node, bound: usize) -> Arc<Self> {
        Self::with_overflow(node, bound, Overflow::Refuse)
    }

    pub(crate) fn with_overflow(node: Node, bound: usize, overflow: Overflow) -> Arc<Self> {
        let control = Control {
            pid: node.next_pid(),
            node,
            task: OnceLock::new(),
            signalled: AtomicBool::new(false),
            suspended: AtomicBool::new(false),
            marks: AtomicU8::new(0),
            responses: AtomicU8::new((Policy::from(overflow) as u8) << 4),
            waiting: AtomicU32::new(0),
            handled: AtomicU64::new(0),
            state: Mutex::default(),
        };
        Arc::new(Self { control, queue: Mutex::new(Queue::new(bound, overflow)) })
    }

    /// Puts a message into the mailbox, or does with it what the mailbox's policy says. A sender that `waits` may be
    /// given a ticket: its message is in line for a place.
    pub(crate) fn push(
        self: &Arc<Self>,
        mail: Box<dyn Envelope<A>>,
        waits: bool,
    ) -> Result<Option<u64>, PushError> {
        let Some(stamp) = self.control.node.stamp_of_sender() else { return Err(PushError::Closed) };
        let mut queue = self.queue.lock();
        let first = match queue.push(mail, stamp) {
            Ok(first) => first,
            Err(mail) => return self.overflow(queue, mail, stamp, waits),
        };
        self.control.count_waiting(queue.len());
        drop(queue);
        if first {
            self.control.wake();
        }
        Ok(None)
    }

    pub(crate) fn push_unbounded(&self, mail: Box<dyn Envelope<A>>) -> Result<(), PushError> {
        let Some(stamp) = self.control.node.stamp_of_sender() else { return Err(PushError::Closed) };
        let first = {
            let mut queue = self.queue.lock();
            let first = queue.push_unbounded(mail, stamp).map_err(|_| PushError::Closed)?;
            self.control.count_waiting(queue.len());
            first
        };
        if first {
            self.control.wake();
        }
        Ok(())
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue<A>> {
        self.queue.lock()
    }

    pub(super) fn pop(&self) -> Option<Box<dyn Envelope<A>>> {
        // Whoever puts mail into an empty queue wakes the process, so what this look misses is not lost.
        if self.control.mailbox_len() == 0 {
            return None;
        }
        let mut queue = self.queue.lock();
        let mail = queue.pop();
        let admitted = queue.admit();
        self.control.count_waiting(queue.len());
        drop(queue);
        if let Some(sender) = admitted {
            sender.wake();
        }
        mail
    }
}

impl<A: Actor> Object for Cell<A> {
    fn control(&self) -> &Control {
        &self.control
    }

    fn oldest(&self) -> Option<u32> {
        self.queue.lock().oldest()
    }

    fn actor(&self) -> &'static str {
        std::any::type_name::<A>()
    }

    fn declare(&self, reason: ExitReason, drop_actor: &mut dyn FnMut()) -> bool {
        let control = &self.control;
        let pid = control.pid;
        // 1. The reason: whoever finds a reply channel closed from here on finds out why.
        let (names, listener, watchers, links) = 'told: {
            let mut state = control.state.lock();
            if state.reason.is_some() {
                return false;
            }
            state.reason = Some(reason.clone());
            let (names, listener) = (std::mem::take(&mut state.names), state.listener.take());
            // What it is to end as stays to be asked for.
            let Some(rare) = state.rare_mut() else {
                break 'told (names, listener, Vec::new(), BTreeMap::new());
            };
            rare.signals = Vec::new();
            let (watchers, links) = (std::mem::take(&mut rare.watchers), std::mem::take(&mut rare.links));
            // They may hold its own mailbox, or anything.
            let held = (
                rare.trap.take(),
                rare.annex.take(),
                rare.manners.take(),
                std::mem::take(&mut rare.on_abandon),
            );
            drop(state);
            drop(held);
            (names, listener, watchers, links)
        };
        // Declared by somebody else: the process finds out at its next turn and goes without a word.
        control.signalled.store(true, Ordering::Release);
        // 2. The names, before anyone hears of the death (OTP-158, OTP-187).
        #[cfg(feature = "lab")]
        if control.node.is_planted(crate::lab::planted::NAME_FREED_LATE) {
            control.node.do_late(move || names.free(pid));
        } else {
            names.free(pid);
        }
        #[cfg(not(feature = "lab"))]
        names.free(pid);
        // 3. The mailbox: whoever resolved the name before finds it closed.
        let (unread, waiting): (VecDeque<_>, _) = {
            let mut queue = self.queue.lock();
            control.count_waiting(0);
            queue.close()
        };
        // 4. The actor: its sockets and reply channels close here. A destructor that panics must not keep the news back.
        drop_actor();
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            drop(unread);
            waiting.into_iter().for_each(Waiting::turn_away);
        }));
        // 5. The news: links before monitors, as every BEAM was seen to do (OTP-165).
        for linked in links.into_values() {
            let reason = if linked.late { &ExitReason::NoProc } else { &reason };
            linked.object.control().link_broke(pid, reason);
        }
        if let Some(listener) = listener {
            listener.exited(pid, &reason);
        }
        for watcher in watchers {
            match watcher.tell {
                Told::Wake(waker) => waker.wake(),
                Told::Call(tell) => tell(pid, &reason),
            }
        }
        true
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn admission(&self, ticket: u64, waker: &Waker) -> Admission {
        self.admission_of(ticket, waker)
    }

    fn leave_line(&self, ticket: u64) -> bool {
        self.leave(ticket)
    }
}

impl Control {
    /// Sends a signal; a dead process does not mind (OTP-151).
    pub(crate) fn signal(&self, signal: Signal) {
        if self.node.watch().has_abandoned() && thread::is_abandoned() {
            return;
        }
        let heard = self.enqueue(&mut self.state.lock(), signal);
        if heard {
            self.wake();
        }
    }

    /// The part of [`signal`](Self::signal) under the lock; whether the process is to be woken.
    fn enqueue(&self, state: &mut State, signal: Signal) -> bool {
        if state.reason.is_some() {
            return false;
        }
        // A stop asked for again changes nothing; what is kept is bounded by the first exit behind it.
        state.orphaned |= matches!(signal, Signal::Orphaned(_));
        let signals = &mut state.make_rare().signals;
        match (&signal, signals.last()) {
            (_, Some(Signal::Exit(_) | Signal::Panic(_))) | (Signal::Stop(_), Some(Signal::Stop(_))) => {
                return false;
            }
            _ => signals.push(signal),
        }
        self.signalled.store(true, Ordering::Release);
        true
    }

    /// Gives the process a turn. Before it is a task nobody need be woken: a task's first turn comes by itself.
    pub(super) fn wake(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    /// Whether a signal waits: one relaxed-cost load, looked at before each message and each poll.
    pub(super) fn is_signalled(&self) -> bool {
        self.signalled.load(Ordering::Acquire)
    }

    pub(super) fn next_signal(&self) -> Option<Signal> {
        let mut state = self.state.lock();
        // One that traps exits would look at the request when it has its turn; with a kill right behind it never has
        // (OTP-099). One that does not dies of the first signal.
        let Rare { signals, trap, .. } = state.make_rare();
        let killed = trap.is_some() && matches!(signals.as_slice(), [Signal::Stop(_), .., Signal::Exit(_)]);
        let signal = if killed { signals.pop() } else { (!signals.is_empty()).then(|| signals.remove(0)) };
        if signals.is_empty() && state.reason.is_none() {
            self.signalled.store(false, Ordering::Release);
        }
        signal
    }

    /// The process has become this task. Said before each turn, heard the first time.
    pub(super) fn is_task(&self, task: &Waker) {
        if self.task.get().is_none() && self.task.set(task.clone()).is_ok() {
            // Who signalled before found no task to wake, and the flag may not have been seen here yet.
            let state = self.state.lock();
            if state.rare().is_some_and(|rare| !rare.signals.is_empty()) {
                self.signalled.store(true, Ordering::Release);
            }
        }
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// Stops it from opening its mail, or lets it go on.
    pub(super) fn suspend(&self, suspended: bool) {
        {
            // Under the lock that a process takes when it has become a task: one of the two sees the other.
            let _state = self.state.lock();
            self.suspended.store(suspended, Ordering::Release);
        }
        if !suspended {
            self.wake();
        }
    }

    /// Messages waiting.
    pub(crate) fn mailbox_len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed) as usize
    }

    pub(super) fn count_waiting(&self, messages: usize) {
        #[allow(clippy::cast_possible_truncation, reason = "no memory holds as many as cannot be counted")]
        self.waiting.store(messages as u32, Ordering::Relaxed);
    }

    /// Its turn, as its thread's beat has it.
    pub(super) fn turn(&self) -> Turn {
        Turn::of(self.node.watch().number(), self.pid)
    }

    pub(crate) fn set_when_stuck(&self, response: Option<WhenStuck>) {
        // Before its first turn: nobody else changes it.
        let overflow = self.responses.load(Ordering::Relaxed) & 0xF0;
        self.responses.store(overflow | WhenStuck::encode(response), Ordering::Relaxed);
    }

    /// What is done if its turn does not end, if that was said of it in particular.
    pub(crate) fn when_stuck(&self) -> Option<WhenStuck> {
        WhenStuck::decode(self.responses.load(Ordering::Relaxed) & 0x0F)
    }

    /// What its mailbox does when it is full.
    pub(crate) fn overflow(&self) -> Policy {
        Policy::of(self.responses.load(Ordering::Relaxed) >> 4)
    }

    /// Where in the tree it is, if it is a child that lives.
    pub(crate) fn path(&self) -> Option<Path> {
        let listener = self.state.lock().listener.clone();
        listener?.path_of(self.pid)
    }

    pub(super) fn count(&self, messages: u64) {
        // Only the process itself writes it, so a plain load and store do.
        self.handled.store(self.handled.load(Ordering::Relaxed) + messages, Ordering::Relaxed);
    }

    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    pub(super) fn mark_started(&self) {
        // Said in each turn; written once.
        if self.marks.load(Ordering::Relaxed) & STARTED == 0 {
            self.marks.fetch_or(STARTED, Ordering::Release);
        }
    }

    /// Whether `started()` has returned.
    pub(crate) fn is_started(&self) -> bool {
        self.marks.load(Ordering::Acquire) & STARTED != 0
    }

    pub(crate) fn exit_as(&self) -> Option<ExitReason> {
        self.state.lock().rare()?.exit_as.clone()
    }

    pub(crate) fn set_exit_as(&self, reason: ExitReason) {
        self.state.lock().make_rare().exit_as = Some(reason);
    }

    /// Why it ended, if it has.
    pub(crate) fn reason(&self) -> Option<ExitReason> {
        self.state.lock().reason.clone()
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.state.lock().reason.is_none()
    }

    /// Whether a signal that ends it for certain waits: it runs no more code of its own (OTP-157), though its actor is
    /// not dropped yet.
    pub(crate) fn is_doomed(&self) -> bool {
        let state = self.state.lock();
        state.reason.is_none() && (state.orphaned || state.is_ending())
    }

    /// Who is told first of the death: the supervisor. Set before the first poll.
    pub(crate) fn set_listener(&self, listener: Arc<dyn ExitListener>) {
        self.state.lock().listener = Some(listener);
    }

    /// Adds a name to be freed at death; `false` if it is dead already.
    pub(crate) fn hold(&self, name: Arc<dyn Name>) -> bool {
        let mut state = self.state.lock();
        if state.reason.is_some() {
            return false;
        }
        state.names.add(name);
        true
    }

    /// Forgets a name that was taken from it.
    pub(crate) fn let_go(&self, name: &Arc<dyn Name>) {
        self.state.lock().names.remove(name);
    }

    /// Something the process shows to whoever holds it (a supervisor: its table of children).
    pub(crate) fn set_annex(&self, annex: Arc<dyn Any + Send + Sync>) {
        self.state.lock().make_rare().annex = Some(annex);
    }

    pub(crate) fn annex(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.state.lock().rare()?.annex.clone()
    }

    /// Works on what it has of a gen_server's manners.
    pub(super) fn with_manners<R>(&self, work: impl FnOnce(&mut Manners) -> R) -> R {
        work(self.state.lock().make_rare().manners.get_or_insert_default())
    }
}
