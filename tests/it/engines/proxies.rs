//! The proxies of the reactor: 1.0, 2.0 and 3.0, and the one for transforms.

use crate::harness::{End, PlainClient, Verse};
use crate::server::{CONCURRENT, Engine, Server, Step, each, expect, gate, send};

const REACTOR: [Engine; 3] = [CONCURRENT[1], CONCURRENT[2], CONCURRENT[3]];

fn proxy(engine: Engine, upstream: &str, args: &[&str]) -> (Verse, std::net::SocketAddr) {
    Verse::serve(&engine.args(&[&["proxy", upstream, "--log", "debug"], args].concat()))
}

#[test]
fn a_poem_is_fetched_once_and_then_given_from_the_cache_by_every_proxy() {
    each(CONCURRENT, |engine| {
        // For one connection only.
        let upstream = Server::new([send("a poem, whole\n")]);
        let port = upstream.port();
        let (mut verse, address) = proxy(engine, &port, &[]);
        for line in ["Fetching poem from server.", "Using cached poem."] {
            let mut client = PlainClient::connect(address);
            assert_eq!(client.read_to_end(), End::Clean);
            assert_eq!(client.got, b"a poem, whole\n");
            verse.says(line);
        }
        verse.signal(rustix::process::Signal::TERM);
        let ended = verse.wait();
        assert_eq!(ended.stdout, [format!("Proxying 127.0.0.1:{port} on {address}.")]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stderr.iter().filter(|line| line.contains("Fetching poem")).count(), 1, "{ended:?}");
    });
}

#[test]
fn the_framings_of_both_sides_are_their_own() {
    each(CONCURRENT, |engine| {
        let upstream = Server::new([send("6:poetry,")]);
        let (_verse, address) =
            proxy(engine, &upstream.port(), &["--framing", "netstring", "--upstream-framing", "netstring"]);
        let mut client = PlainClient::connect(address);
        assert_eq!(client.read_to_end(), End::Clean);
        assert_eq!(client.got, b"6:poetry,");
        let upstream = Server::new([send("6:poetry,")]);
        let (_verse, address) = proxy(engine, &upstream.port(), &["--upstream-framing", "netstring"]);
        let mut client = PlainClient::connect(address);
        assert_eq!(client.read_to_end(), End::Clean);
        assert_eq!(client.got, b"poetry");
    });
}

#[test]
fn half_a_poem_is_neither_kept_nor_given_by_any_proxy() {
    each(CONCURRENT, |engine| {
        let (open, gate) = gate();
        let upstream = Server::new([send("half a poem"), gate, Step::Reset]);
        let (mut verse, address) = proxy(engine, &upstream.port(), &[]);
        let mut client = PlainClient::connect(address);
        verse.says("Fetching poem from server.");
        open.send(()).unwrap();
        assert_eq!(client.read_to_end(), End::Reset);
        assert_eq!(client.got, b"");
        verse.says("cannot fetch from 127.0.0.1:");
        // Nobody is there any more to fetch it from.
        assert_eq!(PlainClient::end_at(address), End::Reset);
    });
}

#[test]
fn the_last_who_waits_takes_the_fetch_along_with_3_0_and_with_no_earlier_one() {
    each(REACTOR, |engine| {
        let upstream = Server::new([send("half"), Step::Hold]);
        let (mut verse, address) = proxy(engine, &upstream.port(), &[]);
        let client = PlainClient::connect(address);
        verse.says("Fetching poem from server.");
        drop(client);
        verse.says("Canceling poem download.");
        upstream.ended();
        for version in ["1.0", "2.0"] {
            let (open, gate) = gate();
            let upstream = Server::new([gate, send("whole")]);
            let (mut verse, address) = proxy(engine, &upstream.port(), &["--proxy-version", version]);
            let client = PlainClient::connect(address);
            verse.says("Fetching poem from server.");
            drop(client);
            open.send(()).unwrap();
            upstream.ended();
            // Fetched all the same, and kept.
            let mut client = PlainClient::connect(address);
            assert_eq!(client.read_to_end(), End::Clean, "{version}");
            assert_eq!(client.got, b"whole");
            verse.says("Using cached poem.");
        }
    });
}

#[test]
fn a_transform_is_asked_for_once_by_every_proxy_for_transforms() {
    each(CONCURRENT, |engine| {
        let service = Server::new([expect("7:shout.a,"), send("1:A,")]);
        let (mut verse, address) = proxy(engine, &service.port(), &["--transforms"]);
        for line in ["Fetching poem from server.", "Using cached poem."] {
            let mut client = PlainClient::connect(address);
            client.send(b"7:shout.a,");
            assert_eq!(client.read_to_end(), End::Clean);
            assert_eq!(client.got, b"1:A,");
            verse.says(line);
        }
        service.ended();
    });
}
