//! What the reactor itself can refuse.

use super::poller::PollerError;

/// Why the reactor did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReactorError {
    /// `run` while it runs (TW-084).
    #[error("cannot run the reactor: it is running already")]
    AlreadyRunning,
    /// `run` after `stop` (TW-084).
    #[error("cannot run the reactor: once stopped it cannot be started again")]
    NotRestartable,
    /// `stop` of a reactor that is not running, or was asked to stop before (TW-080).
    #[error("cannot stop the reactor: it is not running")]
    NotRunning,
    /// The descriptor is closed.
    #[error("cannot watch {0}: it is closed")]
    Closed(String),
    /// The poller refused.
    #[error(transparent)]
    Poller(#[from] PollerError),
    /// Signals could not be taken over.
    #[error("cannot handle signal {signal}")]
    Signal {
        /// Its number.
        signal: i32,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
