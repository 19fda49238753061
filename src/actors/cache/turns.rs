//! Whose turn it is with an upstream: one connection a key, also while a fetch that was cancelled still closes its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use crate::cache::Key;

/// A lock a key, held by the process of a fetch for as long as it may have a connection, and so freed by its end,
/// whatever that is.
///
/// Kept as long as somebody holds it or waits for it: at most one for each process of a fetch.
#[derive(Debug, Default)]
pub(super) struct Turns(BTreeMap<Key, Weak<Mutex<()>>>);

impl Turns {
    /// The lock of a key. O(fetches): those nobody needs any more are dropped.
    pub(super) fn of(&mut self, key: &Key) -> Arc<Mutex<()>> {
        self.0.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = self.0.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        self.0.insert(key.clone(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_turn_as_long_as_somebody_needs_it() {
        let mut turns = Turns::default();
        let (one, other) = (turns.of(&Key::poem("a")), turns.of(&Key::poem("b")));
        assert!(Arc::ptr_eq(&one, &turns.of(&Key::poem("a"))) && !Arc::ptr_eq(&one, &other));
        drop((one, other));
        let _new = turns.of(&Key::poem("c"));
        assert_eq!(turns.0.len(), 1, "nothing is kept for a key that is not fetched");
    }
}
