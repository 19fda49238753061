//! The transform server: one netstring asks, one answers (Part 12); and the second protocol on the same service, which
//! an exercise of that Part asks for.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::idle::Idle;
use super::transform_talk::{Speech, conversation};
use crate::reactor::{Factory, ListenError, ListenOptions, Port, Protocol, Reactor};
use crate::transform::TransformService;
use crate::wire::netstring;
use crate::wire::request::Request;

/// A transform server.
#[derive(Debug, Clone)]
pub struct TransformOptions {
    /// Where to listen; loopback and any free port by default.
    pub listen: SocketAddr,
    /// How long a request may be; default 1 MiB.
    pub limit: usize,
    /// Whether a client may ask again on the same connection; by default it is closed after one answer, as in the
    /// series.
    pub keep_alive: bool,
    /// How many times it may ask then; default 1000.
    pub max_requests: u32,
    /// Connections open at once; default no bound but the descriptors.
    pub max_connections: Option<usize>,
    /// How long no byte of a request may come; default 60 s.
    pub idle: Duration,
    /// How long a client may take nothing of its answer; default 30 s.
    pub stall: Duration,
    /// How long a transformation may take; default 10 s. It runs in the loop and is not interrupted, but an answer that
    /// is late is not sent.
    pub deadline: Duration,
    /// For transformations that are faulty by chance; default 0. The n-th request gets the n-th generator of that seed.
    pub seed: u64,
}

impl Default for TransformOptions {
    fn default() -> TransformOptions {
        TransformOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            limit: netstring::DEFAULT_LIMIT,
            keep_alive: false,
            max_requests: 1000,
            max_connections: None,
            idle: Duration::from_secs(60),
            stall: Duration::from_secs(30),
            deadline: Duration::from_secs(10),
            seed: 0,
        }
    }
}

/// What a transform server does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransformEvent {
    /// A request was answered.
    Answered {
        /// For whom.
        peer: SocketAddr,
        /// With which transformation.
        name: String,
        /// How long the answer is.
        bytes: usize,
    },
    /// A request was not answered: in netstrings its connection is closed, and says no more (Part 12).
    Refused {
        /// For whom.
        peer: SocketAddr,
        /// The transformation that was asked for.
        name: String,
        /// Why, for our own log.
        why: String,
    },
    /// What came was no request; its connection is closed.
    Malformed {
        /// Who sent it.
        peer: SocketAddr,
        /// At which byte of all that it sent.
        offset: u64,
        /// What is wrong there.
        why: String,
    },
}

impl fmt::Display for TransformEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransformEvent::Answered { peer, name, bytes } => write!(f, "{name} for {peer}: {bytes} bytes"),
            TransformEvent::Refused { peer, name, why } => write!(f, "no {name} for {peer}: {why}"),
            TransformEvent::Malformed { peer, offset, why } => {
                write!(f, "no request of {peer}: byte {offset}: {why}")
            }
        }
    }
}

/// The transformations of a service, for as many ports and protocols as like. Cheap to clone: a handle.
///
/// They run in the loop: one that takes long keeps everybody waiting, and its late answer is not sent; one that panics is
/// refused as one that fails.
#[derive(Clone)]
pub struct Transforms {
    shared: Rc<Shared>,
}

impl Transforms {
    /// `sink` is told what happens. Of `options`, `listen` is for [`serve_transforms`].
    pub fn new(
        reactor: &Reactor,
        service: TransformService,
        options: &TransformOptions,
        sink: impl Fn(&TransformEvent) + 'static,
    ) -> Transforms {
        let chance = RefCell::new(fastrand::Rng::with_seed(options.seed));
        let (reactor, idle) = (reactor.clone(), Idle::new(reactor));
        let options = options.clone();
        Transforms {
            shared: Rc::new(Shared { reactor, service, options, chance, idle, sink: Box::new(sink) }),
        }
    }

    /// Serves them in netstrings, `NAME.POEM` and the poem (Part 12). A bad request, an unknown name or a failing
    /// transformation closes the connection without an answer.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn serve_strings(&self, listen: SocketAddr) -> Result<Port, ListenError> {
        self.serve(listen, Speech::Netstrings)
    }

    /// Serves them in the second protocol: `NAME LENGTH`, a newline and the poem, answered `OK LENGTH` and the poem, or
    /// `ERR reason`. After a failing transformation it may ask again, after a bad request not.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn serve_lines(&self, listen: SocketAddr) -> Result<Port, ListenError> {
        self.serve(listen, Speech::Lines)
    }

    fn serve(&self, listen: SocketAddr, speech: Speech) -> Result<Port, ListenError> {
        let factory = Rc::new(TransformFactory { shared: Rc::clone(&self.shared), speech });
        let max_connections = self.shared.options.max_connections;
        let options = ListenOptions { max_connections, ..ListenOptions::default() };
        self.shared.reactor.listen_tcp(listen, factory, &options)
    }
}

impl fmt::Debug for Transforms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transforms").field("service", &self.shared.service).finish_non_exhaustive()
    }
}

/// Serves the transformations of `service` as the series does: in netstrings, on one port. See [`Transforms`].
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve_transforms(
    reactor: &Reactor,
    service: TransformService,
    options: &TransformOptions,
    sink: impl Fn(&TransformEvent) + 'static,
) -> Result<Port, ListenError> {
    Transforms::new(reactor, service, options, sink).serve_strings(options.listen)
}

pub(super) struct Shared {
    reactor: Reactor,
    service: TransformService,
    pub(super) options: TransformOptions,
    chance: RefCell<fastrand::Rng>,
    pub(super) idle: Rc<Idle>,
    sink: Box<dyn Fn(&TransformEvent)>,
}

impl Shared {
    /// The service apart from the protocols.
    pub(super) fn answer(&self, Request { name, poem }: &Request) -> Result<Bytes, String> {
        let mut chance = self.chance.borrow_mut().fork();
        let began = self.reactor.now();
        let done = catch_unwind(AssertUnwindSafe(|| self.service.transform(name, poem, &mut chance)));
        let answer = match done {
            Ok(Ok(poem)) => poem,
            // As `Debug` an error tells its cause, too.
            Ok(Err(error)) => return Err(format!("{error:?}")),
            Err(thrown) => return Err(format!("it panicked: {}", message(&*thrown))),
        };
        let TransformOptions { deadline, limit, .. } = self.options;
        if self.reactor.now().saturating_sub(began) > deadline {
            return Err(format!("not done within {deadline:?}"));
        }
        // A client with the same limit would refuse a longer one, at the cost of sending it.
        match answer.len() {
            length if length > limit => {
                Err(format!("the poem became {length} bytes long; {limit} is the limit"))
            }
            _ => Ok(answer),
        }
    }

    pub(super) fn answered(&self, peer: SocketAddr, name: String, bytes: usize) {
        (self.sink)(&TransformEvent::Answered { peer, name, bytes });
    }

    pub(super) fn refuse(&self, peer: SocketAddr, name: String, why: String) {
        (self.sink)(&TransformEvent::Refused { peer, name, why });
    }

    pub(super) fn malformed(&self, peer: SocketAddr, offset: u64, why: String) {
        (self.sink)(&TransformEvent::Malformed { peer, offset, why });
    }
}

fn message(thrown: &(dyn Any + Send)) -> &str {
    let text = thrown.downcast_ref::<&'static str>().copied();
    text.or_else(|| thrown.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

struct TransformFactory {
    shared: Rc<Shared>,
    speech: Speech,
}

impl Factory for TransformFactory {
    fn build_protocol(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        Some(conversation(Rc::clone(&self.shared), peer, self.speech))
    }
}
