use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::{MAX_PREFIXED, Prefix, PrefixedReceiver};
use crate::reactor::testing::{Trace, reporting, until};
use crate::reactor::{Handled, ListenOptions, Reason, StringProtocol, Transport, build_with};
use crate::wire::Malformed;

/// Notes each string and sends it back; how the connection ended.
struct Echo(Trace, Prefix);

impl StringProtocol for Echo {
    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled {
        self.0.push(format!("{} bytes", string.len()));
        Ok(self.1.send(transport, string)?)
    }

    fn connection_lost(&mut self, _reason: &Reason, ending: Result<(), Malformed>) {
        self.0.push(ending.map_or_else(|malformed| malformed.to_string(), |()| "ended well".to_owned()));
    }

    fn handles_half_close(&self) -> bool {
        true
    }
}

/// Sends the chunks to a receiver with that prefix and limit; what happened, and what came back.
fn receive(prefix: Prefix, limit: usize, chunks: Vec<Vec<u8>>) -> (Vec<String>, Vec<u8>) {
    let (reactor, trace) = reporting();
    let notes = trace.clone();
    let factory = build_with(move |_| PrefixedReceiver::new(Echo(notes.clone(), prefix), prefix, limit));
    let port =
        reactor.listen_tcp(([127, 0, 0, 1], 0).into(), factory as Rc<_>, &ListenOptions::default()).unwrap();
    let to = port.host();
    let peer = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        for chunk in chunks {
            // Refused when it is over already, which the trace then tells.
            if stream.write_all(&chunk).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    until(&reactor, || peer.is_finished() && port.connections() == 0);
    (trace.take(), peer.join().unwrap())
}

#[test]
fn tw_113_strings_stand_behind_a_big_endian_length_for_any_chunking() {
    for (prefix, head) in [(Prefix::Int8, &[3][..]), (Prefix::Int16, &[0, 3]), (Prefix::Int32, &[0, 0, 0, 3])]
    {
        let zero = vec![0; head.len()];
        let bytes = [head, b"one", &zero, head, b"two"].concat();
        let expected = ["3 bytes", "0 bytes", "3 bytes", "ended well"];
        let whole = receive(prefix, MAX_PREFIXED, vec![bytes.clone()]);
        assert_eq!(whole, (expected.map(str::to_owned).to_vec(), bytes.clone()));
        let single = bytes.iter().map(|byte| vec![*byte]).collect();
        assert_eq!(receive(prefix, MAX_PREFIXED, single).0, expected);
    }
    let (trace, _) = receive(Prefix::Int16, MAX_PREFIXED, vec![vec![1, 2, b'x']]);
    assert_eq!(trace, ["byte 0: the stream ended in mid frame"]);
    let big = [&[1, 2][..], &[b'x'; 258]].concat();
    assert_eq!(receive(Prefix::Int16, MAX_PREFIXED, vec![big]).0, ["258 bytes", "ended well"]);
}

#[test]
fn tw_113_a_string_over_the_limit_ends_the_connection_and_is_not_delivered() {
    let bytes = [&[2][..], b"ok", &[5], b"12345", &[6], b"123456", &[2], b"no"].concat();
    let (trace, answer) = receive(Prefix::Int8, 5, vec![bytes]);
    assert_eq!(trace, ["2 bytes", "5 bytes", "byte 9: more than 5 bytes"]);
    assert_eq!(answer, b"\x02ok\x0512345", "what was written before is flushed");
    // On its prefix alone.
    let (trace, _) = receive(Prefix::Int32, MAX_PREFIXED, vec![vec![0xff; 4]]);
    assert_eq!(trace, ["byte 0: more than 99999 bytes"]);
}

#[test]
fn tw_113_a_string_that_its_prefix_cannot_tell_is_not_sent() {
    let (reactor, _) = reporting();
    let refused = Rc::new(RefCell::new(Vec::new()));
    let notes = Rc::clone(&refused);
    let port = crate::reactor::testing::Script::new()
        .made(move |transport| {
            for (prefix, length) in
                [(Prefix::Int8, 255), (Prefix::Int8, 256), (Prefix::Int16, 65_535), (Prefix::Int16, 65_536)]
            {
                let sent = prefix.send(transport, vec![b'x'; length]);
                notes.borrow_mut().push(sent.err().map(|error| error.to_string()));
            }
            transport.lose_connection();
        })
        .serve(&reactor);
    let to = port.host();
    let peer = std::thread::spawn(move || {
        let mut all = Vec::new();
        TcpStream::connect(to).unwrap().read_to_end(&mut all).map(|_| all.len())
    });
    until(&reactor, || peer.is_finished());
    assert_eq!(peer.join().unwrap().unwrap(), 1 + 255 + 2 + 65_535);
    let refused = refused.take();
    assert_eq!(refused[0], None);
    assert_eq!(refused[1].as_deref(), Some("cannot send a string of 256 bytes behind a prefix of Int8"));
    assert_eq!(refused[2], None);
    assert!(refused[3].is_some());
}
