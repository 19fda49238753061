//! The good end of the real program: what a signal does, and what the exit code says about it.

use rustix::process::Signal;

use crate::harness::{End, Folder, PlainClient, Verse, is_refused};

const POEM: &str = "poetry/science.txt";

/// A poem that takes about a second and a half.
const SLOW: [&str; 6] = ["serve", POEM, "--num-bytes", "20", "--delay", "0.05"];

fn text() -> Vec<u8> {
    std::fs::read(POEM).expect("it is there")
}

/// A node whose poem never ends, and that waits so long for those who get it.
fn endless(folder: &Folder, drain: &str) -> String {
    let poem = "[[poem]]\nembedded = \"science\"\nnum_bytes = 10\ndelay = \"1h\"\n";
    folder.file("endless.toml", format!("[node]\ndrain = \"{drain}\"\n{poem}"))
}

/// Connects until nobody listens: those who still got in are reset.
fn closes(verse: &mut Verse, address: std::net::SocketAddr) {
    verse.says("no longer listens");
    // The socket is closed a moment after its listener has ended.
    for _ in 0..10_000 {
        match PlainClient::try_connect(address) {
            Ok(mut client) => assert_eq!(client.read_to_end(), End::Reset),
            Err(_) => return,
        }
    }
    panic!("it goes on listening");
}

#[test]
fn a_signal_lets_poems_end_well_while_new_clients_are_refused() {
    for signal in [Signal::TERM, Signal::INT] {
        let (mut verse, address) = Verse::serve(&SLOW);
        let mut clients: Vec<_> = (0..5).map(|_| PlainClient::connect(address)).collect();
        for client in &mut clients {
            client.read_until(20);
        }
        verse.signal(signal);
        verse.says("draining");
        closes(&mut verse, address);
        for mut client in clients {
            assert_eq!(client.read_to_end(), End::Clean);
            assert_eq!(client.got, text());
        }
        let ended = verse.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.last_words().ends_with("drained: every connection ended by itself"), "{ended:?}");
    }
}

#[test]
fn a_server_without_clients_ends_at_once() {
    let (verse, _) = Verse::serve(&["serve", POEM]);
    verse.signal(Signal::TERM);
    assert_eq!(verse.wait().code, Some(0));
}

#[test]
fn a_second_signal_resets_everybody_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let folder = Folder::new("second");
        let (mut verse, address) = Verse::serve(&["node", &endless(&folder, "1h")]);
        let mut client = PlainClient::connect(address);
        client.read_until(10);
        verse.signal(Signal::TERM);
        verse.says("draining");
        verse.signal(second);
        let ended = verse.wait();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert_eq!(client.read_to_end(), End::Reset);
        assert!(is_refused(address));
    }
}

#[test]
fn connections_that_outlast_the_drain_are_reset_and_counted() {
    for (number, words) in [(1, "the drain cut 1 connection"), (3, "the drain cut 3 connections")] {
        let folder = Folder::new(&format!("cut-{number}"));
        let (verse, address) = Verse::serve(&["node", &endless(&folder, "50ms")]);
        let mut clients: Vec<_> = (0..number).map(|_| PlainClient::connect(address)).collect();
        for client in &mut clients {
            client.read_until(10);
        }
        verse.signal(Signal::TERM);
        let ended = verse.wait();
        assert_eq!(ended.code, Some(5), "{ended:?}");
        assert_eq!(ended.last_words(), format!("verse node: {words}"));
        for mut client in clients {
            assert_eq!(client.read_to_end(), End::Reset);
        }
    }
}

#[test]
fn a_drain_of_no_time_cuts_at_once() {
    let folder = Folder::new("zero");
    let (verse, address) = Verse::serve(&["node", &endless(&folder, "0s")]);
    let mut client = PlainClient::connect(address);
    client.read_until(10);
    verse.signal(Signal::TERM);
    assert_eq!(verse.wait().code, Some(5));
    assert_eq!(client.read_to_end(), End::Reset);
}
