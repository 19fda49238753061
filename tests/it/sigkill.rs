//! SIGKILL of the real program in mid poem.

use rustix::process::Signal;

use crate::harness::{End, PlainClient, Verse, free_address};

/// The poem takes half an hour: it is in its middle whenever the signal comes.
const SLOW: [&str; 6] = ["serve", "poetry/mariner.txt", "--num-bytes", "1000", "--delay", "90"];

#[test]
fn a_server_that_is_killed_in_mid_poem_resets_its_clients() {
    let (verse, address) = Verse::serve(&SLOW);
    let mut clients: Vec<PlainClient> = (0..10).map(|_| PlainClient::connect(address)).collect();
    for client in &mut clients {
        client.read_until(1000);
    }
    verse.signal(Signal::KILL);
    for client in &mut clients {
        assert_eq!(client.read_to_end(), End::Reset, "half a poem is no poem");
        assert_eq!(client.got.len(), 1000);
    }
    let ended = verse.wait();
    assert_eq!((ended.code, ended.signal), (None, Some(Signal::KILL.as_raw())));
}

#[test]
fn its_port_is_free_for_the_next_server_at_once() {
    let port = free_address().port().to_string();
    let at_port = ["--port", &port];
    let (server, address) = Verse::serve(&[&SLOW[..], &at_port].concat());
    let mut client = PlainClient::connect(address);
    client.read_until(1000);
    server.signal(Signal::KILL);
    server.wait();
    assert_eq!(client.read_to_end(), End::Reset);
    let (next, again) = Verse::serve(&[&["serve", "poetry/science.txt"], &at_port[..]].concat());
    assert_eq!(again, address);
    let mut client = PlainClient::connect(again);
    assert_eq!(client.read_to_end(), End::Clean);
    drop(client);
    next.signal(Signal::TERM);
    assert_eq!(next.wait().code, Some(0));
}
