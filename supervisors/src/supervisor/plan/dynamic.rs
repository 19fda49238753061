//! The plan of a dynamic supervisor whose children each bring a policy of their own.

use super::action::Action;
use super::pool::{Manner, Pool};
use crate::supervisor::child_info::ChildRef;
use crate::supervisor::error::{ChildError, SpecError};
use crate::supervisor::flags::{AutoShutdown, DynamicFlags};
use crate::supervisor::spec::ChildPolicy;

/// Elixir's `DynamicSupervisor` (OTP-191 to OTP-197). Exits, retries, starts and stops are the pool's.
#[derive(Clone, Debug)]
pub(crate) struct DynamicPlan {
    pub(crate) pool: Pool,
    max_children: Option<usize>,
}

impl DynamicPlan {
    /// A plan without children.
    pub(crate) fn new(flags: &DynamicFlags) -> Result<Self, SpecError> {
        flags.check()?;
        let pool = Pool::new(Manner::Elixir, flags.intensity, flags.period);
        Ok(Self { pool, max_children: flags.max_children })
    }

    /// Starts a child; its id may be that of another. Refused if it is significant (OTP-192) or one too many
    /// (OTP-193).
    pub(crate) fn start_child(&mut self, policy: ChildPolicy, actions: &mut Vec<Action>) {
        if !self.pool.take_message() {
            return;
        }
        if let Err(error) = policy.check(Some(AutoShutdown::Never)) {
            return actions.push(Action::Reply(Err(error.into())));
        }
        if self.max_children.is_some_and(|max| self.pool.len() >= max) {
            return actions.push(Action::Reply(Err(ChildError::MaxChildren)));
        }
        self.pool.start_child(policy, actions);
    }

    /// Stops and forgets the child that runs as this pid, or did before the restart it waits for (OTP-196).
    pub(crate) fn terminate_child(&mut self, child: &ChildRef, actions: &mut Vec<Action>) {
        if !self.pool.take_message() {
            return;
        }
        if let ChildRef::Pid(pid) = *child
            && let Some(key) = self.pool.find(pid)
        {
            return self.pool.terminate(key, pid, actions);
        }
        actions.push(Action::Reply(Err(ChildError::NotFound)));
    }
}
