use std::cell::RefCell;
use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::deferred::Deferred;
use crate::reactor::testing::{Trace, reactor, settle, until};
use crate::reactor::{Port, Reactor, Target};

const VERSIONS: [ProxyVersion; 3] =
    [ProxyVersion::SometimesSynchronous, ProxyVersion::AlreadyFired, ProxyVersion::Cancels];
const FETCHING: &str = "Fetching poem from server.";
const CACHED: &str = "Using cached poem.";

fn proxy(reactor: &Reactor, upstream: impl Into<Target>, options: &ProxyOptions) -> (Port, Trace) {
    let trace = Trace::default();
    let notes = trace.clone();
    // Who asks and is answered, the tests know.
    let sink = move |event: &ProxyEvent| match event {
        ProxyEvent::Asked(_) | ProxyEvent::Sending { .. } => {}
        event => notes.push(event.to_string()),
    };
    (serve_proxy(reactor, upstream, options, sink).unwrap(), trace)
}

fn get(reactor: &Reactor, port: &Port) -> Deferred<Bytes> {
    fetch_poetry(reactor, port.host(), &GetOptions::default())
}

/// A poem, served to whoever asks; how often each client's connection was lost before it had the poem.
fn poem_server(reactor: &Reactor, options: &ServeOptions) -> (Port, Rc<RefCell<u32>>) {
    let lost = Rc::new(RefCell::new(0));
    let count = Rc::clone(&lost);
    let sink = move |event: &ServerEvent| {
        if matches!(event, ServerEvent::Ended { failure: Some(_), .. }) {
            *count.borrow_mut() += 1;
        }
    };
    (serve_poem(reactor, Bytes::from_static(b"a poem, whole"), options, sink).unwrap(), lost)
}

fn never_ends() -> ServeOptions {
    ServeOptions {
        pace: Some(Pace { delay: Duration::from_secs(3600), ..Pace::default() }),
        ..Default::default()
    }
}

#[test]
fn every_proxy_fetches_the_poem_once_and_serves_it_from_then_on() {
    for version in VERSIONS {
        for framing in [Framing::Raw, Framing::Netstring] {
            let reactor = reactor();
            let (server, _) = poem_server(&reactor, &ServeOptions { framing, ..ServeOptions::default() });
            let get_options = GetOptions { framing, ..GetOptions::default() };
            let options = ProxyOptions { version, get: get_options, ..ProxyOptions::default() };
            let (port, trace) = proxy(&reactor, server.host(), &options);
            for _ in 0..3 {
                assert_eq!(settle(&reactor, &get(&reactor, &port)).unwrap(), "a poem, whole");
            }
            assert_eq!(trace.take(), [FETCHING, CACHED, CACHED], "{version:?}, {framing}");
        }
    }
}

#[test]
fn a_poem_older_than_it_may_be_is_fetched_again() {
    for version in VERSIONS {
        let reactor = reactor();
        let (server, _) = poem_server(&reactor, &ServeOptions::default());
        let options = ProxyOptions { version, ttl: Some(Duration::ZERO), ..ProxyOptions::default() };
        let (port, trace) = proxy(&reactor, server.host(), &options);
        for _ in 0..2 {
            settle(&reactor, &get(&reactor, &port)).unwrap();
        }
        assert_eq!(trace.take(), [FETCHING, FETCHING], "{version:?}");
    }
}

#[test]
fn a_failed_fetch_is_never_kept_and_those_who_waited_are_reset() {
    for version in VERSIONS {
        let reactor = reactor();
        let (server, _) = poem_server(&reactor, &ServeOptions::default());
        let upstream = server.host();
        server.stop_listening();
        let (port, trace) = proxy(&reactor, upstream, &ProxyOptions { version, ..ProxyOptions::default() });
        for _ in 0..2 {
            let failure = settle(&reactor, &get(&reactor, &port)).unwrap_err();
            assert!(matches!(failure.check(), Some(GetError::Lost { bytes: 0, .. })), "{failure}");
        }
        let failed = format!("No poem from server: cannot connect to {upstream}");
        assert_eq!(trace.take(), [FETCHING, &failed, FETCHING, &failed], "{version:?}");
    }
}

#[test]
fn half_a_poem_from_upstream_is_never_served_as_a_whole() {
    let reactor = reactor();
    let (server, _) = poem_server(&reactor, &never_ends());
    let get_options = GetOptions { idle_timeout: Duration::from_millis(50), ..GetOptions::default() };
    let options = ProxyOptions { get: get_options, ..ProxyOptions::default() };
    let (port, trace) = proxy(&reactor, server.host(), &options);
    assert!(settle(&reactor, &get(&reactor, &port)).is_err());
    assert!(settle(&reactor, &get(&reactor, &port)).is_err());
    assert!(!trace.take().contains(&CACHED.to_owned()));
}

