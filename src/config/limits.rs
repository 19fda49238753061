//! `[limits]`: the bounds that all services of the node share.

use std::time::Duration;

use super::key::{Key, Table};
use super::reader::Section;
use super::validate::{MAX_WAIT, MIN_WAIT, count, duration, size};
use super::writer::Writer;
use super::{ConfigError, Invalid};

/// Bounds for listeners, connections and downloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Client connections a listener serves at once; the rest wait in its backlog. 1 to 1,000,000. Default
    /// none of its own: what the descriptor limit of the process leaves, which is printed at the start.
    pub max_connections: Option<u32>,
    /// Connections the kernel holds for a listener that has not accepted them yet. Default 4,096, 1 to 65,535
    /// (the system has a bound of its own). Large, because a client that finds it full waits a whole second.
    pub backlog: u32,
    /// How long a listener that ran out of descriptors or memory waits before it accepts again. Default 100
    /// ms, 1 ms to 1 min: without it, it would spin; the connections wait in the backlog.
    pub accept_pause: Duration,
    /// How long a client may take nothing of what is sent to it before it is reset. Default 30 s, 1 ms to 24
    /// h: a client that never reads must not hold a connection for ever.
    pub write_timeout: Duration,
    /// How long a connection that was served goes on discarding what its client still sends. Default 2 s, 0 s
    /// to 1 min: closing with unread data resets, which eats the end of the poem.
    pub linger: Duration,
    /// How long connecting to an upstream may take, all its addresses together. Default 10 s, 1 ms to 24 h.
    pub connect_timeout: Duration,
    /// How long a peer that has to send may send nothing: an upstream its poem, a client its request. Default
    /// 60 s, 1 ms to 24 h.
    pub idle_timeout: Duration,
    /// How long a client of the transform service, or of a proxy of one, may take for a whole request, from when it is
    /// waited for. Default 5 min, 1 ms to 24 h: one that sends a byte now and then would hold its connection for ever.
    pub request_timeout: Duration,
    /// How long a whole download may take. 1 ms to 24 h, default none: a slow server takes minutes on
    /// purpose.
    pub download_timeout: Option<Duration>,
    /// The longest poem, served or downloaded, whatever its framing. Default 64 MiB, 1 byte to 4 GiB: it is
    /// held in memory, and one that nobody could download is refused at the start.
    pub max_poem: u64,
    /// The longest request and answer of the transform protocols (name, dot and poem), refused at its length,
    /// before anything is buffered. Default 1 MiB, 128 bytes to 1 GiB.
    pub max_request: u64,
}

/// The keys of `[limits]`.
pub(super) const KEYS: &[Key] = &[
    Key { name: "max_connections", help: "Clients a listener serves at once, 1 to 1000000; the rest wait." },
    Key { name: "backlog", help: "Connections the kernel holds for a listener, 1 to 65535." },
    Key { name: "accept_pause", help: "The pause of a listener that ran out of descriptors, 1ms to 1m." },
    Key { name: "write_timeout", help: "How long a client may take nothing before it is reset, 1ms to 24h." },
    Key {
        name: "linger",
        help: "How long a served connection discards what its client still sends, 0s to 1m.",
    },
    Key { name: "connect_timeout", help: "How long connecting to an upstream may take, 1ms to 24h." },
    Key { name: "idle_timeout", help: "How long a peer that has to send may send nothing, 1ms to 24h." },
    Key { name: "request_timeout", help: "How long a client may take for a whole request, 1ms to 24h." },
    Key { name: "download_timeout", help: "How long a whole download may take, 1ms to 24h." },
    Key { name: "max_poem", help: "The longest poem, served or downloaded, 1B to 4GiB." },
    Key {
        name: "max_request",
        help: "The longest request and answer of the transform protocols, 128B to 1GiB.",
    },
];

impl Default for LimitsConfig {
    fn default() -> Self {
        LimitsConfig {
            max_connections: None,
            backlog: 4096,
            accept_pause: Duration::from_millis(100),
            write_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(300),
            download_timeout: None,
            max_poem: 64 << 20,
            max_request: 1 << 20,
        }
    }
}

impl LimitsConfig {
    pub(super) fn read(&mut self, table: &Section<'_>) -> Result<(), ConfigError> {
        self.max_connections = table.option("max_connections")?;
        table.read("backlog", &mut self.backlog)?;
        table.read("accept_pause", &mut self.accept_pause)?;
        table.read("write_timeout", &mut self.write_timeout)?;
        table.read("linger", &mut self.linger)?;
        table.read("connect_timeout", &mut self.connect_timeout)?;
        table.read("idle_timeout", &mut self.idle_timeout)?;
        table.read("request_timeout", &mut self.request_timeout)?;
        self.download_timeout = table.option("download_timeout")?;
        table.read_size("max_poem", &mut self.max_poem)?;
        table.read_size("max_request", &mut self.max_request)
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let key = |name| Table::Limits.key(name);
        let minute = Duration::from_secs(60);
        if let Some(most) = self.max_connections {
            count(key("max_connections"), u64::from(most), 1, 1_000_000)?;
        }
        count(key("backlog"), u64::from(self.backlog), 1, 65_535)?;
        duration(key("accept_pause"), self.accept_pause, MIN_WAIT, minute)?;
        duration(key("write_timeout"), self.write_timeout, MIN_WAIT, MAX_WAIT)?;
        duration(key("linger"), self.linger, Duration::ZERO, minute)?;
        duration(key("connect_timeout"), self.connect_timeout, MIN_WAIT, MAX_WAIT)?;
        duration(key("idle_timeout"), self.idle_timeout, MIN_WAIT, MAX_WAIT)?;
        duration(key("request_timeout"), self.request_timeout, MIN_WAIT, MAX_WAIT)?;
        if let Some(longest) = self.download_timeout {
            duration(key("download_timeout"), longest, MIN_WAIT, MAX_WAIT)?;
        }
        size(key("max_poem"), self.max_poem, 1, 4 << 30)?;
        size(key("max_request"), self.max_request, 128, 1 << 30)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.table("[limits]", KEYS);
        match self.max_connections {
            Some(most) => writer.integer("max_connections", u64::from(most)),
            None => writer.unset("max_connections", "what the descriptor limit leaves"),
        }
        writer.integer("backlog", u64::from(self.backlog));
        writer.duration("accept_pause", self.accept_pause);
        writer.duration("write_timeout", self.write_timeout);
        writer.duration("linger", self.linger);
        writer.duration("connect_timeout", self.connect_timeout);
        writer.duration("idle_timeout", self.idle_timeout);
        writer.duration("request_timeout", self.request_timeout);
        match self.download_timeout {
            Some(longest) => writer.duration("download_timeout", longest),
            None => writer.unset("download_timeout", "no bound"),
        }
        writer.size("max_poem", self.max_poem);
        writer.size("max_request", self.max_request);
    }
}
