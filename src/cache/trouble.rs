//! What failed lately, and until when it is left alone.
//!
//! At most `max_entries` failures are remembered; the one that would be forgotten first makes room. Forgetting one too
//! early costs one attempt too many, no more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::config::CacheConfig;
use super::event::{Failure, FailureKind};
use super::key::Key;
use super::policy::share;

/// A failure remembered.
#[derive(Debug)]
pub(super) struct Trouble {
    /// No attempt before this.
    pub(super) until: Duration,
    pub(super) failure: Failure,
    /// In a row, negative answers not counted.
    failures: u32,
    /// From here on it is as if nothing had been.
    forget: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Troubles {
    by_key: BTreeMap<Key, Trouble>,
    by_end: BTreeSet<(Duration, Key)>,
}

impl Troubles {
    /// What holds a fetch of `key` off at `now`: its own trouble or its upstream's, whichever lasts longer.
    pub(super) fn holding_off(&self, key: &Key, now: Duration) -> Option<&Trouble> {
        let holds = |key: &Key| self.by_key.get(key).filter(|trouble| now < trouble.until);
        let upstream = match key {
            Key::Poem { .. } => None,
            Key::Transformed { .. } => holds(&key.of_upstream()),
        };
        holds(key).into_iter().chain(upstream).max_by_key(|trouble| trouble.until)
    }

    /// Notes a failed fetch of `key`.
    pub(super) fn note(
        &mut self,
        config: &CacheConfig,
        key: &Key,
        failure: Failure,
        now: Duration,
        rng: &mut fastrand::Rng,
    ) {
        self.forget_what_is_over(now);
        let key = match failure.kind {
            FailureKind::Unreachable => key.of_upstream(),
            FailureKind::Broken | FailureKind::Negative | FailureKind::Crashed => key.clone(),
        };
        let mut failures = self.take(&key).map_or(0, |trouble| trouble.failures);
        let mut hold = config.negative_ttl;
        if failure.kind != FailureKind::Negative {
            hold = hold_off(config, failures);
            failures = failures.saturating_add(1);
        }
        let until = now + hold + share(hold, config.hold_off_jitter, rng);
        let forget = if failures == 0 { until } else { until + config.hold_off_max };
        while self.by_key.len() >= config.max_entries {
            let Some((_, first)) = self.by_end.pop_first() else { break };
            self.by_key.remove(&first);
        }
        self.by_end.insert((forget, key.clone()));
        self.by_key.insert(key, Trouble { until, failure, failures, forget });
    }

    /// A fetch of `key` went well, so its upstream is well.
    pub(super) fn clear(&mut self, key: &Key) {
        self.forget(key);
        if let Key::Transformed { .. } = key {
            self.forget(&key.of_upstream());
        }
    }

    /// An operator wants this key tried again.
    pub(super) fn forget(&mut self, key: &Key) {
        self.take(key);
    }

    pub(super) fn forget_all(&mut self) {
        *self = Troubles::default();
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// For the model test, which has to be told what chance decided.
    #[cfg(test)]
    pub(super) fn until(&self, key: &Key) -> Option<Duration> {
        self.by_key.get(key).map(|trouble| trouble.until)
    }

    fn take(&mut self, key: &Key) -> Option<Trouble> {
        let trouble = self.by_key.remove(key)?;
        self.by_end.remove(&(trouble.forget, key.clone()));
        Some(trouble)
    }

    fn forget_what_is_over(&mut self, now: Duration) {
        while self.by_end.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, key)) = self.by_end.pop_first() {
                self.by_key.remove(&key);
            }
        }
    }
}

