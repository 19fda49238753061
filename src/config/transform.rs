//! `[transform]`: the service that changes poems.

use std::time::Duration;

use super::key::{Key, Table};
use super::reader::Section;
use super::validate::{MIN_WAIT, count, duration};
use super::writer::Writer;
use super::{ConfigError, HostPort, Invalid};

/// The transform service of Part 12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformConfig {
    /// Where it listens for netstrings. Default 127.0.0.1 and any free port.
    pub listen: HostPort,
    /// Where it listens for the second protocol, `NAME LENGTH\n` and bytes. Default: it does not.
    pub lines_listen: Option<HostPort>,
    /// How long one transform may take; then its process is killed and the connection closed without an
    /// answer. Default 10 s, 1 ms to 1 h.
    pub deadline: Duration,
    /// Transforms that run at once, each in a process of its own; the rest wait. Default 64, 1 to 10,000.
    pub workers: u32,
    /// Whether a connection may send more than one request, answered in order. Default no, as in the series.
    pub keep_alive: bool,
    /// Requests a kept connection may send before it is closed. Default 1,000, 1 to 1,000,000: no client is
    /// served for ever, so that a drain is fair.
    pub keep_alive_requests: u32,
    /// The seed of the transforms that play dice (byronify), 0 to 2^63 - 1. Default: drawn from the node's
    /// chance.
    pub seed: Option<u64>,
}

/// The keys of `[transform]`.
pub(super) const KEYS: &[Key] = &[
    Key { name: "listen", help: "[HOST:]PORT; no host is 127.0.0.1, port 0 is any free one." },
    Key {
        name: "lines_listen",
        help: "Where the second protocol is spoken: NAME LENGTH, newline, the poem.",
    },
    Key { name: "deadline", help: "How long one transform may take, 1ms to 1h." },
    Key { name: "workers", help: "Transforms at once, 1 to 10000; the rest wait." },
    Key { name: "keep_alive", help: "Whether a connection may send several requests." },
    Key { name: "keep_alive_requests", help: "How many it may send then, 1 to 1000000." },
    Key { name: "seed", help: "The seed of the transforms that play dice, 0 to 9223372036854775807." },
];

impl Default for TransformConfig {
    fn default() -> Self {
        TransformConfig {
            listen: HostPort::default(),
            lines_listen: None,
            deadline: Duration::from_secs(10),
            workers: 64,
            keep_alive: false,
            keep_alive_requests: 1000,
            seed: None,
        }
    }
}

impl TransformConfig {
    /// The largest seed: the largest integer of TOML.
    pub const MAX_SEED: u64 = i64::MAX as u64;

    pub(super) fn read(table: &Section<'_>) -> Result<TransformConfig, ConfigError> {
        let mut transform = TransformConfig::default();
        table.read("listen", &mut transform.listen)?;
        transform.lines_listen = table.option("lines_listen")?;
        table.read("deadline", &mut transform.deadline)?;
        table.read("workers", &mut transform.workers)?;
        table.read("keep_alive", &mut transform.keep_alive)?;
        table.read("keep_alive_requests", &mut transform.keep_alive_requests)?;
        transform.seed = table.option("seed")?;
        Ok(transform)
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let key = |name| Table::Transform.key(name);
        duration(key("deadline"), self.deadline, MIN_WAIT, Duration::from_secs(3600))?;
        count(key("workers"), u64::from(self.workers), 1, 10_000)?;
        count(key("keep_alive_requests"), u64::from(self.keep_alive_requests), 1, 1_000_000)?;
        self.seed.map_or(Ok(()), |seed| count(key("seed"), seed, 0, Self::MAX_SEED))
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.table("[transform]", KEYS);
        writer.string("listen", &self.listen.to_string());
        match &self.lines_listen {
            Some(at) => writer.string("lines_listen", &at.to_string()),
            None => writer.unset("lines_listen", "not spoken"),
        }
        writer.duration("deadline", self.deadline);
        writer.integer("workers", u64::from(self.workers));
        writer.boolean("keep_alive", self.keep_alive);
        writer.integer("keep_alive_requests", u64::from(self.keep_alive_requests));
        match self.seed {
            Some(seed) => writer.integer("seed", seed),
            None => writer.unset("seed", "drawn at the start"),
        }
    }
}
