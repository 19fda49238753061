//! OTP supervision for unchanged actix actors.

mod call;
mod event;
mod exit;
mod history;
mod monitor;
mod node;
mod pid;
mod place;
mod port;
mod process;
mod reference;
mod registry;
pub mod supervisor;

pub use call::{CALL_TIMEOUT, Call, CallError};
pub use event::{Event, Path};
pub use exit::{ExitReason, Failure, ShutdownCause};
pub use history::{History, Stamped, Subscription};
pub use monitor::{Down, Monitor, MonitorId};
pub use node::{MAILBOX_BOUND, Node, NodeBuilder};
pub use pid::Pid;
pub use place::Place;
pub use port::Port;
pub use process::{ContextExt, Exit, Exited, Process, this_process};
pub use reference::Ref;
pub use registry::RegisterError;
