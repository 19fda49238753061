//! How the programs are set: plain data, shared by the reactor's programs and the blocking ones of Part 2.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

/// How a poem stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// The bytes, and the end of the stream as the end of the poem (Part 2). The default.
    #[default]
    Raw,
    /// In a netstring, so that a truncated poem is always seen (Part 12, an exercise).
    Netstring,
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Framing::Raw => "raw",
            Framing::Netstring => "netstring",
        })
    }
}

/// A name that is no framing's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no framing is called {0}: raw or netstring")]
pub struct UnknownFraming(pub String);

impl FromStr for Framing {
    type Err = UnknownFraming;

    fn from_str(name: &str) -> Result<Framing, UnknownFraming> {
        match name {
            "raw" => Ok(Framing::Raw),
            "netstring" => Ok(Framing::Netstring),
            _ => Err(UnknownFraming(name.to_owned())),
        }
    }
}

/// How slowly a slow server sends (Part 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Bytes a time; default 10.
    pub num_bytes: NonZeroUsize,
    /// From one time to the next; default 0.1 s. Zero is one time a turn of the loop.
    pub delay: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            num_bytes: const { NonZeroUsize::new(10).expect("ten is not zero") },
            delay: Duration::from_millis(100),
        }
    }
}

/// A poetry server.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where to listen; loopback and any free port by default.
    pub listen: SocketAddr,
    /// `None` (the default) sends all at once: the fast server of Part 11.
    pub pace: Option<Pace>,
    /// How the poem stands on the wire.
    pub framing: Framing,
    /// Connections open at once; default no bound but the descriptors. The blocking server has one at a time.
    pub max_connections: Option<usize>,
    /// How long a client may take nothing while data waits for it; default 30 s.
    pub stall: Duration,
}

impl Default for ServeOptions {
    fn default() -> ServeOptions {
        ServeOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            pace: None,
            framing: Framing::default(),
            max_connections: None,
            stall: Duration::from_secs(30),
        }
    }
}

/// A client that fetches one frame from a server: a poem, or a transformed one.
#[derive(Debug, Clone)]
pub struct GetOptions {
    /// How the poem stands on the wire.
    pub framing: Framing,
    /// How long connecting may take, over all addresses of a name; default 10 s.
    pub connect_timeout: Duration,
    /// How long no byte may come; default 60 s.
    pub idle_timeout: Duration,
    /// How long the whole may take; default no bound: the series' own slowest poem takes five minutes.
    pub timeout: Option<Duration>,
    /// How many bytes a poem may have; default 64 MiB.
    pub limit: usize,
}

impl Default for GetOptions {
    fn default() -> GetOptions {
        GetOptions {
            framing: Framing::default(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            timeout: None,
            limit: crate::wire::raw::DEFAULT_LIMIT,
        }
    }
}
