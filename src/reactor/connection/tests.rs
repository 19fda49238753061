use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::SockRef;

use crate::reactor::testing::{Script, Trace, reactor, reporting, run, stop_later};
use crate::reactor::{Reactor, Reason, Transport};

/// A blocking peer in a thread of its own: nothing of ours but the bytes.
pub(super) fn peer<T: Send + 'static>(
    to: SocketAddr,
    talk: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> JoinHandle<T> {
    std::thread::spawn(move || {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        talk(stream)
    })
}

/// All bytes until the end, or until the error that ended it.
pub(super) fn read_all(mut stream: TcpStream) -> (Vec<u8>, Option<io::ErrorKind>) {
    let mut all = Vec::new();
    let error = stream.read_to_end(&mut all).err().map(|error| error.kind());
    (all, error)
}

pub(super) fn note_loss(trace: &Trace, reactor: &Reactor) -> impl Fn(&Reason) + 'static {
    let (trace, reactor) = (trace.clone(), reactor.clone());
    move |reason| {
        trace.push(format!("lost: {reason}"));
        let _ = reactor.stop();
    }
}

#[test]
fn tw_088_made_then_data_in_any_chunks_then_lost_exactly_once() {
    let (reactor, trace) = (reactor(), Trace::default());
    let (made, data) = (trace.clone(), trace.clone());
    let port = Script::new()
        .made(move |transport| made.push(format!("made {}", transport.is_connected())))
        .data(move |_, bytes| data.push(format!("data {}", String::from_utf8_lossy(bytes))))
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |mut stream| stream.write_all(b"a line"));
    run(&reactor);
    client.join().unwrap().unwrap();
    assert_eq!(trace.take(), ["made true", "data a line", "lost: connection was closed cleanly"]);
}

#[test]
fn tw_092_a_reset_by_the_peer_is_a_lost_connection() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new().lost(note_loss(&trace, &reactor)).serve(&reactor);
    let client = peer(port.host(), |stream| SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap());
    run(&reactor);
    client.join().unwrap();
    assert_eq!(trace.take(), ["lost: connection was lost"]);
}

#[test]
fn tw_093_lose_connection_flushes_everything_and_the_peer_sees_a_clean_end() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new()
        .made(|transport| {
            (0..32u8).for_each(|n| transport.write(vec![n; 100_000]));
            transport.lose_connection();
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), read_all);
    run(&reactor);
    let (all, error) = client.join().unwrap();
    let expected: Vec<u8> = (0..32u8).flat_map(|n| vec![n; 100_000]).collect();
    assert!(all == expected, "{} of {} bytes", all.len(), expected.len());
    assert_eq!(error, None);
    assert_eq!(trace.take(), ["lost: connection was closed cleanly"]);
}

