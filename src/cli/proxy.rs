//! `verse proxy [HOST:]PORT`: a caching proxy.

use std::time::Duration;

use super::shared::{Common, Listening, framings};
use super::{Engine, Exit, values};
use crate::cache::CacheConfig;
use crate::config::{Config, Framing, HostPort, ProxyConfig, Upstream};

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
}

impl Args {
    pub(super) fn check(self) -> Result<ProxyOptions, Exit> {
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
        Ok(ProxyOptions { config, engine: self.common.engine() })
    }
}
