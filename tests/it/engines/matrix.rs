//! Every server engine, every client engine, either framing, fast and slow: the same bytes and the same words.

use super::got;
use crate::harness::{Folder, Verse};
use crate::server::{ENGINES, each};

const FRAMINGS: [&str; 2] = ["raw", "netstring"];

/// Every byte there is, more of them than one read or one segment takes; and what ends neither framing.
fn poem() -> Vec<u8> {
    let bytes = (0..70_000_u32).map(|n| u8::try_from((n + n / 256) % 256).expect("it is below 256"));
    bytes.chain(*b"12:a poem, in a poem,").collect()
}

#[test]
fn every_client_gets_the_same_bytes_from_every_server_in_either_framing_fast_or_slow() {
    let (folder, poem) = (Folder::new("matrix"), poem());
    let file = folder.file("poem.txt", &poem);
    let paces: [&[&str]; 2] = [&[], &["--num-bytes", "9000", "--delay", "0.001"]];
    each(ENGINES, |server| {
        for framing in FRAMINGS {
            for pace in paces {
                let args = [&["serve", &file, "--framing", framing], pace].concat();
                let (_server, address) = Verse::serve(&server.args(&args));
                let port = address.port().to_string();
                each(ENGINES, |client| {
                    let (bytes, lines, code) = got(client, &["get", &port, "--framing", framing]);
                    assert!(bytes == poem, "{} of {} bytes, {framing}", bytes.len(), poem.len());
                    let line = format!("Task 1: got {} bytes of poetry from 127.0.0.1:{port}", poem.len());
                    assert_eq!(lines, format!("{line} in TIME\nGot 1 poems in TIME\n"));
                    assert_eq!(code, Some(0));
                });
            }
        }
    });
}

#[test]
fn the_wrong_framing_is_told_in_the_same_words_by_every_client_of_every_server() {
    each(ENGINES, |server| {
        let args = server.args(&["serve", "poetry/science.txt"]);
        let (_server, address) = Verse::serve(&args);
        let port = address.port().to_string();
        each(ENGINES, |client| {
            let (bytes, lines, code) = got(client, &["get", &port, "--framing", "netstring", "--quiet"]);
            let cause = "byte 0: 'S' where a digit of a length was due";
            let expected = format!("Task 1: no poem from 127.0.0.1:{port}: {cause}\n");
            assert_eq!((bytes, lines, code), (Vec::new(), expected, Some(1)));
        });
    });
}

#[test]
fn three_poems_of_one_server_are_got_by_every_client_in_the_order_asked_for() {
    let poems = ["poetry/science.txt", "poetry/ecstasy.txt", "poetry/fascination.txt"];
    let text: Vec<u8> = poems.iter().flat_map(|poem| std::fs::read(poem).expect("it is there")).collect();
    each(ENGINES, |server| {
        let args = [&["serve", "--num-bytes", "200", "--delay", "0.001"], &poems[..]].concat();
        let mut serving = Verse::start(&server.args(&args));
        let ports: Vec<String> = serving.serving(3).iter().map(|at| at.port().to_string()).collect();
        let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
        each(ENGINES, |client| {
            for order in ["given", "stream"] {
                let args = [&["get", "--order", order, "--quiet"], &ports[..]].concat();
                let (bytes, lines, code) = got(client, &args);
                assert_eq!((lines.as_str(), code), ("", Some(0)), "{order}");
                assert!(bytes == text, "{order}: {}", String::from_utf8_lossy(&bytes));
            }
        });
    });
}
