//! The branch of one caching proxy: connections, cache, downloads, listener.
//!
//! ```text
//! proxy (rest_for_one)
//! |- connections   one process a client
//! |- cache         keeps poems, knows who waits
//! |- downloads     one process a fetch in flight
//! `- listener      lets clients in
//! ```
//!
//! The order is what a crash costs. Connections come first: those who are being sent a poem have it, and notice nothing
//! when the cache dies; those who wait are told by their calls at once, and are reset. The downloads come behind the
//! cache and end with it: what they fetch is for waiters that only the dead cache knew, and if they went on, the upstream
//! would see two connections as soon as the new cache is asked. The listener comes last: while the cache is away,
//! clients wait in the backlog instead of being turned away. So the cache that comes back is filled by one fetch.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use supervisors::supervisor::DynamicSupervisor;

use super::branch::Branch;
use super::sockets::Sockets;
use super::{Plot, ServiceId};
use crate::actors::{
    CacheOptions, CachePorts, PoemCache, ProxyKind, ProxyService, Upstream as FetchUpstream,
};
use crate::actors::{DownloadOptions, ExchangeOptions};
use crate::config::{Framing, Host, HostPort, ProxyConfig, Upstream};
use crate::ops::admin::CacheSeat;

/// The branch, and how its cache is asked.
pub(super) fn branch(plot: &Plot<'_>, number: usize, sockets: &Sockets) -> (Branch, CacheSeat) {
    let config = &plot.config.proxies[number];
    let id = if number == 0 { "proxy".to_owned() } else { format!("proxy-{}", number + 1) };
    let downloads = DynamicSupervisor::new("downloads")
        // Twice as many as may be under way: those that were cancelled are still closing their connections.
        .max_children(config.cache.max_fetches.saturating_mul(2))
        // They are temporary: none is ever restarted, and none can end the branch.
        .intensity(0, Duration::from_secs(1));
    let cache = PoemCache::child_spec(CacheOptions {
        config: config.cache.clone(),
        downloads: downloads.reference(),
        fetcher: Arc::new(Arc::new(upstream(plot, config, sockets))),
        reporter: plot.world.reporter.clone(),
    });
    let ports = CachePorts::from(&cache.reference());
    let seat = CacheSeat { proxy: id.as_str().into(), ports: ports.clone() };
    let kind = match config.transforms {
        true => ProxyKind::Transforms {
            max_request: bytes(plot.config.limits.max_request),
            request_timeout: plot.config.limits.request_timeout,
        },
        false => ProxyKind::Poems(config.framing),
    };
    let service = ProxyService::new(ports, name(config), kind, plot.connection_options());
    let supervisor = plot.supervisor(id.as_str());
    let bound = sockets.of(ServiceId::Proxy(number));
    let names = ["connections", "listener"];
    let (supervisor, door) = plot.door_around(supervisor, &id, bound, Arc::new(service), names, |branch| {
        branch.child(cache).child(downloads)
    });
    (Branch { supervisor, doors: vec![door] }, seat)
}

/// What the upstream is called in keys, logs and listings: its addresses as in the config.
fn name(config: &ProxyConfig) -> Arc<str> {
    config.upstreams.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ").into()
}

fn upstream(plot: &Plot<'_>, config: &ProxyConfig, sockets: &Sockets) -> FetchUpstream {
    let limits = &plot.config.limits;
    let exchange = ExchangeOptions {
        connect_timeout: limits.connect_timeout,
        idle_timeout: limits.idle_timeout,
        timeout: limits.download_timeout,
    };
    FetchUpstream {
        network: plot.world.network.clone(),
        servers: config.upstreams.iter().map(|upstream| server(plot, upstream, sockets)).collect(),
        download: DownloadOptions {
            exchange,
            framing: config.upstream_framing,
            max_poem: bytes(limits.max_poem),
        },
        max_answer: bytes(limits.max_request),
        // A netstring begins with the poem's length, so none can be begun before its end is known.
        max_held: (config.framing == Framing::Raw).then_some(config.cache.max_poem_bytes),
        max_drain: config.cache.max_drain,
    }
}

fn server(plot: &Plot<'_>, upstream: &Upstream, sockets: &Sockets) -> HostPort {
    match upstream {
        Upstream::Address(at) => at.clone(),
        Upstream::Poem(title) => {
            let number = plot.config.poems.iter().position(|poem| poem.title == *title);
            let number = number.expect("a valid configuration names only poems it has");
            let at: SocketAddr = sockets.of(ServiceId::Poem(number)).address();
            HostPort { host: Host::Ip(at.ip()), port: at.port() }
        }
    }
}

fn bytes(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
