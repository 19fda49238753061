//! What follows the end of a child.

use std::time::Duration;

use super::backoffs::Pause;
use super::planted::{self, Fault};
use super::{Action, Key, Phase, Plan, Work};
use crate::exit::ExitReason;
use crate::supervisor::child_info::ChildRef;
use crate::supervisor::flags::{AutoShutdown, Strategy};
use crate::supervisor::report::{Attempt, ChildPid, Report};
use crate::supervisor::spec::Restart;

/// Children that are restarted together: all, or `origin` and the younger ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Group {
    /// The child whose end, or whose failed start, is answered.
    pub(super) origin: Key,
    /// What `origin` is shown as if its start fails in turn.
    pub(super) before: ChildPid,
    /// Whether those older than `origin` belong to it (one for all).
    all: bool,
    /// How long `origin` waits before any of them is started.
    pause: Option<Pause>,
}

impl Plan {
    /// A child's process ended without being asked.
    pub(super) fn child_ended(
        &mut self,
        key: Key,
        reason: ExitReason,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let policy = self.table.policy(key);
        let (restart, significant) = (policy.restart, policy.significant);
        let clean = reason.is_clean();
        let restarts = restart == Restart::Permanent
            || restart == Restart::Transient && (!clean || restarts_after_all(&reason));
        let attempt = restarts.then(|| self.window.answer(&reason, now));
        let pause = match (&attempt, &reason) {
            // It has done nothing that a pause could mend.
            (_, ExitReason::Abandoned { .. }) | (None | Some(None), _) => None,
            (Some(Some(_)), _) => self.backoffs.pause(key, self.table.policy(key), true, now),
        };
        if restart == Restart::Permanent || !clean {
            let child = self.table.offender(key);
            actions.push(Action::Report(Report::ChildTerminated { child, reason }));
        }
        if let Some(attempt) = attempt {
            return self.restart(key, attempt, pause, actions);
        }
        self.backoffs.forget(key);
        self.end_for_good(key, actions);
        // The child that ended is no longer counted; one that is being restarted is (OTP-123, OTP-124).
        let shuts_down = significant
            && match self.auto_shutdown {
                AutoShutdown::Never => false,
                AutoShutdown::AnySignificant => true,
                AutoShutdown::AllSignificant => !self.table.significant_left(),
            };
        if shuts_down {
            self.stop_all(self.table.youngest(), ExitReason::Shutdown, actions);
        }
    }

    /// Restarts a child, and others with it by the strategy, or gives up if that is no allowed attempt (OTP-079,
    /// OTP-080). After the pause, if there is one.
    pub(super) fn restart(
        &mut self,
        key: Key,
        attempt: Option<Attempt>,
        pause: Option<Pause>,
        actions: &mut Vec<Action>,
    ) {
        let child = self.table.offender(key);
        let Some(attempt) = attempt else {
            actions.push(Action::Report(Report::ReachedMaxIntensity { child }));
            self.end_for_good(key, actions);
            return self.stop_all(self.table.youngest(), ExitReason::Shutdown, actions);
        };
        let after = pause.map_or(Duration::ZERO, |pause| pause.delay);
        actions.push(Action::Report(Report::Restarting { child, attempt, after }));
        self.restart_now(key, pause, actions);
    }

    /// Restarts a child, and others with it. If there is a pause, the others are stopped before it, and all are started
    /// after it: by the same way again, since some may have been started by request meanwhile.
    pub(super) fn restart_now(&mut self, key: Key, pause: Option<Pause>, actions: &mut Vec<Action>) {
        let before = self.table.pid(key).restarting();
        if self.strategy == Strategy::OneForOne {
            return match pause {
                None => self.ask_start(key, Work::RestartOne, actions),
                Some(pause) => self.wait(key, before, pause, actions),
            };
        }
        let all = self.strategy == Strategy::OneForAll || planted::is(Fault::TakesTheOlder);
        let group = Group { origin: key, before, all, pause };
        self.table.set_pid(key, ChildPid::Undefined);
        self.stop_group(self.table.youngest(), group, actions);
    }

    /// Stops the group from `next` to its oldest. Each is dead before the next is asked, and nothing is started
    /// until all are (OTP-077). Those without a process are only taken for restart, also if they were stopped by
    /// request or had ended well (OTP-073).
    pub(super) fn stop_group(&mut self, next: Option<Key>, group: Group, actions: &mut Vec<Action>) {
        let mut cursor = next;
        while let Some(key) = cursor {
            if key == group.origin && !group.all {
                break;
            }
            if let ChildPid::Running(pid) = self.table.pid(key) {
                return self.ask_stop(key, pid, Work::StopGroup(group), actions);
            }
            cursor = self.table.older(key);
            self.end_for_good(key, actions);
        }
        if let Some(pause) = group.pause {
            self.phase = Phase::Idle;
            return self.wait(group.origin, group.before, pause, actions);
        }
        let oldest = if group.all { self.table.oldest() } else { Some(group.origin) };
        self.start_group(oldest, group, actions);
    }

    /// Lets a child wait for its restart, shown as restarting.
    fn wait(&mut self, key: Key, shown: ChildPid, pause: Pause, actions: &mut Vec<Action>) {
        let number = self.backoffs.wait(key, pause);
        self.table.set_pid(key, shown);
        let child = ChildRef::Id(self.table.policy(key).id.clone());
        actions.push(Action::QueueRetryAfter { key, child, delay: pause.delay, number });
    }

    /// Starts the group from `next` to the youngest.
    pub(super) fn start_group(&mut self, next: Option<Key>, group: Group, actions: &mut Vec<Action>) {
        match next {
            Some(key) => self.ask_start(key, Work::StartGroup(group), actions),
            None => self.phase = Phase::Idle,
        }
    }

    /// A start that was part of a restart failed. The rest of the group is left without processes (OTP-093); the
    /// retry goes through the mailbox, so that requests and a parent's exit get in between (OTP-088, OTP-089).
    pub(super) fn restart_failed(
        &mut self,
        key: Key,
        before: ChildPid,
        reason: ExitReason,
        actions: &mut Vec<Action>,
    ) {
        let child = self.table.offender(key);
        let id = child.id.clone();
        actions.push(Action::Report(Report::StartError { child, reason }));
        self.table.set_pid(key, before.restarting());
        actions.push(Action::QueueRetry(ChildRef::Id(id)));
    }
}

/// A fault that may be planted: what ends with `{shutdown, _}` is taken for a crash.
fn restarts_after_all(reason: &ExitReason) -> bool {
    matches!(reason, ExitReason::ShutdownWith(_)) && planted::is(Fault::RestartsAfterShutdownWith)
}
