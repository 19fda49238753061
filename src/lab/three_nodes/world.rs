//! The nodes of the experiment, and what may be asked of them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use crate::cache::CacheConfig;
use crate::config::{
    Config, Framing, Host, HostPort, LimitsConfig, NodeConfig, Pace, PoemConfig, PoemSource, ProxyConfig,
    TransformConfig, Upstream,
};
use crate::poem::{Poem, Title};
use crate::transform::TransformService;

/// The poems: title, bytes about, port; the proxy of each is 100 ports above.
const POEMS: [(&str, usize, u16); 3] =
    [("short", 700, 10_001), ("slow", 3000, 10_002), ("long", 200_000, 10_003)];

const TRANSFORM_PORT: u16 = 10_010;

/// From a server to its proxy.
const PROXIED: u16 = 100;

/// The longest poem that a proxy keeps: the long one is passed through, where the framing allows that.
const MAX_KEPT: usize = 64 << 10;

/// Nothing but the poem's own words.
const TRANSFORM: &str = "shout";

/// What was drawn of the world itself.
#[derive(Clone, Debug)]
pub(super) struct World {
    framing: Framing,
    poems: Vec<Bytes>,
}

/// Something to ask for.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) server: HostPort,
    pub(super) framing: Framing,
    /// The transform to ask for, and what it is asked with.
    pub(super) transform: Option<(&'static str, Bytes)>,
    /// What there is to get.
    pub(super) truth: Bytes,
}

impl Target {
    /// Whether a proxy would hold all of it.
    pub(super) fn is_held(&self) -> bool {
        self.truth.len() <= MAX_KEPT
    }
}

fn at(host: &str, port: u16) -> HostPort {
    HostPort { host: Host::Name(host.to_owned()), port }
}

/// A poem of which no part is like another, so that nothing that is missing or doubled can go unseen.
fn write(title: &str, bytes: usize) -> Bytes {
    let mut text = String::new();
    for line in 1.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&format!("{title}, line {line}, that rhymes with {}\n", line * 7));
    }
    text.into()
}

impl World {
    pub(super) fn draw(rng: &mut fastrand::Rng) -> Self {
        Self::framed(if rng.bool() { Framing::Raw } else { Framing::Netstring })
    }

    /// With this framing of poems.
    pub(super) fn framed(framing: Framing) -> Self {
        Self { framing, poems: POEMS.iter().map(|(title, bytes, _)| write(title, *bytes)).collect() }
    }

    /// Whether an end that comes too early shows. Raw poems end where their stream ends.
    pub(super) fn sees_truncation(&self) -> bool {
        self.framing == Framing::Netstring
    }

    fn config() -> Config {
        let limits = LimitsConfig {
            write_timeout: Duration::from_secs(5),
            linger: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(6),
            download_timeout: Some(Duration::from_secs(20)),
            ..LimitsConfig::default()
        };
        let node = NodeConfig { drain: Duration::from_secs(3), ..NodeConfig::default() };
        Config { node, limits, ..Config::default() }
    }

    fn listen(port: u16) -> HostPort {
        HostPort { host: Host::Ip(IpAddr::from([0, 0, 0, 0])), port }
    }

    /// The server's configuration and its poems.
    pub(super) fn server(&self) -> (Config, Vec<Poem>) {
        let mut config = Self::config();
        let mut poems = Vec::new();
        for ((title, _, port), text) in POEMS.iter().zip(&self.poems) {
            let pace = match *title {
                "slow" => Pace::Slow { num_bytes: 100, delay: Duration::from_millis(30) },
                _ => Pace::Fast,
            };
            let source = PoemSource::File(PathBuf::from(title));
            let poem = PoemConfig {
                listen: Self::listen(*port),
                pace,
                framing: self.framing,
                ..PoemConfig::new(source)
            };
            let title: Title = poem.title.clone();
            poems.push(Poem::new(title, "the lab", text.clone()).expect("it has words"));
            config.poems.push(poem);
        }
        config.transform =
            Some(TransformConfig { listen: Self::listen(TRANSFORM_PORT), ..TransformConfig::default() });
        (config, poems)
    }

    /// The proxy's configuration: one for each service of the server.
    pub(super) fn proxy(&self) -> Config {
        let mut config = Self::config();
        let cache = CacheConfig {
            ttl: Duration::from_secs(2),
            stale_while_revalidate: Duration::from_secs(1),
            stale_if_error: Duration::from_secs(3),
            hold_off_min: Duration::from_millis(200),
            hold_off_max: Duration::from_secs(2),
            negative_ttl: Duration::from_millis(500),
            max_poem_bytes: MAX_KEPT,
            max_wait: Duration::from_secs(20),
            max_drain: Duration::from_secs(10),
            ..CacheConfig::default()
        };
        let ports = POEMS.iter().map(|poem| poem.2).chain([TRANSFORM_PORT]);
        config.proxies = ports
            .map(|port| {
                let transforms = port == TRANSFORM_PORT;
                let framing = if transforms { Framing::Raw } else { self.framing };
                ProxyConfig {
                    listen: Self::listen(port + PROXIED),
                    cache: cache.clone(),
                    framing,
                    upstream_framing: framing,
                    transforms,
                    ..ProxyConfig::new(vec![Upstream::Address(at("server", port))])
                }
            })
            .collect();
        config
    }

    /// Everything that may be asked for, from the server and through the proxy.
    pub(super) fn targets(&self) -> Vec<Target> {
        const NAMES: [[&str; 2]; 3] =
            [["short", "short by proxy"], ["slow", "slow by proxy"], ["long", "long by proxy"]];
        let mut targets = Vec::new();
        for ((names, (_, _, port)), truth) in NAMES.iter().zip(POEMS).zip(&self.poems) {
            for (name, server) in names.iter().zip([at("server", port), at("proxy", port + PROXIED)]) {
                let (framing, truth) = (self.framing, truth.clone());
                targets.push(Target { name, server, framing, transform: None, truth });
            }
        }
        let original = self.poems[0].clone();
        let mut chance = fastrand::Rng::with_seed(0);
        let shouted = TransformService::default().transform(TRANSFORM, &original, &mut chance);
        let truth = shouted.expect("every poem can be shouted");
        let servers = [
            ("transform", at("server", TRANSFORM_PORT)),
            ("transform by proxy", at("proxy", TRANSFORM_PORT + PROXIED)),
        ];
        targets.extend(servers.map(|(name, server)| Target {
            name,
            server,
            framing: Framing::Netstring,
            transform: Some((TRANSFORM, original.clone())),
            truth: truth.clone(),
        }));
        targets
    }
}
