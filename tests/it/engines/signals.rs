//! Signals to servers of every engine: SIGKILL is seen by every client, SIGTERM lets poems end well.

use rustix::process::Signal;

use super::got;
use crate::harness::{End, PlainClient, Verse};
use crate::server::{CONCURRENT, ENGINES, each};

/// The poem takes half an hour: it is in its middle whenever the signal comes.
const SLOW: [&str; 6] = ["serve", "poetry/mariner.txt", "--num-bytes", "1000", "--delay", "90"];

#[test]
fn sigkill_in_mid_poem_is_a_failure_to_every_client_of_every_server() {
    each(ENGINES, |server| {
        each(ENGINES, |client| {
            let (verse, address) = Verse::serve(&server.args(&SLOW));
            let port = address.port().to_string();
            let mut command = client.start(&["get", &port, "--order", "stream", "--quiet"]);
            // Some of it has been printed: it is in mid poem.
            command.line_of_stdout();
            verse.signal(Signal::KILL);
            let output = command.end();
            let told = format!("Task 1: the poem from 127.0.0.1:{port} is not whole, ");
            assert!(output.stderr.starts_with(&told), "{output:?}");
            assert!(output.stderr.ends_with(": after 1000 bytes: connection reset\n"), "{output:?}");
            assert_eq!(output.code, Some(1));
            // Nobody listens there any more, in the same words for all.
            let (bytes, lines, code) = got(client, &["get", &port, "--quiet"]);
            let refused = format!("Task 1: no poem from 127.0.0.1:{port}: connection refused\n");
            assert_eq!((bytes, lines, code), (Vec::new(), refused, Some(1)));
        });
    });
}

#[test]
fn sigkill_resets_the_client_of_a_proxy_and_of_a_transform_service() {
    each(CONCURRENT, |engine| {
        let (_upstream, upstream) = Verse::serve(&SLOW);
        let upstream = upstream.port().to_string();
        let (proxy, address) = Verse::serve(&engine.args(&["proxy", &upstream, "--log", "debug"]));
        let mut proxy = proxy;
        let mut waiting = PlainClient::connect(address);
        proxy.says("Fetching poem from server.");
        let (service, address) = Verse::serve(&engine.args(&["transform", "--keep-alive"]));
        let mut asking = PlainClient::connect(address);
        asking.send(b"7:shout.a,7:sho");
        asking.read_until(4);
        proxy.signal(Signal::KILL);
        service.signal(Signal::KILL);
        assert_eq!(waiting.read_to_end(), End::Reset);
        assert_eq!(asking.read_to_end(), End::Reset);
    });
}

#[test]
fn a_signal_lets_the_poem_under_way_end_well_while_new_clients_are_refused() {
    let text = std::fs::read("poetry/science.txt").expect("it is there");
    for signal in [Signal::TERM, Signal::INT] {
        each(ENGINES, |engine| {
            let args = ["serve", "poetry/science.txt", "--num-bytes", "20", "--delay", "0.05"];
            let (mut verse, address) = Verse::serve(&engine.args(&args));
            let mut client = PlainClient::connect(address);
            client.read_until(20);
            verse.signal(signal);
            verse.says("draining: no new connections, waiting for the others to end");
            verse.says("no longer listens");
            if let Ok(mut late) = PlainClient::try_connect(address) {
                // The listener is closed a moment after that was said.
                assert_eq!(late.read_to_end(), End::Reset);
            }
            assert_eq!(client.read_to_end(), End::Clean);
            assert_eq!(client.got, text);
            drop(client);
            let ended = verse.wait();
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert!(ended.last_words().ends_with("drained: every connection ended by itself"), "{ended:?}");
        });
    }
}

#[test]
fn a_server_without_clients_ends_at_once() {
    each(ENGINES, |engine| {
        let (verse, _) = Verse::serve(&engine.args(&["serve", "poetry/science.txt"]));
        verse.signal(Signal::TERM);
        assert_eq!(verse.wait().code, Some(0));
    });
}

#[test]
fn a_second_signal_resets_everybody_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        each(ENGINES, |engine| {
            let (mut verse, address) = Verse::serve(&engine.args(&SLOW));
            let mut client = PlainClient::connect(address);
            client.read_until(1000);
            verse.signal(Signal::TERM);
            verse.says("draining");
            verse.signal(second);
            let ended = verse.wait();
            assert_eq!(ended.code, Some(130), "{ended:?}");
            assert_eq!(client.read_to_end(), End::Reset);
        });
    }
}
