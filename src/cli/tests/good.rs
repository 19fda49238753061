//! Command lines that are well, and what they mean.

use std::time::Duration;

use super::{Folder, run};
use crate::cli::{
    ApplyOptions, CheckOptions, Command, Engine, GetOptions, NodeOptions, Order, OutputDir, ProxyOptions,
    ServeOptions, TransformBy, TransformOptions, Via, list_transforms,
};
use crate::config::{Config, Framing, HostPort, LogLevel, Pace, PortBase, Upstream};
use crate::reactor::PollerKind;
use crate::reactor::programs::ProxyVersion;
use crate::transform::TransformService;

/// The options of a command line that must be well, of the subcommand that it names.
macro_rules! options {
    ($variant:ident, $line:expr) => {
        match run($line) {
            Ok(Command::$variant(options)) => options,
            other => panic!("{}: {other:?}", $line),
        }
    };
}

fn serve(line: &str) -> ServeOptions {
    options!(Serve, line)
}

fn get(line: &str) -> GetOptions {
    options!(Get, line)
}

fn node(line: &str) -> NodeOptions {
    options!(Node, line)
}

fn proxy(line: &str) -> ProxyOptions {
    options!(Proxy, line)
}

fn apply(line: &str) -> ApplyOptions {
    options!(Apply, line)
}

#[test]
fn a_poem_is_served_fast_on_any_free_loopback_port() {
    let options = serve("verse serve poetry/science.txt");
    let poem = &options.config.poems[0];
    assert_eq!((poem.listen.to_string().as_str(), poem.pace), ("127.0.0.1:0", Pace::Fast));
    assert_eq!((poem.framing, options.config.limits.max_connections), (Framing::Raw, None));
    assert_eq!((options.engine, options.config.node.log), (Engine::Actor, LogLevel::Info));
    assert_eq!(options.poems[0].origin(), "poetry/science.txt");
}

#[test]
fn the_engine_and_the_poller_of_a_reactor_are_read() {
    let poem = "verse serve poetry/science.txt --engine";
    assert_eq!(serve(&format!("{poem} actor")).engine, Engine::Actor);
    assert_eq!(serve(&format!("{poem} blocking")).engine, Engine::Blocking);
    assert_eq!(serve(&format!("{poem} blocking --max-connections 1")).engine, Engine::Blocking);
    assert_eq!(serve(&format!("{poem} reactor")).engine, Engine::Reactor(PollerKind::Epoll));
    for kind in PollerKind::ALL {
        let get = get(&format!("verse get 1 --poller {kind} --engine reactor"));
        assert_eq!(get.engine, Engine::Reactor(kind));
    }
    let apply = apply("verse apply 1 rot13 --engine reactor --poller select");
    assert_eq!(apply.engine, Engine::Reactor(PollerKind::Select));
}

#[test]
fn a_proxy_of_the_reactor_is_the_third_unless_told_otherwise() {
    let version = |line: &str| options!(Proxy, line).version;
    assert_eq!(version("verse proxy 1 --engine reactor"), ProxyVersion::Cancels);
    let numbered = |number| version(&format!("verse proxy 1 --engine reactor --proxy-version {number}"));
    assert_eq!(numbered("1.0"), ProxyVersion::SometimesSynchronous);
    assert_eq!(numbered("2.0"), ProxyVersion::AlreadyFired);
    assert_eq!(numbered("3.0"), ProxyVersion::Cancels);
}

#[test]
fn several_poems_are_on_ports_that_follow_each_other() {
    let options = serve("verse serve poetry/science.txt poetry/ecstasy.txt --port 65534 --iface ::1");
    let at: Vec<String> = options.config.listeners().map(|(_, at)| at.to_string()).collect();
    assert_eq!(at, ["[::1]:65534", "[::1]:65535"]);
}

#[test]
fn num_bytes_delay_or_slow_makes_a_server_slow() {
    let pace = |flags: &str| serve(&format!("verse serve poetry/science.txt {flags}")).config.poems[0].pace;
    let slow = |num_bytes, millis| Pace::Slow { num_bytes, delay: Duration::from_millis(millis) };
    assert_eq!(pace("--slow"), slow(10, 100));
    assert_eq!(pace("--num-bytes 30"), slow(30, 100));
    assert_eq!(pace("--slow --num-bytes 30"), slow(30, 100));
    for (delay, millis) in
        [("5", 5000), ("0.1", 100), (".5", 500), ("1e-3", 1), ("100ms", 100), ("0", 0), ("1m", 60_000)]
    {
        assert_eq!(pace(&format!("--delay {delay}")), slow(10, millis), "{delay}");
    }
}

#[test]
fn poems_of_one_name_are_told_apart_by_a_number() {
    let folder = Folder::new("titles");
    let (a, b) = (folder.file("a/ode.txt", "a"), folder.file("b/ode.txt", "b"));
    let options = serve(&format!("verse serve {a} {b} {a}"));
    let titles: Vec<&str> = options.poems.iter().map(|poem| poem.title().as_str()).collect();
    assert_eq!(titles, ["ode", "ode-2", "ode-3"]);
    let long = folder.file(&format!("{}.txt", "é".repeat(40)), "c");
    assert_eq!(serve(&format!("verse serve {long} {long}")).poems.len(), 2);
}

#[test]
fn get_asks_for_whole_poems_in_the_order_of_arrival() {
    let options = get("verse get 10000 [::1]:10001 poems.example.org:80 10000");
    let servers: Vec<String> = options.servers.iter().map(HostPort::to_string).collect();
    assert_eq!(servers, ["127.0.0.1:10000", "[::1]:10001", "poems.example.org:80", "127.0.0.1:10000"]);
    assert_eq!((options.transform, options.output), (None, None));
    assert_eq!((options.order, options.framing), (Order::Arrival, Framing::Raw));
    assert_eq!(
        (options.connect_timeout, options.idle_timeout),
        (Duration::from_secs(10), Duration::from_secs(60))
    );
    assert_eq!((options.timeout, options.max_poem, options.max_request), (None, 64 << 20, 1 << 20));
    assert_eq!((options.tasks, options.json, options.quiet), (false, false, false));
}