#[test]
fn many_early_clients_cost_one_fetch_with_3_0_and_one_each_before() {
    for (version, fetches) in
        [(ProxyVersion::SometimesSynchronous, 5), (ProxyVersion::AlreadyFired, 5), (ProxyVersion::Cancels, 1)]
    {
        let reactor = reactor();
        let pace = Some(Pace { delay: Duration::from_millis(50), ..Pace::default() });
        let (server, _) = poem_server(&reactor, &ServeOptions { pace, ..ServeOptions::default() });
        let (port, trace) =
            proxy(&reactor, server.host(), &ProxyOptions { version, ..ProxyOptions::default() });
        let clients: Vec<_> = (0..5).map(|_| get(&reactor, &port)).collect();
        for client in &clients {
            assert_eq!(settle(&reactor, client).unwrap(), "a poem, whole");
        }
        assert_eq!(trace.take(), vec![FETCHING; fetches], "{version:?}");
    }
}

#[test]
fn with_3_0_the_fetch_is_cancelled_when_the_last_who_waited_has_left_and_not_before() {
    for half_close in [false, true] {
        let reactor = reactor();
        let (server, lost) = poem_server(&reactor, &never_ends());
        let (port, trace) = proxy(&reactor, server.host(), &ProxyOptions::default());
        let leave = |stream: &TcpStream| {
            let how = if half_close { Shutdown::Write } else { Shutdown::Both };
            stream.shutdown(how).unwrap();
        };
        let first = TcpStream::connect(port.host()).unwrap();
        let second = TcpStream::connect(port.host()).unwrap();
        until(&reactor, || port.connections() == 2 && server.connections() == 1);
        leave(&first);
        until(&reactor, || port.connections() == 1);
        assert_eq!((trace.take(), server.connections()), (vec![FETCHING.to_owned()], 1));
        leave(&second);
        until(&reactor, || server.connections() == 0);
        assert_eq!(trace.take(), ["Canceling poem download."]);
        assert_eq!(*lost.borrow(), 1, "upstream was closed before it was through");
        // And the next one begins anew.
        let _third = TcpStream::connect(port.host()).unwrap();
        until(&reactor, || server.connections() == 1);
        assert_eq!(trace.take(), [FETCHING]);
    }
}

#[test]
fn before_3_0_a_client_that_leaves_cancels_nothing_and_the_poem_is_kept() {
    for version in [ProxyVersion::SometimesSynchronous, ProxyVersion::AlreadyFired] {
        let reactor = reactor();
        let pace = Some(Pace { delay: Duration::from_millis(30), ..Pace::default() });
        let (server, lost) = poem_server(&reactor, &ServeOptions { pace, ..ServeOptions::default() });
        let (port, trace) =
            proxy(&reactor, server.host(), &ProxyOptions { version, ..ProxyOptions::default() });
        let leaver = TcpStream::connect(port.host()).unwrap();
        until(&reactor, || server.connections() == 1);
        drop(leaver);
        until(&reactor, || server.connections() == 0);
        assert_eq!(*lost.borrow(), 0);
        assert_eq!(settle(&reactor, &get(&reactor, &port)).unwrap(), "a poem, whole");
        assert_eq!(trace.take(), [FETCHING, CACHED], "{version:?}");
    }
}

#[test]
fn a_half_close_while_the_poem_is_being_sent_is_not_leaving() {
    let reactor = reactor();
    let text = Bytes::from(vec![b'p'; 5_000_000]);
    let server = serve_poem(&reactor, text.clone(), &ServeOptions::default(), |_| ()).unwrap();
    let (port, _) = proxy(&reactor, server.host(), &ProxyOptions::default());
    settle(&reactor, &get(&reactor, &port)).unwrap();
    let to = port.host();
    let client = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.read_exact(&mut [0]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap()
    });
    until(&reactor, || client.is_finished());
    assert_eq!(client.join().unwrap(), text.len() - 1);
}

#[test]
fn cancelling_a_fetch_closes_its_connection_and_fails_with_cancelled() {
    let reactor = reactor();
    let (server, lost) = poem_server(&reactor, &never_ends());
    let poem = get(&reactor, &server);
    until(&reactor, || server.connections() == 1);
    poem.cancel();
    let failure = poem.take_result().unwrap().unwrap_err();
    assert!(failure.check::<crate::deferred::Cancelled>().is_some());
    until(&reactor, || server.connections() == 0);
    assert_eq!(*lost.borrow(), 1);
}
