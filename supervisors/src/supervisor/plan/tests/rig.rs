//! A supervisor's surroundings without processes: a mailbox, children that live until they are told otherwise,
//! start functions that follow a script, and a trace of what was done.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::exit::ExitReason;
use crate::pid::Pid;
use crate::supervisor::error::ChildError;
use crate::supervisor::plan::{Action, Answer, Key, Plan};
use crate::supervisor::{ChildId, ChildPid, ChildPolicy, ChildRef, Flags, Report, Shutdown, Who};

/// What a start function does when it does not simply start a process.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    Succeed,
    Fail(ExitReason),
    Ignore,
}

#[derive(Clone, Debug)]
pub(crate) enum Mail {
    Exit(Pid, ExitReason),
    Retry(ChildRef),
    /// A pause before a restart is over.
    PauseOver(ChildRef, u64),
    Parent(ExitReason),
    StartChild(ChildPolicy),
    Terminate(ChildRef),
    Restart(ChildRef),
    Delete(ChildRef),
}

/// What a rig can drive; the plans' own methods have the same names.
pub(crate) trait Subject {
    fn name(&self, key: Key) -> ChildId;
    fn is_busy(&self) -> bool;
    fn receive(&mut self, mail: Mail, now: Duration, alive: &dyn Fn(Pid) -> bool, actions: &mut Vec<Action>);
    fn started(&mut self, key: Key, pid: Pid, actions: &mut Vec<Action>);
    fn ignored(&mut self, key: Key, actions: &mut Vec<Action>);
    fn start_failed(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>);
    fn stopped(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>);
}

impl Subject for Plan {
    fn name(&self, key: Key) -> ChildId {
        self.policy(key).id.clone()
    }

    fn is_busy(&self) -> bool {
        Self::is_busy(self)
    }

    fn receive(&mut self, mail: Mail, now: Duration, _: &dyn Fn(Pid) -> bool, actions: &mut Vec<Action>) {
        match mail {
            Mail::Exit(pid, reason) => self.exited(pid, reason, now, actions),
            Mail::Retry(child) => self.retry(&child, now, actions),
            Mail::PauseOver(child, number) => self.retry_after_pause(&child, number, now, actions),
            Mail::Parent(reason) => self.parent_exited(reason, actions),
            Mail::StartChild(policy) => self.start_child(policy, actions),
            Mail::Terminate(child) => self.terminate_child(&child, actions),
            Mail::Restart(child) => self.restart_child(&child, actions),
            Mail::Delete(child) => self.delete_child(&child, actions),
        }
    }

    fn started(&mut self, key: Key, pid: Pid, actions: &mut Vec<Action>) {
        Self::started(self, key, pid, actions);
    }

    fn ignored(&mut self, key: Key, actions: &mut Vec<Action>) {
        Self::ignored(self, key, actions);
    }

    fn start_failed(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        Self::start_failed(self, key, reason, actions);
    }

    fn stopped(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        Self::stopped(self, key, reason, actions);
    }
}

/// The surroundings of one plan.
#[derive(Clone, Debug)]
pub(crate) struct Rig<P = Plan> {
    pub(crate) plan: P,
    pub(crate) now: Duration,
    pub(crate) mailbox: VecDeque<Mail>,
    pub(crate) alive: BTreeMap<Pid, ChildId>,
    /// What the next starts of a child do; beyond the script they succeed.
    pub(crate) starts: BTreeMap<ChildId, VecDeque<Script>>,
    /// The reason a child ends with when it is stopped, if not the one asked for.
    pub(crate) stubborn: BTreeMap<ChildId, ExitReason>,
    /// Deeds and reports in order; see `tell`.
    pub(crate) trace: Vec<String>,
    pub(crate) reports: Vec<Report>,
    pub(crate) replies: Vec<Result<Answer, ChildError>>,
    pub(crate) exit: Option<ExitReason>,
    pub(crate) ready: bool,
    pub(crate) pids: u64,
    /// Pauses before restarts: for whom, until when, and what comes then.
    pub(crate) pauses: BTreeMap<Key, (Duration, ChildRef, u64)>,
}

impl Rig<Plan> {
    /// A static supervisor with these children, begun and at rest.
    pub(crate) fn start(flags: Flags, children: impl IntoIterator<Item = ChildPolicy>) -> Self {
        let mut rig = Self::prepare(flags, children);
        rig.begin();
        rig
    }

    /// The same, not begun.
    pub(crate) fn prepare(flags: Flags, children: impl IntoIterator<Item = ChildPolicy>) -> Self {
        Self::around(Plan::new(&flags, children).unwrap())
    }

