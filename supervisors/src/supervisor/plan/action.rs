//! What a plan asks of the actor that carries it out.

use std::time::Duration;

use super::slab::Key;
use crate::exit::ExitReason;
use crate::pid::Pid;
use crate::supervisor::child_info::ChildRef;
use crate::supervisor::error::ChildError;
use crate::supervisor::report::Report;
use crate::supervisor::spec::Shutdown;

/// One thing to do, in the order given. After `Start` or `Stop` the plan is busy until told how it went.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Run the child's start function, then say `started`, `ignored` or `start_failed`.
    Start {
        key: Key,
        /// The start function will not be needed again, whatever becomes of this start: a temporary child's
        /// arguments are not retained (OTP-066).
        last: bool,
    },
    /// Stop the child's process by its rule (OTP-096 to OTP-099), wait for its death, take its exit message out
    /// of the mailbox if it is there, then say `stopped` with the reason it died of: the one its link told if it
    /// was dead already (OTP-102), `NoProc` if there is no telling (OTP-103).
    Stop { key: Key, pid: Pid, shutdown: Shutdown },
    /// The child is gone from the table; drop what is kept for it. Its place may be reused.
    Forget { key: Key },
    /// Put a message into the supervisor's own mailbox, behind what is there, that leads to `retry` (OTP-088).
    QueueRetry(ChildRef),
    /// The same, but after `delay`, leading to `retry_after_pause` with `number`. In place of an earlier one for `key`.
    QueueRetryAfter { key: Key, child: ChildRef, delay: Duration, number: u64 },
    /// The child does not wait any more: what `QueueRetryAfter` asked for is not needed.
    DropRetry { key: Key },
    /// Answer the request being served.
    Reply(Result<Answer, ChildError>),
    /// Tell whoever listens.
    Report(Report),
    /// The init children were started; the supervisor's start has succeeded.
    Ready,
    /// No child runs any more; end with this reason. Nothing follows. Without a `Ready` before, it is the
    /// reason the supervisor's start failed for.
    Exit(ExitReason),
}

/// What a request about a child came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It runs under this pid (OTP `{ok, Pid}`).
    Started(Pid),
    /// Its start chose to ignore (OTP `{ok, undefined}`).
    Ignored,
    /// Done (OTP `ok`).
    Done,
}
