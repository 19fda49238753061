//! The process: one actor, its mailbox, its signals, and its one death.
//!
//! An actix actor's future is wrapped, once, in a [`ProcessFuture`]; that future is the only thing ever spawned.
//! Everything others need to know of the process is in its [`Cell`], which outlives it and may be used from any
//! thread: send it mail, signal it, watch it, read why it ended.

mod ages;
mod cell;
mod context;
mod future;
mod handle;
mod mailbox;
mod manners;
mod overflow;
mod panic;
mod state;
mod statistics;
pub(crate) mod thread;

pub(crate) use cell::{Cell, Control, ExitListener, Name, Object, Signal};
pub(crate) use context::is_this_process;
pub use context::{ContextExt, Exit, this_process};
pub(crate) use future::{Launch, ProcessFuture};
pub use handle::{Exited, Process};
pub(crate) use mailbox::{Ask, Envelope, Leave, Notice, Tell};
pub(crate) use manners::own;
pub use overflow::Overflow;
pub(crate) use overflow::{Admission, GivesWay, Place, Policy, PushError};
pub(crate) use panic::{CatchPanic, catch};
pub use statistics::Statistics;

#[cfg(test)]
mod flood_tests;
#[cfg(test)]
mod link_tests;
#[cfg(test)]
mod manners_tests;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod overflow_tests;
#[cfg(test)]
mod tests;
