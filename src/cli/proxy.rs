//! `verse proxy [HOST:]PORT`: a caching proxy.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::shared::{Common, Listening, framings};
use super::{Engine, Exit, engines, run, values};
use crate::cache::CacheConfig;
use crate::config::{Config, Framing, HostPort, ProxyConfig, Upstream};
use crate::reactor::programs::ProxyVersion;

/// Run a caching proxy for a poetry server, or for a transform service.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The server to ask; no host is 127.0.0.1, IPv6 in brackets
    #[arg(value_name = "[HOST:]PORT", value_parser = values::server)]
    upstream: HostPort,
    #[command(flatten)]
    listening: Listening,
    /// How long a poem is served from the cache: seconds, or like 2h, 0s to 365d [default: 2h]
    #[arg(long, value_name = "TIME", value_parser = values::ttl, allow_hyphen_values = true)]
    ttl: Option<Duration>,
    /// How poems go to the clients [default: raw]
    #[arg(long, value_name = "FRAMING", value_parser = framings(), conflicts_with = "transforms")]
    framing: Option<Framing>,
    /// How poems come from the upstream [default: raw]
    #[arg(long, value_name = "FRAMING", value_parser = framings(), conflicts_with = "transforms")]
    upstream_framing: Option<Framing>,
    /// Ask a transform service, speak its protocol, and cache by transform and poem
    #[arg(long)]
    transforms: bool,
    /// Which of the series' proxies --engine reactor is: 1.0 (a cached poem is given at once), 2.0 (always a Deferred,
    /// perhaps fired already), 3.0 (one fetch for all, cancelled when nobody waits for it) [default: 3.0]
    #[arg(long, value_name = "VERSION", value_parser = versions(), hide_possible_values = true,
          conflicts_with = "transforms")]
    proxy_version: Option<ProxyVersion>,
    #[command(flatten)]
    common: Common,
}

/// The checked options of `verse proxy`.
#[derive(Debug)]
pub struct ProxyOptions {
    /// A node that is this proxy and nothing else, valid.
    pub config: Config,
    /// What carries it out.
    pub engine: Engine,
    /// Which of the series' proxies the reactor is. Default 3.0.
    pub version: ProxyVersion,
}

/// The series' proxies by their numbers.
const VERSIONS: [(&str, ProxyVersion); 3] = [
    ("1.0", ProxyVersion::SometimesSynchronous),
    ("2.0", ProxyVersion::AlreadyFired),
    ("3.0", ProxyVersion::Cancels),
];

fn versions() -> impl TypedValueParser<Value = ProxyVersion> {
    let known = |name: String| VERSIONS.into_iter().find(|(it, _)| *it == name).map(|(_, version)| version);
    PossibleValuesParser::new(VERSIONS.map(|(name, _)| name))
        .try_map(move |name| known(name).ok_or("no version"))
}

/// Runs the proxy until it is told to stop, by the engine asked for.
#[must_use]
pub fn proxy(options: &ProxyOptions) -> Exit {
    match options.engine {
        Engine::Reactor(poller) => engines::reactor::proxy(poller, options),
        // The blocking engine has none, and the command line says so.
        Engine::Actor | Engine::Blocking => run("proxy", &options.config, &[]),
    }
}

impl Args {
    pub(super) fn check(self) -> Result<ProxyOptions, Exit> {
        let engine = self.common.engine.concurrent("proxy")?;
        let asked = self.proxy_version.is_some();
        if let (Engine::Actor, true) = (engine, asked) {
            return Err(Exit::usage(
                "proxy",
                "--proxy-version",
                "it is for --engine reactor; actors have one proxy",
            ));
        }
        let listen = HostPort { host: self.listening.host(), port: self.listening.port() };
        if self.upstream.collides(&listen) {
            let problem = format!("'{}' is the upstream itself", self.upstream);
            return Err(Exit::usage("proxy", "--port", &problem));
        }
        let default = ProxyConfig::new(vec![Upstream::Address(self.upstream)]);
        let cache = CacheConfig { ttl: self.ttl.unwrap_or(default.cache.ttl), ..default.cache };
        let proxy = ProxyConfig {
            listen,
            cache,
            framing: self.framing.unwrap_or_default(),
            upstream_framing: self.upstream_framing.unwrap_or_default(),
            transforms: self.transforms,
            ..default
        };
        let mut config = Config { proxies: vec![proxy], ..Config::default() };
        config.node.log = self.common.log();
        config.validate().map_err(|error| Exit::because("proxy", &error))?;
        Ok(ProxyOptions { config, engine, version: self.proxy_version.unwrap_or_default() })
    }
}
