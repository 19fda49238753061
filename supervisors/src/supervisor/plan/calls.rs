//! What callers ask of a static supervisor. Each request leads to one [`Action::Reply`], at once or after the
//! start or stop it asks for; after the end there is nobody to reply, and the caller hears of the end instead.

use super::planted::{self, Fault};
use super::{Action, Answer, Key, Plan, Work};
use crate::exit::ExitReason;
use crate::supervisor::child_info::ChildRef;
use crate::supervisor::error::ChildError;
use crate::supervisor::report::{ChildPid, Report};
use crate::supervisor::spec::ChildPolicy;

impl Plan {
    /// Adds a child as the youngest and starts it (OTP-036 to OTP-042).
    pub(crate) fn start_child(&mut self, policy: ChildPolicy, actions: &mut Vec<Action>) {
        if !self.take_message() {
            return;
        }
        if let Err(error) = self.may_start(&policy) {
            return actions.push(Action::Reply(Err(error)));
        }
        let key = self.table.push(policy);
        self.ask_start(key, Work::StartChild, actions);
    }

    /// Stops a child. Its spec stays, without a process, unless it is temporary; a retry that waits is dropped
    /// (OTP-046 to OTP-049). No sibling is touched and nothing is counted (OTP-050), and automatic shutdown is
    /// not triggered (OTP-123).
    pub(crate) fn terminate_child(&mut self, child: &ChildRef, actions: &mut Vec<Action>) {
        if !self.take_message() {
            return;
        }
        let Some(key) = self.find(child) else {
            return actions.push(Action::Reply(Err(ChildError::NotFound)));
        };
        if let ChildPid::Running(pid) = self.table.pid(key) {
            self.backoffs.forget(key);
            return self.ask_stop(key, pid, Work::TerminateChild, actions);
        }
        self.end_for_good(key, actions);
        self.backoffs.forget(key);
        actions.push(Action::Reply(Ok(Answer::Done)));
    }

    /// Starts a child that has no process, at its old place in the order (OTP-051, OTP-054).
    pub(crate) fn restart_child(&mut self, child: &ChildRef, actions: &mut Vec<Action>) {
        if !self.take_message() {
            return;
        }
        match self.child_at_rest(child) {
            Ok(key) => self.ask_start(key, Work::RestartChild, actions),
            Err(error) => actions.push(Action::Reply(Err(error))),
        }
    }

    /// Removes the spec of a child that has no process (OTP-053, OTP-054).
    pub(crate) fn delete_child(&mut self, child: &ChildRef, actions: &mut Vec<Action>) {
        if !self.take_message() {
            return;
        }
        let answer = self.child_at_rest(child).map(|key| {
            self.forget(key, actions);
            Answer::Done
        });
        actions.push(Action::Reply(answer));
    }

    /// The policy of a child (OTP-060); the actor adds its start function.
    pub(crate) fn child_spec(&self, child: &ChildRef) -> Result<(Key, &ChildPolicy), ChildError> {
        let key = self.find(child).ok_or(ChildError::NotFound)?;
        Ok((key, self.table.policy(key)))
    }

    /// The child that was to be new did not start: it is forgotten and, since a caller is told, not reported
    /// (OTP-039).
    pub(super) fn start_child_failed(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        if planted::is(Fault::ReportsAnsweredStarts) {
            let (child, reason) = (self.table.offender(key), reason.clone());
            actions.push(Action::Report(Report::StartError { child, reason }));
        }
        self.forget(key, actions);
        actions.push(Action::Reply(Err(ChildError::start(reason))));
    }

    /// The child stays without a process; no retry, no report (OTP-052).
    pub(super) fn restart_child_failed(reason: ExitReason, actions: &mut Vec<Action>) {
        actions.push(Action::Reply(Err(ChildError::Failed(reason))));
    }

    /// The spec is checked before the id is looked up, as in OTP.
    fn may_start(&self, policy: &ChildPolicy) -> Result<(), ChildError> {
        policy.check(Some(self.auto_shutdown))?;
        match self.table.find(&policy.id).map(|key| self.table.pid(key)) {
            None => Ok(()),
            Some(ChildPid::Running(pid)) => Err(ChildError::AlreadyStarted(pid)),
            Some(ChildPid::Undefined | ChildPid::Restarting(_)) => Err(ChildError::AlreadyPresent),
        }
    }

    fn child_at_rest(&self, child: &ChildRef) -> Result<Key, ChildError> {
        let key = self.find(child).ok_or(ChildError::NotFound)?;
        match self.table.pid(key) {
            ChildPid::Undefined => Ok(key),
            ChildPid::Running(_) => Err(ChildError::Running),
            ChildPid::Restarting(_) => Err(ChildError::Restarting),
        }
    }
}
