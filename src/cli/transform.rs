//! `verse transform`: the transform service.

use std::time::Duration;

use super::shared::{Common, Listening};
use super::{Engine, Exit, engines, run, values};
use crate::config::{Config, HostPort, TransformConfig};
use crate::transform::TransformService;

/// Run the transform service: one request, one answer, as in the series.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    listening: Listening,
    /// How long one transform may take: seconds, or like 500ms, 1ms to 1h [default: 10]
    #[arg(long, value_name = "TIME", value_parser = values::deadline, allow_hyphen_values = true)]
    deadline: Option<Duration>,
    /// Answer several requests of a connection, in order, at most 1000
    #[arg(long)]
    keep_alive: bool,
    /// The port of the second protocol: NAME LENGTH, newline, the poem; 0 is any free one [default: not
    /// spoken]
    #[arg(long, value_name = "PORT", value_parser = values::port, allow_negative_numbers = true)]
    lines_port: Option<u16>,
    /// The seed of the transforms that play dice, 0 to 9223372036854775807 [default: drawn at the start]
    #[arg(long, value_name = "N", value_parser = values::count(0..=TransformConfig::MAX_SEED),
          allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Print what transforms there are, and end
    #[arg(long, exclusive = true)]
    list: bool,
    #[command(flatten)]
    common: Common,
}

/// The checked options of `verse transform`.
#[derive(Debug)]
pub enum TransformOptions {
    /// Print [`list_transforms`] on stdout.
    List,
    /// Run the service.
    Serve {
        /// A node that is the transform service and nothing else, valid.
        config: Box<Config>,
        /// What carries it out.
        engine: Engine,
    },
}

/// What `--list` prints: a transform a line, its name and what it does, with the last newline.
pub fn list_transforms(service: &TransformService) -> String {
    let width = service.names().map(str::len).max().unwrap_or(0);
    let about = |name| service.about(name).unwrap_or_default();
    service.names().map(|name| format!("{name:<width$}  {}\n", about(name))).collect()
}

/// Runs the service until it is told to stop, by the engine asked for.
#[must_use]
pub fn transform(config: &Config, engine: Engine) -> Exit {
    match engine {
        Engine::Reactor(poller) => engines::reactor::transform(poller, config),
        // The blocking engine has none, and the command line says so.
        Engine::Actor | Engine::Blocking => run("transform", config, &[]),
    }
}

impl Args {
    pub(super) fn check(self) -> Result<TransformOptions, Exit> {
        if self.list {
            return Ok(TransformOptions::List);
        }
        let engine = self.common.engine.concurrent("transform")?;
        let port = self.listening.port();
        if self.lines_port == self.listening.port && port != 0 {
            return Err(Exit::usage("transform", "--lines-port", &format!("'{port}' is already the --port")));
        }
        let host = self.listening.host();
        let default = TransformConfig::default();
        let transform = TransformConfig {
            lines_listen: self.lines_port.map(|port| HostPort { host: host.clone(), port }),
            listen: HostPort { host, port },
            deadline: self.deadline.unwrap_or(default.deadline),
            keep_alive: self.keep_alive,
            seed: self.seed,
            ..default
        };
        let mut config = Config { transform: Some(transform), ..Config::default() };
        config.node.log = self.common.log();
        config.validate().map_err(|error| Exit::because("transform", &error))?;
        Ok(TransformOptions::Serve { config: Box::new(config), engine })
    }
}