    pub(crate) fn begin(&mut self) {
        let mut actions = Vec::new();
        self.plan.begin(&mut actions);
        self.carry_out(actions);
    }

    /// `id=1 id=restarting id=undefined`, youngest first, with pids as their numbers.
    pub(crate) fn children(&self) -> String {
        let children = self.plan.which_children().map(|child| {
            let id = child.id.unwrap();
            match child.pid {
                ChildPid::Undefined => format!("{id}=undefined"),
                ChildPid::Restarting(_) => format!("{id}=restarting"),
                ChildPid::Running(pid) => format!("{id}={}", pid.serial()),
            }
        });
        children.collect::<Vec<_>>().join(" ")
    }

    /// specs, active, supervisors, workers
    pub(crate) fn counts(&self) -> [usize; 4] {
        let counts = self.plan.count_children(|pid| self.alive.contains_key(&pid));
        [counts.specs, counts.active, counts.supervisors, counts.workers]
    }
}

impl<P: Subject> Rig<P> {
    pub(crate) fn around(plan: P) -> Self {
        Self {
            plan,
            now: Duration::from_secs(1000),
            mailbox: VecDeque::new(),
            alive: BTreeMap::new(),
            starts: BTreeMap::new(),
            stubborn: BTreeMap::new(),
            trace: Vec::new(),
            reports: Vec::new(),
            replies: Vec::new(),
            exit: None,
            ready: false,
            pids: 0,
            pauses: BTreeMap::new(),
        }
    }

    /// Lets the next starts of `id` follow this script.
    pub(crate) fn script(&mut self, id: &str, script: impl IntoIterator<Item = Script>) {
        self.starts.entry(id.into()).or_default().extend(script);
    }

    /// Lets the next `times` starts of `id` fail.
    pub(crate) fn fail(&mut self, id: &str, times: usize) {
        self.script(id, std::iter::repeat_n(Script::Fail(boom()), times));
    }

    /// The process of the youngest child of this name that lives.
    pub(crate) fn pid(&self, id: &str) -> Option<Pid> {
        self.alive.iter().rev().find(|(_, name)| name.as_str() == id).map(|(&pid, _)| pid)
    }

    /// Ends the process of `id`; its exit message goes into the mailbox.
    pub(crate) fn dies(&mut self, id: &str, reason: ExitReason) {
        let pid = self.pid(id).unwrap_or_else(|| panic!("{id} runs"));
        self.ends(pid, reason);
    }

    pub(crate) fn ends(&mut self, pid: Pid, reason: ExitReason) {
        self.alive.remove(&pid).unwrap();
        self.mailbox.push_back(Mail::Exit(pid, reason));
    }

    /// Ends the process of `id` and lets the supervisor come to rest.
    pub(crate) fn crash(&mut self, id: &str, reason: ExitReason) {
        self.dies(id, reason);
        self.run();
    }

    /// Sends a request, lets the supervisor come to rest, and returns the reply.
    pub(crate) fn ask(&mut self, request: Mail) -> Result<Answer, ChildError> {
        let before = self.replies.len();
        self.mailbox.push_back(request);
        self.run();
        assert_eq!(self.replies.len(), before + 1, "a request has one reply");
        self.replies[before].clone()
    }

    /// Lets the supervisor take mail until there is none.
    pub(crate) fn run(&mut self) {
        while self.step() {}
    }

    /// Lets the supervisor take one message and carry out what follows. Whether there was one.
    pub(crate) fn step(&mut self) -> bool {
        let Some(mail) = self.mailbox.pop_front() else { return false };
        assert!(!self.plan.is_busy(), "the plan is not stuck busy");
        let mut actions = Vec::new();
        let alive = &self.alive;
        self.plan.receive(mail, self.now, &|pid| alive.contains_key(&pid), &mut actions);
        self.carry_out(actions);
        true
    }

    /// Lets time pass until the next pause before a restart is over. Whether there was one.
    pub(crate) fn pause_ends(&mut self) -> bool {
        let Some((&key, _)) = self.pauses.iter().min_by_key(|(_, (due, ..))| *due) else { return false };
        if let Some((due, child, number)) = self.pauses.remove(&key) {
            self.now = self.now.max(due);
            self.mailbox.push_back(Mail::PauseOver(child, number));
        }
        true
    }

    /// Everything done and reported since the last call, apart from progress and restart announcements.
    pub(crate) fn take(&mut self) -> Vec<String> {
        let mut trace = std::mem::take(&mut self.trace);
        trace.retain(|line| !line.starts_with("progress") && !line.starts_with("restarting"));
        trace
    }

