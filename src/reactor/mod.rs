//! The series' own half: an event loop, and what stands on it (Parts 2 to 19).
//!
//! Single-threaded and callback by callback, as Twisted's is; neither tokio nor actix, and no runtime but this.
//! Read it in this order: [`poller`] asks the kernel, [`Reactor`] waits and calls back, [`Descriptor`] is what it
//! watches, [`Timers`] what it remembers for later; above them [`Transport`], [`Protocol`] and [`Factory`].

pub mod poller;

mod clock;
mod descriptor;
mod error;
mod event_loop;
mod outcome;
mod reason;
mod remote;
mod timers;
mod triggers;

pub use clock::Clock;
pub use descriptor::{Descriptor, ReadDescriptor, WriteDescriptor};
pub use error::ReactorError;
pub use event_loop::{Lifecycle, Reactor};
pub use outcome::{BoxError, Outcome, Raised, Report};
pub use poller::PollerKind;
pub use reason::{ConnectFailure, Reason};
pub use remote::{MAX_REMOTE_CALLS, Remote, RemoteError};
pub use timers::{DelayedCall, TimerError, Timers};
pub use triggers::{Hold, Phase, SystemEvent, TriggerId};