#[test]
fn tw_093_no_data_arrives_after_lose_connection_though_the_peer_sends_on() {
    let (reactor, trace) = (reactor(), Trace::default());
    let data = trace.clone();
    let port = Script::new()
        .data(move |transport, _| {
            data.push("data");
            transport.write(vec![b'x'; 1_000_000]);
            transport.lose_connection();
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |mut stream| {
        stream.write_all(b"first").unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        stream.write_all(b"second").unwrap();
        read_all(stream).0.len()
    });
    run(&reactor);
    assert_eq!(client.join().unwrap(), 999_999);
    assert_eq!(trace.take(), ["data", "lost: connection was closed cleanly"]);
}

#[test]
fn tw_094_what_is_written_while_flushing_is_still_sent_and_after_the_end_dropped() {
    let (reactor, trace) = (reactor(), Trace::default());
    let kept = Rc::new(RefCell::new(None::<Transport>));
    let (keep, end) = (Rc::clone(&kept), note_loss(&trace, &reactor));
    let port = Script::new()
        .made(move |transport| {
            transport.write("before ");
            transport.lose_connection();
            transport.write("and after");
            *keep.borrow_mut() = Some(transport.clone());
        })
        .lost(move |reason| {
            let transport = kept.borrow().clone().unwrap();
            transport.write("too late");
            assert_eq!((transport.buffered(), transport.is_connected()), (0, false));
            end(reason);
        })
        .serve(&reactor);
    let client = peer(port.host(), read_all);
    run(&reactor);
    assert_eq!(client.join().unwrap(), (b"before and after".to_vec(), None));
}

#[test]
fn tw_095_abort_drops_what_is_unsent_and_is_told_in_a_later_turn() {
    let (reactor, trace) = (reactor(), Trace::default());
    let made = trace.clone();
    let port = Script::new()
        .made(move |transport| {
            transport.write(vec![b'x'; 4_000_000]);
            transport.abort_connection();
            transport.abort_connection();
            transport.lose_connection();
            made.push("made returns");
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), read_all);
    run(&reactor);
    let (all, error) = client.join().unwrap();
    assert!(all.is_empty());
    assert_eq!(error, Some(io::ErrorKind::ConnectionReset));
    assert_eq!(trace.take(), ["made returns", "lost: connection was aborted"]);
}

#[test]
fn tw_096_a_protocol_that_raises_is_reported_and_its_connection_is_reset() {
    for panics in [true, false] {
        let (reactor, trace) = reporting();
        let port = Script::new()
            .made(|transport| transport.write("half a poem"))
            .data_or(move |_, _| {
                assert!(!panics, "ink spilled");
                Err("ink spilled".into())
            })
            .lost(note_loss(&trace, &reactor))
            .serve(&reactor);
        let client = peer(port.host(), |mut stream| {
            let mut half = [0; 11];
            stream.read_exact(&mut half).unwrap();
            stream.write_all(b"go on").unwrap();
            read_all(stream)
        });
        run(&reactor);
        assert_eq!(client.join().unwrap().1, Some(io::ErrorKind::ConnectionReset));
        let trace = trace.take();
        assert_eq!(trace.len(), 2);
        assert!(trace[0].starts_with("unhandled error in data_received of 127.0.0.1:"), "{trace:?}");
        assert!(trace[0].ends_with("ink spilled"), "{trace:?}");
        assert_eq!(trace[1], "lost: connection was closed because its protocol failed");
    }
}

#[test]
fn tw_096_a_protocol_that_raises_when_connected_is_reset_too() {
    let (reactor, trace) = reporting();
    let port = Script::new()
        .made_or(|transport| {
            transport.write("the title, and then");
            Err("no poem".into())
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), read_all);
    run(&reactor);
    assert_eq!(client.join().unwrap().1, Some(io::ErrorKind::ConnectionReset));
    assert_eq!(trace.take().len(), 2);
}

#[test]
fn tw_097_half_close_leaves_our_own_side_open_until_we_are_through() {
    let (reactor, trace) = (reactor(), Trace::default());
    let (read, wrote) = (trace.clone(), trace.clone());
    let port = Script::new()
        .half_close(move |transport| {
            read.push("read lost");
            transport.write(vec![b'a'; 500_000]);
            transport.lose_write_connection();
        })
        .write_lost(move |_| wrote.push("write lost"))
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |stream| {
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(stream)
    });
    run(&reactor);
    let (all, error) = client.join().unwrap();
    assert_eq!((all.len(), error), (500_000, None));
    // Both sides are closed now: the end is connection_lost, not another half.
    assert_eq!(trace.take(), ["read lost", "lost: connection was closed cleanly"]);
}

#[test]
fn tw_097_our_own_half_close_is_told_after_the_flush_and_reading_goes_on() {
    let (reactor, trace) = (reactor(), Trace::default());
    let (data, wrote) = (trace.clone(), trace.clone());
    let port = Script::new()
        .made(|transport| {
            transport.write("all I have");
            transport.lose_write_connection();
        })
        .data(move |_, bytes| data.push(format!("data {}", String::from_utf8_lossy(bytes))))
        .half_close(Transport::lose_connection)
        .write_lost(move |_| wrote.push("write lost"))
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(b"thanks").unwrap();
        all
    });
    run(&reactor);
    assert_eq!(client.join().unwrap(), b"all I have");
    assert_eq!(trace.take(), ["write lost", "data thanks", "lost: connection was closed cleanly"]);
}

