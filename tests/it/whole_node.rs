//! Everything together, by the real program alone: poems served, fetched, transformed and proxied, and what a crash of
//! one end says at the other.

use std::net::SocketAddr;

use rustix::process::Signal;

use crate::harness::{End, Ended, Folder, PlainClient, Verse, free_address, verse};

/// The embedded node, its slow poem ten times as fast as there, so that nobody waits for it.
const NODE: &str = r#"
[[poem]]
embedded = "ecstasy"
[[poem]]
embedded = "fascination"
[[poem]]
embedded = "science"
[[poem]]
embedded = "science"
title = "science-slow"
num_bytes = 20
delay = "10ms"
[transform]
listen = 0
[[proxy]]
upstream = { poem = "science-slow" }
listen = 0
"#;

fn text(poem: &str) -> String {
    std::fs::read_to_string(format!("poetry/{poem}.txt")).expect("it is there")
}

/// Lines as they come from a program, as one text.
fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn node(folder: &Folder) -> (Verse, [String; 6]) {
    let mut node = Verse::start(&["node", &folder.file("node.toml", NODE)]);
    let ports = node.serving(6).iter().map(|at| at.port().to_string()).collect::<Vec<_>>();
    (node, ports.try_into().expect("six services"))
}

#[test]
fn three_poems_are_fetched_at_once_in_the_order_asked_for() {
    let folder = Folder::new("three");
    let (_node, [ecstasy, fascination, science, ..]) = node(&folder);
    let got = verse(&["get", &ecstasy, &fascination, &science, "--order", "given"]);
    assert_eq!(got.code, Some(0), "{got:?}");
    let poems = ["ecstasy", "fascination", "science"].map(text).concat();
    assert_eq!(joined(&got.stdout), poems);
    assert!(got.last_words().starts_with("Got 3 poems in 0:00:"), "{got:?}");
}

#[test]
fn a_poem_is_fetched_through_the_proxy_slowly_and_then_from_its_cache() {
    let folder = Folder::new("proxied");
    let (mut node, [.., proxy]) = node(&folder);
    for said in ["Fetching poem from server.", "Using cached poem."] {
        let got = verse(&["get", &proxy, "--quiet"]);
        assert_eq!((got.code, joined(&got.stdout)), (Some(0), text("science")));
        node.says(said);
    }
    node.signal(Signal::TERM);
    let ended = node.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let fetches = ended.stderr.iter().filter(|line| line.contains("Fetching poem from server.")).count();
    assert_eq!(fetches, 1);
}

#[test]
fn a_poem_is_transformed_by_the_service_as_it_is_fetched_or_from_a_file() {
    let folder = Folder::new("transformed");
    let (_node, [_, _, science, _, transform, _]) = node(&folder);
    let expected = text("science").to_lowercase();
    let got = verse(&["get", &science, "--transform", &transform, "--quiet"]);
    assert_eq!((got.code, joined(&got.stdout)), (Some(0), expected.clone()), "{:?}", got.stderr);
    let got = verse(&["get", &science, "--transform", "local", "--quiet"]);
    assert_eq!((got.code, joined(&got.stdout)), (Some(0), expected.clone()), "{:?}", got.stderr);
    let applied = verse(&["apply", &transform, "cummingsify", "poetry/science.txt"]);
    assert_eq!((applied.code, joined(&applied.stdout)), (Some(0), expected), "{:?}", applied.stderr);
}

/// A server whose poem stops in its middle, to be killed there.
fn endless(at: SocketAddr) -> Verse {
    let port = at.port().to_string();
    let args = ["serve", "poetry/science.txt", "--port", &port, "--num-bytes", "100", "--delay", "24h"];
    Verse::serve(&args).0
}

#[test]
fn get_names_the_server_that_was_killed_in_mid_poem_and_delivers_the_others() {
    let (killed, port) = (free_address(), |at: SocketAddr| at.port().to_string());
    let server = endless(killed);
    let (_other, well) = Verse::serve(&["serve", "poetry/ecstasy.txt"]);
    let mut get = Verse::start(&["get", &port(killed), &port(well), "--tasks"]);
    get.says(&format!("Task 1: got 100 bytes of poetry from {killed}"));
    server.signal(Signal::KILL);
    let got = get.wait();
    assert_eq!(got.code, Some(1), "{got:?}");
    assert_eq!(joined(&got.stdout), text("ecstasy"), "half a poem is no poem");
    let line = format!("Task 1: no poem from {killed}: after 100 bytes: connection reset");
    assert_eq!(got.stderr.iter().filter(|it| **it == line).count(), 1, "{got:?}");
}

#[test]
fn a_proxy_before_a_server_that_was_killed_in_mid_poem_resets_its_clients_and_keeps_nothing() {
    let upstream = free_address();
    let server = endless(upstream);
    let (mut proxy, address) = Verse::serve(&["proxy", &upstream.port().to_string()]);
    let clients: Vec<PlainClient> = (0..3).map(|_| PlainClient::connect(address)).collect();
    proxy.says("Fetching poem from server.");
    let mut get = Verse::start(&["get", &address.port().to_string()]);
    server.signal(Signal::KILL);
    server.wait();
    for mut client in clients {
        assert_eq!((client.read_to_end(), client.got.len()), (End::Reset, 0));
    }
    // Whether it came in time for the first fetch or began one of its own: there is no poem.
    get.says(&format!("no poem from {address}"));
    assert_eq!(get.wait().code, Some(1));
    let port = upstream.port().to_string();
    let (_server, _) = Verse::serve(&["serve", "poetry/science.txt", "--port", &port]);
    // The proxy leaves a server that has failed alone for half a second; until then there is no poem, and never a part.
    let mut answers = (0..10_000).map(|_| verse(&["get", &address.port().to_string(), "--quiet"]));
    let empty = |it: &Ended| it.code == Some(1) && it.stdout.is_empty();
    let got = answers.find(|it| !empty(it)).expect("the server is asked again");
    assert_eq!((got.code, joined(&got.stdout)), (Some(0), text("science")), "{got:?}");
    proxy.signal(Signal::TERM);
    let ended = proxy.wait();
    assert!(!ended.stderr.iter().any(|line| line.contains("Using cached poem.")), "{ended:?}");
}

#[test]
fn all_services_of_a_node_drain_together() {
    let folder = Folder::new("drains");
    let (mut node, [.., slow, _, proxy]) = node(&folder);
    let at = |port: &str| SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
    let mut direct = PlainClient::connect(at(&slow));
    let mut proxied = PlainClient::connect(at(&proxy));
    direct.read_until(20);
    node.says("Fetching poem from server.");
    node.signal(Signal::TERM);
    assert_eq!((direct.read_to_end(), proxied.read_to_end()), (End::Clean, End::Clean));
    assert_eq!((direct.got, proxied.got), (text("science").into_bytes(), text("science").into_bytes()));
    let ended = node.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
