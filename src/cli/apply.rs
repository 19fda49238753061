//! `verse apply [HOST:]PORT NAME [FILE]`: one poem through a transform service.

mod run;

use std::path::PathBuf;
use std::time::Duration;

use super::shared::EngineArgs;
use super::{Engine, Exit, values};
use crate::config::{HostPort, LimitsConfig};
use crate::poem::Poem;

pub use run::apply;

/// Send a poem through a transform service and print what comes back.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transform service; no host is 127.0.0.1, IPv6 in brackets
    #[arg(value_name = "[HOST:]PORT", value_parser = values::server)]
    server: HostPort,
    /// The transform: see verse transform --list
    #[arg(value_name = "NAME", value_parser = values::transform_name)]
    name: String,
    /// The poem [default: -, stdin]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// How long all of it may take: seconds, or like 500ms, 1ms to 24h [default: no bound]
    #[arg(long, value_name = "TIME", value_parser = values::timeout, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    #[command(flatten)]
    engine: EngineArgs,
}

/// The checked options of `verse apply`.
#[derive(Debug)]
pub struct ApplyOptions {
    /// The transform service.
    pub server: HostPort,
    /// The name of the transform, without a dot.
    pub name: String,
    /// The poem, already loaded; `None` is stdin, of at most `max_request` bytes.
    pub poem: Option<Poem>,
    /// The longest request and answer, in bytes: 1 MiB.
    pub max_request: u64,
    /// How long connecting may take: 10 s.
    pub connect_timeout: Duration,
    /// How long the service may send nothing: 60 s.
    pub idle_timeout: Duration,
    /// How long all of it may take. Default: no bound.
    pub timeout: Option<Duration>,
    /// What carries it out.
    pub engine: Engine,
}

impl Args {
    pub(super) fn check(self) -> Result<ApplyOptions, Exit> {
        let engine = self.engine.concurrent("apply")?;
        let limits = LimitsConfig::default();
        // Name and dot are part of the request.
        let longest = usize::try_from(limits.max_request).unwrap_or(usize::MAX) - self.name.len() - 1;
        let file = self.file.filter(|file| file.as_os_str() != "-");
        let poem = file.map(|file| Poem::read(&file, longest)).transpose();
        Ok(ApplyOptions {
            server: self.server,
            name: self.name,
            poem: poem.map_err(|error| Exit::because("apply", &error))?,
            max_request: limits.max_request,
            connect_timeout: limits.connect_timeout,
            idle_timeout: limits.idle_timeout,
            timeout: self.timeout,
            engine,
        })
    }
}
