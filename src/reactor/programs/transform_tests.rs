use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::reactor::testing::{Trace, reporting, settle, until};
use crate::reactor::{Port, Reactor};
use crate::transform::TransformService;

const POEM: &str = "Something there is that doesn't love a wall.\nMORE.LINES\n";

fn serving(options: &TransformOptions) -> (Reactor, Trace, Port) {
    let (reactor, trace) = reporting();
    let notes = trace.clone();
    let mut service = TransformService::default();
    service.register("explode", "panics", |_, _| panic!("kaboom")).unwrap();
    let sink = move |event: &TransformEvent| {
        let peer = match event {
            TransformEvent::Answered { peer, .. }
            | TransformEvent::Refused { peer, .. }
            | TransformEvent::Malformed { peer, .. } => peer.to_string(),
        };
        notes.push(event.to_string().replace(&peer, "PEER"));
    };
    let port = serve_transforms(&reactor, service, options, sink).unwrap();
    (reactor, trace, port)
}

/// Sends `bytes` and its end, as `nc` does; what comes back.
fn talk(reactor: &Reactor, port: &Port, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let (to, bytes) = (port.host(), bytes.to_vec());
    let peer = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(&bytes)?;
        // Refused when the server has reset us already, which the read below then tells.
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    });
    until(reactor, || peer.is_finished());
    peer.join().unwrap()
}

#[test]
fn a_poem_is_transformed_and_the_connection_closed() {
    let (reactor, trace, port) = serving(&TransformOptions::default());
    let poem = Bytes::from_static(POEM.as_bytes());
    let deferred = apply_transform(&reactor, port.host(), "cummingsify", &poem, &GetOptions::default());
    assert_eq!(settle(&reactor, &deferred).unwrap(), POEM.to_lowercase());
    assert_eq!(trace.take(), [format!("cummingsify for PEER: {} bytes", POEM.len())]);
}

#[test]
fn a_script_with_nc_gets_its_answer_though_it_closes_its_side_at_once() {
    let (reactor, _, port) = serving(&TransformOptions::default());
    assert_eq!(talk(&reactor, &port, b"27:cummingsify.HERE IS MY POEM,").unwrap(), b"15:here is my poem,");
}

#[test]
fn whatever_cannot_be_answered_closes_the_connection_and_is_told_to_the_log_only() {
    let (reactor, trace, port) = serving(&TransformOptions { limit: 100, ..TransformOptions::default() });
    for (request, why) in [
        (&b"6:no dot,"[..], "no request of PEER: byte 8: no dot ends the name"),
        (b"8:nosuch.x,", "no nosuch for PEER: no transformation is called \"nosuch\""),
        (b"8:no such", "no request of PEER: byte 9: the stream ended in mid frame"),
        (b"101:", "no request of PEER: byte 2: more than 100 bytes"),
        (b"hello", "no request of PEER: byte 0: 'h' where a digit of a length was due"),
        (
            b"14:cummingsify.\xff\xff,",
            "no cummingsify for PEER: cannot cummingsify a poem that is not text: byte 0 is not UTF-8",
        ),
    ] {
        assert_eq!(talk(&reactor, &port, request).unwrap(), b"", "{why}");
        assert_eq!(trace.take(), [why]);
    }
}

#[test]
fn a_transformation_that_panics_is_refused_as_one_that_fails_and_costs_nobody_else_anything() {
    let (reactor, trace, port) = serving(&TransformOptions::default());
    assert_eq!(talk(&reactor, &port, b"9:explode.x,").unwrap(), b"");
    assert_eq!(trace.take(), ["no explode for PEER: it panicked: kaboom"]);
    assert_eq!(talk(&reactor, &port, b"7:shout.x,").unwrap(), b"1:X,");
    assert_eq!(talk(&reactor, &port, b"7:rot13.n,").unwrap(), b"1:a,");
}

