//! The core of the caching proxy: what is held, who waits, what is fetched, and what each of them is told.
//!
//! A pure state machine, `(state, event, now) -> effects`: no socket, no clock, no actor, no task. The cache actor owns a
//! [`Cache`], feeds it [`Event`]s and carries out its [`Effect`]s in the order given; `now` is the time since the
//! node's start and chance comes from a generator passed in, so the same events give the same effects.
//!
//! | module | noun |
//! |---|---|
//! | `config` | every bound: default, unit, reason |
//! | `key` | what a poem is kept under |
//! | `digest` | SHA-256, for the keys of the transformation proxy |
//! | `event` | what happens, and what is to be done about it |
//! | `policy` | the windows of a poem's life and the one decision about a request, as a pure function |
//! | `store` | the poems, least recently used first |
//! | `trouble` | what failed lately, and how long to leave it alone |
//! | `flight` | a fetch under way and the two lines of those who wait for it |
//! | `machine` | the state machine: requests, departures, deadlines |
//! | `landing` | the ends of a fetch: whole, too large, failed |
//! | `operator` | list, purge, refresh |
//! | `fanout` | one stream for many followers, when a poem is too large to be held |
//!
//! What never happens here, by construction or by test: two fetches for one key; a poem handed out before it is
//! whole; a truncated, failed, empty or oversize poem kept; a waiter without exactly one end (answer, failure, end or
//! cut of its stream, or its own leaving); a bound exceeded, if only between two events.

mod config;
mod digest;
mod event;
mod fanout;
mod flight;
mod key;
mod landing;
mod machine;
mod operator;
mod policy;
mod store;
mod trouble;

#[cfg(test)]
mod model;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod model_words;
#[cfg(test)]
mod tests;

pub use self::config::{CacheConfig, ConfigError};
pub use self::digest::Digest;
pub use self::event::{
    CacheError, DropReason, Effect, Event, Failure, FailureKind, FetchId, FetchKind, Label, Listed, Purge,
    RefreshReply, Trust, WaiterId,
};
pub use self::fanout::{Fanout, Taken};
pub use self::key::{Key, KeyError, MAX_TRANSFORM_NAME};
pub use self::machine::{Cache, Counts};
pub use self::policy::{Boarding, Freshness, Load, Situation, Verdict, Windows, decide};
