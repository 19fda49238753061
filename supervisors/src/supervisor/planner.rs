//! The plan of one supervisor, of whichever kind.

use std::time::Duration;

use super::child_info::{ChildCounts, ChildInfo, ChildRef};
use super::error::ChildError;
use super::plan::{Action, DynamicPlan, Key, Plan, TemplatePlan};
use super::spec::ChildPolicy;
use crate::{ExitReason, Pid};

/// A plan. Each method is the plan's own; a request that a kind does not serve is answered so.
pub(super) enum Planner {
    Static(Plan),
    Dynamic(DynamicPlan),
    Template(TemplatePlan),
}

/// Calls the method of whichever plan: the static one's, or the pool's of a dynamic one.
macro_rules! either {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match $self {
            Self::Static(plan) => plan.$method($($argument),*),
            Self::Dynamic(plan) => plan.pool.$method($($argument),*),
            Self::Template(plan) => plan.pool.$method($($argument),*),
        }
    };
}

impl Planner {
    pub(super) fn keys(&self) -> Vec<Key> {
        match self {
            Self::Static(plan) => plan.keys().collect(),
            Self::Dynamic(_) | Self::Template(_) => Vec::new(),
        }
    }

    pub(super) fn policy(&self, key: Key) -> &ChildPolicy {
        either!(self.policy(key))
    }

    pub(super) fn is_busy(&self) -> bool {
        either!(self.is_busy())
    }

    pub(super) fn running_as(&self, pid: Pid) -> Option<Key> {
        either!(self.running_as(pid))
    }

    pub(super) fn begin(&mut self, actions: &mut Vec<Action>) {
        either!(self.begin(actions));
    }

    pub(super) fn exited(&mut self, pid: Pid, reason: ExitReason, now: Duration, actions: &mut Vec<Action>) {
        either!(self.exited(pid, reason, now, actions));
    }

    pub(super) fn retry(&mut self, child: &ChildRef, now: Duration, actions: &mut Vec<Action>) {
        either!(self.retry(child, now, actions));
    }

    pub(super) fn retry_after_pause(
        &mut self,
        child: &ChildRef,
        number: u64,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        either!(self.retry_after_pause(child, number, now, actions));
    }

    pub(super) fn seed(&mut self, seed: u64) {
        either!(self.seed(seed));
    }

    pub(super) fn parent_exited(&mut self, reason: ExitReason, actions: &mut Vec<Action>) {
        either!(self.parent_exited(reason, actions));
    }

    pub(super) fn started(&mut self, key: Key, pid: Pid, actions: &mut Vec<Action>) {
        either!(self.started(key, pid, actions));
    }

    pub(super) fn ignored(&mut self, key: Key, actions: &mut Vec<Action>) {
        either!(self.ignored(key, actions));
    }

    pub(super) fn start_failed(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        either!(self.start_failed(key, reason, actions));
    }

    pub(super) fn stopped(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        either!(self.stopped(key, reason, actions));
    }

    pub(super) fn start_child(&mut self, policy: ChildPolicy, actions: &mut Vec<Action>) {
        match self {
            Self::Static(plan) => plan.start_child(policy, actions),
            Self::Dynamic(plan) => plan.start_child(policy, actions),
            Self::Template(plan) => plan.start_child(actions),
        }
    }

    /// `alive` says whether the process named is, if one is named.
    pub(super) fn terminate_child(&mut self, child: &ChildRef, alive: bool, actions: &mut Vec<Action>) {
        match self {
            Self::Static(plan) => plan.terminate_child(child, actions),
            Self::Dynamic(plan) => plan.terminate_child(child, actions),
            Self::Template(plan) => plan.terminate_child(child, alive, actions),
        }
    }

    pub(super) fn restart_child(&mut self, child: &ChildRef, actions: &mut Vec<Action>) {
        match self {
            Self::Static(plan) => plan.restart_child(child, actions),
            Self::Dynamic(_) => actions.push(Action::Reply(Err(ChildError::SimpleOneForOne))),
            Self::Template(plan) => plan.restart_or_delete_child(actions),
        }
    }

    pub(super) fn delete_child(&mut self, child: &ChildRef, actions: &mut Vec<Action>) {
        match self {
            Self::Static(plan) => plan.delete_child(child, actions),
            Self::Dynamic(_) => actions.push(Action::Reply(Err(ChildError::SimpleOneForOne))),
            Self::Template(plan) => plan.restart_or_delete_child(actions),
        }
    }

    pub(super) fn child_spec(&self, child: &ChildRef) -> Result<(Key, &ChildPolicy), ChildError> {
        match (self, child) {
            (Self::Static(plan), child) => plan.child_spec(child),
            (Self::Dynamic(plan), ChildRef::Pid(pid)) => {
                let key = plan.pool.running_as(*pid).ok_or(ChildError::NotFound)?;
                Ok((key, plan.pool.policy(key)))
            }
            (Self::Dynamic(_) | Self::Template(_), _) => Err(ChildError::NotFound),
        }
    }

    /// The policy of the template, if the supervisor has one and `child` names it (OTP-061).
    pub(super) fn template(&self, child: &ChildRef, alive: bool) -> Result<&ChildPolicy, ChildError> {
        match self {
            Self::Template(plan) => plan.child_spec(child, alive),
            Self::Static(_) | Self::Dynamic(_) => Err(ChildError::NotFound),
        }
    }

    /// One of the children (OTP-057).
    pub(super) fn which_child(&self, child: &ChildRef) -> Result<ChildInfo, ChildError> {
        match (self, child) {
            (Self::Static(plan), ChildRef::Id(id)) => {
                plan.which_children().find(|info| info.id.as_ref() == Some(id))
            }
            (
                Self::Dynamic(DynamicPlan { pool, .. }) | Self::Template(TemplatePlan { pool, .. }),
                ChildRef::Pid(pid),
            ) => pool.which_child(*pid),
            (Self::Template(_), _) => return Err(ChildError::SimpleOneForOne),
            (Self::Static(_) | Self::Dynamic(_), _) => None,
        }
        .ok_or(ChildError::NotFound)
    }

    pub(super) fn which_children(&self) -> Vec<ChildInfo> {
        match self {
            Self::Static(plan) => plan.which_children().collect(),
            Self::Dynamic(plan) => plan.pool.which_children().collect(),
            Self::Template(plan) => plan.pool.which_children().collect(),
        }
    }

    pub(super) fn count_children(&self, alive: impl Fn(Pid) -> bool) -> ChildCounts {
        match self {
            Self::Static(plan) => plan.count_children(alive),
            Self::Dynamic(plan) => plan.pool.count_children(),
            Self::Template(plan) => plan.count_children(),
        }
    }
}
