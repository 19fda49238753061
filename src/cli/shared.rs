//! What several subcommands have in common.

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{Exit, values};
use crate::config::{Framing, Host, LogLevel};
use crate::reactor::PollerKind;

/// What carries the program out: `--engine`, and `--poller` of the one that has a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Supervised actors. The default.
    #[default]
    Actor,
    /// The series' event loop, which waits with that system call.
    Reactor(PollerKind),
    /// One thing at a time (Part 2).
    Blocking,
}

/// The names of the engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    Actor,
    Reactor,
    Blocking,
}

/// Which engine.
#[derive(Debug, clap::Args)]
pub(super) struct EngineArgs {
    /// What carries it out: actor (supervised processes), reactor (an event loop), blocking (one thing at a time; serve
    /// and get only) [default: actor]
    #[arg(long, value_name = "ENGINE", hide_possible_values = true)]
    engine: Option<Name>,
    /// The system call that --engine reactor waits with: epoll, poll or select [default: epoll]
    #[arg(long, value_name = "POLLER", value_parser = pollers(), hide_possible_values = true)]
    poller: Option<PollerKind>,
}

/// The arguments of all servers and of `get`.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) engine: EngineArgs,
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

impl EngineArgs {
    /// The engine of a subcommand that poems are served or fetched with: any.
    pub(super) fn any(&self, subcommand: &str) -> Result<Engine, Exit> {
        match (self.engine.unwrap_or(Name::Actor), self.poller) {
            (Name::Reactor, poller) => Ok(Engine::Reactor(poller.unwrap_or_default())),
            (_, Some(poller)) => {
                let problem = format!("'{poller}' is for --engine reactor; the others have no choice");
                Err(Exit::usage(subcommand, "--poller", &problem))
            }
            (Name::Actor, None) => Ok(Engine::Actor),
            (Name::Blocking, None) => Ok(Engine::Blocking),
        }
    }

    /// The engine of a subcommand that Part 2 has no program for.
    pub(super) fn concurrent(&self, subcommand: &str) -> Result<Engine, Exit> {
        match self.any(subcommand)? {
            Engine::Blocking => {
                let problem = "'blocking' is for serve and get; here it is actor or reactor";
                Err(Exit::usage(subcommand, "--engine", problem))
            }
            engine => Ok(engine),
        }
    }

    /// The engine of a node, which is a tree of supervised actors.
    pub(super) fn supervised(&self, subcommand: &str) -> Result<(), Exit> {
        let name = match self.any(subcommand)? {
            Engine::Actor => return Ok(()),
            Engine::Reactor(_) => "reactor",
            Engine::Blocking => "blocking",
        };
        let problem = format!("'{name}' has no supervisors, which a node is made of; here it is actor");
        Err(Exit::usage(subcommand, "--engine", &problem))
    }
}

impl Common {
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

fn pollers() -> impl TypedValueParser<Value = PollerKind> {
    let names = PollerKind::ALL.map(|kind| match kind {
        PollerKind::Epoll => "epoll",
        PollerKind::Poll => "poll",
        PollerKind::Select => "select",
    });
    PossibleValuesParser::new(names).try_map(|name| name.parse::<PollerKind>())
}

fn levels() -> impl TypedValueParser<Value = LogLevel> {
    PossibleValuesParser::new(LogLevel::ALL.map(LogLevel::name)).try_map(|name| name.parse::<LogLevel>())
}
