//! What operators ask of the cache: list, purge, refresh.

use std::time::Duration;

use bytes::Bytes;

use super::event::{DropReason, Effect, FetchKind, Listed, Purge, RefreshReply};
use super::flight::Line;
use super::key::Key;
use super::machine::Cache;
use super::policy::Freshness;

impl Cache {
    /// What is kept and could still be served at `now`, in the order of the keys. O(n); at most `max_entries`.
    pub fn list(&self, now: Duration) -> Vec<Listed> {
        let now = now.max(self.now());
        let listed = self.store.iter().map(|(key, kept)| Listed {
            key: key.clone(),
            bytes: kept.poem.len(),
            trust: kept.trust,
            age: now.saturating_sub(kept.since),
            ttl_left: kept.windows.fresh.saturating_sub(now),
            freshness: kept.windows.at(now),
            hits: kept.hits,
            fetching: self.flights.contains_key(key),
        });
        listed.filter(|listed| listed.freshness != Freshness::Dead).collect()
    }

    pub(super) fn purge(&mut self, what: Purge, out: &mut Vec<Effect>) {
        let (poems, keys) = match what {
            Purge::Key(key) => {
                self.troubles.forget(&key);
                (usize::from(self.drop_poem(&key, DropReason::Purged, out)), vec![key])
            }
            Purge::All => {
                self.troubles.forget_all();
                let poems = self.store.clear();
                let count = poems.len();
                let dropped = |key| Effect::Dropped { key, reason: DropReason::Purged };
                out.extend(poems.into_iter().map(dropped));
                (count, self.flights.keys().cloned().collect())
            }
        };
        for key in keys {
            if let Some(flight) = self.flights.get_mut(&key) {
                flight.keep = false;
                self.cancel_if_unwanted(&key, out);
            }
        }
        out.push(Effect::Purged { poems });
    }

    pub(super) fn refresh(&mut self, key: Key, out: &mut Vec<Effect>) {
        let held = self.store.get(&key).is_some_and(|kept| kept.windows.at(self.now()) != Freshness::Dead);
        let reply = if let Some(flight) = self.flights.get(&key) {
            RefreshReply::Running(flight.id)
        } else if !held {
            RefreshReply::NotKept
        } else if let Key::Transformed { .. } = key {
            RefreshReply::NoOriginal
        } else if self.flights.len() >= self.config.max_fetches {
            RefreshReply::Busy
        } else {
            let fetch = self.start(key, FetchKind::Refresh, Line::new(), Bytes::new(), out);
            RefreshReply::Started(fetch)
        };
        out.push(Effect::Refreshing(reply));
    }
}
