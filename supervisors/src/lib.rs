//! OTP supervision for unchanged actix actors.

mod exit;
mod pid;
pub mod supervisor;

pub use exit::{ExitReason, Failure, ShutdownCause};
pub use pid::Pid;
