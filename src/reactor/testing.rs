//! What the tests of the reactor share: a trace, a protocol that is told what to do, and a run that ends.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::deferred::{Deferred, Failure};

use super::{
    ClientFactory, ConnectFailure, Connector, Factory, Handled, ListenOptions, PollerKind, Port, Protocol,
    Reactor, Reason, Transport,
};

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Trace(Rc<RefCell<Vec<String>>>);

impl Trace {
    pub(crate) fn push(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    pub(crate) fn call(&self, what: &str) -> impl FnOnce() + 'static {
        let (trace, what) = (self.clone(), what.to_owned());
        move || trace.push(what)
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

pub(crate) fn reactor() -> Reactor {
    Reactor::new(PollerKind::default()).unwrap()
}

/// A reactor whose reports go into the trace instead of the log.
pub(crate) fn reporting() -> (Reactor, Trace) {
    let (reactor, trace) = (reactor(), Trace::default());
    let reports = trace.clone();
    reactor.set_reporter(move |report| reports.push(report.to_string()));
    (reactor, trace)
}

pub(crate) fn stop_later(reactor: &Reactor, millis: u64) {
    let handle = reactor.clone();
    reactor.call_later(Duration::from_millis(millis), move || handle.stop());
}

/// Runs until somebody stops it; a test whose condition never comes true fails after a generous deadline.
pub(crate) fn run(reactor: &Reactor) {
    let late = Rc::new(RefCell::new(false));
    let (handle, flag) = (reactor.clone(), Rc::clone(&late));
    reactor.call_later(Duration::from_secs(60), move || {
        *flag.borrow_mut() = true;
        handle.crash();
    });
    reactor.run().unwrap();
    assert!(!*late.borrow(), "what the test waited for did not happen");
}

/// Turns the reactor until `deferred` has a result.
pub(crate) fn settle<T: 'static>(reactor: &Reactor, deferred: &Deferred<T>) -> Result<T, Failure> {
    let end = reactor.now() + Duration::from_secs(60);
    loop {
        if let Some(result) = deferred.take_result() {
            return result;
        }
        assert!(reactor.now() < end, "the deferred has no result after a minute");
        reactor.iterate(Duration::from_secs(1)).unwrap();
    }
}

/// Turns the reactor until `condition` holds.
pub(crate) fn until(reactor: &Reactor, condition: impl Fn() -> bool) {
    let end = reactor.now() + Duration::from_secs(60);
    while !condition() {
        assert!(reactor.now() < end, "the condition does not hold after a minute");
        reactor.iterate(Duration::from_millis(50)).unwrap();
    }
}

type OnTransport = Rc<dyn Fn(&Transport) -> Handled>;
type OnData = Rc<dyn Fn(&Transport, &[u8]) -> Handled>;
type OnLost = Rc<dyn Fn(&Reason)>;

/// A protocol, and a factory of such protocols, made of closures.
#[derive(Clone)]
pub(crate) struct Script {
    made: OnTransport,
    data: OnData,
    lost: OnLost,
    half_close: bool,
    read_lost: OnTransport,
    write_lost: OnTransport,
}

impl Script {
    pub(crate) fn new() -> Script {
        Script {
            made: Rc::new(|_| Ok(())),
            data: Rc::new(|_, _| Ok(())),
            lost: Rc::new(|_| ()),
            half_close: false,
            read_lost: Rc::new(|_| Ok(())),
            write_lost: Rc::new(|_| Ok(())),
        }
    }

    pub(crate) fn made(mut self, made: impl Fn(&Transport) + 'static) -> Script {
        self.made = Rc::new(move |transport| {
            made(transport);
            Ok(())
        });
        self
    }

    pub(crate) fn made_or(mut self, made: impl Fn(&Transport) -> Handled + 'static) -> Script {
        self.made = Rc::new(made);
        self
    }

    pub(crate) fn data(mut self, data: impl Fn(&Transport, &[u8]) + 'static) -> Script {
        self.data = Rc::new(move |transport, bytes| {
            data(transport, bytes);
            Ok(())
        });
        self
    }

    pub(crate) fn data_or(mut self, data: impl Fn(&Transport, &[u8]) -> Handled + 'static) -> Script {
        self.data = Rc::new(data);
        self
    }

    pub(crate) fn lost(mut self, lost: impl Fn(&Reason) + 'static) -> Script {
        self.lost = Rc::new(lost);
        self
    }

    pub(crate) fn half_close(mut self, read_lost: impl Fn(&Transport) + 'static) -> Script {
        self.half_close = true;
        self.read_lost = Rc::new(move |transport| {
            read_lost(transport);
            Ok(())
        });
        self
    }

    pub(crate) fn write_lost(mut self, write_lost: impl Fn(&Transport) + 'static) -> Script {
        self.write_lost = Rc::new(move |transport| {
            write_lost(transport);
            Ok(())
        });
        self
    }

    /// Listens on a free loopback port.
    pub(crate) fn serve(self, reactor: &Reactor) -> Port {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        reactor.listen_tcp(loopback, Rc::new(self), &ListenOptions::default()).unwrap()
    }

    pub(crate) fn connect(self, reactor: &Reactor, to: SocketAddr) -> Connector {
        reactor.connect_tcp(to, Rc::new(self), Duration::from_secs(30))
    }
}

impl Protocol for Script {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        (self.made)(transport)
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled {
        (self.data)(transport, data)
    }

    fn connection_lost(&mut self, reason: &Reason) {
        (self.lost)(reason);
    }

    fn handles_half_close(&self) -> bool {
        self.half_close
    }

    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        (self.read_lost)(transport)
    }

    fn write_connection_lost(&mut self, transport: &Transport) -> Handled {
        (self.write_lost)(transport)
    }
}

impl Factory for Script {
    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        Some(Box::new(self.clone()))
    }
}

impl ClientFactory for Script {
    fn client_connection_failed(&self, connector: &Connector, reason: &ConnectFailure) {
        panic!("{} was not expected to fail: {reason}", connector.target());
    }
}
