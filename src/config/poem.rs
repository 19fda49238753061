//! `[[poem]]`: a poem, its port, and how it is sent.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::key::{Key, Table};
use super::reader::Section;
use super::validate::{MAX_WAIT, count, duration, refuse};
use super::writer::Writer;
use super::{ConfigError, HostPort, Invalid};
use crate::poem::{Anthology, Poem, PoemError, Title};

/// Bytes at a time of the slow server of the series.
const SLOW_NUM_BYTES: u32 = 10;

/// Its pause after each.
const SLOW_DELAY: Duration = Duration::from_millis(100);

/// A poem that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoemConfig {
    /// Where its text is from: `file` or `embedded`. No default.
    pub source: PoemSource,
    /// What it is called in the tree, the log and an upstream: 1 to 64 bytes, no `/`, unique in the node.
    /// Default: the name of the file without folder and extension, or of the embedded poem.
    pub title: Title,
    /// Where it is served. Default 127.0.0.1 and any free port.
    pub listen: HostPort,
    /// Fast or slow: `num_bytes` and `delay`. Default fast.
    pub pace: Pace,
    /// How its bytes go over the wire. Default raw.
    pub framing: Framing,
}

/// Where the text of a poem is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoemSource {
    /// A file; read from a configuration, a relative name is joined to the folder of the configuration.
    File(PathBuf),
    /// A poem of the [`Anthology`] that is part of the program, by its title.
    Embedded(Title),
}

/// How fast a poem is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// The whole poem at once (Part 11).
    #[default]
    Fast,
    /// Some bytes, a pause, the next ones (Part 2).
    Slow {
        /// Bytes at a time. Default 10, 1 to 1,048,576.
        num_bytes: u32,
        /// The pause after each. Default 100 ms, 0 s to 24 h.
        delay: Duration,
    },
}

/// How a poem goes over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// The bytes; end of stream is end of poem.
    #[default]
    Raw,
    /// One netstring, so that a truncated poem is always seen.
    Netstring,
}

/// The keys of `[[poem]]`.
pub(super) const KEYS: &[Key] = &[
    Key { name: "file", help: "The text: a file (relative to this one), or the title of an embedded poem." },
    Key {
        name: "embedded",
        help: "The text: the title of an embedded poem, or a file (relative to this one).",
    },
    Key { name: "title", help: "Its name in the tree, the log and as an upstream; 1 to 64 bytes, unique." },
    Key { name: "listen", help: "[HOST:]PORT; no host is 127.0.0.1, port 0 is any free one." },
    Key { name: "num_bytes", help: "A slow server: bytes at a time, 1 to 1048576." },
    Key { name: "delay", help: "A slow server: the pause after each, 0s to 24h." },
    Key {
        name: "framing",
        help: "raw (end of stream is end of poem) or netstring (truncation is always seen).",
    },
];

impl PoemConfig {
    /// A poem with every default: its title from the source, any free port of 127.0.0.1, fast, raw.
    pub fn new(source: PoemSource) -> PoemConfig {
        let title = match &source {
            PoemSource::File(file) => Title::of_file(file),
            PoemSource::Embedded(title) => title.clone(),
        };
        PoemConfig { source, title, listen: HostPort::default(), pace: Pace::Fast, framing: Framing::Raw }
    }

    /// The poem itself, titled as configured, of at most `limit` bytes. Reads the file, blocking.
    ///
    /// # Errors
    /// The file is missing, a directory, empty, too long or unreadable, or no such poem is embedded.
    pub fn load(&self, limit: usize) -> Result<Poem, PoemError> {
        let poem = match &self.source {
            PoemSource::File(file) => Poem::read(file, limit)?,
            PoemSource::Embedded(title) => Anthology::poem(title.as_str())
                .ok_or_else(|| PoemError::NotFound(PathBuf::from(title.as_str())))?,
        };
        let (origin, bytes) = (poem.origin().to_owned(), poem.bytes().clone());
        Poem::new(self.title.clone(), origin, bytes)
    }

    pub(super) fn read(table: &Section<'_>) -> Result<PoemConfig, ConfigError> {
        let source = match (table.option("file")?, table.option("embedded")?) {
            (Some(file), None) => PoemSource::File(file),
            (None, Some(title)) => PoemSource::Embedded(title),
            (Some(_), Some(_)) => {
                return Err(table.refuse("embedded", "give either `file` or `embedded`, not both"));
            }
            (None, None) => return Err(table.refuse("file", "missing; give `file` or `embedded`")),
        };
        let mut poem = PoemConfig::new(source);
        table.read("title", &mut poem.title)?;
        table.read("listen", &mut poem.listen)?;
        poem.pace = Pace::new(table.option("num_bytes")?, table.option("delay")?);
        table.read("framing", &mut poem.framing)?;
        Ok(poem)
    }

    pub(super) fn check(&self, path: Table) -> Result<(), Invalid> {
        match &self.source {
            PoemSource::File(file) if file.as_os_str().is_empty() => {
                return refuse(path.key("file"), "an empty name is no file");
            }
            PoemSource::Embedded(title) if Anthology::poem(title.as_str()).is_none() => {
                let known: Vec<_> = Anthology::embedded().map(|poem| poem.title().to_string()).collect();
                let known = known.join(", ");
                return refuse(
                    path.key("embedded"),
                    format!("no poem '{title}' is embedded; there are {known}"),
                );
            }
            _ => {}
        }
        // A title is one step of a path in the tree.
        if self.title.as_str().contains('/') {
            return refuse(
                path.key("title"),
                format!("'{}' holds a '/', which a title must not", self.title),
            );
        }
        let Pace::Slow { num_bytes, delay } = self.pace else { return Ok(()) };
        count(path.key("num_bytes"), u64::from(num_bytes), 1, u64::from(Pace::MAX_NUM_BYTES))?;
        duration(path.key("delay"), delay, Duration::ZERO, MAX_WAIT)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.table("[[poem]]", KEYS);
        match &self.source {
            PoemSource::File(file) => writer.string("file", &file.to_string_lossy()),
            PoemSource::Embedded(title) => writer.string("embedded", title.as_str()),
        }
        writer.string("title", self.title.as_str());
        writer.string("listen", &self.listen.to_string());
        if let Pace::Slow { num_bytes, delay } = self.pace {
            writer.integer("num_bytes", u64::from(num_bytes));
            writer.duration("delay", delay);
        }
        writer.string("framing", self.framing.name());
    }
}

impl Pace {
    /// The slow server of the series: 10 bytes each 0.1 s.
    pub const SLOW: Pace = Pace::Slow { num_bytes: SLOW_NUM_BYTES, delay: SLOW_DELAY };

    /// The most bytes at a time; more is a fast server.
    pub const MAX_NUM_BYTES: u32 = 1 << 20;

    /// Slow as soon as one of the two is given, the other as in [`Pace::SLOW`].
    pub fn new(num_bytes: Option<u32>, delay: Option<Duration>) -> Pace {
        match (num_bytes, delay) {
            (None, None) => Pace::Fast,
            (num_bytes, delay) => Pace::Slow {
                num_bytes: num_bytes.unwrap_or(SLOW_NUM_BYTES),
                delay: delay.unwrap_or(SLOW_DELAY),
            },
        }
    }
}

impl Framing {
    /// The framing as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Framing::Raw => "raw",
            Framing::Netstring => "netstring",
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Framing {
    type Err = String;

    /// `raw` or `netstring`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "raw" => Ok(Framing::Raw),
            "netstring" => Ok(Framing::Netstring),
            other => Err(format!("'{}' is no framing; it is raw or netstring", other.escape_debug())),
        }
    }
}
