//! A port that is taken: exit code 3, one line, and nothing of the rest listens.

use std::net::{SocketAddr, TcpListener};

use crate::harness::{Folder, free_address, is_refused, verse};

/// Somebody else's listener.
fn taken() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

fn not_started(args: &[&str]) -> String {
    let ended = verse(args);
    assert_eq!(ended.code, Some(3), "{args:?}: {ended:?}");
    assert_eq!(ended.stdout, [""; 0], "{args:?}");
    let [line] = &ended.stderr[..] else { panic!("{args:?}: not one line: {ended:?}") };
    line.clone()
}

#[test]
fn a_server_whose_port_is_taken_names_it() {
    let (_held, address) = taken();
    let port = address.port().to_string();
    for (command, args) in [
        ("serve", vec!["serve", "poetry/science.txt", "--port", &port]),
        ("transform", vec!["transform", "--port", &port]),
        ("proxy", vec!["proxy", "1", "--port", &port]),
    ] {
        let expected = format!("verse {command}: cannot listen on {address}: the port is taken");
        assert_eq!(not_started(&args), expected);
    }
}

#[test]
fn a_node_whose_port_is_taken_says_the_way_out() {
    let (_held, address) = taken();
    let base = (address.port() - 1).to_string();
    let line = not_started(&["node", "--port-base", &base]);
    let expected = format!("verse node: cannot listen on {address}: the port is taken; try --port-base");
    assert!(line.starts_with(&expected), "{line}");
}

#[test]
fn a_node_of_a_file_is_not_told_to_use_what_it_cannot() {
    let (_held, address) = taken();
    let folder = Folder::new("taken");
    let text = format!("[[poem]]\nembedded = \"science\"\nlisten = {}\n", address.port());
    let line = not_started(&["node", &folder.file("taken.toml", text)]);
    assert_eq!(line, format!("verse node: cannot listen on {address}: the port is taken"));
}

#[test]
fn when_the_last_port_is_taken_the_first_does_not_listen() {
    let (_held, address) = taken();
    let first = free_address();
    let folder = Folder::new("all-or-none");
    let poem = "[[poem]]\nembedded = \"science\"\n";
    let text =
        format!("{poem}listen = {}\n{poem}title = \"again\"\nlisten = {}\n", first.port(), address.port());
    let line = not_started(&["node", &folder.file("node.toml", text)]);
    assert!(line.contains(&address.to_string()), "{line}");
    assert!(is_refused(first), "nothing is left listening");
}
