//! What is said, in Erlang's words.

use std::time::Duration;

use supervisors::{CallError, ExitReason, ShutdownCause};

use super::super::case::{Limit, Reason};

pub(super) fn reason(reason: Reason) -> ExitReason {
    match reason {
        Reason::Normal => ExitReason::Normal,
        Reason::Shutdown => ExitReason::Shutdown,
        Reason::ShutdownX => ExitReason::ShutdownWith(ShutdownCause::Other("x".into())),
        Reason::Boom => ExitReason::failed("boom"),
        Reason::Kill => ExitReason::Kill,
        Reason::Killed => ExitReason::Killed,
    }
}

pub(super) fn term(reason: &ExitReason) -> String {
    match reason {
        ExitReason::NoProc => "noproc".to_owned(),
        ExitReason::ShutdownWith(ShutdownCause::Other(text)) => format!("{{shutdown,{text}}}"),
        ExitReason::Panicked { message, .. } => format!("{{{message},_}}"),
        ExitReason::Timeout => "timeout".to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn error(error: &CallError) -> String {
    match error {
        CallError::NoProc => "exit noproc".to_owned(),
        CallError::Timeout(_) => "exit timeout".to_owned(),
        CallError::Exit(reason) => format!("exit {}", term(reason)),
        CallError::CallingSelf => "exit calling_self".to_owned(),
        other => format!("exit {other}"),
    }
}

/// `None`: without limit.
pub(super) fn limit(limit: Limit) -> Option<Duration> {
    match limit {
        Limit::Default => Some(supervisors::CALL_TIMEOUT),
        Limit::Millis(millis) => Some(Duration::from_millis(millis)),
        Limit::Infinity => None,
    }
}
