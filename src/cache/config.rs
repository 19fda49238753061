//! Every bound of the cache: default, unit, reason.

use std::time::Duration;

/// The longest duration a window may have: 366 days. Longer ones are typing errors, and sums of them stay far from
/// the end of [`Duration`].
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// What a poem costs beside its own bytes and its key: the entry, two map nodes, the header of the shared buffer.
/// Counted, so that a million one-line poems do not slip under a bound on bytes.
pub(super) const ENTRY_OVERHEAD: usize = 256;

/// The policy and the bounds of one cache. Plain data; [`CacheConfig::validate`] says what may not be.
///
/// Memory at worst: `max_bytes` for poems kept, `max_fetches` times `max_poem_bytes` for poems on their way (twice that
/// for those that turn out too large, see [`Fanout`](super::Fanout), and 256 KiB at least; as much as the node's
/// longest poem for clients that want netstrings, where each is held until its length is known), and about 300 bytes a
/// waiter. A poem that was dropped or replaced also lives on until the last connection that is still writing it has
/// ended; the connection limit bounds those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// How long a poem is fresh. Default 2 h, as in the series; 0: each request asks the upstream (still one fetch for
    /// all who wait, and a stale poem if the windows below allow it). At most 366 days.
    pub ttl: Duration,
    /// How much shorter, by chance, the ttl of a poem may be, in percent of it, 0..=100. Default 5: poems fetched in the
    /// same moment must not all expire in the same moment. Never longer, so that `ttl` is a promise.
    pub ttl_jitter: u8,
    /// How long after its ttl a poem is still served at once while one refresh runs in the background. Default 10 min:
    /// nobody waits for the refresh of a poem that is asked for at least that often. 0: off. At most 366 days.
    pub stale_while_revalidate: Duration,
    /// How long after that it is served if the upstream cannot be had. Default 24 h: a node survives a night without its
    /// upstream. 0: off. At most 366 days.
    pub stale_if_error: Duration,
    /// After a failed fetch the upstream is left alone for this long; doubled with each further failure. Default 500 ms:
    /// a person who tries again gets a new attempt, a loop does not. Above zero, at most `hold_off_max`.
    pub hold_off_min: Duration,
    /// Where the doubling ends. Default 30 s: what an upstream that has come back is waited for at most. Also the quiet
    /// time after which the doubling starts anew. At most 366 days.
    pub hold_off_max: Duration,
    /// How much longer, by chance, a hold-off (or a negative answer) may last, in percent of it, 0..=100. Default 20:
    /// proxies that lost the same upstream must not all come back in the same moment. Never shorter.
    pub hold_off_jitter: u8,
    /// How long the answer "there is no poem" (an orderly end without one byte) is remembered. Default 5 s: the upstream
    /// is well and its answer may change, so it is asked again sooner than a long failing one, and without doubling.
    /// 0: not at all. At most 366 days.
    pub negative_ttl: Duration,
    /// Bytes of all poems kept, with their keys and an overhead of 256 bytes each. Default 256 MiB. At least one poem
    /// of `max_poem_bytes` must fit.
    pub max_bytes: usize,
    /// Poems kept; the same number of failures is remembered at most. Default 10,000: bounds a listing, too. Above zero.
    pub max_entries: usize,
    /// Bytes of one poem; a longer one is passed through and not kept. Default 16 MiB: a poem is held whole before the
    /// first byte of it is sent, so this is what each fetch may occupy. Above zero.
    pub max_poem_bytes: usize,
    /// Fetches under way at once, background refreshes included. Default 64: each may hold `max_poem_bytes`. Above zero.
    pub max_fetches: usize,
    /// Clients that wait for one key. Default 65,536: more than one address has ports for. Above zero.
    pub max_waiters_per_key: usize,
    /// Clients that wait, for all keys. Default 131,072: the connection limit is met first on most machines; this one
    /// holds where it is not. At least `max_waiters_per_key`.
    pub max_waiters: usize,
    /// How long a client waits for a fetch before it is told that it failed, and how long a background refresh may take.
    /// Default 30 min: a fetch may be slow (the series' slowest takes five minutes) but an upstream that trickles must
    /// not hold clients for ever. Does not count once a poem too large to be kept streams. Above zero, at most 366 days.
    pub max_wait: Duration,
    /// How long the followers of a streamed poem may take for what is left of it once the upstream has sent its end; those
    /// who are not done then are reset. Default 5 min: 16 MiB at 56 kB/s. The fetch occupies its place that long, and who
    /// came too late for the stream waits for the next one. Carried out by the fetch. Above zero, at most 366 days.
    pub max_drain: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        CacheConfig {
            ttl: Duration::from_hours(2),
            ttl_jitter: 5,
            stale_while_revalidate: Duration::from_mins(10),
            stale_if_error: Duration::from_hours(24),
            hold_off_min: Duration::from_millis(500),
            hold_off_max: Duration::from_secs(30),
            hold_off_jitter: 20,
            negative_ttl: Duration::from_secs(5),
            max_bytes: 256 << 20,
            max_entries: 10_000,
            max_poem_bytes: 16 << 20,
            max_fetches: 64,
            max_waiters_per_key: 65_536,
            max_waiters: 131_072,
            max_wait: Duration::from_mins(30),
            max_drain: Duration::from_mins(5),
        }
    }
}

