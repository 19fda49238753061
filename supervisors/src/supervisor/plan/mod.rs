//! The decisions of a supervisor, without its processes: (state, event, now) -> actions.
//!
//! [`Plan`] decides for a static supervisor, [`DynamicPlan`] and [`TemplatePlan`] for dynamic ones. None of them
//! knows actors, tasks, clocks or start functions. The actor that owns a plan takes one message from its mailbox,
//! calls the method named after it with a buffer of its own, and carries out the actions it finds there. A plan
//! that asked for a start or a stop is *busy*: the actor takes no further message until it has told the plan how
//! that went, as an OTP supervisor does nothing else while it starts or stops a child (OTP-023, OTP-043). What
//! happens meanwhile waits in the mailbox, and may be stale when its turn comes (OTP-075, OTP-106).
//!
//! Who reports: the plan, always; the actor adds the supervisor's name and writes it down.

mod action;
mod backoffs;
mod calls;
mod dynamic;
mod intensity;
#[cfg(not(feature = "planted"))]
mod planted;
#[cfg(feature = "planted")]
pub mod planted;
mod pool;
mod restart;
mod slab;
mod stop_rule;
mod table;
mod template;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use action::{Action, Answer};
pub(crate) use dynamic::DynamicPlan;
pub(crate) use slab::Key;
pub(crate) use template::TemplatePlan;

use self::backoffs::Backoffs;
use self::intensity::Window;
use self::planted::Fault;
use self::restart::Group;
use self::table::Table;
use super::child_info::{ChildCounts, ChildInfo, ChildRef};
use super::error::SpecError;
use super::flags::{AutoShutdown, Flags, Strategy};
use super::report::{ChildPid, Report};
use super::spec::{ChildPolicy, check_child_specs};
use crate::exit::{ExitReason, ShutdownCause};
use crate::pid::Pid;

/// The plan of a static supervisor: OTP's `one_for_one`, `one_for_all` and `rest_for_one`.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    strategy: Strategy,
    auto_shutdown: AutoShutdown,
    window: Window,
    backoffs: Backoffs,
    table: Table,
    phase: Phase,
}

/// Where a supervisor is in its life.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// Its specs are checked, no child was started.
    Fresh,
    /// It waits for a message.
    Idle,
    /// It waits for the start or stop of one child, as part of some work.
    Busy { key: Key, work: Work },
    /// It has ended, or is about to.
    Ended,
}

/// What a start or stop that is waited for is part of.
#[derive(Clone, Debug, PartialEq)]
enum Work {
    /// Starts, one after the other.
    Init,
    /// A start, to replace the only child that is restarted.
    RestartOne,
    /// Stops, from the youngest of those to be restarted together.
    StopGroup(Group),
    /// Starts, from the oldest of those to be restarted together.
    StartGroup(Group),
    /// A start asked for by a caller, of a child that is new to the table.
    StartChild,
    /// A start asked for by a caller, of a child that was in the table.
    RestartChild,
    /// A stop asked for by a caller.
    TerminateChild,
    /// Stops, from the youngest of all; the supervisor then ends with this reason.
    StopAll(ExitReason),
}

impl Plan {
    /// A planted bug: see [`Window`].
    #[cfg(feature = "lab")]
    pub(crate) const fn count_twice(&mut self) {
        self.window.count_twice();
    }

    /// A plan for these children, in start order. All specs are checked before any child is started (OTP-012):
    /// flags first, then children in order (OTP-005).
    pub(crate) fn new(
        flags: &Flags,
        children: impl IntoIterator<Item = ChildPolicy>,
    ) -> Result<Self, SpecError> {
        flags.check()?;
        let children: Vec<_> = children.into_iter().collect();
        check_child_specs(&children, Some(flags.auto_shutdown))?;
        let mut table = Table::new();
        for policy in children {
            table.push(policy);
        }
        Ok(Self {
            strategy: flags.strategy,
            auto_shutdown: flags.auto_shutdown,
            window: Window::new(flags.intensity, flags.period),
            backoffs: Backoffs::new(),
            table,
            phase: Phase::Fresh,
        })
    }

