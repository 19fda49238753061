//! What several subcommands have in common.

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::values;
use crate::config::{Framing, Host, LogLevel};

/// What carries the program out: `--engine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Supervised actors. The default.
    #[default]
    Actor,
}

/// The arguments of all servers and of `get`.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// What carries it out [default: actor]
    #[arg(long, value_name = "ENGINE", hide_default_value = true)]
    pub(super) engine: Option<Engine>,
    /// What is logged on stderr [default: info, of get: off]
    #[arg(long, value_name = "LEVEL", value_parser = levels())]
    pub(super) log: Option<LogLevel>,
}

/// The arguments of a server that has one first port.
#[derive(Debug, clap::Args)]
pub(super) struct Listening {
    /// The port to listen on, 0 to 65535 [default: 0, any free one]
    #[arg(long, value_name = "PORT", value_parser = values::port, allow_negative_numbers = true)]
    pub(super) port: Option<u16>,
    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "HOST", value_parser = values::interface)]
    pub(super) iface: Option<Host>,
}

impl Common {
    pub(super) fn engine(&self) -> Engine {
        self.engine.unwrap_or_default()
    }

    pub(super) fn log(&self) -> LogLevel {
        self.log.unwrap_or_default()
    }
}

impl Listening {
    pub(super) fn host(&self) -> Host {
        self.iface.clone().unwrap_or(Host::LOOPBACK)
    }

    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(0)
    }
}

/// `raw` or `netstring`.
pub(super) fn framings() -> impl TypedValueParser<Value = Framing> {
    PossibleValuesParser::new(["raw", "netstring"]).try_map(|name| name.parse::<Framing>())
}

fn levels() -> impl TypedValueParser<Value = LogLevel> {
    PossibleValuesParser::new(LogLevel::ALL.map(LogLevel::name)).try_map(|name| name.parse::<LogLevel>())
}
