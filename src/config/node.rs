//! `[node]`: how the node as a whole starts, gives up, stops and talks.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::key::{Key, Table};
use super::reader::Section;
use super::validate::{count, duration, refuse};
use super::writer::Writer;
use super::{ConfigError, HostPort, Invalid, format_duration};

/// The node itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// How long connections may go on after the node was asked to stop; then they are reset, and the exit
    /// code is 5. Default 10 s, 0 s to 1 h. Ten seconds finish the poems of fast servers, and are within the
    /// patience of those who stop services (systemd gives 90 s).
    pub drain: Duration,
    /// Restarts that the root supervisor allows within `period`; one more, and the tree gives up (exit code
    /// 4). Default 5, 0 to 1,000: a fault that passes is survived, one that does not ends in seconds instead
    /// of spinning.
    pub intensity: u32,
    /// The window in which restarts are counted. Default 10 s, 1 s to 1 h, in whole seconds, as supervisors count
    /// it (OTP-004).
    pub period: Duration,
    /// The least important level that is logged on stderr. Default `info`; `--log` wins over it.
    pub log: LogLevel,
    /// Where the admin port listens: 127.0.0.1, ::1 or localhost, nothing else, since what is said there is not
    /// encrypted. Default: it does not. Whoever embeds a node that has one awaits
    /// [`RunningNode::drain_asked`](crate::node::RunningNode::drain_asked), too.
    pub admin: Option<HostPort>,
    /// The file that holds the token of the admin port while the node runs, readable by its owner only. A relative one
    /// is taken from the folder that holds the configuration. Default: `PORT.token` in `$XDG_RUNTIME_DIR/verse`, or,
    /// where there is no such folder, in `verse-UID` in the one for temporary files.
    pub admin_token: Option<PathBuf>,
}

/// Which events reach the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What the node could not do.
    Error,
    /// And what it survived: crashes, failed downloads.
    Warn,
    /// And what it does: listeners, each poem sent. The default.
    #[default]
    Info,
    /// And how: each client, each write.
    Debug,
    /// Everything.
    Trace,
}

/// The keys of `[node]`.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "drain",
        help: "How long connections may finish when the node stops, 0s to 1h; then they are reset.",
    },
    Key {
        name: "intensity",
        help: "Restarts at the root within `period` before the tree gives up, 0 to 1000.",
    },
    Key { name: "period", help: "The window in which restarts are counted, 1s to 1h, in whole seconds." },
    Key { name: "log", help: "What is logged on stderr: off, error, warn, info, debug, trace." },
    Key {
        name: "admin",
        help: "Where the admin port listens, on a loopback address; port 0 is any free one.",
    },
    Key { name: "admin_token", help: "The file for the token of the admin port, made at the start." },
];

impl Default for NodeConfig {
    fn default() -> Self {
        NodeConfig {
            drain: Duration::from_secs(10),
            intensity: 5,
            period: Duration::from_secs(10),
            log: LogLevel::Info,
            admin: None,
            admin_token: None,
        }
    }
}

impl NodeConfig {
    pub(super) fn read(&mut self, table: &Section<'_>) -> Result<(), ConfigError> {
        table.read("drain", &mut self.drain)?;
        table.read("intensity", &mut self.intensity)?;
        table.read("period", &mut self.period)?;
        table.read("log", &mut self.log)?;
        self.admin = table.option("admin")?;
        self.admin_token = table.option("admin_token")?;
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let key = |name| Table::Node.key(name);
        duration(key("drain"), self.drain, Duration::ZERO, Duration::from_secs(3600))?;
        count(key("intensity"), u64::from(self.intensity), 0, 1000)?;
        duration(key("period"), self.period, Duration::from_secs(1), Duration::from_secs(3600))?;
        if self.period.subsec_nanos() != 0 {
            let period = format_duration(self.period);
            return refuse(key("period"), format!("{period} is no whole number of seconds"));
        }
        if let Some(at) = self.admin.as_ref().filter(|at| !at.host.is_loopback()) {
            let problem = format!("{at} is not on loopback; what is said there is not encrypted");
            return refuse(key("admin"), problem);
        }
        match (&self.admin_token, &self.admin) {
            (Some(_), None) => {
                refuse(key("admin_token"), "there is no admin port that needs it; give `admin`")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.table("[node]", KEYS);
        writer.duration("drain", self.drain);
        writer.integer("intensity", u64::from(self.intensity));
        writer.duration("period", self.period);
        writer.string("log", &self.log.to_string());
        match &self.admin {
            Some(at) => writer.string("admin", &at.to_string()),
            None => writer.unset("admin", "there is none"),
        }
        match &self.admin_token {
            Some(file) => writer.string("admin_token", &file.to_string_lossy()),
            None => writer.unset("admin_token", "PORT.token in $XDG_RUNTIME_DIR/verse"),
        }
    }
}

impl LogLevel {
    /// Every level, least talkative first.
    pub const ALL: [LogLevel; 6] =
        [LogLevel::Off, LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];

    /// The level as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            LogLevel::Off => "off",
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LogLevel {
    type Err = String;

    /// One of the names in lower case.
    fn from_str(text: &str) -> Result<Self, String> {
        let level = LogLevel::ALL.into_iter().find(|level| level.name() == text);
        level.ok_or_else(|| {
            format!("'{}' is no level; it is off, error, warn, info, debug or trace", text.escape_debug())
        })
    }
}
