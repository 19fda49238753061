//! The poems kept, least recently used first.
//!
//! Bytes and entries are bounded; each insert makes its room at once, so the bounds hold between any two events.
//! Every operation is O(log n) a poem it touches.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::config::{CacheConfig, ENTRY_OVERHEAD};
use super::event::{DropReason, Trust};
use super::key::Key;
use super::policy::Windows;

/// One poem kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) poem: Bytes,
    pub(super) trust: Trust,
    pub(super) windows: Windows,
    pub(super) since: Duration,
    pub(super) hits: u64,
    last_use: u64,
}

impl Kept {
    pub(super) fn new(poem: Bytes, trust: Trust, windows: Windows, since: Duration) -> Kept {
        Kept { poem, trust, windows, since, hits: 0, last_use: 0 }
    }
}

#[derive(Debug, Default)]
pub(super) struct Store {
    poems: BTreeMap<Key, Kept>,
    /// The same keys by the number of their last use: the first is the least recently used.
    by_use: BTreeMap<u64, Key>,
    uses: u64,
    bytes: usize,
}

impl Store {
    pub(super) fn get(&self, key: &Key) -> Option<&Kept> {
        self.poems.get(key)
    }

    /// The poem, counted as served from memory and as most recently used.
    pub(super) fn serve(&mut self, key: &Key) -> Option<&Kept> {
        let kept = self.poems.get_mut(key)?;
        kept.hits += 1;
        self.uses += 1;
        let name = self.by_use.remove(&kept.last_use).unwrap_or_else(|| key.clone());
        self.by_use.insert(self.uses, name);
        kept.last_use = self.uses;
        Some(kept)
    }

    /// Keeps a poem, in place of an older one, and drops the least recently used until it fits. Calls `dropped` for each
    /// that goes. False, and nothing has changed but that the older one is gone, if it could not fit at all.
    pub(super) fn insert(
        &mut self,
        config: &CacheConfig,
        key: Key,
        mut kept: Kept,
        mut dropped: impl FnMut(Key, DropReason),
    ) -> bool {
        if self.remove(&key) {
            dropped(key.clone(), DropReason::Replaced);
        }
        let weight = weight(&key, &kept);
        if weight > config.max_bytes {
            return false;
        }
        while self.poems.len() >= config.max_entries || self.bytes > config.max_bytes - weight {
            let Some((_, oldest)) = self.by_use.first_key_value() else { break };
            let oldest = oldest.clone();
            self.remove(&oldest);
            dropped(oldest, DropReason::Evicted);
        }
        self.uses += 1;
        kept.last_use = self.uses;
        self.by_use.insert(self.uses, key.clone());
        self.bytes += weight;
        self.poems.insert(key, kept);
        true
    }

    /// Whether there was one.
    pub(super) fn remove(&mut self, key: &Key) -> bool {
        let Some(kept) = self.poems.remove(key) else { return false };
        self.by_use.remove(&kept.last_use);
        self.bytes -= weight(key, &kept);
        true
    }

    /// Forgets all; their keys in order.
    pub(super) fn clear(&mut self) -> Vec<Key> {
        let poems = std::mem::take(&mut self.poems);
        self.by_use.clear();
        self.bytes = 0;
        poems.into_keys().collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Kept)> {
        self.poems.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.poems.len()
    }

    /// With keys and overhead.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn weight(key: &Key, kept: &Kept) -> usize {
    kept.poem.len() + key.weight() + ENTRY_OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::poem(name)
    }

    fn kept(bytes: usize) -> Kept {
        let windows = Windows { fresh: Duration::MAX, refresh: Duration::MAX, error: Duration::MAX };
        Kept::new(Bytes::from(vec![b'x'; bytes]), Trust::Verified, windows, Duration::ZERO)
    }

    fn insert(store: &mut Store, config: &CacheConfig, name: &str, bytes: usize) -> Vec<(Key, DropReason)> {
        let mut gone = Vec::new();
        assert!(store.insert(config, key(name), kept(bytes), |key, why| gone.push((key, why))));
        gone
    }

    #[test]
    fn the_least_recently_used_goes_first_and_at_the_very_insert() {
        let config = CacheConfig { max_entries: 2, ..CacheConfig::default() };
        let mut store = Store::default();
        assert_eq!(insert(&mut store, &config, "a", 1), []);
        assert_eq!(insert(&mut store, &config, "b", 1), []);
        store.serve(&key("a")).unwrap();
        assert_eq!(insert(&mut store, &config, "c", 1), [(key("b"), DropReason::Evicted)]);
        assert_eq!(insert(&mut store, &config, "a", 2), [(key("a"), DropReason::Replaced)]);
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn a_heavy_poem_drives_out_as_many_light_ones_as_it_needs_and_no_more() {
        let one = weight(&key("a"), &kept(100));
        let config = CacheConfig { max_bytes: 4 * one, ..CacheConfig::default() };
        let mut store = Store::default();
        for name in ["a", "b", "c", "d"] {
            assert_eq!(insert(&mut store, &config, name, 100), []);
        }
        let gone = insert(&mut store, &config, "e", 100 + one);
        assert_eq!(gone, [(key("a"), DropReason::Evicted), (key("b"), DropReason::Evicted)]);
        assert_eq!(store.bytes(), 4 * one);
        for name in ["c", "d", "e"] {
            assert!(store.remove(&key(name)));
        }
        assert_eq!(store.bytes(), 0, "what is added is taken off again");
    }

    #[test]
    fn a_poem_that_can_never_fit_drives_nobody_out() {
        let config = CacheConfig { max_bytes: 1000, ..CacheConfig::default() };
        let mut store = Store::default();
        insert(&mut store, &config, "a", 1);
        assert!(!store.insert(&config, key("b"), kept(1000), |_, _| panic!("nobody has to go")));
        assert_eq!(store.len(), 1);
    }
}
