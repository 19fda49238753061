//! `verse serve POEM...`: poems, one port each.

use std::path::PathBuf;
use std::time::Duration;

use super::shared::{Common, Listening, framings};
use super::{Engine, Exit, engines, run, values};
use crate::config::{Config, Framing, HostPort, Pace, PoemConfig, PoemSource};
use crate::poem::{Poem, Title};

/// Most poems of one command line: each is a listener and a branch of the tree.
const MAX_POEMS: usize = 1024;

/// Serve poems, each on a port of its own, fast or slowly.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The poems: files, at most 1024, each with at least one byte
    #[arg(required = true, value_name = "POEM")]
    poems: Vec<PathBuf>,
    #[command(flatten)]
    listening: Listening,
    /// Send slowly: 10 bytes each 0.1 s, unless --num-bytes or --delay say otherwise
    #[arg(long)]
    slow: bool,
    /// Send slowly, as many bytes at a time, 1 to 1048576 [default: 10]
    #[arg(long, value_name = "N", allow_negative_numbers = true,
          value_parser = values::small_count(1..=Pace::MAX_NUM_BYTES))]
    num_bytes: Option<u32>,
    /// Send slowly, with such a pause after each: seconds, or like 100ms, at most 24h [default: 0.1]
    #[arg(long, value_name = "DELAY", value_parser = values::delay, allow_hyphen_values = true)]
    delay: Option<Duration>,
    /// How the poem goes over the wire [default: raw]
    #[arg(long, value_name = "FRAMING", value_parser = framings())]
    framing: Option<Framing>,
    /// Clients of a poem at once, 1 to 1000000; the rest wait [default: what the descriptor limit leaves]
    #[arg(long, value_name = "N", value_parser = values::small_count(1..=1_000_000), allow_negative_numbers = true)]
    max_connections: Option<u32>,
    #[command(flatten)]
    common: Common,
}

/// The checked options of `verse serve`.
#[derive(Debug)]
pub struct ServeOptions {
    /// A node that serves these poems and nothing else, valid. With `--port P` they are on P, P + 1, ...
    pub config: Config,
    /// The poems of `config.poems`, in the same order, already loaded.
    pub poems: Vec<Poem>,
    /// What carries it out.
    pub engine: Engine,
}

/// Serves until told to stop, by the engine asked for.
#[must_use]
pub fn serve(options: &ServeOptions) -> Exit {
    match options.engine {
        Engine::Actor => run("serve", &options.config, &options.poems),
        Engine::Reactor(poller) => engines::reactor::serve(poller, options),
        Engine::Blocking => engines::blocking::serve(options),
    }
}

impl Args {
    pub(super) fn check(self) -> Result<ServeOptions, Exit> {
        if self.poems.len() > MAX_POEMS {
            let problem = format!("{} of them; at most {MAX_POEMS}", self.poems.len());
            return Err(Exit::usage("serve", "POEM", &problem));
        }
        let engine = self.common.engine.any("serve")?;
        if let (Engine::Blocking, Some(most @ 2..)) = (engine, self.max_connections) {
            let problem =
                format!("'{most}' cannot be had of --engine blocking, which serves one client at a time");
            return Err(Exit::usage("serve", "--max-connections", &problem));
        }
        let ports = self.ports()?;
        let pace = match Pace::new(self.num_bytes, self.delay) {
            Pace::Fast if self.slow => Pace::SLOW,
            pace => pace,
        };
        let mut config = Config::default();
        config.node.log = self.common.log();
        config.limits.max_connections = self.max_connections;
        for (file, port) in self.poems.iter().zip(ports) {
            let poem = PoemConfig::new(PoemSource::File(file.clone()));
            config.poems.push(PoemConfig {
                title: unused(poem.title.clone(), &config),
                listen: HostPort { host: self.listening.host(), port },
                pace,
                framing: self.framing.unwrap_or_default(),
                ..poem
            });
        }
        let poems = config.load_poems().map_err(|error| Exit::because("serve", &error))?;
        config.validate().map_err(|error| Exit::because("serve", &error))?;
        Ok(ServeOptions { config, poems, engine })
    }

    /// P, P + 1, ..., or any free ones.
    fn ports(&self) -> Result<Vec<u16>, Exit> {
        let (first, number) = (self.listening.port(), self.poems.len());
        if first == 0 {
            return Ok(vec![0; number]);
        }
        let ports: Vec<u16> = (first..=u16::MAX).take(number).collect();
        if ports.len() < number {
            let problem = format!("'{first}' leaves no ports up to 65535 for {number} poems");
            return Err(Exit::usage("serve", "--port", &problem));
        }
        Ok(ports)
    }
}

/// The title, or with a number behind it if a poem has it already: `a/ode.txt b/ode.txt` are `ode` and
/// `ode-2`.
fn unused(title: Title, config: &Config) -> Title {
    let numbered = (2..).map_while(|number| {
        let text = title.as_str();
        let suffix = format!("-{number}");
        let cut = text.floor_char_boundary(crate::poem::TITLE_LIMIT - suffix.len());
        Title::new(&format!("{}{suffix}", &text[..cut])).ok()
    });
    let mut candidates = std::iter::once(title.clone()).chain(numbered);
    candidates.find(|title| config.poem(title.as_str()).is_none()).unwrap_or(title)
}
