//! What a cache says to have a poem fetched: the work, whom it reports to, and the process that will do it.

use std::sync::Arc;

use bytes::Bytes;
use supervisors::Port;
use supervisors::supervisor::Child;
use tokio::sync::Mutex;

use crate::cache::{FetchId, Key};
use crate::message::{FetchEnded, FetchOversize, FetchStarted, FollowerCut, StopFollowing, TakePiece};

/// A fetch to be made.
#[derive(Debug)]
pub struct FetchWork {
    /// The id it reports under.
    pub fetch: FetchId,
    /// What.
    pub key: Key,
    /// What to send to the upstream: the original of a transformed poem, otherwise empty.
    pub input: Bytes,
    /// Held while there may be a connection to the upstream for this key.
    pub turn: Arc<Mutex<()>>,
    /// Whom it tells.
    pub ports: FetchPorts,
}

/// The cache, as its fetches know it.
#[derive(Clone, Debug)]
pub struct FetchPorts {
    /// Told first.
    pub started: Port<FetchStarted>,
    /// Asked when the poem turns out too large to be kept.
    pub oversize: Port<FetchOversize>,
    /// Told of each follower that is cut off.
    pub cut: Port<FollowerCut>,
    /// Told last.
    pub ended: Port<FetchEnded>,
}

/// A fetch, made but not started.
#[derive(Debug)]
pub struct Fetching {
    /// Its process, as a temporary child of the branch's downloads.
    pub child: Child,
    /// Where its followers take their pieces.
    pub pieces: Port<TakePiece>,
    /// Told of each that has gone.
    pub unfollow: Port<StopFollowing>,
}

/// Makes the process of a fetch.
pub trait Fetcher: Send + Sync + 'static {
    /// The process that will do this work.
    fn fetch(&self, work: FetchWork) -> Fetching;
}
