//! What a world around a proxy tells: facts in the order in which they happened, with their times.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// One fact. Fetches are numbered in the order of their attempts, clients in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// A client connected.
    Asked { client: u32, key: usize, sluggish: bool },
    /// It hung up.
    Left { client: u32 },
    /// A client got its end: all these bytes and a good end, or a reset.
    Got { client: u32, poem: Option<Vec<u8>> },
    /// The cache of a proxy was ended.
    CacheStruck { key: usize },
    /// A fetch was ended, or all of them.
    DownloadStruck { key: usize },
    /// The process of a client, nobody knows whose.
    ConnectionStruck { key: usize },
    /// The upstream is being connected to, and this is how it behaves.
    Attempt { fetch: u32, key: usize, upstream: &'static str },
    /// It has accepted, or has sent something: the last sign of life so far.
    Alive { fetch: u32 },
    /// More of its poem has been read than may be kept.
    Oversize { fetch: u32 },
    /// All of its poem has been read, and the end.
    Whole { fetch: u32 },
    /// It has refused, broken off, or ended in good order without a poem.
    Failed { fetch: u32, empty: bool },
    /// The proxy has closed the connection, or given up connecting.
    Closed { fetch: u32 },
}

/// All facts so far. Shared by whoever tells some.
#[derive(Clone)]
pub(super) struct Facts {
    told: Arc<Mutex<Vec<(Duration, Fact)>>>,
    began: Instant,
}

impl Facts {
    pub(super) fn begin() -> Self {
        Self { told: Arc::default(), began: Instant::now() }
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn tell(&self, fact: Fact) {
        self.told.lock().push((self.now(), fact));
    }

    /// Those that nobody has taken yet.
    pub(super) fn take(&self) -> Vec<(Duration, Fact)> {
        std::mem::take(&mut self.told.lock())
    }
}
