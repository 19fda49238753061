//! `verse get [HOST:]PORT...`: poems from servers.

mod actor;
mod bars;
mod blocking;
mod printer;
mod reactor;
mod run;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::shared::{Common, framings};
use super::{Engine, Exit, values};
use crate::config::{Framing, HostPort, LimitsConfig, LogLevel};
use crate::transform::TransformService;

pub use run::get;

/// Most servers of one command line: each is asked at once, over a connection of its own.
const MAX_SERVERS: usize = 4096;

/// The transform that the series' clients ask for.
const DEFAULT_NAME: &str = "cummingsify";

/// Get poems from servers, all at once, and print them.
///
/// A server that fails costs a line on stderr; the others are delivered.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The servers, at most 4096; no host is 127.0.0.1, IPv6 in brackets
    #[arg(required = true, value_name = "[HOST:]PORT", value_parser = values::server)]
    servers: Vec<HostPort>,
    /// Send each poem through a transform service, or through one that runs in the client [default: none]
    #[arg(long, value_name = "[HOST:]PORT|local", value_parser = via)]
    transform: Option<Via>,
    /// The transform to ask for [default: cummingsify]
    #[arg(long, value_name = "NAME", value_parser = values::transform_name)]
    name: Option<String>,
    /// How long a whole poem may take: seconds, or like 5m, 1ms to 24h [default: no bound]
    #[arg(long, value_name = "TIME", value_parser = values::timeout, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// How long a server may send nothing: seconds, or like 500ms, 1ms to 24h [default: 60]
    #[arg(long, value_name = "TIME", value_parser = values::timeout, allow_hyphen_values = true)]
    idle_timeout: Option<Duration>,
    /// How the poems come over the wire [default: raw]
    #[arg(long, value_name = "FRAMING", value_parser = framings())]
    framing: Option<Framing>,
    /// The order in which poems are printed [default: arrival]
    #[arg(long, value_name = "ORDER")]
    order: Option<Order>,
    /// Tell on stderr of all data as it arrives
    #[arg(long)]
    tasks: bool,
    /// Print a line of JSON a server instead of the poem
    #[arg(long)]
    json: bool,
    /// Write each poem into this directory, as TASK-HOST-PORT.txt, instead of printing it
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Overwrite files of --output that exist
    #[arg(long)]
    force: bool,
    /// Say nothing on stderr but what failed
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    common: Common,
}

/// The checked options of `verse get`.
#[derive(Clone, Debug)]
pub struct GetOptions {
    /// The servers, in the order asked for; task n is the n-th, from 1. The same one may be asked twice.
    pub servers: Vec<HostPort>,
    /// The transform of each poem, if any.
    pub transform: Option<TransformBy>,
    /// How long connecting may take: 10 s.
    pub connect_timeout: Duration,
    /// How long a server may send nothing. Default 60 s.
    pub idle_timeout: Duration,
    /// How long a whole poem may take. Default: no bound.
    pub timeout: Option<Duration>,
    /// The longest poem that is received, in bytes, whatever its framing: 64 MiB.
    pub max_poem: u64,
    /// The longest request to a transform service and its answer, in bytes: 1 MiB.
    pub max_request: u64,
    /// How the poems come over the wire.
    pub framing: Framing,
    /// The order in which they are printed.
    pub order: Order,
    /// Whether to tell of all data as it arrives.
    pub tasks: bool,
    /// Whether to print JSON.
    pub json: bool,
    /// Where to write files, if anywhere.
    pub output: Option<OutputDir>,
    /// Whether to say nothing on stderr but what failed.
    pub quiet: bool,
    /// What carries it out.
    pub engine: Engine,
    /// What is logged on stderr, beside what is said there anyhow. Default nothing: that is enough for a client.
    pub log: LogLevel,
}

/// A transform for all poems of a `get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformBy {
    /// Who carries it out.
    pub via: Via,
    /// Its name. Default cummingsify.
    pub name: String,
}

/// Who carries out a transform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// A transform service (client 6.0): every failure looks alike.
    Server(HostPort),
    /// A supervised process of the client (client 5.0), with its three outcomes.
    Local,
}

/// The order in which poems are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// Each when it is whole. The default.
    #[default]
    Arrival,
    /// In the order asked for.
    Given,
    /// In the order asked for, the poem whose turn it is line by line as it comes (Part 21).
    Stream,
}

/// Where poems are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputDir {
    /// The directory.
    pub dir: PathBuf,
    /// Whether files that exist are overwritten.
    pub force: bool,
}

impl Args {
    pub(super) fn check(self) -> Result<GetOptions, Exit> {
        let refuse = |argument: &str, problem: &str| Err(Exit::usage("get", argument, problem));
        if self.servers.len() > MAX_SERVERS {
            let problem = format!("{} of them; at most {MAX_SERVERS}", self.servers.len());
            return refuse("[HOST:]PORT", &problem);
        }
        let order = self.order.unwrap_or_default();
        let whole = [
            ("--transform", self.transform.is_some()),
            ("--json", self.json),
            ("--output", self.output.is_some()),
        ];
        if let (Order::Stream, Some((other, _))) = (order, whole.iter().find(|(_, given)| *given)) {
            return refuse(
                "--order",
                &format!("'stream' cannot be combined with {other}, which needs whole poems"),
            );
        }
        if let Some(dir) = self.output.as_ref().filter(|dir| dir.exists() && !dir.is_dir()) {
            return refuse("--output", &format!("'{}' is no directory", dir.display()));
        }
        if self.name.is_some() && self.transform.is_none() {
            return refuse("--name", "there is no --transform that it could be the name of");
        }
        if self.force && self.output.is_none() {
            return refuse("--force", "there is no --output whose files it could overwrite");
        }
        let carried_by = self.common.engine.any("get")?;
        let limits = LimitsConfig::default();
        let name = self.name.unwrap_or_else(|| DEFAULT_NAME.to_owned());
        // What a service over the network knows is its own; what the client's own engine knows is known now.
        let engine = TransformService::default();
        if self.transform == Some(Via::Local) && engine.about(&name).is_none() {
            let known = engine.names().collect::<Vec<_>>().join(", ");
            return refuse("--name", &format!("'{name}' is no transform of this program; there are {known}"));
        }
        Ok(GetOptions {
            servers: self.servers,
            transform: self.transform.map(|via| TransformBy { via, name }),
            connect_timeout: limits.connect_timeout,
            idle_timeout: self.idle_timeout.unwrap_or(limits.idle_timeout),
            timeout: self.timeout,
            max_poem: limits.max_poem,
            max_request: limits.max_request,
            framing: self.framing.unwrap_or_default(),
            order,
            tasks: self.tasks,
            json: self.json,
            output: self.output.map(|dir| OutputDir { dir, force: self.force }),
            quiet: self.quiet,
            engine: carried_by,
            log: self.common.log.unwrap_or(LogLevel::Off),
        })
    }
}

/// `local` or a server.
fn via(text: &str) -> Result<Via, String> {
    if text == "local" { Ok(Via::Local) } else { values::server(text).map(Via::Server) }
}
