//! Supervisors: processes that start, watch, restart and stop others.
//!
//! The semantics are those of OTP's `supervisor`, release 28, down to the order of stops and the counting of
//! seconds; `OTP-nnn` in these pages is the number of a rule in the crate's conformance list. An Erlang reader
//! finds:
//!
//! | OTP | here |
//! |---|---|
//! | `sup_flags()` | [`Flags`]: [`Strategy`], intensity, period, [`AutoShutdown`] |
//! | `child_spec()` | [`ChildPolicy`], and beside it the start function |
//! | `restart`, `shutdown`, `type` | [`Restart`], [`Shutdown`], [`ChildKind`] |
//! | `simple_one_for_one` | [`DynamicSupervisor::template`]: its own constructor, not a strategy |
//! | `check_childspecs/1,2` | [`check_child_specs`] |
//! | `{error, {bad_combination, _}}` and other refused data | [`SpecError`]; what the types make impossible has no variant |
//! | `{error, already_present}` and other refused requests | [`ChildError`] |
//! | `which_children/1`, `count_children/1` | [`ChildInfo`], [`ChildCounts`] |
//! | `undefined`, a pid, `restarting` | [`ChildPid`] |
//! | supervisor and progress reports | [`Report`], its `offender` an [`Offender`] |
//!
//! Beyond OTP, and off unless a spec asks for it: a pause before each restart ([`Backoff`]), and what a full mailbox does
//! ([`Overflow`](crate::Overflow)).
//!
//! What differs: ids are text; `modules` does not exist; start arguments are captured by the start function
//! instead of being data, so they cannot be read back; and a restart is announced, with its number among the
//! allowed ones ([`Attempt`]), which OTP does not do.

mod actor;
mod alone;
mod backoff;
mod build;
mod child;
mod child_info;
mod dynamic;
mod error;
mod flags;
mod handle;
mod partition;
mod plan;
mod planner;
mod report;
mod spec;
mod start;
mod stop;
mod task;
mod template;
mod tree;

#[cfg(test)]
mod backoff_tests;
#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod partition_tests;
#[cfg(test)]
mod template_tests;
#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use build::Supervisor;
pub use child::{Child, ChildSpec, StartError};
pub use child_info::{ChildCounts, ChildInfo, ChildRef};
pub use dynamic::{DynamicRef, DynamicSupervisor};
pub use error::{ChildError, SpecError};
pub use flags::{AutoShutdown, DynamicFlags, Flags, Strategy};
pub use handle::SupervisorRef;
pub use partition::{Hashed, PartitionKey, PartitionRef, PartitionSupervisor};
#[cfg(feature = "planted")]
#[doc(hidden)]
pub use plan::planted;
pub use report::{Attempt, ChildPid, Offender, Report, Who};
pub use spec::{ChildId, ChildKind, ChildPolicy, Restart, Shutdown, check_child_specs};
pub use task::{OnTimeout, StreamOptions, Task, TaskError, TaskRef, TaskStream, TaskSupervisor};
pub use template::{Template, TemplateChild, TemplateRef, TemplateSupervisor};
pub use tree::TreeNode;
pub(crate) use tree::descendant;