    /// Everything done since the last call.
    pub(crate) fn deeds(&mut self) -> Vec<String> {
        let mut trace = std::mem::take(&mut self.trace);
        trace.retain(|line| ["start ", "stop ", "exit:"].iter().any(|deed| line.starts_with(deed)));
        trace
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        let mut queue = VecDeque::from(actions);
        let mut more = Vec::new();
        while let Some(action) = queue.pop_front() {
            self.carry_out_one(action, &mut more);
            queue.extend(more.drain(..));
        }
    }

    fn carry_out_one(&mut self, action: Action, more: &mut Vec<Action>) {
        assert_eq!(self.exit, None, "nothing follows the exit: {action:?}");
        match action {
            Action::Start { key, .. } => self.start_one(key, more),
            Action::Stop { key, pid, shutdown } => {
                let name = self.plan.name(key);
                self.trace.push(format!("stop {name}"));
                let reason = self.stop_one(&name, pid, shutdown);
                self.plan.stopped(key, reason, more);
            }
            Action::Forget { key } | Action::DropRetry { key } => _ = self.pauses.remove(&key),
            Action::QueueRetryAfter { key, child, delay, number } => {
                self.pauses.insert(key, (self.now + delay, child, number));
            }
            Action::QueueRetry(child) => self.mailbox.push_back(Mail::Retry(child)),
            Action::Reply(reply) => self.replies.push(reply),
            Action::Report(report) => {
                self.trace.push(tell(&report));
                self.reports.push(report);
            }
            Action::Ready => self.ready = true,
            Action::Exit(reason) => {
                assert!(self.alive.is_empty(), "no child outlives its supervisor: {:?}", self.alive);
                self.trace.push(format!("exit: {reason}"));
                self.exit = Some(reason);
            }
        }
    }

    fn start_one(&mut self, key: Key, more: &mut Vec<Action>) {
        let name = self.plan.name(key);
        self.trace.push(format!("start {name}"));
        match self.starts.get_mut(&name).and_then(VecDeque::pop_front).unwrap_or(Script::Succeed) {
            Script::Succeed => {
                self.pids += 1;
                let pid = Pid::new(0, 0, self.pids);
                self.alive.insert(pid, name);
                self.plan.started(key, pid, more);
            }
            Script::Ignore => self.plan.ignored(key, more),
            Script::Fail(reason) => self.plan.start_failed(key, reason, more),
        }
    }

    /// The death of one that is being stopped, as the actor sees it: the true reason of one dead already is in
    /// its exit message, which is taken out of the mailbox.
    fn stop_one(&mut self, name: &ChildId, pid: Pid, shutdown: Shutdown) -> ExitReason {
        if self.alive.remove(&pid).is_some() {
            let asked = if shutdown == Shutdown::Brutal { ExitReason::Killed } else { ExitReason::Shutdown };
            return self.stubborn.get(name).cloned().unwrap_or(asked);
        }
        let exit = self.mailbox.iter().position(|mail| matches!(mail, Mail::Exit(dead, _) if *dead == pid));
        match exit.and_then(|place| self.mailbox.remove(place)) {
            Some(Mail::Exit(_, reason)) => reason,
            _ => ExitReason::NoProc,
        }
    }
}

/// A report in a line: `terminated a: boom`, `start_error a: boom`, `shutdown_error a: killed`, `gives up: a`.
fn tell(report: &Report) -> String {
    match report {
        Report::Progress { child, .. } => format!("progress {}", child.id),
        Report::ChildTerminated { child, reason } => format!("terminated {}: {reason}", child.id),
        Report::StartError { child, reason } => format!("start_error {}: {reason}", child.id),
        Report::ShutdownError { child, reason } => match child.who {
            Who::Count(count) => format!("shutdown_error {count} children: {reason}"),
            Who::Child(_) => format!("shutdown_error {}: {reason}", child.id),
        },
        Report::ReachedMaxIntensity { child } => format!("gives up: {}", child.id),
        Report::Restarting { child, attempt, after } if after.is_zero() => {
            format!("restarting {}: {attempt}", child.id)
        }
        Report::Restarting { child, attempt, after } => {
            format!("restarting {} after {after:?}: {attempt}", child.id)
        }
    }
}

pub(crate) fn boom() -> ExitReason {
    ExitReason::failed("boom")
}

pub(crate) fn workers(ids: &str) -> Vec<ChildPolicy> {
    ids.split(' ').map(ChildPolicy::worker).collect()
}

/// These flags with so many restarts allowed in an hour.
pub(crate) fn patient(flags: Flags, intensity: u32) -> Flags {
    flags.intensity(intensity, Duration::from_secs(3600))
}
