//! What the parts of a caching proxy say to each other: connections, the cache, its fetches, and operators.

use actix::Message;
use bytes::Bytes;
use supervisors::{Port, Process};
use tokio::sync::oneshot;

use crate::cache::{
    CacheError, Failure, FetchId, Key, Label, Listed, Purge, RefreshReply, Taken, Trust, WaiterId,
};

/// Asks for a poem, and waits for its fetch if need be: to be called without a time limit, as the cache has one
/// (`max_wait`). Sent by a connection, answered by the cache.
#[derive(Clone, Debug)]
pub struct AskPoem {
    /// Who waits; never used twice.
    pub waiter: WaiterId,
    /// For what.
    pub key: Key,
    /// What the upstream needs for it: the original of a transformed poem, otherwise empty.
    pub input: Bytes,
}

impl Message for AskPoem {
    type Result = Result<Served, Refused>;
}

/// A poem that was asked for.
#[derive(Debug)]
pub enum Served {
    /// All of it.
    Whole {
        /// The poem.
        poem: Bytes,
        /// How it came about.
        label: Label,
        /// Whether it is known to be whole.
        trust: Trust,
    },
    /// It is too large to be held: it comes piece by piece.
    Passing {
        /// Where the pieces are to be had.
        pieces: Port<TakePiece>,
        /// How it ended: `Ok` when all of it has been taken, in words when it broke or this follower was cut off.
        /// Dropped if the cache ends, and then nobody knows whether it is whole.
        end: oneshot::Receiver<Result<(), String>>,
    },
}

/// Why there is no poem: the connection is to be reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// `Failed` or `Negative`.
    pub label: Label,
    /// Why.
    pub error: CacheError,
}

/// Whoever asked has left, or follows no more. Sent by a connection to the cache; nothing happens if it does not wait.
#[derive(Clone, Copy, Debug)]
pub struct LeavePoem(pub WaiterId);

impl Message for LeavePoem {
    type Result = ();
}

/// Asks for the next piece of a poem that is passed through, and waits for it. The piece before is written: what was
/// taken counts as delivered. Sent by a connection, answered by the fetch.
#[derive(Clone, Copy, Debug)]
pub struct TakePiece {
    /// Who follows.
    pub waiter: WaiterId,
    /// The most bytes it wants, 1 or more.
    pub most: usize,
}

impl Message for TakePiece {
    /// Never [`Taken::Nothing`].
    type Result = Taken;
}

/// A follower has gone. Sent by the cache to the fetch.
#[derive(Clone, Copy, Debug)]
pub struct StopFollowing(pub WaiterId);

impl Message for StopFollowing {
    type Result = ();
}

/// The process of a fetch runs: the first that its cache hears of it, so that it can monitor it, or end it if it is not
/// wanted any more. Sent by the fetch.
#[derive(Clone, Debug)]
pub struct FetchStarted {
    /// Which.
    pub fetch: FetchId,
    /// Its process.
    pub process: Process,
}

impl Message for FetchStarted {
    type Result = ();
}

/// A fetch has more than may be kept; it reads no more before it knows who follows. Sent by the fetch, answered by the
/// cache; nobody follows a fetch that is not wanted any more.
#[derive(Clone, Debug)]
pub struct FetchOversize {
    /// Which.
    pub fetch: FetchId,
    /// All it has got.
    pub head: Bytes,
}

impl Message for FetchOversize {
    type Result = Vec<WaiterId>;
}

/// A follower was too slow and is cut off. Sent by the fetch to the cache.
#[derive(Clone, Copy, Debug)]
pub struct FollowerCut {
    /// By which fetch.
    pub fetch: FetchId,
    /// Who.
    pub waiter: WaiterId,
}

impl Message for FollowerCut {
    type Result = ();
}

/// A fetch is over. Sent by the fetch to its cache, once; one that ends without it has crashed.
#[derive(Clone, Debug)]
pub struct FetchEnded {
    /// Which.
    pub fetch: FetchId,
    /// How.
    pub outcome: FetchOutcome,
}

impl Message for FetchEnded {
    type Result = ();
}

/// How a fetch ended.
#[derive(Clone, Debug)]
pub enum FetchOutcome {
    /// With a poem, in a buffer of its own size.
    Whole {
        /// The poem.
        poem: Bytes,
        /// Whether its length was told.
        trust: Trust,
    },
    /// With a poem that was passed through: each follower has taken the last byte.
    Streamed,
    /// Without one, or in the middle of one.
    Failed(Failure),
}

/// Asks what is kept, in the order of the keys. Answered by the cache.
#[derive(Clone, Copy, Debug)]
pub struct ListPoems;

impl Message for ListPoems {
    type Result = Vec<Listed>;
}

/// Asks for poems and failures to be forgotten, and says how many poems that were. Answered by the cache.
#[derive(Clone, Debug)]
pub struct PurgePoems(pub Purge);

impl Message for PurgePoems {
    type Result = usize;
}

/// Asks for a poem that is kept to be fetched anew, in the background. Answered by the cache, at once.
#[derive(Clone, Debug)]
pub struct RefreshPoem(pub Key);

impl Message for RefreshPoem {
    type Result = RefreshReply;
}
