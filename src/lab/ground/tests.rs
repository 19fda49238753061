//! One body, two grounds.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use supervisors::lab::{Effect, Fault, When};

use super::*;
use crate::actors::{DownloadOptions, point};
use crate::client::Client;
use crate::config::{
    Framing, Host, HostPort, Pace, PoemConfig, PoemSource, ProxyConfig, TransformConfig, Upstream,
};
use crate::lab::{FaultyNet, NetChange, NetFault};
use crate::poem::Anthology;

const POEM: u16 = 10_001;
const TRANSFORM: u16 = 10_010;
const PROXY: u16 = 10_101;

fn at(host: &str, port: u16) -> HostPort {
    HostPort { host: Host::Name(host.to_owned()), port }
}

fn listen(port: u16) -> HostPort {
    HostPort { host: Host::Ip([0, 0, 0, 0].into()), port }
}

fn science() -> Poem {
    Anthology::poem("science").expect("it is embedded")
}

/// A server of one poem, and a transform service.
fn server(pace: Pace, framing: Framing) -> (Config, Vec<Poem>) {
    let source = PoemSource::File(PathBuf::from("science"));
    let poem = PoemConfig { listen: listen(POEM), pace, framing, ..PoemConfig::new(source) };
    let transform = TransformConfig { listen: listen(TRANSFORM), ..TransformConfig::default() };
    (Config { poems: vec![poem], transform: Some(transform), ..Config::default() }, vec![science()])
}

/// A proxy of that server.
fn proxy(framing: Framing) -> Config {
    let upstream = vec![Upstream::Address(at("server", POEM))];
    let proxy = ProxyConfig {
        listen: listen(PROXY),
        framing,
        upstream_framing: framing,
        ..ProxyConfig::new(upstream)
    };
    Config { proxies: vec![proxy], ..Config::default() }
}

fn slowly() -> Pace {
    Pace::Slow { num_bytes: 100, delay: Duration::from_millis(10) }
}

fn client(network: &Network, framing: Framing) -> Client {
    let options = DownloadOptions { framing, ..DownloadOptions::default() };
    Client::default().network(network.clone()).options(options)
}

/// A poem is served, and got; what is not there is refused or not found.
fn serve_and_get(mut ground: impl Ground) {
    let network = ground.network("server");
    let (config, poems) = server(slowly(), Framing::Raw);
    let _node = ground.node("server", config, poems, network);
    let network = ground.network("body");
    ground.run(async move {
        let client = client(&network, Framing::Raw);
        assert_eq!(client.get_poetry(&at("server", POEM)).await.unwrap(), science().bytes());
        let nowhere = client.get_poetry(&at("nowhere", POEM)).await.unwrap_err();
        assert!(nowhere.to_string().contains("nowhere"), "{nowhere}");
    });
}

/// Five ask at once, the server is asked once, and all get the poem.
fn proxy_fetches_once(mut ground: impl Ground) {
    let network = ground.network("server");
    let (config, poems) = server(slowly(), Framing::Raw);
    let _server = ground.node("server", config, poems, network);
    let told = Arc::new(Mutex::new(0));
    let teller = Arc::clone(&told);
    let net = FaultyNet::new(ground.network("proxy"), move |fact| {
        *teller.lock() += u32::from(fact.what == NetChange::Opening);
    });
    let _proxy = ground.node("proxy", proxy(Framing::Raw), Vec::new(), Network::new(net));
    let network = ground.network("body");
    ground.run(async move {
        let client = client(&network, Framing::Raw);
        let from = at("proxy", PROXY);
        let get = || client.get_poetry(&from);
        let all = tokio::join!(get(), get(), get(), get(), get());
        for got in [all.0, all.1, all.2, all.3, all.4] {
            assert_eq!(got.unwrap(), science().bytes());
        }
        assert_eq!(*told.lock(), 1, "connections to the server");
    });
}

/// A poem is transformed by the service; what it does not know gets no answer.
fn transforms(mut ground: impl Ground) {
    let network = ground.network("server");
    let (config, poems) = server(Pace::Fast, Framing::Raw);
    let _node = ground.node("server", config, poems, network);
    let network = ground.network("body");
    ground.run(async move {
        let (client, service) = (client(&network, Framing::Raw), at("server", TRANSFORM));
        let shouted = client.apply(&service, "shout", Bytes::from_static(b"a poem")).await;
        assert_eq!(shouted.unwrap(), "A POEM");
        assert!(client.apply(&service, "nosuch", Bytes::from_static(b"a poem")).await.is_err());
    });
}

