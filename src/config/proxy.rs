//! `[[proxy]]`: a caching proxy, its upstream, its port and the bounds of its cache.

use std::fmt;
use std::time::Duration;

use super::key::{Key, Table};
use super::reader::Section;
use super::validate::{MAX_WAIT, MIN_WAIT, count, duration, refuse, size};
use super::writer::Writer;
use super::{ConfigError, Framing, HostPort, Invalid};
use crate::cache::CacheConfig;
use crate::poem::Title;

/// Alternatives behind one port: enough for a fleet, few enough that a download that tries all of them ends.
const MAX_UPSTREAMS: usize = 16;

/// The longest window of a poem's life: a year. Sums of them stay far from the end of a [`Duration`].
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The largest number of entries or waiters: 10 million are a gigabyte of bookkeeping, far above what one thread serves.
const MOST: u64 = 10_000_000;

/// A caching proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyConfig {
    /// Where the poem is fetched: 1 to 16 alternatives for the same poem, tried in order. No default.
    pub upstreams: Vec<Upstream>,
    /// Where it listens. Default 127.0.0.1 and any free port.
    pub listen: HostPort,
    /// How long a poem is kept, what of it, and how its upstream is treated: every key has its default, unit and
    /// reason there. Default ttl 2 h (Part 14). Within these bounds: windows and hold-offs up to 365 d, waits up to
    /// 24 h and not below 1 ms, percentages up to 100.
    pub cache: CacheConfig,
    /// How poems go to the clients. Default raw.
    pub framing: Framing,
    /// How poems come from the upstream. Default raw; a netstring verifies that they are whole.
    pub upstream_framing: Framing,
    /// Whether this is the transformation proxy of Part 14: it speaks the transform protocol on both sides
    /// and caches by transform and poem. Default no. Both framings must then be raw, because the protocol has
    /// its own.
    pub transforms: bool,
}

/// Where a proxy fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// An address; a name is resolved at each fetch and all its addresses are tried.
    Address(HostPort),
    /// The poem of this node with that title, wherever it turns out to listen: the one way to name a server
    /// that listens on any free port.
    Poem(Title),
}

/// The keys of `[[proxy]]`.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "upstream",
        help: "HOST:PORT, or { poem = \"TITLE\" } of this file, or up to 16 of them in order.",
    },
    Key { name: "listen", help: "[HOST:]PORT; no host is 127.0.0.1, port 0 is any free one." },
    Key { name: "ttl", help: "How long a poem is served from the cache, 0s to 365d." },
    Key { name: "ttl_jitter", help: "How much shorter, by chance, that may be: 0 to 100 percent." },
    Key {
        name: "stale_while_revalidate",
        help: "How long after that it is served while it is refreshed, 0s to 365d.",
    },
    Key {
        name: "stale_if_error",
        help: "How long after that it is served if it cannot be fetched, 0s to 365d.",
    },
    Key { name: "hold_off_min", help: "The pause after a failed fetch, doubled with each one, 1ms to 365d." },
    Key { name: "hold_off_max", help: "Where the doubling ends, 1ms to 365d." },
    Key { name: "hold_off_jitter", help: "How much longer, by chance, a pause may be: 0 to 100 percent." },
    Key { name: "negative_ttl", help: "How long it is remembered that there was no poem, 0s to 365d." },
    Key { name: "max_bytes", help: "Bytes of all poems kept; at least one of max_poem_bytes must fit." },
    Key { name: "max_entries", help: "Poems kept, 1 to 10000000." },
    Key {
        name: "max_poem_bytes",
        help: "The longest poem kept, 1B to 4GiB; a longer one is passed through.",
    },
    Key { name: "max_fetches", help: "Fetches at once, refreshes included, 1 to 10000." },
    Key { name: "max_waiters_per_key", help: "Clients that wait for one poem, 1 to 10000000." },
    Key { name: "max_waiters", help: "Clients that wait for any, max_waiters_per_key to 10000000." },
    Key { name: "max_wait", help: "How long a client waits for a poem before it is reset, 1ms to 24h." },
    Key {
        name: "max_drain",
        help: "How long clients may take for the rest of a poem passed through, 1ms to 24h.",
    },
    Key { name: "framing", help: "To the clients: raw or netstring." },
    Key {
        name: "upstream_framing",
        help: "From the upstream: raw or netstring (truncation is always seen).",
    },
    Key { name: "transforms", help: "Whether it asks a transform service instead, and speaks its protocol." },
];

impl ProxyConfig {
    /// A proxy with every default for those upstreams.
    pub fn new(upstreams: Vec<Upstream>) -> ProxyConfig {
        ProxyConfig {
            upstreams,
            listen: HostPort::default(),
            cache: CacheConfig::default(),
            framing: Framing::Raw,
            upstream_framing: Framing::Raw,
            transforms: false,
        }
    }

    pub(super) fn read(table: &Section<'_>) -> Result<ProxyConfig, ConfigError> {
        let Some(upstreams) = table.option("upstream")? else {
            return Err(table.refuse("upstream", "missing; give an address or { poem = \"TITLE\" }"));
        };
        let mut proxy = ProxyConfig::new(upstreams);
        table.read("listen", &mut proxy.listen)?;
        read_cache(table, &mut proxy.cache)?;
        table.read("framing", &mut proxy.framing)?;
        table.read("upstream_framing", &mut proxy.upstream_framing)?;
        table.read("transforms", &mut proxy.transforms)?;
        Ok(proxy)
    }

