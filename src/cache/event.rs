//! What happens to the cache, and what it wants done about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::key::Key;
use super::policy::Freshness;

/// Someone who asked and waits. The actor chooses the number; it must be unique among those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(pub u64);

/// One fetch. Never used twice, not even by the next incarnation of a cache that crashed, so that the last words of a
/// fetch of its predecessor's are not taken for those of one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId {
    /// The cache that started it, see [`Cache::new`](super::Cache::new).
    pub incarnation: u64,
    /// Counts from 1.
    pub number: u64,
}

impl fmt::Display for FetchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.number)
    }
}

/// How much is known about a poem being whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It came in a frame with its length (netstring): all of it is there.
    Verified,
    /// It came raw, and the stream ended well. An upstream that ends its streams well when it crashes is believed.
    Unverified,
}

/// Why a fetch failed, which decides how wide and how long the hold-off is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection was made (refused, timed out, no such host). All keys of the upstream are held off.
    Unreachable,
    /// A connection broke: reset, idle time-out, end in mid-frame, bad frame. Only the key is held off, as it may be the
    /// request that breaks it: otherwise one client with such a request could shut all others out.
    Broken,
    /// An orderly end without one byte: the upstream has no poem for us. Remembered for `negative_ttl`, not doubled.
    Negative,
    /// The fetch's own process died, or broke the rules of [`Event`]. The key is held off.
    Crashed,
}

/// Why a fetch failed, in words. Cheap to clone: it is told to each waiter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// The kind of it.
    pub kind: FailureKind,
    /// The server's address and the cause.
    pub detail: Arc<str>,
}

impl Failure {
    /// Bytes of `detail` that are kept: 512, as failures are remembered.
    pub const MAX_DETAIL: usize = 512;

    /// A failure; a longer `detail` is cut at [`Self::MAX_DETAIL`] bytes (or just before, not to split a character).
    pub fn new(kind: FailureKind, detail: &str) -> Failure {
        let detail = &detail[..detail.floor_char_boundary(Self::MAX_DETAIL)];
        Failure { kind, detail: detail.into() }
    }
}

/// What happened. Reports of a fetch that is not under way (cancelled, finished, of another incarnation) change
/// nothing, so the actor can hand on every report and every death without looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody asks. If the same waiter already waits: for the same key, nothing changes; for another key, it leaves
    /// the first.
    Request {
        /// Who.
        waiter: WaiterId,
        /// For what.
        key: Key,
        /// What has to be sent to the upstream: the original of a transformed poem, otherwise empty.
        input: Bytes,
    },
    /// A waiter (or a follower of a stream) went away. One that does not wait: nothing happens.
    Left {
        /// Who.
        waiter: WaiterId,
    },
    /// A fetch got its poem to the end. An empty one is a [`FailureKind::Negative`] failure.
    Whole {
        /// Which.
        fetch: FetchId,
        /// The poem. Its buffer is what is kept, so it should not be a small part of a larger one.
        poem: Bytes,
        /// Whether its length was told.
        trust: Trust,
    },
    /// A fetch has more than `max_poem_bytes` and goes on. It must pause until it has carried out the
    /// [`Effect::Stream`]s that this causes, or the [`Effect::CancelFetch`].
    Oversize {
        /// Which.
        fetch: FetchId,
        /// All it has got.
        head: Bytes,
    },
    /// The stream of a fetch that was oversize ended well, and each follower has taken its last byte. Not before: if the
    /// fetch died in between, those who had not would take a part for the whole.
    StreamEnded {
        /// Which.
        fetch: FetchId,
    },
    /// A fetch failed, before its poem was whole or in mid stream.
    Failed {
        /// Which.
        fetch: FetchId,
        /// Why.
        failure: Failure,
    },
    /// The process of a fetch died. After its report, as each does in the end: nothing. Before: a failure.
    Died {
        /// Which.
        fetch: FetchId,
        /// The exit reason, in words.
        cause: String,
    },
    /// An operator wants something forgotten. Nothing that was asked from the upstream before this is kept or given to
    /// those who ask after it. Answered by [`Effect::Purged`].
    Purge(Purge),
    /// An operator wants a kept poem fetched anew, in the background, hold-off or not. Answered by
    /// [`Effect::Refreshing`].
    Refresh(Key),
    /// An operator wants to see what is kept. Answered by [`Effect::Listing`].
    List,
    /// The time of [`Cache::next_timer`](super::Cache::next_timer) has come. Too early or too late does no harm.
    Tick,
}

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// One key: its poem and its failure.
    Key(Key),
    /// All poems and all failures.
    All,
}

