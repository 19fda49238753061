//! Why a connection ended.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::outcome::Raised;

/// Why a connection ended, as a protocol's `connection_lost` is told (TW-092).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// In a clean way: the peer closed, or we asked for it and everything written was handed over.
    #[error("connection was closed cleanly")]
    Done,
    /// The peer reset it, or reading or writing failed.
    #[error("connection was lost")]
    Lost(#[source] Arc<io::Error>),
    /// The reactor stopped while it was open (TW-083).
    #[error("connection was lost because the reactor stopped")]
    Stopped,
    /// We aborted it: what was still unsent is gone and the peer sees a reset.
    #[error("connection was aborted")]
    Aborted,
    /// More was written than the transport may hold, so that a peer that never reads cannot eat all memory.
    #[error("connection was aborted: {buffered} bytes unsent, more than the {limit} allowed")]
    Overflow {
        /// What would have been waiting.
        buffered: usize,
        /// What may wait.
        limit: usize,
    },
    /// Data waited to be sent and the peer took none of it for this long.
    #[error("connection was aborted: the peer took nothing for {0:?}")]
    Stalled(Duration),
    /// Our own protocol or descriptor raised; the peer sees a reset, never a clean end.
    #[error("connection was closed because its protocol failed")]
    Raised(#[source] Raised),
}

impl Reason {
    /// Whether everything went as both sides wished: Twisted's `ConnectionDone`, all else being `ConnectionLost`.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Reason::Done)
    }

    pub(crate) fn lost(error: io::Error) -> Reason {
        Reason::Lost(Arc::new(error))
    }
}
