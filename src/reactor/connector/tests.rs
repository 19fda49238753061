use std::cell::{Cell, RefCell};
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use crate::reactor::testing::{Script, Trace, reactor, run, stop_later};
use crate::reactor::{
    ClientFactory, ConnectFailure, Connector, ConnectorError, Factory, PollerKind, Protocol, Reactor, Reason,
    Target,
};

/// Notes everything, and may connect again a number of times.
struct Noted {
    trace: Trace,
    script: Script,
    again: Cell<u32>,
    stop: bool,
}

impl Noted {
    fn new(trace: &Trace, script: Script) -> Noted {
        Noted { trace: trace.clone(), script, again: Cell::new(0), stop: true }
    }

    fn over(&self, connector: &Connector, reactor: &Reactor) {
        if self.again.get() > 0 {
            self.again.set(self.again.get() - 1);
            connector.connect().unwrap();
            assert_eq!(connector.connect(), Err(ConnectorError::NotDisconnected));
        } else if self.stop {
            stop_later(reactor, 0);
        }
    }
}

/// A factory together with the reactor it is to stop.
struct On(Noted, Reactor);

impl Factory for On {
    fn start_factory(&self) {
        self.0.trace.push("start");
    }

    fn stop_factory(&self) {
        self.0.trace.push("stop");
    }

    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        self.0.trace.push("build");
        Some(Box::new(self.0.script.clone()))
    }
}

impl ClientFactory for On {
    fn started_connecting(&self, _connector: &Connector) {
        self.0.trace.push("connecting");
    }

    fn client_connection_failed(&self, connector: &Connector, reason: &ConnectFailure) {
        self.0.trace.push(format!("failed: {reason}"));
        self.0.over(connector, &self.1);
    }

    fn client_connection_lost(&self, connector: &Connector, reason: &Reason) {
        self.0.trace.push(format!("lost: {reason}"));
        self.0.over(connector, &self.1);
    }
}

/// A port nobody listens on: bound, so that nobody else gets it, and never listened on.
fn deaf_port() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn tw_089_the_order_of_a_clients_life() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new().made(crate::reactor::Transport::lose_connection).serve(&reactor);
    let (made, lost) = (trace.clone(), trace.clone());
    let script = Script::new().made(move |_| made.push("made")).lost(move |_| lost.push("protocol lost"));
    let factory = Rc::new(On(Noted::new(&trace, script), reactor.clone()));
    reactor.connect_tcp(port.host(), factory, LONG);
    run(&reactor);
    let expected = [
        "start",
        "connecting",
        "build",
        "made",
        "protocol lost",
        "lost: connection was closed cleanly",
        "stop",
    ];
    assert_eq!(trace.take(), expected);
}

#[test]
fn tw_090_a_refused_connection_is_told_to_the_factory_after_connect_has_returned() {
    for kind in PollerKind::ALL {
        let (reactor, trace) = (Reactor::new(kind).unwrap(), Trace::default());
        let (_deaf, address) = deaf_port();
        let factory = Rc::new(On(Noted::new(&trace, Script::new()), reactor.clone()));
        reactor.connect_tcp(address, factory, LONG);
        assert_eq!(trace.take(), ["start", "connecting"]);
        run(&reactor);
        assert_eq!(trace.take(), ["failed: connection was refused by other side", "stop"], "{kind}");
    }
}

#[test]
fn tw_090_even_a_failure_known_at_once_is_told_after_connect_has_returned() {
    let (reactor, trace) = (reactor(), Trace::default());
    let factory = Rc::new(On(Noted::new(&trace, Script::new()), reactor.clone()));
    // Nobody can connect to everybody: the very call fails.
    reactor.connect_tcp(SocketAddr::from(([255, 255, 255, 255], 9)), factory, LONG);
    assert_eq!(trace.take(), ["start", "connecting"]);
    run(&reactor);
    assert_eq!(trace.take(), ["failed: cannot connect", "stop"]);
}

#[test]
fn tw_090_a_connection_that_does_not_come_times_out() {
    // A full backlog: the kernel answers no further connection attempts.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let filler: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        })
        .collect();
    let (reactor, trace) = (reactor(), Trace::default());
    let factory = Rc::new(On(Noted::new(&trace, Script::new()), reactor.clone()));
    reactor.connect_tcp(address, factory, Duration::from_millis(100));
    run(&reactor);
    drop(filler);
    assert_eq!(trace.take(), ["start", "connecting", "failed: no connection within 100ms", "stop"]);
    assert!(reactor.writers().is_empty());
}

#[test]
fn tw_090_stop_connecting_is_told_before_it_returns_and_refused_the_second_time() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new().serve(&reactor);
    let factory = Rc::new(On(Noted::new(&trace, Script::new()), reactor.clone()));
    let connector = reactor.connect_tcp(port.host(), factory, LONG);
    connector.stop_connecting().unwrap();
    assert_eq!(trace.take(), ["start", "connecting", "failed: connecting was stopped", "stop"]);
    assert_eq!(connector.stop_connecting(), Err(ConnectorError::NotConnecting));
    run(&reactor);
    assert_eq!(trace.len(), 0);
}

