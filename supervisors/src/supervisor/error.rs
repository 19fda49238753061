//! What a supervisor refuses.

use std::time::Duration;

use super::flags::Strategy;
use super::spec::ChildId;
use crate::call::CallError;
use crate::exit::ExitReason;
use crate::pid::Pid;

/// Flags or a child spec no supervisor takes. Nothing was started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// OTP `{invalid_period, X}` (OTP-004).
    #[error("the restart period must be a positive number of whole seconds, not {0:?}")]
    InvalidPeriod(Duration),
    /// OTP `{invalid_strategy, X}`: a template's children are restarted one for one.
    #[error("children made from a template are restarted one for one, not {0:?}")]
    InvalidStrategy(Strategy),
    /// OTP `{duplicate_child_name, Id}` (OTP-011).
    #[error("two children are called {0}")]
    DuplicateChildId(ChildId),
    /// OTP `{bad_combination, [{auto_shutdown, never}, {significant, true}]}` (OTP-009, OTP-127, OTP-192).
    #[error("child {0} is significant, but its supervisor never shuts down by itself")]
    SignificantNeverShutsDown(ChildId),
    /// OTP `{bad_combination, [{restart, permanent}, {significant, true}]}` (OTP-009).
    #[error("child {0} is significant and permanent, so it would never end for good")]
    SignificantPermanent(ChildId),
    /// OTP `{bad_combination, _}`: automatic shutdown needs children that are told apart (OTP-016).
    #[error("a supervisor whose children come from a template cannot shut down by itself")]
    TemplateShutsDown,
    /// A [`Backoff`](super::Backoff) with a value out of its range.
    #[error(
        "the backoff of child {0} is out of range: first above 0 and at most max, factor 1 or more, jitter 0 to 100"
    )]
    InvalidBackoff(ChildId),
    /// Its thread would be abandoned if it is stuck, but that is its supervisor's own, or none of the node's.
    #[error(
        "child {0} is to be abandoned with its thread, but does not run on one of the node's own arbiters"
    )]
    NotAbandonable(ChildId),
}

/// Why a supervisor did not do what it was asked to do with a child.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChildError {
    /// The spec given is no good; nothing changed (OTP-041).
    #[error("the child's spec is refused")]
    Spec(#[from] SpecError),
    /// The child runs already, or its name is held by a process from elsewhere (OTP-037, OTP-040).
    #[error("the child runs already, as {0}")]
    AlreadyStarted(Pid),
    /// The child is known but has no process; restart or delete it (OTP-038).
    #[error("the child is known already, without a process")]
    AlreadyPresent,
    /// There is no such child (OTP-047).
    #[error("there is no such child")]
    NotFound,
    /// The child runs; stop it first (OTP-054).
    #[error("the child is running")]
    Running,
    /// The child is being restarted (OTP-054).
    #[error("the child is being restarted")]
    Restarting,
    /// Children made from a template have no ids; they are named by pid and neither restarted nor deleted by
    /// request (OTP `simple_one_for_one`; OTP-113, OTP-114).
    #[error("children made from a template have no ids")]
    SimpleOneForOne,
    /// As many children are present as the supervisor allows (OTP-193).
    #[error("the supervisor has as many children as it allows")]
    MaxChildren,
    /// The child's start failed, for this reason (OTP-039, OTP-052, OTP-108).
    #[error("the child did not start: {0}")]
    Failed(ExitReason),
    /// The supervisor itself did not answer: it does not run, or ended meanwhile (OTP-045).
    #[error("the supervisor did not answer")]
    Supervisor(#[from] CallError),
}

impl ChildError {
    /// A failed start as `start_child` tells it: a name held elsewhere is told bare (OTP-040).
    pub(crate) fn start(reason: ExitReason) -> Self {
        match reason {
            ExitReason::AlreadyStarted(pid) => Self::AlreadyStarted(pid),
            reason => Self::Failed(reason),
        }
    }
}