/// What is wrong with a [`CacheConfig`]. Names the key, so that a config file's error can name its line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A bound of zero would let nothing through.
    #[error("checking the cache's config: `{key}` is 0, it must be more")]
    Zero {
        /// The key.
        key: &'static str,
    },
    /// A percentage over 100.
    #[error("checking the cache's config: `{key}` is {value} percent, at most 100 are allowed")]
    Percent {
        /// The key.
        key: &'static str,
        /// What it was.
        value: u8,
    },
    /// A duration over 366 days.
    #[error("checking the cache's config: `{key}` is {value:?}, at most {LONGEST:?} (366 days) are allowed")]
    TooLong {
        /// The key.
        key: &'static str,
        /// What it was.
        value: Duration,
    },
    /// One bound is below another that it has to contain.
    #[error("checking the cache's config: `{key}` must be at least {least}, because of `{because_of}`")]
    TooSmall {
        /// The key.
        key: &'static str,
        /// The other key.
        because_of: &'static str,
        /// The least value, with its unit.
        least: String,
    },
}

impl ConfigError {
    /// The key that is refused, as it is called in a config file.
    pub fn key(&self) -> &'static str {
        match self {
            ConfigError::Zero { key }
            | ConfigError::Percent { key, .. }
            | ConfigError::TooLong { key, .. }
            | ConfigError::TooSmall { key, .. } => key,
        }
    }
}

impl CacheConfig {
    /// The first thing that is wrong, if any.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (key, value) in [("ttl_jitter", self.ttl_jitter), ("hold_off_jitter", self.hold_off_jitter)] {
            if value > 100 {
                return Err(ConfigError::Percent { key, value });
            }
        }
        for (key, value) in [
            ("ttl", self.ttl),
            ("stale_while_revalidate", self.stale_while_revalidate),
            ("stale_if_error", self.stale_if_error),
            ("hold_off_min", self.hold_off_min),
            ("hold_off_max", self.hold_off_max),
            ("negative_ttl", self.negative_ttl),
            ("max_wait", self.max_wait),
            ("max_drain", self.max_drain),
        ] {
            if value > LONGEST {
                return Err(ConfigError::TooLong { key, value });
            }
        }
        for (key, zero) in [
            ("hold_off_min", self.hold_off_min.is_zero()),
            ("max_wait", self.max_wait.is_zero()),
            ("max_entries", self.max_entries == 0),
            ("max_poem_bytes", self.max_poem_bytes == 0),
            ("max_fetches", self.max_fetches == 0),
            ("max_waiters_per_key", self.max_waiters_per_key == 0),
            ("max_drain", self.max_drain.is_zero()),
        ] {
            if zero {
                return Err(ConfigError::Zero { key });
            }
        }
        let too_small = |key, because_of, least| Err(ConfigError::TooSmall { key, because_of, least });
        if self.hold_off_max < self.hold_off_min {
            return too_small("hold_off_max", "hold_off_min", format!("{:?}", self.hold_off_min));
        }
        if self.max_waiters < self.max_waiters_per_key {
            return too_small("max_waiters", "max_waiters_per_key", self.max_waiters_per_key.to_string());
        }
        // A poem within its own bound that could never be kept would be fetched for each request, silently.
        let least = self.max_poem_bytes.saturating_add(LARGEST_KEY + ENTRY_OVERHEAD);
        if self.max_bytes < least {
            return too_small("max_bytes", "max_poem_bytes", format!("{least} bytes"));
        }
        Ok(())
    }
}

/// Room for any key: the name of a transform and an upstream's of up to 1 KiB.
const LARGEST_KEY: usize = super::key::MAX_TRANSFORM_NAME + 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_keep_a_poem_for_two_hours_as_the_series_asks() {
        let config = CacheConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.ttl, Duration::from_secs(7200));
    }

    #[test]
    fn each_value_that_makes_no_sense_is_refused_by_the_name_of_its_key() {
        type Change = fn(&mut CacheConfig);
        let cases: [(&str, Change); 15] = [
            ("ttl_jitter", |c| c.ttl_jitter = 101),
            ("hold_off_jitter", |c| c.hold_off_jitter = 255),
            ("ttl", |c| c.ttl = Duration::MAX),
            ("stale_while_revalidate", |c| c.stale_while_revalidate = LONGEST + Duration::from_nanos(1)),
            ("stale_if_error", |c| c.stale_if_error = Duration::MAX),
            ("negative_ttl", |c| c.negative_ttl = Duration::MAX),
            ("hold_off_min", |c| c.hold_off_min = Duration::ZERO),
            ("hold_off_max", |c| c.hold_off_max = c.hold_off_min / 2),
            ("max_wait", |c| c.max_wait = Duration::ZERO),
            ("max_entries", |c| c.max_entries = 0),
            ("max_poem_bytes", |c| c.max_poem_bytes = 0),
            ("max_bytes", |c| c.max_bytes = c.max_poem_bytes),
            ("max_fetches", |c| c.max_fetches = 0),
            ("max_waiters", |c| c.max_waiters = c.max_waiters_per_key - 1),
            ("max_drain", |c| c.max_drain = Duration::ZERO),
        ];
        for (expected, change) in cases {
            let mut config = CacheConfig::default();
            change(&mut config);
            let error = config.validate().expect_err(expected);
            assert_eq!(error.key(), expected, "{error}");
            assert!(error.to_string().contains(&format!("`{expected}`")), "{error}");
        }
    }
}