#[test]
fn every_flag_of_get_is_read() {
    let options = get(
        "verse get 1 --transform 10011 --name rot13 --timeout 5m --idle-timeout 0.5 --framing netstring --order given \
         --tasks --json --output poems --force --quiet --log debug --engine actor",
    );
    let via = Via::Server(HostPort::loopback(10011));
    assert_eq!(options.transform, Some(TransformBy { via, name: "rot13".to_owned() }));
    assert_eq!(
        (options.timeout, options.idle_timeout),
        (Some(Duration::from_secs(300)), Duration::from_millis(500))
    );
    assert_eq!((options.framing, options.order), (Framing::Netstring, Order::Given));
    assert_eq!((options.tasks, options.json, options.quiet), (true, true, true));
    assert_eq!(options.output, Some(OutputDir { dir: "poems".into(), force: true }));
    assert_eq!((options.log, options.engine), (LogLevel::Debug, Engine::Actor));
    let local = get("verse get 1 --transform local").transform;
    assert_eq!(local, Some(TransformBy { via: Via::Local, name: "cummingsify".to_owned() }));
    assert_eq!(get("verse get 1 --order stream --tasks").order, Order::Stream);
}

#[test]
fn transform_is_a_node_with_one_service() {
    let TransformOptions::Serve { config, .. } = options!(
        Transform,
        "verse transform --port 10011 --iface 0.0.0.0 --deadline 500ms --keep-alive --lines-port 10012 --seed 7"
    ) else {
        panic!("a service was asked for");
    };
    let transform = config.transform.as_ref().unwrap();
    assert_eq!(transform.listen.to_string(), "0.0.0.0:10011");
    assert_eq!(transform.lines_listen.as_ref().unwrap().to_string(), "0.0.0.0:10012");
    assert_eq!(
        (transform.deadline, transform.keep_alive, transform.seed),
        (Duration::from_millis(500), true, Some(7))
    );
    assert!(matches!(options!(Transform, "verse transform --list"), TransformOptions::List));
    assert!(run("verse transform --port 0 --lines-port 0").is_ok());
}

#[test]
fn the_transforms_are_listed_one_a_line_with_what_they_do() {
    let list = list_transforms(&TransformService::default());
    assert_eq!(list.lines().count(), TransformService::default().names().len());
    assert!(list.contains("\nrot13          each letter thirteen further\n"), "{list}");
}

#[test]
fn apply_takes_a_file_or_stdin() {
    let options = apply("verse apply localhost:10011 rot13 poetry/science.txt --timeout 3");
    assert_eq!((options.server.to_string().as_str(), options.name.as_str()), ("localhost:10011", "rot13"));
    assert_eq!(options.timeout, Some(Duration::from_secs(3)));
    assert!(options.poem.is_some());
    assert!(apply("verse apply 10011 rot13").poem.is_none());
    assert!(apply("verse apply 10011 rot13 -").poem.is_none());
}

#[test]
fn proxy_is_a_node_with_one_proxy() {
    let options =
        proxy("verse proxy 10004 --port 10020 --ttl 90 --framing netstring --upstream-framing netstring");
    let proxy = &options.config.proxies[0];
    assert_eq!(proxy.upstreams, [Upstream::Address(HostPort::loopback(10004))]);
    assert_eq!(
        (proxy.listen.port, proxy.cache.ttl, proxy.transforms),
        (10020, Duration::from_secs(90), false)
    );
    assert_eq!((proxy.framing, proxy.upstream_framing), (Framing::Netstring, Framing::Netstring));
    let default = &self::proxy("verse proxy 10011 --transforms").config.proxies[0];
    assert_eq!((default.cache.ttl, default.transforms), (Duration::from_secs(7200), true));
}

#[test]
fn node_runs_the_embedded_configuration_or_a_file() {
    assert_eq!(node("verse node").config, Config::embedded(PortBase::default()));
    assert_eq!(node("verse node --port-base 0").config, Config::embedded(PortBase::FREE));
    assert_eq!(node("verse node").poems.len(), 4);
    assert!(node("verse node --print-config").print_config);
    let folder = Folder::new("node");
    let file = folder.file("verse.toml", "[node]\nlog = \"warn\"\n[transform]\n");
    let options = node(&format!("verse node {file}"));
    assert_eq!((options.config.node.log, options.file), (LogLevel::Warn, Some(file.clone().into())));
    let flag = node(&format!("verse node {file} --log trace"));
    assert_eq!(flag.config.node.log, LogLevel::Trace, "the flag wins over the file");
}

#[test]
fn check_says_in_one_line_what_is_well() {
    let folder = Folder::new("check");
    folder.file("poems/ode.txt", "O");
    let file = folder
        .file("verse.toml", "[[poem]]\nfile = \"poems/ode.txt\"\n[transform]\n[[proxy]]\nupstream = 1\n");
    let options: CheckOptions = options!(Check, &format!("verse check {file}"));
    assert_eq!(options.report(), format!("{file} is well: 1 poem, 1 transform service, 1 proxy"));
    let embedded = folder.file("embedded.toml", &Config::embedded(PortBase::FREE).to_toml());
    let options: CheckOptions = options!(Check, &format!("verse check {embedded}"));
    assert_eq!(options.report(), format!("{embedded} is well: 4 poems, 1 transform service, 1 proxy"));
}
