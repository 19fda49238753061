//! The plan of a dynamic supervisor whose children are all made from one template.

use super::action::{Action, Answer};
use super::planted::{self, Fault};
use super::pool::{Manner, Pool};
use crate::supervisor::child_info::{ChildCounts, ChildRef};
use crate::supervisor::error::{ChildError, SpecError};
use crate::supervisor::flags::{AutoShutdown, Flags, Strategy};
use crate::supervisor::spec::ChildPolicy;

/// OTP's `simple_one_for_one` (section L). Exits, retries, starts and stops are the pool's; what is added to the
/// template's arguments is between the caller and the actor. As all children share one shutdown value and are
/// stopped by one batch of actions, one timer does for all (OTP-115, OTP-116).
#[derive(Clone, Debug)]
pub(crate) struct TemplatePlan {
    pub(crate) pool: Pool,
    template: ChildPolicy,
}

impl TemplatePlan {
    /// A plan without children. Flags as for a static supervisor, but one for one and without automatic shutdown
    /// (OTP-016).
    pub(crate) fn new(flags: &Flags, template: ChildPolicy) -> Result<Self, SpecError> {
        if flags.strategy != Strategy::OneForOne {
            return Err(SpecError::InvalidStrategy(flags.strategy));
        }
        flags.check()?;
        if flags.auto_shutdown != AutoShutdown::Never {
            return Err(SpecError::TemplateShutsDown);
        }
        template.check(Some(AutoShutdown::Never))?;
        Ok(Self { pool: Pool::new(Manner::Otp, flags.intensity, flags.period), template })
    }

    /// Starts a child.
    pub(crate) fn start_child(&mut self, actions: &mut Vec<Action>) {
        if self.pool.take_message() {
            self.pool.start_child(self.template.clone(), actions);
        }
    }

    /// Stops and forgets the child with this pid. A dead process is as good as a stopped one, so that it is said
    /// to be done whatever it was; `alive` says whether the process of that pid is (OTP-113).
    pub(crate) fn terminate_child(&mut self, child: &ChildRef, alive: bool, actions: &mut Vec<Action>) {
        if !self.pool.take_message() {
            return;
        }
        let ChildRef::Pid(pid) = *child else {
            return actions.push(Action::Reply(Err(ChildError::SimpleOneForOne)));
        };
        match self.pool.find(pid) {
            Some(key) => self.pool.terminate(key, pid, actions),
            None if alive && !planted::is(Fault::TakesStrangersForDead) => {
                actions.push(Action::Reply(Err(ChildError::NotFound)));
            }
            None => actions.push(Action::Reply(Ok(Answer::Done))),
        }
    }

    /// Refused: these children are neither restarted nor deleted by request (OTP-114).
    pub(crate) fn restart_or_delete_child(&self, actions: &mut Vec<Action>) {
        if self.pool.take_message() {
            actions.push(Action::Reply(Err(ChildError::SimpleOneForOne)));
        }
    }

    /// The template, asked for by its id or by a child's pid; a dead stranger is taken for a child (OTP-061).
    pub(crate) fn child_spec(&self, child: &ChildRef, alive: bool) -> Result<&ChildPolicy, ChildError> {
        let known = match child {
            ChildRef::Id(id) => *id == self.template.id,
            ChildRef::Pid(pid) => self.pool.find(*pid).is_some() || !alive,
            // Named by its pid when it comes here.
            ChildRef::Process(_) => false,
        };
        if known { Ok(&self.template) } else { Err(ChildError::NotFound) }
    }

    /// Counts the children; there is one spec however many they are (OTP-059).
    pub(crate) fn count_children(&self) -> ChildCounts {
        ChildCounts { specs: 1, ..self.pool.count_children() }
    }
}
