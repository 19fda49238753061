//! What is written reads back equal.

use std::path::PathBuf;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::address::host;
use crate::cache::CacheConfig;
use crate::config::{
    Config, Framing, HostPort, LimitsConfig, LogLevel, NodeConfig, Pace, PoemConfig, PoemSource, PortBase,
    ProxyConfig, TransformConfig, Upstream,
};
use crate::poem::Title;

/// Up to a second less than that many hours, to the nanosecond.
fn wait(hours: u64) -> impl Strategy<Value = Duration> {
    (0..hours * 3600, 1_000_000_u32..1_000_000_000).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

fn framing() -> impl Strategy<Value = Framing> {
    prop_oneof![Just(Framing::Raw), Just(Framing::Netstring)]
}

fn node() -> impl Strategy<Value = NodeConfig> {
    let log = proptest::sample::select(LogLevel::ALL.as_slice());
    let loopback = proptest::sample::select(vec!["0", "localhost:0", "127.0.0.2:0", "[::1]:0"]);
    let admin = option::of((loopback, option::of("\\PC{1,20}")));
    (wait(1), 0..=1000_u32, 1..=3600_u64, log, admin).prop_map(|(drain, intensity, period, log, admin)| {
        let (admin, admin_token) = admin.map_or((None, None), |(at, file)| (Some(at), file));
        NodeConfig {
            drain,
            intensity,
            period: Duration::from_secs(period),
            log,
            admin: admin.map(|at| at.parse().unwrap()),
            admin_token: admin_token.map(PathBuf::from),
        }
    })
}

fn limits() -> impl Strategy<Value = LimitsConfig> {
    let waits = (wait(24), wait(24), wait(24), option::of(wait(24)), wait(24));
    let sizes = (1..=4_u64 << 30, 128..=1_u64 << 30);
    (option::of(1..=1_000_000_u32), 1..=65_535_u32, 1..60_000_u64, waits, sizes).prop_map(
        |(max_connections, backlog, millis, waits, sizes)| LimitsConfig {
            max_connections,
            backlog,
            accept_pause: Duration::from_millis(millis),
            linger: Duration::from_micros(millis),
            write_timeout: waits.0,
            connect_timeout: waits.1,
            idle_timeout: waits.2,
            download_timeout: waits.3,
            request_timeout: waits.4,
            max_poem: sizes.0,
            max_request: sizes.1,
        },
    )
}

/// A poem, but for its port; titles are made unique afterwards.
fn poem() -> impl Strategy<Value = PoemConfig> {
    let embedded = proptest::sample::select(vec!["ecstasy", "fascination", "science", "mariner"]);
    let source = prop_oneof![
        "\\PC{1,20}".prop_map(|file| PoemSource::File(PathBuf::from(file))),
        embedded.prop_map(|title| PoemSource::Embedded(Title::new(title).unwrap()))
    ];
    let slow =
        (1..=Pace::MAX_NUM_BYTES, wait(24)).prop_map(|(num_bytes, delay)| Pace::Slow { num_bytes, delay });
    let pace = prop_oneof![Just(Pace::Fast), slow];
    let title = "[^/\\p{Cc}]{1,15}".prop_map(|title| Title::new(&title).unwrap());
    (source, title, host(), pace, framing()).prop_map(|(source, title, host, pace, framing)| PoemConfig {
        source,
        title,
        listen: HostPort { host, port: 0 },
        pace,
        framing,
    })
}

fn transform() -> impl Strategy<Value = TransformConfig> {
    let lines = option::of(host().prop_map(|host| HostPort { host, port: 0 }));
    let seed = option::of(0..=TransformConfig::MAX_SEED);
    let counts = (1..=10_000_u32, any::<bool>(), 1..=1_000_000_u32);
    (lines, wait(1), counts, seed).prop_map(|(lines_listen, deadline, counts, seed)| TransformConfig {
        listen: HostPort::default(),
        lines_listen,
        deadline,
        workers: counts.0,
        keep_alive: counts.1,
        keep_alive_requests: counts.2,
        seed,
    })
}

/// A proxy, but for its port; an upstream of this node is chosen afterwards.
fn proxy() -> impl Strategy<Value = (ProxyConfig, usize)> {
    let address =
        (host(), 30_000..=u16::MAX).prop_map(|(host, port)| Upstream::Address(HostPort { host, port }));
    (vec(address, 1..=15), cache(), framing(), framing(), any::<usize>()).prop_map(
        |(upstreams, cache, framing, upstream_framing, choice)| {
            let listen = HostPort::default();
            (ProxyConfig { upstreams, listen, cache, framing, upstream_framing, transforms: false }, choice)
        },
    )
}

fn cache() -> impl Strategy<Value = CacheConfig> {
    let windows = (wait(24), wait(24), wait(24), wait(24));
    let hold_off = (wait(1), wait(1), 0..=100_u8, 0..=100_u8);
    let sizes = (1..1_usize << 20, 1..=10_000_usize, 1..=10_000_usize, 1..=10_000_usize);
    (windows, hold_off, sizes, wait(24), wait(24)).prop_map(
        |(windows, hold_off, sizes, max_wait, max_drain)| CacheConfig {
            ttl: windows.0,
            ttl_jitter: hold_off.2,
            stale_while_revalidate: windows.1,
            stale_if_error: windows.2,
            hold_off_min: hold_off.0.min(hold_off.1),
            hold_off_max: hold_off.0.max(hold_off.1),
            hold_off_jitter: hold_off.3,
            negative_ttl: windows.3,
            max_bytes: sizes.0 + (1 << 20),
            max_entries: sizes.1,
            max_poem_bytes: sizes.0,
            max_fetches: sizes.2,
            max_waiters_per_key: sizes.3,
            max_waiters: 2 * sizes.3,
            max_wait,
            max_drain,
        },
    )
}

/// Any valid configuration: parts that are valid alone, made to go together.
fn config() -> impl Strategy<Value = Config> {
    (node(), limits(), vec(poem(), 1..5), option::of(transform()), vec(proxy(), 0..4)).prop_map(
        |(node, limits, mut poems, transform, drafts)| {
            for (index, poem) in poems.iter_mut().enumerate() {
                poem.title = Title::new(&format!("{}{index}", poem.title)).unwrap();
                poem.listen.port = 10_000 + u16::try_from(index).unwrap();
            }
            let mut proxies = Vec::new();
            for (index, (mut proxy, choice)) in drafts.into_iter().enumerate() {
                proxy.listen.port = 20_000 + u16::try_from(index).unwrap();
                proxy.transforms = choice % 5 == 0;
                if proxy.transforms {
                    (proxy.framing, proxy.upstream_framing) = (Framing::Raw, Framing::Raw);
                } else if let Some(poem) = poems.iter().find(|poem| poem.framing == proxy.upstream_framing) {
                    proxy.upstreams.push(Upstream::Poem(poem.title.clone()));
                }
                proxies.push(proxy);
            }
            Config { node, limits, poems, transform, proxies }
        },
    )
}

proptest! {
    #[test]
    fn a_config_reads_back_as_it_was_written(config in config()) {
        let text = config.to_toml();
        match Config::from_toml(&text, "verse.toml") {
            Ok(read) => prop_assert_eq!(read, config),
            Err(error) => prop_assert!(false, "{}\n{}", error, text),
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}=\"nodepmxy.,1\n ]{0,60}") {
        let _ = Config::from_toml(&text, "verse.toml");
    }
}

#[test]
fn the_embedded_node_is_valid_and_reads_back_on_any_base() {
    for base in [0, 1, 10_000, PortBase::MAX] {
        let config = Config::embedded(PortBase::new(base).unwrap());
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(Config::from_toml(&config.to_toml(), "verse.toml").unwrap(), config);
    }
}

#[test]
fn the_embedded_node_listens_where_the_readme_says() {
    let ports =
        |base: PortBase| -> Vec<u16> { Config::embedded(base).listeners().map(|(_, at)| at.port).collect() };
    assert_eq!(ports(PortBase::default()), [10001, 10002, 10003, 10004, 10011, 10020, 10080]);
    assert_eq!(ports(PortBase::FREE), [0; 7]);
    let config = Config::embedded(PortBase::default());
    let slow = config.poem("science-slow").unwrap();
    assert_eq!((slow.listen.port, slow.pace), (10004, Pace::SLOW));
    assert_eq!(config.proxies[0].upstreams, [Upstream::Poem(slow.title.clone())]);
}

#[test]
fn a_port_base_leaves_room_for_the_last_service() {
    let line = "'65456' is no port base; it is an integer from 0 (any free ports) to 65455";
    assert_eq!(PortBase::new(65_456).unwrap_err().to_string(), line);
    assert_eq!("65456".parse::<PortBase>().unwrap_err().to_string(), line);
    assert!("-1".parse::<PortBase>().is_err());
}

#[test]
fn the_written_config_explains_each_key_once() {
    let text = Config::embedded(PortBase::default()).to_toml();
    let start = "\
        # A poetry node: `verse node FILE` runs it, `verse check FILE` only reads it.\n\
        # Every value in force is shown. Durations: \"100ms\", \"10s\", \"1h30m\". Sizes: 1000, \"64MiB\".\n\
        \n\
        [node]\n\
        # How long connections may finish when the node stops, 0s to 1h; then they are reset.\n\
        drain = \"10s\"\n";
    assert!(text.starts_with(start), "{text}");
    assert_eq!(text.matches("# Its name in the tree").count(), 1);
    assert!(text.contains("# max_connections = ... (not set: what the descriptor limit leaves)\n"));
    assert!(text.contains("upstream = { poem = \"science-slow\" }\n"));
}
