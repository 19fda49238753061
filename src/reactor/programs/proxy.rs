//! The caching proxy, in the three ways the series tells it: sometimes synchronous (1.0), always a Deferred (2.0),
//! and with cancellation (3.0).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::fetch::fetch_poetry;
use crate::deferred::{Deferred, Failure, Outcome, maybe_deferred, succeed};
use crate::reactor::{
    Factory, Handled, ListenError, ListenOptions, Port, Protocol, Reactor, Reason, Target, Transport,
};
use crate::terms::framing::pieces;
use crate::terms::{Framing, GetOptions};

/// Which of the series' proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyVersion {
    /// 1.0 (Part 14): asking for the poem gives the poem when it is cached, else a Deferred.
    SometimesSynchronous,
    /// 2.0 (Part 14): asking always gives a Deferred, which has fired already when the poem is cached.
    AlreadyFired,
    /// 3.0 (Part 19): as 2.0, and one fetch for all who wait; it is cancelled when the last of them has left. The
    /// default.
    #[default]
    Cancels,
}

/// A proxy.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// Where to listen; loopback and any free port by default.
    pub listen: SocketAddr,
    /// Which proxy.
    pub version: ProxyVersion,
    /// How long a poem is good for; default for ever, as in the series.
    pub ttl: Option<Duration>,
    /// How the poem stands on the wire to the clients.
    pub framing: Framing,
    /// How it is fetched, with the framing towards the server.
    pub get: GetOptions,
    /// Connections open at once; default no bound but the descriptors.
    pub max_connections: Option<usize>,
    /// How long a client may take nothing while data waits for it; default 30 s.
    pub stall: Duration,
}

impl Default for ProxyOptions {
    fn default() -> ProxyOptions {
        ProxyOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            version: ProxyVersion::default(),
            ttl: None,
            framing: Framing::default(),
            get: GetOptions::default(),
            max_connections: None,
            stall: Duration::from_secs(30),
        }
    }
}

/// What a proxy does. Its text is the line the series prints.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyEvent {
    /// No poem is cached, or none that is good any more.
    Fetching,
    /// The poem is at hand.
    UsingCached,
    /// The last client that waited for the poem has left (3.0).
    Cancelling,
    /// There was no poem to be had; those who waited are reset.
    Failed(String),
}

impl fmt::Display for ProxyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyEvent::Fetching => f.write_str("Fetching poem from server."),
            ProxyEvent::UsingCached => f.write_str("Using cached poem."),
            ProxyEvent::Cancelling => f.write_str("Canceling poem download."),
            ProxyEvent::Failed(why) => write!(f, "No poem from server: {why}"),
        }
    }
}

/// Serves the poem of `upstream`, fetched when the first client asks and kept from then on. A fetch that fails is
/// never kept, and those who waited for it are reset.
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve_proxy(
    reactor: &Reactor,
    upstream: impl Into<Target>,
    options: &ProxyOptions,
    sink: impl Fn(&ProxyEvent) + 'static,
) -> Result<Port, ListenError> {
    let service = Rc::new(ProxyService {
        reactor: reactor.clone(),
        upstream: upstream.into(),
        options: options.clone(),
        sink: Box::new(sink),
        cached: RefCell::new(None),
        fetch: RefCell::new(None),
        waiting: RefCell::default(),
        next: Cell::new(0),
    });
    let listen = ListenOptions { max_connections: options.max_connections, ..ListenOptions::default() };
    reactor.listen_tcp(options.listen, Rc::new(ProxyFactory { service }), &listen)
}

/// The service apart from the protocol: it knows the poem, and no client.
struct ProxyService {
    reactor: Reactor,
    upstream: Target,
    options: ProxyOptions,
    sink: Box<dyn Fn(&ProxyEvent)>,
    /// The poem, and when it came.
    cached: RefCell<Option<(Bytes, Duration)>>,
    /// The one fetch of 3.0.
    fetch: RefCell<Option<Deferred<Bytes>>>,
    /// Those who wait for it.
    waiting: RefCell<BTreeMap<u64, Deferred<Bytes>>>,
    next: Cell<u64>,
}

impl ProxyService {
    /// The poem if it is at hand and good; tells which.
    fn cached(&self) -> Option<Bytes> {
        let now = self.reactor.now();
        let good = |came: Duration| self.options.ttl.is_none_or(|ttl| now.saturating_sub(came) < ttl);
        let poem =
            self.cached.borrow().as_ref().filter(|(_, came)| good(*came)).map(|(poem, _)| poem.clone());
        if poem.is_some() {
            (self.sink)(&ProxyEvent::UsingCached);
        }
        poem
    }