#[test]
fn tw_097_without_half_close_the_peers_end_is_the_end_and_unsent_bytes_make_it_a_reset() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new()
        .made(|transport| transport.write(vec![b'x'; 30_000_000]))
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |stream| {
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(stream)
    });
    run(&reactor);
    assert_eq!(client.join().unwrap().1, Some(io::ErrorKind::ConnectionReset));
    assert_eq!(trace.take(), ["lost: connection was closed cleanly"]);
}

#[test]
fn tw_098_an_empty_write_is_nothing_and_a_sequence_arrives_joined() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new()
        .made(|transport| {
            transport.write("");
            assert!(transport.reactor().writers().is_empty());
            transport.write_sequence(["Some ", "say ", "", "the ", "world"]);
            transport.lose_connection();
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), read_all);
    run(&reactor);
    assert_eq!(client.join().unwrap(), (b"Some say the world".to_vec(), None));
}

#[test]
fn tw_099_a_paused_transport_notices_neither_data_nor_the_end_until_resumed() {
    let (reactor, trace) = (reactor(), Trace::default());
    let (made, data) = (trace.clone(), trace.clone());
    let port = Script::new()
        .made(move |transport| {
            transport.pause_producing();
            let (transport, trace) = (transport.clone(), made.clone());
            transport.reactor().clone().call_later(Duration::from_millis(50), move || {
                trace.push("resumed");
                transport.resume_producing();
            });
        })
        .data(move |_, bytes| data.push(format!("data {}", bytes.len())))
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |mut stream| stream.write_all(b"hello"));
    run(&reactor);
    client.join().unwrap().unwrap();
    assert_eq!(trace.take(), ["resumed", "data 5", "lost: connection was closed cleanly"]);
}

#[test]
fn tw_099_resuming_is_ignored_when_the_connection_is_being_closed() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new()
        .made(|transport| {
            transport.write(vec![b'x'; 1000]);
            transport.lose_connection();
            transport.resume_producing();
            assert!(transport.reactor().readers().len() == 1, "only the port is read");
        })
        .data(|_, _| panic!("read after lose_connection"))
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |mut stream| {
        stream.write_all(b"unheard").unwrap();
        read_all(stream)
    });
    run(&reactor);
    assert_eq!(client.join().unwrap(), (vec![b'x'; 1000], None));
}

#[test]
fn tw_083_a_connection_still_sending_when_the_reactor_stops_is_reset_never_ended_well() {
    let (reactor, trace) = (reactor(), Trace::default());
    let lost = trace.clone();
    let port = Script::new()
        .made(|transport| {
            transport.write("half a poem");
            stop_later(transport.reactor(), 20);
        })
        .lost(move |reason| lost.push(format!("lost: {reason}")))
        .serve(&reactor);
    let client = peer(port.host(), read_all);
    run(&reactor);
    let (all, error) = client.join().unwrap();
    assert_eq!((all, error), (b"half a poem".to_vec(), Some(io::ErrorKind::ConnectionReset)));
    assert_eq!(trace.take(), ["lost: connection was lost because the reactor stopped"]);
}

/// Calls `go` as soon as `ready` is set by another thread.
fn once(transport: &Transport, ready: Arc<AtomicBool>, go: fn(&Transport)) {
    if ready.load(Ordering::SeqCst) {
        return go(transport);
    }
    let again = transport.clone();
    transport.reactor().call_later(Duration::from_millis(1), move || once(&again, ready, go));
}

#[test]
fn a_request_that_nobody_reads_does_not_cost_the_client_the_poems_tail() {
    let (reactor, trace) = (reactor(), Trace::default());
    let asked = Arc::new(AtomicBool::new(false));
    let ready = Arc::clone(&asked);
    let port = Script::new()
        .made(move |transport| {
            transport.pause_producing();
            // Only when the request lies unread in our socket: closing it then is what resets.
            once(transport, Arc::clone(&ready), |transport| {
                transport.write(vec![b'p'; 200_000]);
                transport.lose_connection();
            });
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), move |mut stream| {
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        asked.store(true, Ordering::SeqCst);
        read_all(stream)
    });
    run(&reactor);
    let (all, error) = client.join().unwrap();
    assert_eq!((all.len(), error), (200_000, None));
}
