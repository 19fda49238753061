//! Why there is no poem.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::connect_failure::ConnectFailure;
use super::target::Target;
use crate::wire::Malformed;

/// Any error, shared: failures are told to more than one, and travel through Deferreds.
pub type SharedError = Arc<dyn std::error::Error + Send + Sync>;

/// Why a client of this crate got no poem. Each names the server.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// No connection came to be.
    #[error("cannot connect to {server}")]
    Connect {
        /// Whom we asked.
        server: Target,
        /// The address that was tried last, if any was: of a name, one of several.
        address: Option<SocketAddr>,
        /// Why.
        #[source]
        source: ConnectFailure,
    },
    /// The connection ended badly in mid poem, or before it.
    #[error("lost the connection to {server} after {bytes} bytes")]
    Lost {
        /// Whom we asked.
        server: Target,
        /// What had come; none of it is a poem.
        bytes: usize,
        /// Why.
        #[source]
        source: SharedError,
    },
    /// What came is no poem in this framing: nothing at all, too much, a frame cut short.
    #[error("got no poem from {server}")]
    Malformed {
        /// Whom we asked.
        server: Target,
        /// What is wrong with it.
        #[source]
        source: Malformed,
    },
    /// Not one byte for too long.
    #[error("got nothing from {server} for {limit:?}")]
    Idle {
        /// Whom we asked.
        server: Target,
        /// What had come before; none of it is a poem.
        bytes: usize,
        /// How long we waited.
        limit: Duration,
    },
    /// The whole took too long.
    #[error("got no whole poem from {server} within {limit:?}")]
    TimedOut {
        /// Whom we asked.
        server: Target,
        /// How long it was given.
        limit: Duration,
    },
    /// Our own program did not want it any more.
    #[error("the download from {server} was cancelled")]
    Cancelled {
        /// Whom we asked.
        server: Target,
    },
}