/// The hold-off after one more failure than `before`, without jitter: doubled each time, up to the maximum.
fn hold_off(config: &CacheConfig, before: u32) -> Duration {
    let factor = 1_u32.checked_shl(before).unwrap_or(u32::MAX);
    config.hold_off_min.saturating_mul(factor).min(config.hold_off_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn config() -> CacheConfig {
        let base = CacheConfig { hold_off_min: s(1), hold_off_max: s(10), ..CacheConfig::default() };
        CacheConfig { hold_off_jitter: 0, negative_ttl: s(3), max_entries: 3, ..base }
    }

    fn note(troubles: &mut Troubles, config: &CacheConfig, key: &Key, kind: FailureKind, now: Duration) {
        let mut rng = fastrand::Rng::with_seed(1);
        troubles.note(config, key, Failure::new(kind, "down"), now, &mut rng);
    }

    fn until(troubles: &Troubles, key: &Key, now: Duration) -> Option<Duration> {
        troubles.holding_off(key, now).map(|trouble| trouble.until)
    }

    #[test]
    fn each_failure_doubles_the_hold_off_up_to_its_maximum_and_quiet_starts_anew() {
        let (mut troubles, key, mut now) = (Troubles::default(), Key::poem("a"), s(0));
        let mut holds = Vec::new();
        for _ in 0..6 {
            note(&mut troubles, &config(), &key, FailureKind::Broken, now);
            let end = until(&troubles, &key, now).unwrap();
            assert_eq!(until(&troubles, &key, end), None, "over at its end");
            holds.push((end - now).as_secs());
            now = end;
        }
        assert_eq!(holds, [1, 2, 4, 8, 10, 10]);
        now += s(10);
        note(&mut troubles, &config(), &key, FailureKind::Broken, now);
        assert_eq!(
            until(&troubles, &key, now),
            Some(now + s(1)),
            "after a quiet time the doubling starts anew"
        );
        assert_eq!(hold_off(&config(), 40), s(10), "no overflow, however often it fails");
        assert_eq!(hold_off(&config(), u32::MAX), s(10));
    }

    #[test]
    fn the_jitter_only_lengthens_the_hold_off() {
        let config = CacheConfig { hold_off_jitter: 20, ..config() };
        let (mut rng, key) = (fastrand::Rng::with_seed(3), Key::poem("a"));
        let holds: Vec<_> = (0..500)
            .map(|_| {
                let mut troubles = Troubles::default();
                let failure = Failure::new(FailureKind::Broken, "");
                troubles.note(&config, &key, failure, s(0), &mut rng);
                until(&troubles, &key, s(0)).unwrap()
            })
            .collect();
        let most = Duration::from_millis(1200);
        assert!(holds.iter().all(|hold| (s(1)..=most).contains(hold)));
        assert!(holds.iter().any(|hold| *hold > Duration::from_millis(1150)), "it does spread");
    }

    #[test]
    fn an_unreachable_upstream_holds_all_its_keys_off_and_a_broken_connection_only_its_own() {
        let one = Key::transformed("t", "shout", b"1").unwrap();
        let two = Key::transformed("t", "shout", b"2").unwrap();
        let mut troubles = Troubles::default();
        note(&mut troubles, &config(), &one, FailureKind::Broken, s(0));
        assert!(until(&troubles, &one, s(0)).is_some() && until(&troubles, &two, s(0)).is_none());
        note(&mut troubles, &config(), &one, FailureKind::Unreachable, s(0));
        note(&mut troubles, &config(), &one, FailureKind::Unreachable, s(0));
        assert_eq!(until(&troubles, &two, s(0)), Some(s(2)));
        assert_eq!(until(&troubles, &one, s(0)), Some(s(2)), "whichever lasts longer");
        troubles.clear(&two);
        assert!(until(&troubles, &two, s(0)).is_none(), "a fetch that went well clears its upstream");
        assert!(until(&troubles, &one, s(0)).is_some(), "and not another key");
    }

    #[test]
    fn a_negative_answer_has_a_life_of_its_own_and_is_not_doubled() {
        let (mut troubles, key) = (Troubles::default(), Key::poem("a"));
        for now in [s(0), s(3), s(6)] {
            note(&mut troubles, &config(), &key, FailureKind::Negative, now);
            assert_eq!(until(&troubles, &key, now), Some(now + s(3)));
        }
        note(&mut troubles, &config(), &key, FailureKind::Broken, s(9));
        assert_eq!(until(&troubles, &key, s(9)), Some(s(10)), "negative answers are no failures in a row");
    }

    #[test]
    fn failures_are_bounded_and_the_one_nearest_to_its_end_goes_first() {
        let mut troubles = Troubles::default();
        for (name, now) in [("b", 2), ("a", 1), ("c", 3), ("d", 4)] {
            note(&mut troubles, &config(), &Key::poem(name), FailureKind::Negative, s(now));
        }
        assert_eq!((troubles.len(), troubles.by_end.len()), (3, 3));
        assert!(until(&troubles, &Key::poem("a"), s(3)).is_none());
        note(&mut troubles, &config(), &Key::poem("e"), FailureKind::Negative, s(100));
        assert_eq!((troubles.len(), troubles.by_end.len()), (1, 1), "what is over goes with the next note");
    }
}
