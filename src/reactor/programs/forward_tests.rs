use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use super::forward::forward_port;
use crate::reactor::testing::{Script, reactor, until};
use crate::reactor::{ListenOptions, Port, Reactor, Transport};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn forward(reactor: &Reactor, backend: SocketAddr) -> Port {
    forward_port(reactor, LOOPBACK, backend, &ListenOptions::default()).unwrap()
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// What the client of a forwarded port gets that sends `bytes` first, and how it ends.
fn talk(reactor: &Reactor, port: &Port, bytes: &'static [u8]) -> (Vec<u8>, Option<ErrorKind>) {
    let to = port.host();
    let client = std::thread::spawn(move || {
        let (mut stream, mut got) = (connect(to), Vec::new());
        // A reset is told once, by whichever is first to meet it.
        let end = stream.write_all(bytes).and_then(|()| stream.read_to_end(&mut got));
        let end = end.err().map(|error| error.kind());
        (got, end)
    });
    until(reactor, || client.is_finished());
    client.join().unwrap()
}

#[test]
fn tw_114_nothing_that_a_client_sends_before_the_backend_is_connected_is_lost() {
    let reactor = reactor();
    let echo = Script::new()
        .data(|transport, data| {
            transport.write(data.to_vec());
            if data.ends_with(b"!") {
                transport.lose_connection();
            }
        })
        .serve(&reactor);
    let port = forward(&reactor, echo.host());
    // Sent, all of it, before the loop turns for the first time.
    let mut early = connect(port.host());
    early.write_all(b"early").unwrap();
    let late = early.try_clone().unwrap();
    let client = std::thread::spawn(move || {
        let (mut late, mut got) = (late, Vec::new());
        late.write_all(b", late!").and_then(|()| late.read_to_end(&mut got)).map(|_| got)
    });
    until(&reactor, || client.is_finished());
    assert_eq!(client.join().unwrap().unwrap(), b"early, late!");
}

#[test]
fn tw_114_a_backend_that_takes_nothing_makes_the_client_wait_and_loses_nothing() {
    const BYTES: usize = 32 << 20;
    let reactor = reactor();
    let (taken, stuck) = (Rc::new(Cell::new(0)), Rc::new(std::cell::RefCell::new(None::<Transport>)));
    let (count, slot) = (Rc::clone(&taken), Rc::clone(&stuck));
    let backend = Script::new()
        .made(move |transport| {
            transport.pause_producing();
            *slot.borrow_mut() = Some(transport.clone());
        })
        .data(move |_, data| count.set(count.get() + data.len()))
        .serve(&reactor);
    let port = forward(&reactor, backend.host());
    let (mut client, chunk) = (connect(port.host()), vec![b'x'; 1 << 16]);
    client.set_nonblocking(true).unwrap();
    let sent = Rc::new(Cell::new(0));
    // Turns without a byte being taken, after which it counts as waiting.
    let mut quiet = 0;
    while quiet < 50 {
        match client.write(&chunk) {
            Ok(some) => {
                sent.set(sent.get() + some);
                quiet = 0;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        quiet += 1;
        reactor.iterate(Duration::from_millis(1)).unwrap();
        assert!(sent.get() < BYTES, "nobody makes the client wait");
    }
    assert_eq!(taken.get(), 0);
    stuck.borrow().as_ref().unwrap().resume_producing();
    until(&reactor, || taken.get() == sent.get());
}

#[test]
fn tw_115_a_good_end_of_either_side_is_a_flushed_end_of_the_other() {
    const POEM: usize = 4 << 20;
    let reactor = reactor();
    let server = Script::new()
        .made(|transport| {
            transport.write(vec![b'p'; POEM]);
            transport.lose_connection();
        })
        .serve(&reactor);
    let port = forward(&reactor, server.host());
    let (got, end) = talk(&reactor, &port, b"");
    assert_eq!((got.len(), end), (POEM, None));
    let (taken, ended) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (count, told) = (Rc::clone(&taken), Rc::clone(&ended));
    let sink = Script::new()
        .data(move |_, data| count.set(count.get() + data.len()))
        .lost(move |reason| told.set(reason.is_done()))
        .serve(&reactor);
    let port = forward(&reactor, sink.host());
    let to = port.host();
    let client = std::thread::spawn(move || connect(to).write_all(&vec![b'c'; POEM]));
    until(&reactor, || ended.get());
    client.join().unwrap().unwrap();
    assert_eq!(taken.get(), POEM);
}

#[test]
fn tw_115_a_reset_of_either_side_and_a_backend_that_is_not_there_reset_the_other() {
    let reactor = reactor();
    let cut = Script::new()
        .made(|transport| {
            transport.write("half a po");
            let later = transport.clone();
            transport.reactor().call_later(Duration::from_millis(20), move || later.abort_connection());
        })
        .serve(&reactor);
    let (got, end) = talk(&reactor, &forward(&reactor, cut.host()), b"");
    assert!(b"half a po".starts_with(&got), "{got:?}");
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    let nobody = TcpListener::bind(LOOPBACK).unwrap().local_addr().unwrap();
    let (got, end) = talk(&reactor, &forward(&reactor, nobody), b"is anybody there?");
    assert_eq!((got.len(), end), (0, Some(ErrorKind::ConnectionReset)));
    let reasons = crate::reactor::testing::Trace::default();
    let notes = reasons.clone();
    let waiting = Script::new()
        .made(|transport| transport.write("hello"))
        .lost(move |reason| notes.push(if reason.is_done() { "done" } else { "lost" }))
        .serve(&reactor);
    let mut client = connect(forward(&reactor, waiting.host()).host());
    let hears = client.try_clone().unwrap();
    let hello = std::thread::spawn(move || (&hears).read_exact(&mut [0; 5]));
    until(&reactor, || hello.is_finished());
    hello.join().unwrap().unwrap();
    client.flush().unwrap();
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    until(&reactor, || reasons.len() > 0);
    assert_eq!(reasons.take(), ["lost"]);
}
