//! `verse node`: what it says when it listens, the configuration it prints, and the same read back.

use rustix::process::Signal;

use crate::harness::{End, Folder, PlainClient, Verse, verse};

/// How many services the embedded node has.
const SERVICES: usize = 7;

/// A node that is the embedded one serves its poems and says what listens where, a line a listener.
fn assert_is_the_embedded_node(args: &[&str]) {
    let mut verse = Verse::start(&[&["node"], args].concat());
    let at = verse.serving(SERVICES);
    for (address, poem) in at.iter().zip(["ecstasy", "fascination", "science"]) {
        let mut client = PlainClient::connect(*address);
        assert_eq!(client.read_to_end(), End::Clean);
        assert_eq!(client.got, std::fs::read(format!("poetry/{poem}.txt")).expect("it is there"));
    }
    let mut slow = PlainClient::connect(at[3]);
    slow.read_until(10);
    assert_eq!(slow.got.len(), 10, "ten bytes at a time");
    drop(slow);
    verse.signal(Signal::TERM);
    let ended = verse.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = [
        format!("Serving poetry/ecstasy.txt on {}.", at[0]),
        format!("Serving poetry/fascination.txt on {}.", at[1]),
        format!("Serving poetry/science.txt on {}.", at[2]),
        format!("Serving poetry/science.txt on {}.", at[3]),
        format!("Serving transforms on {}.", at[4]),
        format!("Proxying {} on {}.", at[3], at[5]),
        format!("Serving the admin port on {}.", at[6]),
    ];
    assert_eq!(ended.stdout, expected);
}

#[test]
fn the_embedded_node_prints_a_line_a_listener() {
    assert_is_the_embedded_node(&["--port-base", "0"]);
}

#[test]
fn the_printed_configuration_is_well_and_starts_the_same_node() {
    let printed = verse(&["node", "--port-base", "0", "--print-config"]);
    assert_eq!((printed.code, &printed.stderr[..]), (Some(0), &[][..]));
    let folder = Folder::new("printed");
    let file = folder.file("node.toml", printed.stdout.join("\n"));
    let checked = verse(&["check", &file]);
    let well = format!("{file} is well: 4 poems, 1 transform service, 1 proxy");
    assert_eq!((checked.code, checked.stdout), (Some(0), vec![well]));
    assert_is_the_embedded_node(&[&file]);
}

#[test]
fn a_configuration_takes_its_poems_from_its_own_folder() {
    let folder = Folder::new("poems-beside");
    folder.file("ode.txt", "a small ode\n");
    let text = "[[poem]]\nfile = \"ode.txt\"\n[[poem]]\nfile = \"ode.txt\"\ntitle = \"again\"\nframing = \"netstring\"\n";
    let file = folder.file("node.toml", text);
    let mut verse = Verse::start(&["node", &file]);
    let [raw, netstring] = verse.serving(2)[..] else { panic!("two listen") };
    for (address, bytes) in [(raw, "a small ode\n"), (netstring, "12:a small ode\n,")] {
        let mut client = PlainClient::connect(address);
        assert_eq!(client.read_to_end(), End::Clean);
        assert_eq!(client.got, bytes.as_bytes());
    }
    verse.signal(Signal::TERM);
    let ended = verse.wait();
    assert_eq!(ended.code, Some(0));
    let at = format!("Serving {} on {raw}.", folder.name("ode.txt"));
    assert_eq!(ended.stdout[0], at);
}

#[test]
fn a_log_that_is_off_leaves_stderr_empty() {
    let (verse, address) = Verse::serve(&["serve", "poetry/science.txt", "--log", "off"]);
    let mut client = PlainClient::connect(address);
    assert_eq!(client.read_to_end(), End::Clean);
    drop(client);
    verse.signal(Signal::TERM);
    let ended = verse.wait();
    assert_eq!((ended.code, ended.stderr), (Some(0), vec![]));
    assert_eq!(ended.stdout, [format!("Serving poetry/science.txt on {address}.")]);
}
