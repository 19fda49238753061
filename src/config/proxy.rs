//! `[[proxy]]`: a caching proxy, its upstream and its port.

use std::fmt;
use std::time::Duration;

use super::key::{Key, Table};
use super::reader::Section;
use super::validate::{duration, refuse};
use super::writer::Writer;
use super::{ConfigError, Framing, HostPort, Invalid};
use crate::poem::Title;

/// Alternatives behind one port: enough for a fleet, few enough that a download that tries all of them ends.
const MAX_UPSTREAMS: usize = 16;

/// The longest time to live: a year.
const MAX_TTL: Duration = Duration::from_secs(365 * 24 * 3600);

/// A caching proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyConfig {
    /// Where the poem is fetched: 1 to 16 alternatives for the same poem, tried in order. No default.
    pub upstreams: Vec<Upstream>,
    /// Where it listens. Default 127.0.0.1 and any free port.
    pub listen: HostPort,
    /// How long a poem is served from the cache before it is fetched again. Default 2 h (Part 14), 0 s
    /// (nothing is kept) to 365 d.
    pub ttl: Duration,
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
            ttl: Duration::from_secs(2 * 3600),
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
        table.read("ttl", &mut proxy.ttl)?;
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
        duration(path.key("ttl"), self.ttl, Duration::ZERO, MAX_TTL)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.table("[[proxy]]", KEYS);
        writer.upstreams("upstream", &self.upstreams);
        writer.string("listen", &self.listen.to_string());
        writer.duration("ttl", self.ttl);
        writer.string("framing", self.framing.name());
        writer.string("upstream_framing", self.upstream_framing.name());
        writer.boolean("transforms", self.transforms);
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Upstream::Address(at) => write!(f, "{at}"),
            Upstream::Poem(title) => write!(f, "poem {title}"),
        }
    }
}
