//! Why a process ended.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::pid::Pid;

/// Why a process ended, as its links, monitors and supervisor hear it.
///
/// Two reasons are equal if they would print alike; cloning one costs at most a reference count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitReason {
    /// It had done its work (OTP `normal`).
    Normal,
    /// It was asked to stop and did (OTP `shutdown`).
    Shutdown,
    /// It stopped in good order and says more (OTP `{shutdown, Term}`).
    ShutdownWith(ShutdownCause),
    /// It was killed (OTP `killed`).
    Killed,
    /// It ended by itself with OTP's reason `kill`, which is an ordinary one to those linked to it (OTP-150). Sent
    /// from outside, it is [`Process::kill`](crate::Process::kill).
    Kill,
    /// There was no such process (OTP `noproc`).
    NoProc,
    /// The connection to its node was lost (OTP `noconnection`).
    NoConnection,
    /// A panic ended it.
    Panicked {
        /// What the panic said.
        message: Arc<str>,
        /// `file:line:column`, if known.
        place: Option<Arc<str>>,
    },
    /// It gave up with an error.
    Failed(Failure),
    /// It was not started, because the name or place it needed is held by this running process
    /// (OTP `{already_started, Pid}`, OTP-020 and OTP-040).
    AlreadyStarted(Pid),
    /// What it was given time for took longer (OTP `timeout`): its start (OTP-180), a task of a stream (OTP-208).
    Timeout,
    /// Its mailbox was full, and that is to end it ([`Overflow::Stop`](crate::Overflow::Stop)).
    MailboxOverflow {
        /// How many messages it may hold.
        bound: usize,
    },
    /// Its turn did not end, and its thread was abandoned ([`WhenStuck::Abandon`](crate::WhenStuck::Abandon)).
    Stuck,
    /// Its thread was abandoned because the turn of somebody else on it did not end. A supervisor does not count the
    /// restart that follows: the child has done nothing.
    Abandoned {
        /// Whose turn it was; `None` if it was a start function, which runs before there is a process.
        stuck: Option<Pid>,
    },
}

/// What a process that stopped in good order adds to `shutdown`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShutdownCause {
    /// A supervisor could not start one of its children (OTP-024).
    FailedToStartChild {
        /// The child's id.
        child: Arc<str>,
        /// Why its start failed.
        reason: Arc<ExitReason>,
    },
    /// Anything else, in words.
    Other(Arc<str>),
}

impl ExitReason {
    /// A failure told by `error`; an error that is a reason already is that reason.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        match error.into().downcast::<Self>() {
            Ok(reason) => *reason,
            Err(error) => Self::Failed(Failure(Arc::from(error))),
        }
    }

    /// `normal`, `shutdown` and `{shutdown, _}`: what a transient child may end with for good (OTP-063).
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown | Self::ShutdownWith(_))
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::ShutdownWith(cause) => write!(f, "shutdown: {cause}"),
            Self::Killed => f.write_str("killed"),
            Self::Kill => f.write_str("kill"),
            Self::NoProc => f.write_str("no such process"),
            Self::NoConnection => f.write_str("no connection to its node"),
            Self::Panicked { message, place: Some(place) } => write!(f, "panicked at {place}: {message}"),
            Self::Panicked { message, place: None } => write!(f, "panicked: {message}"),
            Self::Failed(failure) => failure.fmt(f),
            Self::AlreadyStarted(pid) => write!(f, "already started as {pid}"),
            Self::Timeout => f.write_str("it took too long"),
            Self::MailboxOverflow { bound } => write!(f, "mailbox overflow: {bound} messages wait"),
            Self::Stuck => f.write_str("stuck"),
            Self::Abandoned { stuck: Some(pid) } => {
                write!(f, "abandoned with its thread, on which {pid} is stuck")
            }
            Self::Abandoned { stuck: None } => {
                f.write_str("abandoned with its thread, on which a start is stuck")
            }
        }
    }
}

/// So that `?` hands it on where any error will do. It has no `source`: what it displays says all causes already.
impl Error for ExitReason {}

impl fmt::Display for ShutdownCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailedToStartChild { child, reason } => {
                write!(f, "failed to start child {child}: {reason}")
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// An error that ended a process. Equal to another if both say the same.
#[derive(Clone)]
pub struct Failure(Arc<dyn Error + Send + Sync>);

impl Failure {
    /// The error itself, to be downcast.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.to_string() == other.to_string()
    }
}

impl Eq for Failure {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::StartError;

    fn start() -> Result<(), StartError> {
        Err(ExitReason::Timeout)?;
        Ok(())
    }

    #[test]
    fn a_reason_that_passes_as_an_error_is_the_same_reason_behind_it() {
        let boxed: Box<dyn Error + Send + Sync> = ExitReason::Shutdown.into();
        assert_eq!(ExitReason::failed(boxed), ExitReason::Shutdown);
        assert!(matches!(start(), Err(StartError::Failed(ExitReason::Timeout))));
        assert!(matches!(ExitReason::failed("no paper"), ExitReason::Failed(_)));
    }
}
