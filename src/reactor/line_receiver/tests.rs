use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::{LineProtocol, LineReceiver, Lines, MAX_LINE};
use crate::reactor::testing::{Trace, reporting, until};
use crate::reactor::{Handled, ListenOptions, Reason, build_with};

/// Notes each line; some have a meaning.
struct Noting(Trace);

impl LineProtocol for Noting {
    fn line_received(&mut self, lines: &Lines, line: Bytes) -> Handled {
        let text = String::from_utf8_lossy(&line).into_owned();
        self.0.push(if text.len() > 20 { format!("{} bytes", text.len()) } else { text.clone() });
        match text.as_str() {
            "lose" => lines.transport().lose_connection(),
            "raise" => return Err("raised".into()),
            "raw" => lines.set_raw_mode(),
            "echo" => lines.send_line("echoed"),
            "pause" => {
                lines.pause_producing();
                let (later, trace) = (lines.clone(), self.0.clone());
                lines.transport().reactor().call_later(Duration::from_millis(20), move || {
                    trace.push("resumed");
                    later.resume_producing()
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn raw_data_received(&mut self, lines: &Lines, data: Bytes) -> Handled {
        // Up to a full stop it is raw.
        match data.iter().position(|byte| *byte == b'.') {
            Some(end) => {
                self.0.push(format!("raw {}", String::from_utf8_lossy(&data[..end])));
                lines.set_line_mode(&data[end + 1..])
            }
            None => {
                self.0.push(format!("raw {}", String::from_utf8_lossy(&data)));
                Ok(())
            }
        }
    }

    fn line_length_exceeded(&mut self, lines: &Lines, came: Bytes) -> Handled {
        self.0.push(format!("too long, {} came", came.len()));
        lines.transport().lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _reason: &Reason) {
        self.0.push("lost");
    }

    fn handles_half_close(&self) -> bool {
        true
    }
}

/// Sends the chunks one by one to a receiver with that limit; what happened, and what came back.
fn receive(limit: usize, chunks: &[&[u8]]) -> (Vec<String>, Vec<u8>) {
    let (reactor, trace) = reporting();
    let notes = trace.clone();
    let factory = build_with(move |_| LineReceiver::new(Noting(notes.clone()), limit));
    let port =
        reactor.listen_tcp(([127, 0, 0, 1], 0).into(), factory as Rc<_>, &ListenOptions::default()).unwrap();
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
    until(&reactor, || peer.is_finished() && port.connections() == 0);
    (trace.take(), peer.join().unwrap())
}

#[test]
fn tw_111_lines_arrive_whole_for_any_chunking_and_without_their_end() {
    let bytes: &[u8] = b"one\r\n\r\nt\rw\no\r\necho\r\nunfinished";
    let expected = ["one", "", "t\rw\no", "echo", "lost"];
    assert_eq!(receive(MAX_LINE, &[bytes]), (expected.map(str::to_owned).to_vec(), b"echoed\r\n".to_vec()));
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(receive(MAX_LINE, &single).0, expected);
}

#[test]
fn tw_111_a_line_as_long_as_the_limit_is_taken_and_a_longer_one_ends_the_connection_after_those_before_it() {
    assert_eq!(MAX_LINE, 16_384);
    let longest = [vec![b'x'; MAX_LINE], b"\r\n".to_vec()].concat();
    assert_eq!(receive(MAX_LINE, &[&longest]).0, ["16384 bytes", "lost"]);
    assert_eq!(receive(5, &[b"a\r\n123456\r\nb\r\n"]).0, ["a", "too long, 11 came", "lost"]);
    // Without an end in sight: a byte less than limit and end together may still become a line.
    assert_eq!(receive(5, &[b"123456"]).0, ["lost"]);
    assert_eq!(receive(5, &[b"1234567"]).0, ["too long, 7 came", "lost"]);
}

#[test]
fn tw_111_no_line_is_delivered_after_disconnecting() {
    assert_eq!(receive(MAX_LINE, &[b"a\r\nlose\r\nb\r\n"]).0, ["a", "lose", "lost"]);
    let (trace, _) = receive(MAX_LINE, &[b"raise\r\nb\r\n"]);
    assert_eq!((trace.len(), &*trace[0], &*trace[2]), (3, "raise", "lost"));
}

#[test]
fn tw_112_the_mode_switches_in_mid_buffer_both_ways() {
    let (trace, _) = receive(MAX_LINE, &[b"a\r\nraw\r\n1\r\n2.b\r\nraw\r\n3.c\r\n"]);
    assert_eq!(trace, ["a", "raw", "raw 1\r\n2", "b", "raw", "raw 3", "c", "lost"]);
}

#[test]
fn tw_112_a_pause_holds_the_lines_that_have_come_until_it_is_resumed() {
    let (trace, _) = receive(MAX_LINE, &[b"a\r\npause\r\nb\r\nc\r\n"]);
    assert_eq!(trace, ["a", "pause", "resumed", "b", "c", "lost"]);
}

#[test]
fn tw_112_a_long_buffer_costs_no_stack() {
    let many = b"x\r\n".repeat(20_000);
    assert_eq!(receive(MAX_LINE, &[&many]).0.len(), 20_001);
    let switching = b"raw\r\n.".repeat(10_000);
    assert_eq!(receive(MAX_LINE, &[&switching]).0.len(), 20_001);
}
