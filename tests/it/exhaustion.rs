//! The program runs out of descriptors: it pauses, says so, and goes on when there are some again.

use std::process::Command;

use rustix::process::Signal;

use crate::harness::{End, PROGRAM, PlainClient, Verse};

#[test]
fn without_descriptors_a_server_pauses_and_says_so_and_then_serves_those_who_waited() {
    let mut command = Command::new("sh");
    // More clients are allowed than there are descriptors for. The poem takes half an hour: nobody leaves by himself.
    let program = "ulimit -n 40; exec \"$0\" serve poetry/mariner.txt --max-connections 1000 --num-bytes 1000 --delay 90";
    command.args(["-c", program, PROGRAM]);
    let mut verse = Verse::spawn(command);
    let address = verse.serving(1)[0];
    let clients: Vec<PlainClient> = (0..60).map(|_| PlainClient::connect(address)).collect();
    let line = verse.says("mariner cannot accept");
    assert!(line.contains("no room for another connection: Too many open files"), "{line}");
    // Those in front leave one by one, and whoever waited longest is next.
    for mut client in clients {
        client.read_until(1000);
        client.reset();
    }
    let mut last = PlainClient::connect(address);
    last.read_until(1000);
    verse.signal(Signal::TERM);
    verse.says("draining");
    verse.signal(Signal::TERM);
    let ended = verse.wait();
    assert_eq!(ended.code, Some(130));
    assert_eq!(last.read_to_end(), End::Reset);
    let failed = ended.stderr.iter().filter(|line| line.contains("cannot accept")).count();
    // Each is followed by a pause of 100 ms: the log is not flooded.
    assert!(failed < 1000, "{failed} failures in a row");
    let restarted = ended.stderr.iter().find(|line| line.contains("restarting"));
    assert_eq!(restarted, None);
}

#[test]
fn with_hardly_any_descriptors_clients_are_served_one_after_the_other() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 20; exec \"$0\" serve poetry/mariner.txt", PROGRAM]);
    let mut verse = Verse::spawn(command);
    let address = verse.serving(1)[0];
    let clients: Vec<PlainClient> = (0..50).map(|_| PlainClient::connect(address)).collect();
    let poem = std::fs::read("poetry/mariner.txt").expect("it is there");
    for mut client in clients {
        assert_eq!(client.read_to_end(), End::Clean);
        assert!(client.got == poem, "{} bytes", client.got.len());
    }
    verse.says("at most 1 connections at once");
    verse.signal(Signal::TERM);
    assert_eq!(verse.wait().code, Some(0));
}