/// A connection's process crashes in mid poem: its client is reset, and the next one is served.
fn a_crash_is_a_reset(mut ground: impl Ground) {
    let network = ground.network("server");
    let (config, poems) = server(slowly(), Framing::Raw);
    let node = ground.node("server", config, poems, network);
    let network = ground.network("body");
    ground.run(async move {
        let address = network.resolve("server", POEM).await.unwrap()[0];
        let mut stream = network.connect(address).await.unwrap();
        let mut got = BytesMut::new();
        stream.read(&mut got).await.unwrap();
        let tree = node.tree().expect("it runs");
        let connections = tree.find("poems/science/connections").expect("it has connections");
        connections.children[0].process.as_ref().expect("one is here").crash("as asked");
        let end = loop {
            match stream.read(&mut got).await {
                Ok(0) => break None,
                Ok(_) => {}
                Err(error) => break Some(error.kind()),
            }
        };
        assert_eq!(end, Some(std::io::ErrorKind::ConnectionReset));
        assert!(!got.is_empty() && got.len() < science().bytes().len());
        let whole = client(&network, Framing::Raw).get_poetry(&at("server", POEM)).await;
        assert_eq!(whole.unwrap(), science().bytes());
    });
}

/// A poem that is cut on its way to the proxy is nobody's, and the next fetch brings it whole.
fn truncation_is_never_cached(mut ground: impl Ground) {
    let network = ground.network("server");
    let (config, poems) = server(Pace::Fast, Framing::Netstring);
    let _server = ground.node("server", config, poems, network);
    let net = FaultyNet::new(ground.network("proxy"), |_| {});
    let guard = net.arm(None, NetFault::Truncated { after: 100 }, 1);
    let mut config = proxy(Framing::Netstring);
    config.proxies[0].cache.hold_off_min = Duration::from_millis(1);
    config.proxies[0].cache.hold_off_max = Duration::from_millis(1);
    let _proxy = ground.node("proxy", config, Vec::new(), Network::new(net));
    let network = ground.network("body");
    ground.run(async move {
        let client = client(&network, Framing::Netstring);
        let from = at("proxy", PROXY);
        assert!(client.get_poetry(&from).await.is_err(), "the first is cut");
        // Until the hold-off after a failure is over.
        let whole = loop {
            match client.get_poetry(&from).await {
                Ok(poem) => break poem,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        assert_eq!(whole, science().bytes());
        drop(guard);
    });
}

/// A process fails at a named point of its code, once: its client is told by a reset, and the next one is served.
fn a_named_point(mut ground: impl Ground, target: &'static str, point: &'static str) {
    let network = ground.network("server");
    let (config, poems) = server(Pace::Fast, Framing::Raw);
    let node = ground.node("server", config, poems, network);
    let network = ground.network("proxy");
    let proxied = ground.node("proxy", proxy(Framing::Raw), Vec::new(), network);
    let network = ground.network("body");
    ground.run(async move {
        let struck = if target.starts_with("proxy") { &proxied } else { &node };
        let root = struck.tree().and_then(|tree| tree.process).expect("it runs");
        let guard = root.node().arm(Fault::new(target, When::Point(point), Effect::Panic));
        let client = client(&network, Framing::Raw);
        let error = client.get_poetry(&at("proxy", PROXY)).await.unwrap_err();
        assert!(error.cause.to_string().contains("connection reset"), "{}", error.cause);
        assert_eq!(guard.struck(), 1);
        let whole = loop {
            match client.get_poetry(&at("proxy", PROXY)).await {
                Ok(poem) => break poem,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        assert_eq!(whole, science().bytes());
    });
}

fn a_connection_fails_at_its_point(ground: impl Ground) {
    a_named_point(ground, "proxy/connections/*", point::SENDING);
}

fn a_cache_fails_at_its_point(ground: impl Ground) {
    a_named_point(ground, "proxy/cache", point::ASKED);
}

fn a_listener_fails_at_its_point(ground: impl Ground) {
    a_named_point(ground, "proxy/listener", point::ACCEPTED);
}

macro_rules! on_both_grounds {
    ($($name:ident: $body:ident;)*) => {
        mod simulated {
            $(#[test] fn $name() { super::$body(super::SimulatedGround::new(1)); })*
        }
        mod sockets {
            $(#[test] fn $name() { super::$body(super::SocketGround::new()); })*
        }
    };
}

on_both_grounds! {
    a_poem_is_served_and_got: serve_and_get;
    a_proxy_fetches_once_for_all_who_wait: proxy_fetches_once;
    a_poem_is_transformed: transforms;
    a_crashed_connection_is_seen_as_a_reset: a_crash_is_a_reset;
    a_truncated_poem_is_never_cached: truncation_is_never_cached;
    a_connection_that_panics_at_a_named_point_resets_its_client_alone: a_connection_fails_at_its_point;
    a_cache_that_panics_at_a_named_point_resets_who_waits_and_comes_back: a_cache_fails_at_its_point;
    a_listener_that_panics_at_a_named_point_loses_one_and_comes_back: a_listener_fails_at_its_point;
}
