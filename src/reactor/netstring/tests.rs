use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::{NetstringReceiver, StringProtocol, send_string};
use crate::reactor::testing::{Trace, reporting, run};
use crate::reactor::{Handled, ListenOptions, Reactor, Reason, Transport, build_with};
use crate::wire::Malformed;

/// Notes each string; some have a meaning.
struct Noting(Trace, Reactor);

impl StringProtocol for Noting {
    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled {
        self.0.push(String::from_utf8_lossy(&string));
        match &string[..] {
            b"lose" => transport.lose_connection(),
            b"abort" => transport.abort_connection(),
            b"raise" => return Err("raised".into()),
            b"echo" => send_string(transport, vec![b'e'; 100]),
            _ => {}
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason, ending: Result<(), Malformed>) {
        let ending = ending.map_or_else(|malformed| malformed.to_string(), |()| "well".to_owned());
        self.0.push(format!("lost ({reason}), ended {ending}"));
        let _ = self.1.stop();
    }
}

/// Sends the chunks one by one to a receiver with that limit; what happened, and what came back.
fn receive(limit: usize, chunks: &[&[u8]]) -> (Vec<String>, Vec<u8>) {
    let (reactor, trace) = reporting();
    let (notes, handle) = (trace.clone(), reactor.clone());
    let factory = build_with(move |_| NetstringReceiver::new(Noting(notes.clone(), handle.clone()), limit));
    let loopback = ([127, 0, 0, 1], 0).into();
    let port = reactor.listen_tcp(loopback, factory as Rc<_>, &ListenOptions::default()).unwrap();
    let (to, chunks) = (port.host(), chunks.iter().map(|chunk| chunk.to_vec()).collect::<Vec<_>>());
    let peer = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        for chunk in chunks {
            // The connection may be over before all is sent: that is for the test to judge by its trace.
            if stream.write_all(&chunk).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    run(&reactor);
    (trace.take(), peer.join().unwrap())
}

const WELL: &str = "lost (connection was closed cleanly), ended well";

#[test]
fn tw_106_strings_arrive_whole_for_any_chunking_even_byte_by_byte() {
    let stream = b"5:hello,0:,12:a:b,c:1:2,,d,";
    let expected = ["hello", "", "a:b,c:1:2,,d", WELL];
    assert_eq!(receive(100, &[stream]).0, expected);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(receive(100, &bytes).0, expected);
    for cut in 1..stream.len() {
        assert_eq!(receive(100, &[&stream[..cut], &stream[cut..]]).0, expected, "cut at {cut}");
    }
}

#[test]
fn tw_107_what_is_no_netstring_ends_the_connection_and_says_why() {
    for bad in ["00:", "01:a,", ":a,", "-1:a,", "+1:a,", " 1:a,", "a", "3aaa,", "1:a;", "2:abc,", "1:abc,"] {
        let (trace, _) = receive(100, &[bad.as_bytes()]);
        assert_eq!(trace.len(), 1, "{bad}: {trace:?}");
        assert!(
            trace[0].starts_with("lost (connection was closed cleanly), ended byte "),
            "{bad}: {trace:?}"
        );
    }
}

#[test]
fn tw_108_a_string_as_long_as_the_limit_is_taken_and_a_longer_one_refused_on_its_prefix() {
    assert_eq!(receive(12, &[b"12:hello, world,"]).0, ["hello, world", WELL]);
    for prefix in ["13", "100000", "99999999999999999999999999"] {
        let (trace, _) = receive(12, &[prefix.as_bytes()]);
        assert!(trace[0].contains("more than 12 bytes"), "{prefix}: {trace:?}");
    }
}

#[test]
fn tw_109_strings_before_the_bad_one_are_delivered_and_none_after_it() {
    let (trace, _) = receive(100, &[b"1:a,1:b,x:c,1:d,"]);
    assert_eq!(trace.len(), 3);
    assert_eq!(trace[..2], ["a", "b"]);
}

#[test]
fn tw_109_after_lose_connection_the_rest_of_the_chunk_is_still_delivered_but_not_after_an_abort() {
    assert_eq!(receive(100, &[b"4:lose,1:a,1:b,"]).0, ["lose", "a", "b", WELL]);
    let aborted = receive(100, &[b"5:abort,1:a,1:b,"]).0;
    assert_eq!(aborted, ["abort", "lost (connection was aborted), ended well"]);
}

#[test]
fn tw_110_sending_knows_no_limit_and_an_error_of_the_receiver_is_no_parse_error() {
    let (trace, answer) = receive(10, &[b"4:echo,"]);
    assert_eq!(trace, ["echo", WELL]);
    // The peer's end closed the connection before the echo could leave: half-close was not asked for.
    assert!(answer.is_empty() || answer.starts_with(b"100:eee"));

    let (trace, _) = receive(10, &[b"5:raise,"]);
    assert_eq!(trace[0], "raise");
    assert!(trace[1].starts_with("unhandled error in data_received"), "{trace:?}");
    assert_eq!(trace[2], "lost (connection was closed because its protocol failed), ended well");
}

#[test]
fn a_stream_that_ends_in_mid_string_is_seen_though_the_connection_ended_well() {
    let (trace, _) = receive(100, &[b"5:hel"]);
    assert_eq!(trace, ["lost (connection was closed cleanly), ended byte 5: the stream ended in mid frame"]);
}