    /// A fetch of its own for each who asks, whose result is kept.
    fn fetch(self: &Rc<Self>) -> Deferred<Bytes> {
        (self.sink)(&ProxyEvent::Fetching);
        let keeping = Rc::clone(self);
        let poem = fetch_poetry(&self.reactor, self.upstream.clone(), &self.options.get);
        poem.add_callback(move |poem| {
            *keeping.cached.borrow_mut() = Some((poem.clone(), keeping.reactor.now()));
            poem
        })
    }

    /// 1.0: a poem, or a Deferred. `maybe_deferred` makes the same of both.
    fn get_poem_sometimes_at_once(self: &Rc<Self>) -> Outcome<Bytes> {
        match self.cached() {
            Some(poem) => Outcome::Value(poem),
            None => Outcome::Wait(self.fetch()),
        }
    }

    /// 2.0: always a Deferred.
    fn get_poem(self: &Rc<Self>) -> Deferred<Bytes> {
        self.cached().map_or_else(|| self.fetch(), succeed)
    }

    /// 3.0: a Deferred that may be cancelled without harm to others who wait for the same fetch.
    fn get_poem_cancellable(self: &Rc<Self>) -> Deferred<Bytes> {
        if let Some(poem) = self.cached() {
            return succeed(poem);
        }
        let ticket = self.next.get();
        self.next.set(ticket + 1);
        let leaving = Rc::clone(self);
        let waiter = Deferred::with_canceller(move |_| leaving.left(ticket));
        self.waiting.borrow_mut().insert(ticket, waiter.clone());
        if self.fetch.borrow().is_none() {
            let fetch = self.fetch();
            *self.fetch.borrow_mut() = Some(fetch.clone());
            let (well, badly) = (Rc::clone(self), Rc::clone(self));
            fetch.add_callbacks(
                move |poem| {
                    well.fetched(&Ok(poem.clone()));
                    poem
                },
                move |failure| {
                    badly.fetched(&Err(failure));
                    // Everybody has been told; nobody looks at this any more.
                    Bytes::new()
                },
            );
        }
        waiter
    }

    /// One who waited has left; the last one takes the fetch along.
    fn left(&self, ticket: u64) {
        let gone = self.waiting.borrow_mut().remove(&ticket);
        drop(gone);
        if self.waiting.borrow().is_empty() {
            let fetch = self.fetch.take();
            if let Some(fetch) = fetch {
                (self.sink)(&ProxyEvent::Cancelling);
                fetch.cancel();
            }
        }
    }

    fn fetched(&self, outcome: &Result<Bytes, Failure>) {
        self.fetch.take();
        for waiter in self.waiting.take().into_values() {
            // Refused only by one that was cancelled, and that one is not here any more.
            let _ = waiter.fire(outcome.clone());
        }
    }
}

struct ProxyFactory {
    service: Rc<ProxyService>,
}

impl Factory for ProxyFactory {
    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        Some(Box::new(ProxyProtocol { service: Rc::clone(&self.service), poem: None }))
    }
}

struct ProxyProtocol {
    service: Rc<ProxyService>,
    /// What this client waits for, until it is being sent.
    poem: Option<Deferred<()>>,
}

impl Protocol for ProxyProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        let options = &self.service.options;
        transport.set_stall_limit(Some(options.stall));
        let poem = match options.version {
            ProxyVersion::SometimesSynchronous => {
                maybe_deferred(|| self.service.get_poem_sometimes_at_once())
            }
            ProxyVersion::AlreadyFired => self.service.get_poem(),
            ProxyVersion::Cancels => self.service.get_poem_cancellable(),
        };
        let (sending, resetting) = (transport.clone(), transport.clone());
        let (framing, service) = (options.framing, Rc::clone(&self.service));
        let sent = poem.map(move |poem| {
            sending.write_sequence(pieces(&poem, framing));
            sending.lose_connection();
        });
        sent.add_errback(move |failure| {
            if failure.check::<crate::deferred::Cancelled>().is_none() {
                (service.sink)(&ProxyEvent::Failed(failure.to_string()));
            }
            resetting.abort_connection();
        });
        self.poem = Some(sent);
        Ok(())
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Handled {
        Ok(())
    }

    fn connection_lost(&mut self, _reason: &Reason) {
        // Before 3.0 nobody is told that the client has left: the fetch goes on, and its poem is kept.
        if let Some(poem) = self.poem.take().filter(|_| self.service.options.version == ProxyVersion::Cancels)
        {
            poem.cancel();
        }
    }

    fn handles_half_close(&self) -> bool {
        true
    }

    /// While a client waits, its end of stream is leaving; while it is being sent the poem, it is not.
    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        if self.poem.as_ref().is_some_and(|poem| !poem.called() || poem.is_waiting()) {
            transport.abort_connection();
        }
        Ok(())
    }
}