    pub(super) fn check(&self, path: Table) -> Result<(), Invalid> {
        let upstream = path.key("upstream");
        if self.upstreams.is_empty() || self.upstreams.len() > MAX_UPSTREAMS {
            let given = self.upstreams.len();
            return refuse(upstream, format!("{given} alternatives; a proxy has 1 to {MAX_UPSTREAMS}"));
        }
        for at in &self.upstreams {
            match at {
                Upstream::Address(at) if at.port == 0 => {
                    return refuse(upstream, format!("'{at}' has port 0, which nobody can connect to"));
                }
                // A loop of one: each fetch would wait for itself.
                Upstream::Address(at) if at.collides(&self.listen) => {
                    return refuse(upstream, format!("{at} is where this proxy itself listens"));
                }
                Upstream::Poem(title) if self.transforms => {
                    return refuse(upstream, format!("the poem '{title}' is no transform service"));
                }
                _ => {}
            }
        }
        for (name, framing) in [("framing", self.framing), ("upstream_framing", self.upstream_framing)] {
            if self.transforms && framing == Framing::Netstring {
                return refuse(
                    path.key(name),
                    "the transform protocol has a framing of its own; leave it out",
                );
            }
        }
        check_cache(path, &self.cache)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.table("[[proxy]]", KEYS);
        writer.upstreams("upstream", &self.upstreams);
        writer.string("listen", &self.listen.to_string());
        writer.string("framing", self.framing.name());
        writer.string("upstream_framing", self.upstream_framing.name());
        writer.boolean("transforms", self.transforms);
        write_cache(writer, &self.cache);
    }
}

fn read_cache(table: &Section<'_>, cache: &mut CacheConfig) -> Result<(), ConfigError> {
    table.read("ttl", &mut cache.ttl)?;
    table.read("ttl_jitter", &mut cache.ttl_jitter)?;
    table.read("stale_while_revalidate", &mut cache.stale_while_revalidate)?;
    table.read("stale_if_error", &mut cache.stale_if_error)?;
    table.read("hold_off_min", &mut cache.hold_off_min)?;
    table.read("hold_off_max", &mut cache.hold_off_max)?;
    table.read("hold_off_jitter", &mut cache.hold_off_jitter)?;
    table.read("negative_ttl", &mut cache.negative_ttl)?;
    table.read_size("max_bytes", &mut cache.max_bytes)?;
    table.read("max_entries", &mut cache.max_entries)?;
    table.read_size("max_poem_bytes", &mut cache.max_poem_bytes)?;
    table.read("max_fetches", &mut cache.max_fetches)?;
    table.read("max_waiters_per_key", &mut cache.max_waiters_per_key)?;
    table.read("max_waiters", &mut cache.max_waiters)?;
    table.read("max_wait", &mut cache.max_wait)?;
    table.read("max_drain", &mut cache.max_drain)
}

fn check_cache(path: Table, cache: &CacheConfig) -> Result<(), Invalid> {
    let key = |name| path.key(name);
    duration(key("ttl"), cache.ttl, Duration::ZERO, YEAR)?;
    count(key("ttl_jitter"), u64::from(cache.ttl_jitter), 0, 100)?;
    duration(key("stale_while_revalidate"), cache.stale_while_revalidate, Duration::ZERO, YEAR)?;
    duration(key("stale_if_error"), cache.stale_if_error, Duration::ZERO, YEAR)?;
    duration(key("hold_off_min"), cache.hold_off_min, MIN_WAIT, YEAR)?;
    duration(key("hold_off_max"), cache.hold_off_max, cache.hold_off_min, YEAR)?;
    count(key("hold_off_jitter"), u64::from(cache.hold_off_jitter), 0, 100)?;
    duration(key("negative_ttl"), cache.negative_ttl, Duration::ZERO, YEAR)?;
    size(key("max_poem_bytes"), cache.max_poem_bytes as u64, 1, 4 << 30)?;
    count(key("max_entries"), cache.max_entries as u64, 1, MOST)?;
    count(key("max_fetches"), cache.max_fetches as u64, 1, 10_000)?;
    count(key("max_waiters_per_key"), cache.max_waiters_per_key as u64, 1, MOST)?;
    count(key("max_waiters"), cache.max_waiters as u64, cache.max_waiters_per_key as u64, MOST)?;
    duration(key("max_wait"), cache.max_wait, MIN_WAIT, MAX_WAIT)?;
    duration(key("max_drain"), cache.max_drain, MIN_WAIT, MAX_WAIT)?;
    // What is left is how they go together.
    cache.validate().or_else(|error| refuse(key(error.key()), error.to_string()))
}

fn write_cache(writer: &mut Writer, cache: &CacheConfig) {
    writer.duration("ttl", cache.ttl);
    writer.integer("ttl_jitter", u64::from(cache.ttl_jitter));
    writer.duration("stale_while_revalidate", cache.stale_while_revalidate);
    writer.duration("stale_if_error", cache.stale_if_error);
    writer.duration("hold_off_min", cache.hold_off_min);
    writer.duration("hold_off_max", cache.hold_off_max);
    writer.integer("hold_off_jitter", u64::from(cache.hold_off_jitter));
    writer.duration("negative_ttl", cache.negative_ttl);
    writer.size("max_bytes", cache.max_bytes as u64);
    writer.integer("max_entries", cache.max_entries as u64);
    writer.size("max_poem_bytes", cache.max_poem_bytes as u64);
    writer.integer("max_fetches", cache.max_fetches as u64);
    writer.integer("max_waiters_per_key", cache.max_waiters_per_key as u64);
    writer.integer("max_waiters", cache.max_waiters as u64);
    writer.duration("max_wait", cache.max_wait);
    writer.duration("max_drain", cache.max_drain);
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Upstream::Address(at) => write!(f, "{at}"),
            Upstream::Poem(title) => write!(f, "poem {title}"),
        }
    }
}
