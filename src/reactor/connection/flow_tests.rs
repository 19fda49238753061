//! Back-pressure, and peers that read slowly, not at all, or leave in mid write.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::rc::Rc;
use std::time::Duration;

use super::tests::{note_loss, peer, read_all};
use crate::reactor::testing::{Script, Trace, reactor, run};
use crate::reactor::{HIGH_WATER, Producer, ProducerError, Transport};

/// Writes a block per resume, or goes on writing until paused.
struct Mill {
    transport: Transport,
    trace: Trace,
    left: Cell<usize>,
}

impl Mill {
    fn block(&self) {
        self.left.set(self.left.get() - 1);
        self.transport.write(vec![b'm'; 1000]);
        if self.left.get() == 0 {
            self.transport.unregister_producer();
        }
    }
}

impl Producer for Mill {
    fn pause_producing(&self) {
        self.trace.push(format!("pause at {}", self.transport.buffered()));
    }

    fn resume_producing(&self) {
        self.trace.push(format!("resume at {}", self.transport.buffered()));
        if self.left.get() > 0 {
            self.block();
        }
    }

    fn stop_producing(&self) {
        self.trace.push("stop");
    }
}

fn mill(transport: &Transport, trace: &Trace, blocks: usize) -> Rc<Mill> {
    Rc::new(Mill { transport: transport.clone(), trace: trace.clone(), left: Cell::new(blocks) })
}

