//! What both kinds of dynamic supervisor do: any number of children that know nothing of each other, told apart
//! by pid, restarted one for one, stopped all at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::action::{Action, Answer};
use super::backoffs::{Backoffs, Pause};
use super::intensity::Window;
use super::slab::{Key, Slab};
use super::stop_rule;
use crate::exit::ExitReason;
use crate::pid::Pid;
use crate::supervisor::child_info::{ChildCounts, ChildInfo, ChildRef};
use crate::supervisor::error::ChildError;
use crate::supervisor::report::{Attempt, ChildPid, Offender, Report, Who};
use crate::supervisor::spec::{ChildPolicy, Restart};

/// The children of a dynamic supervisor and what becomes of them. As a [`Plan`](super::Plan) it is busy while a
/// child starts or stops, and while all stop.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    manner: Manner,
    window: Window,
    backoffs: Backoffs,
    children: Slab<Child>,
    /// By running pid, or, while a child is restarting, by the pid it had (OTP-113, OTP-196).
    by_pid: BTreeMap<Pid, Key>,
    phase: Phase,
}

/// Whose habits are followed where the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// OTP's `simple_one_for_one`.
    Otp,
    /// Elixir's `DynamicSupervisor`.
    Elixir,
}

#[derive(Clone, Debug)]
struct Child {
    policy: ChildPolicy,
    pid: ChildPid,
}

#[derive(Clone, Debug, PartialEq)]
enum Phase {
    Fresh,
    Idle,
    /// A child that a caller asked for is being started.
    StartChild(Key),
    /// A child that had this pid is being restarted.
    Restart(Key, Pid),
    /// A child that had this pid is being stopped for a caller.
    TerminateChild(Key, Pid),
    /// So many children are still being stopped; then the supervisor ends.
    StopAll {
        left: usize,
        reason: ExitReason,
        errors: StopErrors,
    },
    Ended,
}

/// Deaths worth a report, kept until all children are dead, in an order that does not depend on who died first.
#[derive(Clone, Debug, Default, PartialEq)]
struct StopErrors {
    /// Elixir: each by itself.
    each: BTreeMap<Pid, (Offender, ExitReason)>,
    /// OTP: how many for each reason, by the reason's text (OTP-117).
    grouped: BTreeMap<String, (Offender, ExitReason, usize)>,
}

const IN_POOL: &str = "a key is forgotten only when its child leaves the pool";

impl Pool {
    pub(super) fn new(manner: Manner, intensity: u32, period: Duration) -> Self {
        Self {
            manner,
            window: Window::new(intensity, period),
            backoffs: Backoffs::new(),
            children: Slab::new(),
            by_pid: BTreeMap::new(),
            phase: Phase::Fresh,
        }
    }

