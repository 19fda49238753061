//! Each bad input of the command line, given to the real program: exit code 2, nothing on stdout, one line on stderr
//! that names the argument, and nothing left listening.

use crate::harness::{Folder, free_address, is_refused, verse};

const POEM: &str = "poetry/science.txt";

/// Runs the program; it must refuse in one line that holds all of `named`.
fn refused(args: &[&str], named: &[&str]) {
    let ended = verse(args);
    assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
    assert_eq!(ended.stdout, [""; 0], "{args:?}");
    let [line] = &ended.stderr[..] else { panic!("{args:?}: not one line: {ended:?}") };
    assert!(line.starts_with(&format!("verse {}: ", args[0])), "{args:?}: {line}");
    for name in named {
        assert!(line.contains(name), "{args:?}: {name} is not named: {line}");
    }
}

#[test]
fn a_poem_that_is_missing_a_directory_or_empty_is_refused_and_nothing_listens() {
    let folder = Folder::new("poems");
    let (missing, empty) = (folder.name("missing.txt"), folder.file("empty.txt", ""));
    let directory = folder.path().to_str().expect("UTF-8");
    for (poem, problem) in
        [(missing.as_str(), "no such file"), (directory, "directory"), (empty.as_str(), "empty")]
    {
        let address = free_address();
        let text = address.port().to_string();
        // The good poem before it must not be served either.
        refused(&["serve", POEM, poem, "--port", &text], &[poem, problem]);
        assert!(is_refused(address), "nothing is left listening");
    }
}

#[test]
fn paces_that_are_none_are_refused() {
    refused(&["serve", POEM, "--num-bytes", "0"], &["--num-bytes", "'0'"]);
    for delay in ["-1", "-0.1", "soon", "nan", "inf", "1s2"] {
        refused(&["serve", POEM, "--delay", delay], &["--delay", delay]);
    }
}

#[test]
fn ports_that_are_none_are_refused() {
    for port in ["65536", "-1", "1.5", "http", ""] {
        refused(&["serve", POEM, "--port", port], &["--port"]);
        refused(&["transform", "--port", port], &["--port"]);
        refused(&["proxy", "10004", "--port", port], &["--port"]);
        refused(&["get", &format!("127.0.0.1:{port}")], &["[HOST:]PORT"]);
    }
    refused(&["serve", POEM, POEM, "--port", "65535"], &["--port", "65535"]);
}

#[test]
fn the_same_port_twice_is_refused_and_nothing_listens() {
    let address = free_address();
    let port = address.port();
    let text = port.to_string();
    refused(&["transform", "--port", &text, "--lines-port", &text], &["--lines-port"]);
    let folder = Folder::new("ports");
    let poem = "[[poem]]\nembedded = \"science\"\n";
    let config = format!("{poem}listen = {port}\n{poem}title = \"again\"\nlisten = {port}\n");
    let config = folder.file("twice.toml", config);
    refused(&["node", &config], &["twice.toml:7:", "listen", &text]);
    refused(&["check", &config], &["twice.toml:7:", "listen", &text]);
    assert!(is_refused(address), "nothing is left listening");
}

#[test]
fn get_without_a_server_is_refused() {
    refused(&["get"], &["[HOST:]PORT"]);
}

#[test]
fn a_port_base_with_a_config_is_refused() {
    let folder = Folder::new("base");
    let config = folder.file("good.toml", "[[poem]]\nembedded = \"science\"\n");
    refused(&["node", &config, "--port-base", "20000"], &["--port-base", "CONFIG"]);
}

#[test]
fn an_unknown_key_is_refused_with_its_file_its_line_and_a_suggestion() {
    let folder = Folder::new("key");
    let config = folder.file("typo.toml", "[node]\nlog = \"off\"\n\n[[poem]]\nembeded = \"science\"\n");
    for command in ["node", "check"] {
        refused(&[command, &config], &["typo.toml:5:1", "`embeded`", "did you mean `embedded`?"]);
    }
}

#[test]
fn what_goes_only_with_whole_poems_is_refused_when_streaming() {
    let folder = Folder::new("stream");
    let output = folder.name("poems");
    for flag in [&["--transform", "local"][..], &["--json"], &["--output", &output]] {
        let args = [&["get", "10001", "--order", "stream"], flag].concat();
        refused(&args, &["--order", flag[0]]);
    }
}

#[test]
fn an_error_is_one_line_also_when_a_file_name_is_three() {
    refused(&["serve", "a\nb\nc.txt"], &["a\\nb\\nc.txt"]);
}
