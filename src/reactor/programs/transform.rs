//! The transform server: one netstring asks, one answers (Part 12).

use std::cell::RefCell;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

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
    let shared = Rc::new(Shared { service, options: options.clone(), chance, sink: Box::new(sink) });
    let listen = ListenOptions { max_connections: options.max_connections, ..ListenOptions::default() };
    reactor.listen_tcp(options.listen, Rc::new(TransformFactory { shared }), &listen)
}

struct Shared {
    service: TransformService,
    options: TransformOptions,
    chance: RefCell<fastrand::Rng>,
    sink: Box<dyn Fn(&TransformEvent)>,
}

impl Shared {
    /// The service apart from the protocol: a frame to a frame.
    fn answer(&self, frame: &Bytes) -> Result<(String, Bytes), String> {
        let request = Request::parse(frame).map_err(|malformed| malformed.to_string())?;
        let answer = self.service.transform(&request.name, &request.poem, &mut self.chance.borrow_mut());
        answer.map(|poem| (request.name, poem)).map_err(|error| error.to_string())
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
        let protocol = TransformProtocol { shared: Rc::clone(&self.shared), peer, over: false, idle: None };
        Some(Box::new(NetstringReceiver::new(protocol, self.shared.options.limit)))
    }
}

struct TransformProtocol {
    shared: Rc<Shared>,
    peer: SocketAddr,
    /// It was asked, and may not ask again.
    over: bool,
    idle: Option<DelayedCall>,
}

impl TransformProtocol {
    fn end(&mut self, transport: &Transport) {
        self.over = true;
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
        self.idle = Some(transport.reactor().call_later(self.shared.options.idle, close));
        Ok(())
    }

    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled {
        if self.over {
            return Ok(());
        }
        if let Some(idle) = &self.idle {
            // Gone off already: then the connection is being aborted, and this is answered into nothing.
            let _ = idle.reset(self.shared.options.idle);
        }
        match self.shared.answer(&string) {
            Ok((name, answer)) => {
                let (peer, bytes) = (self.peer, answer.len());
                (self.shared.sink)(&TransformEvent::Answered { peer, name, bytes });
                send_string(transport, answer);
                if !self.shared.options.keep_alive {
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
        if let Some(idle) = self.idle.take() {
            let _ = idle.cancel();
        }
        if let (Err(malformed), false) = (ending, self.over) {
            self.shared.refuse(self.peer, malformed.to_string());
        }
    }

    /// `nc` sends its end behind the request: the answer still goes out.
    fn handles_half_close(&self) -> bool {
        true
    }
}
