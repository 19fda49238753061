//! The words in which the model test speaks of the cache: what happens, and what must come of it. Plain numbers.

use std::collections::BTreeMap;

/// Keys 0, 1, 2 are poems of upstreams 0, 1, 2; keys 4, 5, 6 are three transforms of upstream 3.
pub(super) const KEYS: [u8; 6] = [0, 1, 2, 4, 5, 6];

/// The upstream of a key.
pub(super) fn upstream(key: u8) -> u8 {
    key.min(3)
}

#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) ttl: u64,
    pub(super) ttl_jitter: u64,
    pub(super) refresh: u64,
    pub(super) error: u64,
    pub(super) hold_min: u64,
    pub(super) hold_max: u64,
    pub(super) hold_jitter: u64,
    pub(super) negative: u64,
    pub(super) max_bytes: usize,
    pub(super) max_entries: usize,
    pub(super) max_poem: usize,
    pub(super) max_fetches: usize,
    pub(super) max_for_key: usize,
    pub(super) max_waiters: usize,
    pub(super) max_wait: u64,
    /// What each key costs beside its poem.
    pub(super) overhead: BTreeMap<u8, usize>,
}

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happens {
    Asks { who: u64, key: u8 },
    Leaves { who: u64 },
    Whole { fetch: u64, poem: u64, size: usize },
    Oversize { fetch: u64, poem: u64 },
    Ended { fetch: u64 },
    Failed { fetch: u64, kind: Kind },
    Purge { key: Option<u8> },
    Refresh { key: u8 },
    Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unreachable,
    Broken,
    Negative,
}

/// What must come of it, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Poem { who: u64, label: &'static str, poem: u64 },
    Fail { who: u64, why: &'static str },
    Head { who: u64, poem: u64 },
    End { who: u64 },
    Cut { who: u64 },
    Start { fetch: u64, key: u8, background: bool },
    Cancel { fetch: u64 },
    Stored { key: u8 },
    Dropped { key: u8, why: &'static str },
    Purged { poems: usize },
    Refreshing { reply: &'static str },
}