    /// Sets the seed of the chance in pauses before restarts.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.backoffs.seed(seed);
    }

    /// The children's keys in start order; of a fresh plan those of the list it was made from, in its order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        std::iter::successors(self.table.oldest(), |&key| self.table.younger(key))
    }

    /// The policy of a child.
    pub(crate) fn policy(&self, key: Key) -> &ChildPolicy {
        self.table.policy(key)
    }

    /// The child whose process this is.
    pub(crate) fn running_as(&self, pid: Pid) -> Option<Key> {
        self.table.find_running(pid)
    }

    /// Whether the plan waits for a start or a stop, so that no message may be taken from the mailbox.
    pub(crate) const fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Busy { .. })
    }

    /// Starts the init children one after the other (OTP-022).
    pub(crate) fn begin(&mut self, actions: &mut Vec<Action>) {
        assert_eq!(self.phase, Phase::Fresh, "a supervisor begins once");
        self.start_init(self.table.oldest(), actions);
    }

    /// A linked process ended. One that is no child, or is no longer the child's process, is none of the
    /// supervisor's business (OTP-034, OTP-075, OTP-106, OTP-132).
    pub(crate) fn exited(&mut self, pid: Pid, reason: ExitReason, now: Duration, actions: &mut Vec<Action>) {
        if self.take_message()
            && let Some(key) = self.table.find_running(pid)
        {
            self.child_ended(key, reason, now, actions);
        }
    }

    /// A retry queued by [`Action::QueueRetry`] has its turn. It is dropped unless the child still waits for one
    /// (OTP-049).
    pub(crate) fn retry(&mut self, child: &ChildRef, now: Duration, actions: &mut Vec<Action>) {
        if self.take_message()
            && let Some(key) = self.find(child)
            && (matches!(self.table.pid(key), ChildPid::Restarting(_))
                || self.table.pid(key) == ChildPid::Undefined && planted::is(Fault::RetriesTheStopped))
            && self.backoffs.due(key).is_none()
        {
            let attempt = self.window.add(now);
            let pause = attempt.and_then(|_| self.backoffs.pause(key, self.table.policy(key), false, now));
            self.restart(key, attempt, pause, actions);
        }
    }

    /// A pause asked for by [`Action::QueueRetryAfter`] is over: the restart that was decided before it begins. Nothing
    /// happens if the child was terminated, or taken along in the restart of another, meanwhile.
    pub(crate) fn retry_after_pause(
        &mut self,
        child: &ChildRef,
        number: u64,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        if self.take_message()
            && let Some(key) = self.find(child)
            && self.backoffs.is_over(key, number, now)
        {
            self.restart_now(key, None, actions);
        }
    }

    /// The supervisor's parent ended, or told it to end. Whatever the reason, the children are stopped and the
    /// supervisor ends with it (OTP-131).
    pub(crate) fn parent_exited(&mut self, reason: ExitReason, actions: &mut Vec<Action>) {
        if self.take_message() {
            self.stop_all(self.table.youngest(), reason, actions);
        }
    }

    /// The child that was to be started runs.
    pub(crate) fn started(&mut self, key: Key, pid: Pid, actions: &mut Vec<Action>) {
        let work = self.take_work(key);
        self.table.set_pid(key, ChildPid::Running(pid));
        let requested = matches!(work, Work::StartChild | Work::RestartChild);
        let child = self.table.offender(key);
        actions.push(Action::Report(Report::Progress { child, requested }));
        match work {
            Work::Init => self.start_init(self.table.younger(key), actions),
            Work::StartGroup(group) => self.start_group(self.table.younger(key), group, actions),
            Work::RestartOne => {}
            Work::StartChild | Work::RestartChild => {
                actions.push(Action::Reply(Ok(Answer::Started(pid))));
            }
            Work::StopGroup(_) | Work::TerminateChild | Work::StopAll(_) => unreachable!("{NOT_ASKED}"),
        }
    }

    /// The child that was to be started chose to ignore: it stays in the table without a process (OTP-029,
    /// OTP-094), unless it is temporary (OTP-030).
    pub(crate) fn ignored(&mut self, key: Key, actions: &mut Vec<Action>) {
        let work = self.take_work(key);
        let younger = self.table.younger(key);
        self.end_for_good(key, actions);
        match work {
            Work::Init => self.start_init(younger, actions),
            Work::StartGroup(group) => self.start_group(younger, group, actions),
            Work::RestartOne => {}
            Work::StartChild | Work::RestartChild => actions.push(Action::Reply(Ok(Answer::Ignored))),
            Work::StopGroup(_) | Work::TerminateChild | Work::StopAll(_) => unreachable!("{NOT_ASKED}"),
        }
    }

    /// The child that was to be started did not start.
    pub(crate) fn start_failed(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        match self.take_work(key) {
            Work::Init => self.init_failed(key, reason, actions),
            Work::RestartOne => self.restart_failed(key, self.table.pid(key), reason, actions),
            Work::StartGroup(group) if planted::is(Fault::RetriesFromTheOrigin) => {
                self.restart_failed(group.origin, group.before, reason, actions);
            }
            Work::StartGroup(group) => {
                let before = if key == group.origin { group.before } else { ChildPid::Restarting(None) };
                self.restart_failed(key, before, reason, actions);
            }
            Work::StartChild => self.start_child_failed(key, reason, actions),
            Work::RestartChild if planted::is(Fault::RetriesRequests) => {
                self.restart_failed(key, ChildPid::Restarting(None), reason.clone(), actions);
                Self::restart_child_failed(reason, actions);
            }
            Work::RestartChild => Self::restart_child_failed(reason, actions),
            Work::StopGroup(_) | Work::TerminateChild | Work::StopAll(_) => unreachable!("{NOT_ASKED}"),
        }
    }

    /// The child that was to be stopped is dead, for this reason.
    pub(crate) fn stopped(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        let work = self.take_work(key);
        if stop_rule::otp_reports(self.table.policy(key), &reason) {
            actions.push(Action::Report(Report::ShutdownError { child: self.table.offender(key), reason }));
        }
        let older = self.table.older(key);
        let significant = self.table.policy(key).significant;
        self.end_for_good(key, actions);
        match work {
            Work::StopGroup(group) => self.stop_group(older, group, actions),
            Work::TerminateChild => {
                actions.push(Action::Reply(Ok(Answer::Done)));
                if significant && planted::is(Fault::StopsWithTheStopped) {
                    self.stop_all(self.table.youngest(), ExitReason::Shutdown, actions);
                }
            }
            Work::StopAll(reason) => self.stop_all(older, reason, actions),
            _ => unreachable!("{NOT_ASKED}"),
        }
    }

    /// The children, youngest first (OTP-056). Asked between messages only, as a call.
    pub(crate) fn which_children(&self) -> impl Iterator<Item = ChildInfo> + '_ {
        std::iter::successors(self.table.youngest(), |&key| self.table.older(key)).map(|key| {
            let policy = self.table.policy(key);
            let due = self.backoffs.due(key);
            ChildInfo { id: Some(policy.id.clone()), pid: self.table.pid(key), kind: policy.kind, due }
        })
    }

    /// Counts the children; `alive` says whether a process is, since one may have died whose end is still in the
    /// mailbox (OTP-058).
    pub(crate) fn count_children(&self, alive: impl Fn(Pid) -> bool) -> ChildCounts {
        let mut counts = ChildCounts { specs: self.table.len(), ..ChildCounts::default() };
        for key in self.keys() {
            let active = self.table.pid(key).running().is_some_and(&alive);
            counts.add(self.table.policy(key).kind, active);
        }
        counts
    }

    /// Whether a message may be handled now. None is after the end; while busy none may be taken at all, since
    /// it would act on a half-done restart.
    fn take_message(&self) -> bool {
        assert!(!self.is_busy(), "a message was taken from the mailbox while a child starts or stops");
        assert_ne!(self.phase, Phase::Fresh, "a message was taken from the mailbox before the start");
        self.phase == Phase::Idle
    }

    /// What the start or stop that has come to its end was part of.
    fn take_work(&mut self, done: Key) -> Work {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Busy { key, work } if key == done => work,
            phase => panic!("a start or stop of {done:?} came to its end in {phase:?}"),
        }
    }

    fn find(&self, child: &ChildRef) -> Option<Key> {
        match child {
            ChildRef::Id(id) => self.table.find(id),
            ChildRef::Pid(_) | ChildRef::Process(_) => None,
        }
    }

    /// Asks for the start of `key` as part of `work`.
    fn ask_start(&mut self, key: Key, work: Work, actions: &mut Vec<Action>) {
        let last = self.table.policy(key).is_temporary();
        actions.push(Action::Start { key, last });
        self.phase = Phase::Busy { key, work };
    }

    /// Asks for the stop of `key`, which runs as `pid`, as part of `work`.
    fn ask_stop(&mut self, key: Key, pid: Pid, work: Work, actions: &mut Vec<Action>) {
        let shutdown = self.table.policy(key).shutdown;
        actions.push(Action::Stop { key, pid, shutdown });
        self.phase = Phase::Busy { key, work };
    }

    /// Leaves the child without a process; a temporary one leaves the table (OTP-048, OTP-065, OTP-072).
    fn end_for_good(&mut self, key: Key, actions: &mut Vec<Action>) {
        if self.backoffs.cancel(key) {
            actions.push(Action::DropRetry { key });
        }
        if self.table.policy(key).is_temporary() && !planted::is(Fault::KeepsTheTemporary) {
            self.forget(key, actions);
        } else {
            self.table.set_pid(key, ChildPid::Undefined);
        }
    }

    fn forget(&mut self, key: Key, actions: &mut Vec<Action>) {
        self.table.remove(key);
        self.backoffs.forget(key);
        actions.push(Action::Forget { key });
    }

    /// Goes on with the init children from `next`.
    fn start_init(&mut self, next: Option<Key>, actions: &mut Vec<Action>) {
        if let Some(key) = next {
            self.ask_start(key, Work::Init, actions);
        } else {
            self.phase = Phase::Idle;
            actions.push(Action::Ready);
        }
    }

    /// An init child did not start: those started before are stopped, the others never run (OTP-024).
    fn init_failed(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        let child = self.table.offender(key);
        let cause = ShutdownCause::FailedToStartChild {
            child: child.id.clone().into(),
            reason: reason.clone().into(),
        };
        actions.push(Action::Report(Report::StartError { child, reason }));
        self.stop_all(self.table.older(key), ExitReason::ShutdownWith(cause), actions);
    }

    /// Stops the children from `next` to the oldest, one at a time (OTP-104), then ends.
    fn stop_all(&mut self, next: Option<Key>, reason: ExitReason, actions: &mut Vec<Action>) {
        let mut cursor = next;
        while let Some(key) = cursor {
            if let ChildPid::Running(pid) = self.table.pid(key) {
                return self.ask_stop(key, pid, Work::StopAll(reason), actions);
            }
            cursor = self.table.older(key);
        }
        self.phase = Phase::Ended;
        actions.push(Action::Exit(reason));
    }
}

const NOT_ASKED: &str = "a start was told of where a stop was asked for, or the other way round";