#[test]
fn an_answer_that_comes_after_the_deadline_is_not_sent() {
    let (reactor, trace) = reporting();
    let notes = trace.clone();
    let mut service = TransformService::default();
    let slow = |poem: &str, _: &mut fastrand::Rng| {
        let watch = crate::blocking::Stopwatch::start();
        while watch.elapsed() < Duration::from_millis(20) {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(poem.to_owned())
    };
    service.register("slow", "takes 20 ms", slow).unwrap();
    let sink = move |event: &TransformEvent| notes.push(event.to_string());
    for (deadline, answer) in [(1, &b""[..]), (60_000, b"1:x,")] {
        let deadline = Duration::from_millis(deadline);
        let options = TransformOptions { deadline, ..TransformOptions::default() };
        let port = serve_transforms(&reactor, service.clone(), &options, sink.clone()).unwrap();
        assert_eq!(talk(&reactor, &port, b"6:slow.x,").unwrap(), answer);
    }
    assert!(trace.take()[0].ends_with(": not done within 1ms"));
}

/// A port of each protocol, on one service.
fn both(options: &TransformOptions) -> (Reactor, Port, Port) {
    let (reactor, _) = reporting();
    let mut service = TransformService::default();
    service.register("explode", "panics", |_, _| panic!("kaboom")).unwrap();
    let transforms = Transforms::new(&reactor, service, options, |_| ());
    let listen = options.listen;
    let (strings, lines) =
        (transforms.serve_strings(listen).unwrap(), transforms.serve_lines(listen).unwrap());
    (reactor, strings, lines)
}

#[test]
fn the_second_protocol_answers_on_its_own_port_and_says_why_it_does_not() {
    let (reactor, strings, lines) = both(&TransformOptions { limit: 100, ..TransformOptions::default() });
    assert_eq!(talk(&reactor, &strings, b"7:shout.a,").unwrap(), b"1:A,");
    for (request, answer) in [
        ("shout 1\na", "OK 1\nA"),
        ("shout 0\n", "OK 0\n"),
        ("nosuch 1\na", "ERR no transformation is called \"nosuch\"\n"),
        ("explode 1\na", "ERR it panicked: kaboom\n"),
        ("shout 101\n", "ERR more than 100 bytes\n"),
        ("shout 5\nab", "ERR the stream ended in mid frame\n"),
        ("shout 1\nashout 1\nb", "OK 1\nA"),
        ("", ""),
    ] {
        let got = talk(&reactor, &lines, request.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(got).unwrap(), answer, "{request:?}");
    }
}

#[test]
fn a_kept_connection_of_the_second_protocol_goes_on_after_a_refusal_but_not_after_nonsense() {
    let (reactor, _strings, lines) =
        both(&TransformOptions { keep_alive: true, ..TransformOptions::default() });
    let got = talk(&reactor, &lines, b"shout 1\nanosuch 1\nbrot13 1\nc??? x\nshout 1\nd").unwrap();
    let got = String::from_utf8(got).unwrap();
    let (well, nonsense) = got.rsplit_once("ERR ").unwrap();
    assert_eq!(well, "OK 1\nAERR no transformation is called \"nosuch\"\nOK 1\np");
    assert_eq!(nonsense, "'x' where a digit of a length was due\n");
}

#[test]
fn with_keep_alive_a_client_may_ask_again_and_without_it_is_answered_once() {
    let requests = b"7:shout.a,7:shout.b,7:shout.c,";
    let (reactor, _, port) = serving(&TransformOptions::default());
    assert_eq!(talk(&reactor, &port, requests).unwrap(), b"1:A,");
    let (reactor, _, port) = serving(&TransformOptions { keep_alive: true, ..TransformOptions::default() });
    assert_eq!(talk(&reactor, &port, requests).unwrap(), b"1:A,1:B,1:C,");
}

#[test]
fn one_that_asks_for_nothing_is_not_kept() {
    let idle = Duration::from_millis(30);
    let (reactor, trace, port) = serving(&TransformOptions { idle, ..TransformOptions::default() });
    let stream = TcpStream::connect(port.host()).unwrap();
    until(&reactor, || trace.len() > 0);
    until(&reactor, || port.connections() == 0);
    assert_eq!(trace.take()[0], "no request of PEER: byte 0: it sent nothing for 30ms");
    drop(stream);
}

#[test]
fn one_that_sends_on_is_kept_however_long_its_request_takes_and_one_that_was_answered_ends_well() {
    let idle = Duration::from_secs(1);
    let options = TransformOptions { idle, keep_alive: true, ..TransformOptions::default() };
    let (reactor, trace, port) = serving(&options);
    let mut stream = TcpStream::connect(port.host()).unwrap();
    let began = reactor.now();
    let request = b"27:cummingsify.HERE IS MY POEM,";
    for byte in request {
        stream.write_all(&[*byte]).unwrap();
        let end = reactor.now() + idle / 25;
        while reactor.now() < end {
            reactor.iterate(end - reactor.now()).unwrap();
        }
    }
    assert!(reactor.now() - began > idle);
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let client = std::thread::spawn(move || {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map(|_| answer)
    });
    until(&reactor, || client.is_finished());
    assert_eq!(client.join().unwrap().unwrap(), b"15:here is my poem,");
    assert_eq!(trace.take(), ["cummingsify for PEER: 15 bytes"]);
}

#[test]
fn a_failing_transformation_fails_the_clients_deferred_and_says_who_closed() {
    let (reactor, _, port) = serving(&TransformOptions::default());
    for name in ["nosuch", "explode"] {
        let poem = Bytes::from_static(b"x");
        let deferred = apply_transform(&reactor, port.host(), name, &poem, &GetOptions::default());
        let failure = settle(&reactor, &deferred).unwrap_err();
        assert!(failure.check::<GetError>().is_some(), "{failure}");
        assert!(failure.to_string().contains(&port.host().to_string()), "{failure}");
    }
}

#[test]
fn the_transformation_proxy_asks_once_and_remembers_and_never_remembers_a_failure() {
    let (reactor, trace, port) = serving(&TransformOptions::default());
    let notes = Trace::default();
    let sink = notes.clone();
    let options = ProxyOptions::default();
    let proxy = serve_transform_proxy(&reactor, port.host(), &options, move |event| {
        // Who asks and is answered, the test knows.
        if !matches!(event, ProxyEvent::Asked(_) | ProxyEvent::Sending { .. }) {
            sink.push(event.to_string());
        }
    })
    .unwrap();
    for _ in 0..2 {
        assert_eq!(talk(&reactor, &proxy, b"7:shout.x,").unwrap(), b"1:X,");
    }
    assert_eq!(talk(&reactor, &proxy, b"7:shout.y,").unwrap(), b"1:Y,");
    assert_eq!(trace.take().len(), 2);
    for _ in 0..2 {
        assert!(talk(&reactor, &proxy, b"8:nosuch.x,").is_err());
    }
    let fetching = "Fetching poem from server.";
    let failed = format!("No poem from server: got no poem from {}", port.host());
    assert_eq!(
        notes.take(),
        [fetching, "Using cached poem.", fetching, fetching, &failed, fetching, &failed]
    );
}

#[test]
fn the_transformation_proxy_forgets_the_oldest_of_too_many() {
    let (reactor, trace, port) = serving(&TransformOptions::default());
    let proxy = serve_transform_proxy(&reactor, port.host(), &ProxyOptions::default(), |_| ()).unwrap();
    let ask = |n: usize| talk(&reactor, &proxy, format!("8:shout.{n:02},").as_bytes()).unwrap();
    (0..33).for_each(|n| drop(ask(n)));
    assert_eq!(trace.take().len(), 33);
    ask(32);
    assert_eq!(trace.len(), 0);
    ask(0);
    assert_eq!(trace.take().len(), 1);
}
