//! Clients that are not ours: `nc`, `curl`, a bare socket. They get the poem to the last byte, also when they send what
//! nobody reads: an unread byte would turn the close into a reset that eats the poem's tail.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use crate::harness::{End, PlainClient, Verse};

const REQUEST: &[u8] = b"GET /the-poem-please HTTP/1.0\r\nHost: poetry\r\n\r\n";

/// The poems and the paces, all of which must arrive whole.
const SERVERS: [&[&str]; 3] = [
    &["serve", "poetry/science.txt"],
    &["serve", "poetry/mariner.txt"],
    &["serve", "poetry/mariner.txt", "--num-bytes", "2000", "--delay", "0.01"],
];

fn with_each_server(test: impl Fn(SocketAddr, &[u8])) {
    for args in SERVERS {
        let (_server, address) = Verse::serve(args);
        let poem = std::fs::read(args[1]).expect("the poem is there");
        test(address, &poem);
    }
}

/// Runs a program with this on its stdin; `None`, and a line that says so, if the machine has no such program.
fn run(program: &str, args: &[&str], stdin: &[u8]) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("skipped: this machine has no {program}: {error}");
            return None;
        }
    };
    // It may be gone before it has read all of it.
    let _ = child.stdin.take().expect("it is piped").write_all(stdin);
    Some(child.wait_with_output().expect("its output can be read"))
}

#[test]
fn nc_gets_the_poem_whether_it_says_something_or_not() {
    with_each_server(|address, poem| {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        for said in [b"".as_slice(), REQUEST] {
            // -w bounds how long a broken server can keep this test.
            let Some(output) = run("nc", &["-w", "60", &host, &port], said) else { return };
            assert!(output.stdout == poem, "{} bytes of {}", output.stdout.len(), poem.len());
        }
    });
}

#[test]
fn curl_gets_the_poem_although_it_sends_a_request() {
    with_each_server(|address, poem| {
        let url = format!("http://{address}/");
        let args = ["--http0.9", "--silent", "--show-error", "--max-time", "60", "--noproxy", "*", &url];
        let Some(output) = run("curl", &args, b"") else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == poem, "{} bytes of {}", output.stdout.len(), poem.len());
    });
}

#[test]
fn a_bare_socket_gets_the_poem_although_it_sends_what_nobody_reads() {
    with_each_server(|address, poem| {
        for half_close in [false, true] {
            let mut client = PlainClient::connect(address);
            client.send(REQUEST);
            client.read_until(100);
            client.send(&[b'?'; 20_000]);
            if half_close {
                client.half_close();
            }
            assert_eq!(client.read_to_end(), End::Clean);
            assert!(client.got == poem, "{} bytes of {}", client.got.len(), poem.len());
        }
    });
}