/// How an answer came about; one for each answer, for events, logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// A fresh poem from memory.
    Hit,
    /// Fetched for this one.
    Miss,
    /// Fetched for another one, for whom the fetch was already under way.
    Coalesced,
    /// From memory, past its ttl.
    Stale,
    /// Fetched for this one, while a poem too old to be served without an error was still held.
    Revalidated,
    /// A failure from memory: the upstream was not asked, as it failed, or had no poem, a moment ago.
    Negative,
    /// Passed through: too large to be kept.
    Passed,
    /// No poem: its fetch failed, or a bound was reached.
    Failed,
}

impl Label {
    /// All of them, in the order of their declaration.
    pub const ALL: [Label; 8] = [
        Label::Hit,
        Label::Miss,
        Label::Coalesced,
        Label::Stale,
        Label::Revalidated,
        Label::Negative,
        Label::Passed,
        Label::Failed,
    ];

    /// The word for logs and metrics, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Label::Hit => "hit",
            Label::Miss => "miss",
            Label::Coalesced => "coalesced",
            Label::Stale => "stale",
            Label::Revalidated => "revalidated",
            Label::Negative => "negative",
            Label::Passed => "passed",
            Label::Failed => "failed",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a waiter gets no poem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// The fetch it waited for failed.
    #[error("fetching the poem failed")]
    Fetch(#[source] Failure),
    /// A fetch failed a moment ago, and this request was not allowed to cause another one.
    #[error("fetching the poem failed a moment ago, the next try is in {retry_in:?} at the earliest")]
    Remembered {
        /// How it failed.
        #[source]
        failure: Failure,
        /// From now.
        retry_in: Duration,
    },
    /// `max_waiters_per_key` wait for this key.
    #[error("waiting for the poem: {max} clients wait for this one already")]
    TooManyWaitersForKey {
        /// The bound.
        max: usize,
    },
    /// `max_waiters` wait.
    #[error("waiting for the poem: {max} clients wait already")]
    TooManyWaiters {
        /// The bound.
        max: usize,
    },
    /// `max_fetches` are under way.
    #[error("fetching the poem: {max} fetches are under way already")]
    TooManyFetches {
        /// The bound.
        max: usize,
    },
    /// `max_wait` has passed.
    #[error("waiting for the poem: no end of it after {waited:?}")]
    WaitedTooLong {
        /// The bound.
        waited: Duration,
    },
}

/// Why a fetch is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchKind {
    /// Somebody waits for it. Cancelled when nobody does any more.
    Demand,
    /// In the background, for a poem that is kept. Goes on with nobody waiting, for `max_wait` at most.
    Refresh,
}

