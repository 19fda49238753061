//! What the admin port says, as it stands in its JSON. Fields may be added; a reader skips those it does not know.

use serde::{Deserialize, Serialize};

use crate::ops::Phase;

/// `GET /ready`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// Whether it takes new connections, on all its listeners.
    pub ready: bool,
    /// Where it is in its life.
    pub phase: Phase,
    /// Since its start.
    pub uptime_seconds: f64,
    /// What listens where.
    pub listeners: Vec<ListenerView>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerView {
    /// Of which service.
    pub service: String,
    /// Where.
    pub address: String,
    /// Whether its process runs; between two lives of it, clients wait in the backlog.
    pub up: bool,
}

/// `GET /live`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Whether the root supervisor has answered.
    pub live: bool,
}

/// `GET /tree`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// The node's name.
    pub node: String,
    /// Since its start.
    pub uptime_seconds: f64,
    /// The last warnings and errors, the oldest first; at most 12.
    pub troubles: Vec<String>,
    /// The root, with all that is below it.
    pub tree: ProcessView,
}

/// A place in the tree, and whoever is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessView {
    /// Its id among its siblings. The children of a dynamic supervisor may all have the same.
    pub name: String,
    /// The ids from the root's child on, with `/` between them; the root's own for the root.
    pub path: String,
    /// `supervisor` or `worker`.
    pub kind: String,
    /// `permanent`, `transient` or `temporary`.
    pub restart: String,
    /// Who it is now.
    pub pid: Option<String>,
    /// `running` or `not running`.
    pub state: String,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it ended the last time.
    pub last_reason: Option<String>,
    /// Messages that wait in its mailbox.
    pub mailbox: usize,
    /// Messages it has handled in this life.
    pub handled: u64,
    /// Its children: those of a static supervisor in the order of their starts, those of a dynamic one by age.
    pub children: Vec<Self>,
    /// How many more children it has, of which nothing is told: at most 1,000 of one supervisor are.
    #[serde(default)]
    pub left_out: usize,
}

impl ProcessView {
    /// All places from this one down, this one first.
    pub fn all(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        Box::new(std::iter::once(self).chain(self.children.iter().flat_map(Self::all)))
    }
}

/// `GET /cache`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caches {
    /// The cache of each proxy, in the order of the configuration.
    pub caches: Vec<CacheView>,
}

/// The cache of one proxy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheView {
    /// The branch it is in: `proxy`, `proxy-2`.
    pub proxy: String,
    /// What it holds, in the order of the keys.
    pub poems: Vec<PoemView>,
    /// Why it did not say what it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A poem that a cache holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoemView {
    /// What it is kept under: its upstream, and for a transformed one the transform and the digest of the original.
    pub key: String,
    /// Its length.
    pub bytes: usize,
    /// `fresh`, `stale` and so on.
    pub freshness: String,
    /// Since when it is kept.
    pub age_seconds: f64,
    /// How much longer it is fresh.
    pub ttl_left_seconds: f64,
    /// How often it was answered from memory.
    pub hits: u64,
    /// Whether it is being fetched anew.
    pub fetching: bool,
}

/// What `POST /kill` is told: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KillOrder {
    /// A place in the tree, as [`ProcessView::path`] has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A process, as [`ProcessView::pid`] has it, with or without its angle brackets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<String>,
}

/// What `POST /kill` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Killed {
    /// The place.
    pub path: String,
    /// Who was there.
    pub pid: String,
    /// When whoever is there is restarted: `permanent`, `transient` or `temporary`.
    pub restart: String,
    /// Whether it is known to have ended. One whose turn does not end lives until it does.
    pub ended: bool,
}

/// What `POST /drain` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrainView {
    /// Where the node is in its life now.
    pub phase: Phase,
    /// How long connections may take to finish.
    pub drain_seconds: f64,
}

/// What `POST /cache/purge` and `POST /cache/refresh` are told; nothing at all is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheOrder {
    /// Only in the cache of this branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Only the poem of this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What `POST /cache/purge` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// How many poems were dropped.
    pub purged: usize,
}

/// What `POST /cache/refresh` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refreshes {
    /// What became of each poem, in the order of caches and keys.
    pub refreshes: Vec<RefreshView>,
}

/// What became of the wish to fetch a poem anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshView {
    /// In the cache of which branch.
    pub proxy: String,
    /// Which poem.
    pub key: String,
    /// Whether it is being fetched.
    pub fetching: bool,
    /// In words: `started`, `running already`, or why not.
    pub outcome: String,
}

/// Every answer that is a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why, in one line.
    pub error: String,
}
