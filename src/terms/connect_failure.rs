//! Why a connection never began.

use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Why connecting was given up, as a reactor's `client_connection_failed` is told (TW-090).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectFailure {
    /// Nobody listens there.
    #[error("connection was refused by other side")]
    Refused,
    /// No connection within the time allowed, over all addresses of the name together.
    #[error("no connection within {0:?}")]
    TimedOut(Duration),
    /// Our own program called `stop_connecting`: Twisted's `UserError`.
    #[error("connecting was stopped")]
    Stopped,
    /// The name has no address, or could not be looked up.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        #[source]
        source: Arc<io::Error>,
    },
    /// Too many names are being looked up already.
    #[error("cannot resolve {host}: {limit} lookups are under way already")]
    TooManyLookups {
        /// The name asked for.
        host: String,
        /// How many may run at once.
        limit: usize,
    },
    /// Any other failure of the socket.
    #[error("cannot connect")]
    Io(#[source] Arc<io::Error>),
}

impl ConnectFailure {
    /// What the socket says, told apart.
    pub(crate) fn from_io(error: io::Error) -> ConnectFailure {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => ConnectFailure::Refused,
            _ => ConnectFailure::Io(Arc::new(error)),
        }
    }
}
