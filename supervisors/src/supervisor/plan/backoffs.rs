//! Children that wait before they are restarted, and how often each was restarted of late.

use std::collections::BTreeMap;
use std::time::Duration;

use super::slab::Key;
use crate::supervisor::spec::ChildPolicy;

/// Only of children that have a backoff and have been restarted; nothing for all others.
#[derive(Clone, Debug)]
pub(super) struct Backoffs {
    random: fastrand::Rng,
    children: BTreeMap<Key, Child>,
    next: u64,
}

#[derive(Clone, Debug, Default)]
struct Child {
    /// Restarts since its last healthy run.
    restarts: u32,
    /// When its start was tried last.
    tried: Duration,
    waits: Option<Wait>,
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    /// No other wait has it, so that what was meant for an earlier one is known to be late.
    number: u64,
    due: Duration,
}

/// A pause that was decided on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pause {
    pub(super) delay: Duration,
    due: Duration,
}

impl Backoffs {
    pub(super) fn new() -> Self {
        Self { random: fastrand::Rng::with_seed(0), children: BTreeMap::new(), next: 0 }
    }

    /// Takes its chance from this seed from now on.
    pub(super) fn seed(&mut self, seed: u64) {
        self.random = fastrand::Rng::with_seed(seed);
    }

    /// How long a child is to wait whose restart is decided `now`, if at all; `ended` says that it ran until now.
    pub(super) fn pause(
        &mut self,
        key: Key,
        policy: &ChildPolicy,
        ended: bool,
        now: Duration,
    ) -> Option<Pause> {
        let backoff = policy.backoff.as_deref()?;
        let child = self.children.entry(key).or_default();
        if ended && now.saturating_sub(child.tried) >= backoff.reset_after {
            child.restarts = 0;
        }
        let delay = backoff.delay(child.restarts, &mut self.random);
        child.restarts = child.restarts.saturating_add(1);
        (!delay.is_zero()).then(|| Pause { delay, due: now.saturating_add(delay) })
    }

    /// The child begins to wait; the number of this wait.
    pub(super) fn wait(&mut self, key: Key, pause: Pause) -> u64 {
        self.next += 1;
        let wait = Wait { number: self.next, due: pause.due };
        self.children.entry(key).or_default().waits = Some(wait);
        wait.number
    }

    /// Whether the wait with this number is the child's, and so is over `now`.
    pub(super) fn is_over(&mut self, key: Key, number: u64, now: Duration) -> bool {
        let Some(child) = self.children.get_mut(&key) else { return false };
        if child.waits.is_none_or(|wait| wait.number != number) {
            return false;
        }
        child.waits = None;
        child.tried = now;
        true
    }

    /// When the child's wait is over, if it waits.
    pub(super) fn due(&self, key: Key) -> Option<Duration> {
        Some(self.children.get(&key)?.waits?.due)
    }

    /// The child no longer waits; whether it did.
    pub(super) fn cancel(&mut self, key: Key) -> bool {
        self.children.get_mut(&key).is_some_and(|child| child.waits.take().is_some())
    }

    /// What comes is a new beginning, or nothing.
    pub(super) fn forget(&mut self, key: Key) {
        self.children.remove(&key);
    }

    /// How often the child was restarted since its last healthy run.
    #[cfg(test)]
    pub(super) fn restarts(&self, key: Key) -> u32 {
        self.children.get(&key).map_or(0, |child| child.restarts)
    }
}