#[test]
fn tw_091_connecting_again_from_within_the_loss_does_not_stop_the_factory() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new().made(crate::reactor::Transport::lose_connection).serve(&reactor);
    let noted = Noted::new(&trace, Script::new());
    noted.again.set(2);
    reactor.connect_tcp(port.host(), Rc::new(On(noted, reactor.clone())), LONG);
    run(&reactor);
    let trace = trace.take();
    assert_eq!(trace.iter().filter(|line| *line == "build").count(), 3);
    assert_eq!(trace.iter().filter(|line| *line == "start").count(), 1);
    assert_eq!(trace.last().unwrap(), "stop");
}

#[test]
fn tw_091_connecting_again_from_within_the_failure_works_and_may_succeed() {
    let (reactor, trace) = (reactor(), Trace::default());
    let (deaf, address) = deaf_port();
    let noted = Noted::new(&trace, Script::new());
    noted.again.set(1);
    struct Repairing(On, RefCell<Option<socket2::Socket>>);
    impl Factory for Repairing {
        fn build_protocol(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
            stop_later(&self.0.1, 0);
            self.0.build_protocol(peer)
        }
    }
    impl ClientFactory for Repairing {
        fn client_connection_failed(&self, connector: &Connector, reason: &ConnectFailure) {
            self.1.borrow().as_ref().unwrap().listen(1).unwrap();
            self.0.client_connection_failed(connector, reason);
        }
    }
    let factory = Rc::new(Repairing(On(noted, reactor.clone()), RefCell::new(Some(deaf))));
    reactor.connect_tcp(address, factory, LONG);
    run(&reactor);
    assert_eq!(trace.take(), ["failed: connection was refused by other side", "build"]);
}

#[test]
fn tw_088_a_client_factory_that_builds_no_protocol_closes_the_connection() {
    struct Picky(Trace, Reactor);
    impl Factory for Picky {
        fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
            None
        }
    }
    impl ClientFactory for Picky {
        fn client_connection_lost(&self, _connector: &Connector, reason: &Reason) {
            self.0.push(format!("lost: {reason}"));
            stop_later(&self.1, 0);
        }
    }
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new().serve(&reactor);
    reactor.connect_tcp(port.host(), Rc::new(Picky(trace.clone(), reactor.clone())), LONG);
    run(&reactor);
    assert_eq!(trace.take(), ["lost: connection was closed cleanly"]);
}

#[test]
fn disconnect_ends_whatever_the_connector_is_doing() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new().serve(&reactor);
    let slot = Rc::new(RefCell::new(None::<Connector>));
    let inside = Rc::clone(&slot);
    let script = Script::new().made(move |_| inside.borrow().as_ref().unwrap().disconnect());
    let factory = Rc::new(On(Noted::new(&trace, script), reactor.clone()));
    *slot.borrow_mut() = Some(reactor.connect_tcp(port.host(), factory, LONG));
    run(&reactor);
    assert_eq!(trace.take(), ["start", "connecting", "build", "lost: connection was closed cleanly", "stop"]);
}

#[test]
fn a_name_is_resolved_without_blocking_and_every_address_is_tried() {
    let (reactor, trace) = (reactor(), Trace::default());
    let port = Script::new().made(crate::reactor::Transport::lose_connection).serve(&reactor);
    let factory = Rc::new(On(Noted::new(&trace, Script::new()), reactor.clone()));
    // May name ::1 first, where nobody listens: the next address is tried then.
    reactor.connect_tcp(("localhost", port.host().port()), factory, LONG);
    run(&reactor);
    assert!(trace.take().contains(&"lost: connection was closed cleanly".to_owned()));
}

#[test]
fn a_name_without_an_address_is_a_failure_that_names_it() {
    let (reactor, trace) = (reactor(), Trace::default());
    let factory = Rc::new(On(Noted::new(&trace, Script::new()), reactor.clone()));
    // The space is in no name: the resolver refuses it without asking anybody.
    reactor.connect_tcp(("no such name", 1), factory, LONG);
    run(&reactor);
    assert_eq!(trace.take(), ["start", "connecting", "failed: cannot resolve no such name", "stop"]);
}

#[test]
fn a_connection_under_way_when_the_reactor_stops_has_failed() {
    let (reactor, trace) = (reactor(), Trace::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let factory = Rc::new(On(Noted::new(&trace, Script::new()), reactor.clone()));
    reactor.connect_tcp(listener.local_addr().unwrap(), factory, LONG);
    let handle = reactor.clone();
    // Asked for in the same turn as the attempt begins: it is still connecting at the end of the turn.
    reactor.call_later(Duration::ZERO, move || handle.stop());
    run(&reactor);
    assert_eq!(trace.take(), ["start", "connecting", "failed: connecting was stopped", "stop"]);
}

#[test]
fn a_target_is_shown_as_it_would_be_typed() {
    assert_eq!(Target::from(("example.org", 10)).to_string(), "example.org:10");
    assert_eq!(Target::from(SocketAddr::from(([0u16; 8], 7))).to_string(), "[::]:7");
}