/// What is to be done, in the order given: a [`Effect::CancelFetch`] that comes before a [`Effect::StartFetch`] for
/// the same key must be carried out before it, or the upstream sees two connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this poem, then end well. The waiter waits no more.
    Answer {
        /// To whom.
        waiter: WaiterId,
        /// How it came about: `Hit`, `Miss`, `Coalesced`, `Stale`, `Revalidated` or `Passed`.
        label: Label,
        /// The whole poem.
        poem: Bytes,
        /// Whether it is known to be whole.
        trust: Trust,
    },
    /// End with a reset. The waiter waits no more.
    Fail {
        /// Whom.
        waiter: WaiterId,
        /// `Failed` or `Negative`.
        label: Label,
        /// Why.
        error: CacheError,
    },
    /// Follow a poem too large to be kept ([`Label::Passed`]): first `head`, then what the fetch hands on, through a
    /// [`Fanout`](super::Fanout). The waiter is a follower until one of the next two, or until it leaves.
    Stream {
        /// Who.
        waiter: WaiterId,
        /// What.
        fetch: FetchId,
        /// The poem's beginning; one buffer, shared by all followers.
        head: Bytes,
    },
    /// The stream is whole, and all of it has been taken: end well, once it is written.
    EndStream {
        /// Whose.
        waiter: WaiterId,
    },
    /// The stream broke: end with a reset.
    CutStream {
        /// Whose.
        waiter: WaiterId,
        /// Why.
        error: CacheError,
    },
    /// Start a process that fetches `key` and reports under this id.
    StartFetch {
        /// Its id.
        fetch: FetchId,
        /// What.
        key: Key,
        /// Why.
        kind: FetchKind,
        /// What to send to the upstream: the original of a transformed poem, otherwise empty.
        input: Bytes,
    },
    /// End this fetch and close its connection. Nobody waits for it; what it reports is ignored.
    CancelFetch {
        /// Which.
        fetch: FetchId,
        /// What it fetched, for the log.
        key: Key,
    },
    /// A poem is kept from now on (a fact, nothing to do).
    Stored {
        /// Under this key.
        key: Key,
        /// Its length.
        bytes: usize,
        /// Whether it is known to be whole.
        trust: Trust,
    },
    /// A poem is no longer kept (a fact, nothing to do).
    Dropped {
        /// Its key.
        key: Key,
        /// Why.
        reason: DropReason,
    },
    /// The answer to [`Event::Purge`].
    Purged {
        /// Poems that were dropped.
        poems: usize,
    },
    /// The answer to [`Event::Refresh`].
    Refreshing(RefreshReply),
    /// The answer to [`Event::List`], in the order of the keys; at most `max_entries`.
    Listing(Vec<Listed>),
}

/// Why a poem is no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The least recently used made room for a new one.
    Evicted,
    /// All its windows are over.
    Expired,
    /// A newer one took its place.
    Replaced,
    /// The upstream's poem has outgrown `max_poem_bytes`.
    Outgrown,
    /// An operator said so.
    Purged,
}

impl DropReason {
    /// The word for logs and metrics, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::Evicted => "evicted",
            DropReason::Expired => "expired",
            DropReason::Replaced => "replaced",
            DropReason::Outgrown => "outgrown",
            DropReason::Purged => "purged",
        }
    }
}

/// What became of an operator's wish to refresh a poem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshReply {
    /// A fetch was started.
    Started(FetchId),
    /// One is under way.
    Running(FetchId),
    /// No such poem is kept.
    NotKept,
    /// The key is a transformed poem's: its original is not kept, so nobody can ask for it again. It can be purged.
    NoOriginal,
    /// `max_fetches` are under way.
    Busy,
}

/// One poem that is kept, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Its length.
    pub bytes: usize,
    /// Whether it is known to be whole.
    pub trust: Trust,
    /// Since when it is kept.
    pub age: Duration,
    /// What is left of its ttl (after the jitter); zero if it is stale.
    pub ttl_left: Duration,
    /// In which window of its life it is.
    pub freshness: Freshness,
    /// How many answers it has given from memory.
    pub hits: u64,
    /// Whether a fetch for it is under way.
    pub fetching: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_cause_is_cut_before_it_is_remembered() {
        let failure = Failure::new(FailureKind::Broken, &"ü".repeat(1000));
        assert_eq!(failure.detail.len(), Failure::MAX_DETAIL);
        let failure = Failure::new(FailureKind::Broken, &format!("x{}", "ü".repeat(1000)));
        assert_eq!(failure.detail.len(), Failure::MAX_DETAIL - 1);
    }

    #[test]
    fn every_label_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Label::ALL.iter().map(|label| label.as_str()).collect();
        assert_eq!(words.len(), Label::ALL.len());
    }
}
