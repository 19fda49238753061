//! The transform server: one netstring asks, one answers (Part 12).

use std::cell::RefCell;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::idle::Idle;
use crate::reactor::{
    DelayedCall, Factory, Handled, ListenError, ListenOptions, NetstringReceiver, Port, Protocol, Reactor,
    Reason, StringProtocol, Transport, send_string,
};
use crate::transform::TransformService;
use crate::wire::request::Request;
use crate::wire::{Malformed, netstring};

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
    /// For transformations that are faulty by chance; default 0.
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
    /// A request was not answered: its connection is closed, and says no more (Part 12).
    Refused {
        /// For whom.
        peer: SocketAddr,
        /// Why, for our own log.
        why: String,
    },
}

impl fmt::Display for TransformEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransformEvent::Answered { peer, name, bytes } => write!(f, "{name} for {peer}: {bytes} bytes"),
            TransformEvent::Refused { peer, why } => write!(f, "no answer for {peer}: {why}"),
        }
    }
}

/// Serves the transformations of `service`. They run in the loop: one that takes long keeps everybody waiting, one
/// that panics is reported and resets its own connection.
///
/// A bad request, an unknown name or a failing transformation closes the connection without an answer.
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve_transforms(
    reactor: &Reactor,
    service: TransformService,
    options: &TransformOptions,
    sink: impl Fn(&TransformEvent) + 'static,
) -> Result<Port, ListenError> {
    let chance = RefCell::new(fastrand::Rng::with_seed(options.seed));
    let idle = Idle::new(reactor);
    let shared = Rc::new(Shared { service, options: options.clone(), chance, idle, sink: Box::new(sink) });
    let listen = ListenOptions { max_connections: options.max_connections, ..ListenOptions::default() };
    reactor.listen_tcp(options.listen, Rc::new(TransformFactory { shared }), &listen)
}

struct Shared {
    service: TransformService,
    options: TransformOptions,
    chance: RefCell<fastrand::Rng>,
    idle: Rc<Idle>,
    sink: Box<dyn Fn(&TransformEvent)>,
}

impl Shared {
    /// The service apart from the protocol: a frame to a frame.
    fn answer(&self, frame: &Bytes) -> Result<(String, Bytes), String> {
        let request = Request::parse(frame).map_err(|malformed| malformed.to_string())?;
        let answer = self.service.transform(&request.name, &request.poem, &mut self.chance.borrow_mut());
        let (poem, limit) = (answer.map_err(|error| error.to_string())?, self.options.limit);
        // A client with the same limit would refuse a longer one, at the cost of sending it.
        match poem.len() {
            length if length > limit => {
                Err(format!("the poem became {length} bytes long; {limit} is the limit"))
            }
            _ => Ok((request.name, poem)),
        }
    }

    fn refuse(&self, peer: SocketAddr, why: String) {
        (self.sink)(&TransformEvent::Refused { peer, why });
    }
}

struct TransformFactory {
    shared: Rc<Shared>,
}

impl Factory for TransformFactory {
    fn build_protocol(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        let left = if self.shared.options.keep_alive { self.shared.options.max_requests } else { 1 };
        let protocol = TransformProtocol { shared: Rc::clone(&self.shared), peer, left, quiet: None };
        let strings = NetstringReceiver::new(protocol, self.shared.options.limit);
        Some(Box::new(Conversation { strings, shared: Rc::clone(&self.shared), ticket: None }))
    }
}

/// The netstrings of one client, and when nothing is going on between them.
struct Conversation {
    strings: NetstringReceiver<TransformProtocol>,
    shared: Rc<Shared>,
    ticket: Option<u64>,
}

impl Conversation {
    fn is_busy(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.idle.leave(ticket);
        }
    }
}

impl Protocol for Conversation {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        self.ticket = Some(self.shared.idle.enter(transport));
        self.strings.connection_made(transport)
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled {
        self.is_busy();
        self.strings.data_received(transport, data)?;
        if !self.strings.has_begun() {
            self.ticket = Some(self.shared.idle.enter(transport));
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        self.is_busy();
        self.strings.connection_lost(reason);
    }

    fn handles_half_close(&self) -> bool {
        self.strings.handles_half_close()
    }

    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        self.strings.read_connection_lost(transport)
    }
}

struct TransformProtocol {
    shared: Rc<Shared>,
    peer: SocketAddr,
    /// How many times it may still ask.
    left: u32,
    quiet: Option<DelayedCall>,
}

impl TransformProtocol {
    fn end(&mut self, transport: &Transport) {
        self.left = 0;
        transport.lose_connection();
    }
}

impl StringProtocol for TransformProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        transport.set_stall_limit(Some(self.shared.options.stall));
        let (quiet, shared, peer) = (transport.clone(), Rc::clone(&self.shared), self.peer);
        let close = move || {
            shared.refuse(peer, "it asked for nothing".to_owned());
            quiet.abort_connection();
        };
        self.quiet = Some(transport.reactor().call_later(self.shared.options.idle, close));
        Ok(())
    }

    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        if let Some(quiet) = &self.quiet {
            // Gone off already: then the connection is being aborted, and this is answered into nothing.
            let _ = quiet.reset(self.shared.options.idle);
        }
        match self.shared.answer(&string) {
            Ok((name, answer)) => {
                let (peer, bytes) = (self.peer, answer.len());
                (self.shared.sink)(&TransformEvent::Answered { peer, name, bytes });
                send_string(transport, answer);
                // What it sent ahead is not begun.
                if self.left == 0 || self.shared.idle.is_stopping() {
                    self.end(transport);
                }
            }
            Err(why) => {
                self.shared.refuse(self.peer, why);
                self.end(transport);
            }
        }
        Ok(())
    }

    fn connection_lost(&mut self, _reason: &Reason, ending: Result<(), Malformed>) {
        if let Some(quiet) = self.quiet.take() {
            let _ = quiet.cancel();
        }
        if let (Err(malformed), 1..) = (ending, self.left) {
            self.shared.refuse(self.peer, malformed.to_string());
        }
    }

    /// `nc` sends its end behind the request: the answer still goes out.
    fn handles_half_close(&self) -> bool {
        true
    }
}
