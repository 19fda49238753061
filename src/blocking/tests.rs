use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::terms::{Pace, ServeOptions, ServerEvent};

// That the blocking client and server work, alone and with the reactor's, is tested beside the reactor's programs:
// one body for every engine. Here is what only the blocking ones have.

#[test]
fn a_server_that_waits_for_a_client_or_serves_one_can_be_stopped_and_resets_that_one() {
    let server = BlockingServer::bind(&ServeOptions::default()).unwrap();
    let stopper = server.stopper();
    let thread = std::thread::spawn(move || server.serve(&Bytes::from_static(b"poem"), |_| ()));
    stopper.stop();
    thread.join().unwrap().unwrap();

    let pace = Some(Pace { delay: Duration::from_secs(3600), ..Pace::default() });
    let server = BlockingServer::bind(&ServeOptions { pace, ..ServeOptions::default() }).unwrap();
    let (stopper, address) = (server.stopper(), server.address());
    let thread = std::thread::spawn(move || server.serve(&Bytes::from_static(b"a longer poem"), |_| ()));
    let mut client = TcpStream::connect(address).unwrap();
    client.read_exact(&mut [0; 10]).unwrap();
    stopper.stop();
    thread.join().unwrap().unwrap();
    let error = client.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_taken_address_is_an_error_that_names_it() {
    let server = BlockingServer::bind(&ServeOptions::default()).unwrap();
    let options = ServeOptions { listen: server.address(), ..ServeOptions::default() };
    let error = BlockingServer::bind(&options).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {}", server.address()));
}

#[test]
fn the_slow_server_prints_a_line_for_each_time_it_sends() {
    let pace = Some(Pace { delay: Duration::ZERO, ..Pace::default() });
    let server = BlockingServer::bind(&ServeOptions { pace, ..ServeOptions::default() }).unwrap();
    let address = server.address();
    let client = std::thread::spawn(move || {
        let mut all = Vec::new();
        TcpStream::connect(address).unwrap().read_to_end(&mut all).map(|_| all)
    });
    let mut lines = Vec::new();
    server
        .serve_one(&Bytes::from(vec![b'x'; 25]), &mut |event: &ServerEvent| lines.push(event.to_string()))
        .unwrap();
    assert_eq!(client.join().unwrap().unwrap().len(), 25);
    assert!(lines[0].starts_with("Somebody at 127.0.0.1:") && lines[0].ends_with(" wants poetry!"));
    assert!(lines[1].starts_with("sending 25 bytes of poetry to 127.0.0.1:"));
    assert_eq!(lines[2..5], ["Sending 10 bytes", "Sending 10 bytes", "Sending 5 bytes"]);
    assert!(lines[5].ends_with("has the poem"));
}