#[test]
fn tw_100_a_push_producer_is_paused_inside_write_above_the_mark_and_resumed_once_when_empty() {
    let (reactor, trace) = (reactor(), Trace::default());
    let pushed = trace.clone();
    let port = Script::new()
        .made(move |transport| {
            let mill = mill(transport, &pushed, 1);
            transport.register_producer(mill, true).unwrap();
            pushed.push("registered");
            transport.write(vec![b'x'; HIGH_WATER]);
            pushed.push("at the mark");
            transport.write("y");
            transport.write("z");
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |mut stream| stream.read_exact(&mut vec![0; HIGH_WATER + 2 + 1000]));
    run(&reactor);
    client.join().unwrap().unwrap();
    let expected = [
        "registered",
        "at the mark",
        "pause at 65537",
        "pause at 65538",
        "resume at 0",
        "lost: connection was closed cleanly",
    ];
    assert_eq!(trace.take(), expected);
}

#[test]
fn tw_101_a_pull_producer_is_resumed_at_registration_and_whenever_empty_and_never_paused() {
    let (reactor, trace) = (reactor(), Trace::default());
    let pulled = trace.clone();
    let port = Script::new()
        .made(move |transport| {
            transport.register_producer(mill(transport, &pulled, 3), false).unwrap();
            transport.write(vec![b'x'; 2 * HIGH_WATER]);
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |mut stream| stream.read_exact(&mut vec![0; 3000 + 2 * HIGH_WATER]));
    run(&reactor);
    client.join().unwrap().unwrap();
    assert_eq!(
        trace.take(),
        ["resume at 0", "resume at 0", "resume at 0", "lost: connection was closed cleanly"]
    );
}

#[test]
fn tw_102_a_second_producer_is_refused_and_a_lost_connection_stops_the_first() {
    let (reactor, trace) = (reactor(), Trace::default());
    let kept = Rc::new(RefCell::new(None::<Transport>));
    let (keep, made, end) = (Rc::clone(&kept), trace.clone(), note_loss(&trace, &reactor));
    let lost = trace.clone();
    let port = Script::new()
        .made(move |transport| {
            transport.register_producer(mill(transport, &made, 1), true).unwrap();
            let second = transport.register_producer(mill(transport, &made, 1), true);
            assert_eq!(second, Err(ProducerError::AlreadyRegistered));
            *keep.borrow_mut() = Some(transport.clone());
        })
        .lost(move |reason| {
            let transport = kept.borrow().clone().unwrap();
            lost.push("registering late");
            transport.register_producer(mill(&transport, &lost, 1), true).unwrap();
            end(reason);
        })
        .serve(&reactor);
    let client = peer(port.host(), drop);
    run(&reactor);
    client.join().unwrap();
    assert_eq!(trace.take(), ["stop", "registering late", "stop", "lost: connection was closed cleanly"]);
}

#[test]
fn tw_103_a_close_waits_for_a_pull_producer_but_not_for_an_unpaused_push_producer() {
    for (streaming, bytes) in [(false, 5000), (true, 0)] {
        let (reactor, trace) = (reactor(), Trace::default());
        let made = trace.clone();
        let port = Script::new()
            .made(move |transport| {
                transport.register_producer(mill(transport, &made, 5), streaming).unwrap();
                transport.lose_connection();
            })
            .lost(note_loss(&trace, &reactor))
            .serve(&reactor);
        let client = peer(port.host(), read_all);
        run(&reactor);
        let (all, error) = client.join().unwrap();
        assert_eq!((all.len(), error), (bytes, None), "streaming: {streaming}");
        let stops = trace.take().iter().filter(|line| *line == "stop").count();
        assert_eq!(stops, usize::from(streaming));
    }
}

#[test]
fn a_slow_reader_is_given_up_after_the_stall_limit_and_only_then() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new()
        .made(|transport| {
            transport.set_stall_limit(Some(Duration::from_millis(100)));
            transport.write(vec![b'x'; 30_000_000]);
            transport.lose_connection();
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let client = peer(port.host(), move |stream| {
        wait.recv().unwrap_err();
        read_all(stream).1
    });
    run(&reactor);
    drop(done);
    assert_eq!(client.join().unwrap(), Some(io::ErrorKind::ConnectionReset));
    assert_eq!(trace.take(), ["lost: connection was aborted: the peer took nothing for 100ms"]);
}

#[test]
fn a_peer_that_reads_on_is_never_stalled_though_the_whole_takes_longer_than_the_limit() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new()
        .made(|transport| {
            transport.set_stall_limit(Some(Duration::from_millis(400)));
            let mill = mill(transport, &Trace::default(), 40);
            let (again, feed) = (Rc::new(RefCell::new(None::<Rc<dyn Fn()>>)), transport.clone());
            let next = Rc::clone(&again);
            // A block each 20 ms: 800 ms of sending, never 400 ms without progress.
            *again.borrow_mut() = Some(Rc::new(move || {
                mill.block();
                if mill.left.get() == 0 {
                    return feed.lose_connection();
                }
                let next = next.borrow().clone().unwrap();
                feed.reactor().call_later(Duration::from_millis(20), move || next());
            }));
            let first = again.borrow().clone().unwrap();
            first();
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), read_all);
    run(&reactor);
    let (all, error) = client.join().unwrap();
    assert_eq!((all.len(), error), (40_000, None));
}

#[test]
fn more_than_may_be_buffered_aborts_the_connection() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new()
        .made(|transport| {
            transport.set_max_buffered(1000);
            transport.write(vec![b'x'; 1000]);
            assert!(transport.is_connected());
            transport.write("y");
            assert!(!transport.is_connected());
        })
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), read_all);
    run(&reactor);
    assert_eq!(client.join().unwrap().1, Some(io::ErrorKind::ConnectionReset));
    assert_eq!(trace.take(), ["lost: connection was aborted: 1001 bytes unsent, more than the 1000 allowed"]);
}

#[test]
fn a_reset_in_the_middle_of_a_write_is_a_lost_connection_and_no_signal() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new()
        .made(|transport| transport.write(vec![b'x'; 30_000_000]))
        .lost(note_loss(&trace, &reactor))
        .serve(&reactor);
    let client = peer(port.host(), |mut stream| {
        stream.read_exact(&mut [0; 1000]).unwrap();
        // Unread data in the socket: closing it resets.
    });
    run(&reactor);
    client.join().unwrap();
    assert_eq!(trace.take(), ["lost: connection was lost"]);
}