    /// Sets the seed of the chance in pauses before restarts.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.backoffs.seed(seed);
    }

    /// Children present, restarting ones included.
    pub(crate) fn len(&self) -> usize {
        self.children.len()
    }

    /// The policy of a child.
    pub(crate) fn policy(&self, key: Key) -> &ChildPolicy {
        &self.child(key).policy
    }

    /// The child whose process this is.
    pub(crate) fn running_as(&self, pid: Pid) -> Option<Key> {
        self.find(pid).filter(|&key| self.child(key).pid == ChildPid::Running(pid))
    }

    /// Whether the plan waits for starts or stops, so that no message may be taken from the mailbox.
    pub(crate) const fn is_busy(&self) -> bool {
        !matches!(self.phase, Phase::Fresh | Phase::Idle | Phase::Ended)
    }

    /// A dynamic supervisor starts without children (OTP-107).
    pub(crate) fn begin(&mut self, actions: &mut Vec<Action>) {
        assert_eq!(self.phase, Phase::Fresh, "a supervisor begins once");
        self.phase = Phase::Idle;
        actions.push(Action::Ready);
    }

    /// A linked process ended. One that is no child's current process is none of the supervisor's business.
    pub(crate) fn exited(&mut self, pid: Pid, reason: ExitReason, now: Duration, actions: &mut Vec<Action>) {
        if !self.take_message() {
            return;
        }
        let Some(key) = self.running_as(pid) else {
            return;
        };
        let restart = self.policy(key).restart;
        let clean = reason.is_clean();
        let restarts = restart == Restart::Permanent || (restart == Restart::Transient && !clean);
        let attempt = restarts.then(|| self.window.answer(&reason, now));
        let pause = match (&attempt, &reason) {
            // It has done nothing that a pause could mend.
            (_, ExitReason::Abandoned { .. }) | (None | Some(None), _) => None,
            (Some(Some(_)), _) => self.pause(key, true, now),
        };
        if restart == Restart::Permanent || !clean {
            let child = self.offender(key);
            actions.push(Action::Report(Report::ChildTerminated { child, reason }));
        }
        match attempt {
            Some(attempt) => self.restart(key, pid, attempt, pause, actions),
            None => self.forget(key, pid, actions),
        }
    }

    /// A retry queued by [`Action::QueueRetry`] has its turn; it names the child by the pid it had. It is dropped
    /// if the child was terminated meanwhile.
    pub(crate) fn retry(&mut self, child: &ChildRef, now: Duration, actions: &mut Vec<Action>) {
        if self.take_message()
            && let ChildRef::Pid(pid) = *child
            && let Some(key) = self.find(pid)
            && self.child(key).pid == ChildPid::Restarting(Some(pid))
            && self.backoffs.due(key).is_none()
        {
            let attempt = self.window.add(now);
            let pause = attempt.and_then(|_| self.pause(key, false, now));
            self.restart(key, pid, attempt, pause, actions);
        }
    }

    /// A pause asked for by [`Action::QueueRetryAfter`] is over: the restart that was decided before it begins, unless
    /// the child was terminated meanwhile.
    pub(crate) fn retry_after_pause(
        &mut self,
        child: &ChildRef,
        number: u64,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        if self.take_message()
            && let ChildRef::Pid(pid) = *child
            && let Some(key) = self.find(pid)
            && self.backoffs.is_over(key, number, now)
        {
            actions.push(Action::Start { key, last: false });
            self.phase = Phase::Restart(key, pid);
        }
    }

    fn pause(&mut self, key: Key, ended: bool, now: Duration) -> Option<Pause> {
        let policy = &self.children.get(key).expect(IN_POOL).policy;
        self.backoffs.pause(key, policy, ended, now)
    }

    /// The supervisor's parent ended, or told it to end: all children are stopped at once, each with its own
    /// shutdown value (OTP-115, OTP-197), and the supervisor ends with that reason.
    pub(crate) fn parent_exited(&mut self, reason: ExitReason, actions: &mut Vec<Action>) {
        if self.take_message() {
            self.stop_all(reason, actions);
        }
    }

    /// The child that was to be started runs. There is no progress report (OTP-118).
    pub(crate) fn started(&mut self, key: Key, pid: Pid, actions: &mut Vec<Action>) {
        match self.take_start(key) {
            Some(before) => _ = self.by_pid.remove(&before),
            None => actions.push(Action::Reply(Ok(Answer::Started(pid)))),
        }
        self.child_mut(key).pid = ChildPid::Running(pid);
        self.by_pid.insert(pid, key);
    }

    /// The child that was to be started chose to ignore: nothing is kept, nor is a child whose restart is ignored
    /// (OTP-109, OTP-111, OTP-194, OTP-197).
    pub(crate) fn ignored(&mut self, key: Key, actions: &mut Vec<Action>) {
        if let Some(before) = self.take_start(key) {
            self.forget(key, before, actions);
        } else {
            self.drop_new(key, actions);
            actions.push(Action::Reply(Ok(Answer::Ignored)));
        }
    }

    /// The child that was to be started did not start. A caller is told (OTP-108); a restart is tried again
    /// through the mailbox.
    pub(crate) fn start_failed(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        let Some(before) = self.take_start(key) else {
            self.drop_new(key, actions);
            return actions.push(Action::Reply(Err(ChildError::start(reason))));
        };
        let restarting = ChildPid::Restarting(Some(before));
        let mut child = self.offender(key);
        if self.manner == Manner::Elixir {
            child.who = Who::Child(restarting);
        }
        actions.push(Action::Report(Report::StartError { child, reason }));
        self.child_mut(key).pid = restarting;
        actions.push(Action::QueueRetry(ChildRef::Pid(before)));
    }

    /// A child that was to be stopped is dead, for this reason.
    pub(crate) fn stopped(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        let child = self.reported(key, &reason);
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::TerminateChild(asked, pid) if asked == key => {
                actions.extend(child.map(|child| Action::Report(Report::ShutdownError { child, reason })));
                self.forget(key, pid, actions);
                actions.push(Action::Reply(Ok(Answer::Done)));
            }
            Phase::StopAll { left, reason: last, mut errors } => {
                if let Some(child) = child {
                    self.keep_error(&mut errors, child, reason);
                }
                self.children.remove(key).expect(IN_POOL);
                self.stopping(left - 1, last, errors, actions);
            }
            phase => panic!("a stop of {key:?} came to its end in {phase:?}"),
        }
    }

    /// The children in the order of their pids; an id means nothing here (OTP-107).
    pub(crate) fn which_children(&self) -> impl Iterator<Item = ChildInfo> + '_ {
        self.by_pid.values().map(|&key| self.info(key))
    }

    /// The child that runs as `pid`, or did before the restart it waits for.
    pub(crate) fn which_child(&self, pid: Pid) -> Option<ChildInfo> {
        self.find(pid).map(|key| self.info(key))
    }

    fn info(&self, key: Key) -> ChildInfo {
        let child = self.child(key);
        ChildInfo { id: None, pid: child.pid, kind: child.policy.kind, due: self.backoffs.due(key) }
    }

    /// Counts the children, as many specs as children; those that are restarting are not active (OTP-059,
    /// OTP-196).
    pub(crate) fn count_children(&self) -> ChildCounts {
        let mut counts = ChildCounts { specs: self.len(), ..ChildCounts::default() };
        for &key in self.by_pid.values() {
            let child = self.child(key);
            counts.add(child.policy.kind, child.pid.running().is_some());
        }
        counts
    }

    /// Starts a child that a caller asked for.
    pub(super) fn start_child(&mut self, policy: ChildPolicy, actions: &mut Vec<Action>) {
        let last = policy.is_temporary();
        let key = self.children.insert(Child { policy, pid: ChildPid::Undefined });
        actions.push(Action::Start { key, last });
        self.phase = Phase::StartChild(key);
    }

    /// Stops a child for a caller; one that is restarting is only forgotten, and its retry with it.
    pub(super) fn terminate(&mut self, key: Key, pid: Pid, actions: &mut Vec<Action>) {
        let child = self.child(key);
        if child.pid == ChildPid::Running(pid) {
            actions.push(Action::Stop { key, pid, shutdown: child.policy.shutdown });
            self.phase = Phase::TerminateChild(key, pid);
        } else {
            self.forget(key, pid, actions);
            actions.push(Action::Reply(Ok(Answer::Done)));
        }
    }

    /// The child that runs as `pid`, or did before the restart it waits for.
    pub(super) fn find(&self, pid: Pid) -> Option<Key> {
        self.by_pid.get(&pid).copied()
    }

    /// Whether a message may be handled now; see [`Plan`](super::Plan).
    pub(super) fn take_message(&self) -> bool {
        assert!(!self.is_busy(), "a message was taken from the mailbox while a child starts or stops");
        assert_ne!(self.phase, Phase::Fresh, "a message was taken from the mailbox before the start");
        self.phase == Phase::Idle
    }

    /// Ends the wait for a start; the pid the child had, if it is a restart.
    fn take_start(&mut self, done: Key) -> Option<Pid> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::StartChild(key) if key == done => None,
            Phase::Restart(key, before) if key == done => Some(before),
            phase => panic!("a start of {done:?} came to its end in {phase:?}"),
        }
    }

    fn restart(
        &mut self,
        key: Key,
        pid: Pid,
        attempt: Option<Attempt>,
        pause: Option<Pause>,
        actions: &mut Vec<Action>,
    ) {
        let child = self.offender(key);
        let Some(attempt) = attempt else {
            actions.push(Action::Report(Report::ReachedMaxIntensity { child }));
            self.forget(key, pid, actions);
            return self.stop_all(ExitReason::Shutdown, actions);
        };
        let after = pause.map_or(Duration::ZERO, |pause| pause.delay);
        actions.push(Action::Report(Report::Restarting { child, attempt, after }));
        if let Some(pause) = pause {
            let number = self.backoffs.wait(key, pause);
            self.child_mut(key).pid = ChildPid::Restarting(Some(pid));
            let child = ChildRef::Pid(pid);
            return actions.push(Action::QueueRetryAfter { key, child, delay: pause.delay, number });
        }
        actions.push(Action::Start { key, last: false });
        self.phase = Phase::Restart(key, pid);
    }

    fn stop_all(&mut self, reason: ExitReason, actions: &mut Vec<Action>) {
        let mut left = 0;
        for (pid, key) in std::mem::take(&mut self.by_pid) {
            let child = self.child(key);
            if child.pid == ChildPid::Running(pid) {
                actions.push(Action::Stop { key, pid, shutdown: child.policy.shutdown });
                left += 1;
            } else {
                self.children.remove(key).expect(IN_POOL);
            }
        }
        self.stopping(left, reason, StopErrors::default(), actions);
    }

    /// Waits for the children that are still being stopped, or ends.
    fn stopping(&mut self, left: usize, reason: ExitReason, errors: StopErrors, actions: &mut Vec<Action>) {
        if left > 0 {
            self.phase = Phase::StopAll { left, reason, errors };
            return;
        }
        for (child, reason) in errors.each.into_values() {
            actions.push(Action::Report(Report::ShutdownError { child, reason }));
        }
        for (mut child, reason, count) in errors.grouped.into_values() {
            child.who = Who::Count(count);
            actions.push(Action::Report(Report::ShutdownError { child, reason }));
        }
        self.phase = Phase::Ended;
        actions.push(Action::Exit(reason));
    }

    /// The child, if its death while being stopped is worth a report.
    fn reported(&self, key: Key, reason: &ExitReason) -> Option<Offender> {
        let reports = match self.manner {
            Manner::Otp => stop_rule::otp_reports,
            Manner::Elixir => stop_rule::elixir_reports,
        };
        reports(self.policy(key), reason).then(|| self.offender(key))
    }

    fn keep_error(&self, errors: &mut StopErrors, child: Offender, reason: ExitReason) {
        match (self.manner, child.who) {
            (Manner::Elixir, Who::Child(ChildPid::Running(pid))) => {
                errors.each.insert(pid, (child, reason));
            }
            _ => errors.grouped.entry(format!("{reason:?}")).or_insert((child, reason, 0)).2 += 1,
        }
    }

    fn forget(&mut self, key: Key, pid: Pid, actions: &mut Vec<Action>) {
        self.by_pid.remove(&pid);
        self.drop_new(key, actions);
    }

    /// Forgets a child that never had a process.
    fn drop_new(&mut self, key: Key, actions: &mut Vec<Action>) {
        self.children.remove(key).expect(IN_POOL);
        self.backoffs.forget(key);
        actions.push(Action::Forget { key });
    }

    fn offender(&self, key: Key) -> Offender {
        let child = self.child(key);
        Offender::new(&child.policy, Who::Child(child.pid))
    }

    fn child(&self, key: Key) -> &Child {
        self.children.get(key).expect(IN_POOL)
    }

    fn child_mut(&mut self, key: Key) -> &mut Child {
        self.children.get_mut(key).expect(IN_POOL)
    }
}
