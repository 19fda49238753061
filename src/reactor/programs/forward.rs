//! A port that is another one's: Twisted's `portforward`.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::reactor::{
    CONNECT_TIMEOUT, ClientFactory, ConnectFailure, Connector, Factory, Handled, ListenError, ListenOptions,
    Port, Protocol, Reactor, Reason, Target, Transport,
};

/// Connects each client of `listen` with `backend`, and passes on what either says.
///
/// A client is not read before its backend is connected, so nothing it sends early is lost; each side is the other's push
/// producer, so whoever takes nothing makes the other wait (TW-114). The good end of one side is a flushed end of the
/// other. Anything else, a backend that cannot be reached included, is a reset of the other, where Twisted closes (TW-115):
/// a poem that was cut must not arrive as a whole one.
///
/// # Errors
/// When the address cannot be listened on.
pub fn forward_port(
    reactor: &Reactor,
    listen: SocketAddr,
    backend: impl Into<Target>,
    options: &ListenOptions,
) -> Result<Port, ListenError> {
    let factory = FrontFactory { reactor: reactor.clone(), backend: backend.into() };
    reactor.listen_tcp(listen, Rc::new(factory), options)
}

/// Both sides of one conversation; a side is gone when it was lost.
#[derive(Default)]
struct Pair {
    front: RefCell<Option<Transport>>,
    back: RefCell<Option<Transport>>,
    connecting: RefCell<Option<Connector>>,
}

impl Pair {
    /// One side is over, and so the other, once it has been sent what there is.
    fn lost(&self, other: Option<Transport>, reason: &Reason) {
        let Some(other) = other else { return };
        // It will produce nothing any more, and the close must not wait for it.
        other.unregister_producer();
        if reason.is_done() { other.lose_connection() } else { other.abort_connection() }
    }
}

struct FrontFactory {
    reactor: Reactor,
    backend: Target,
}

impl Factory for FrontFactory {
    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        let (reactor, backend) = (self.reactor.clone(), self.backend.clone());
        Some(Box::new(Front { reactor, backend, pair: Rc::default() }))
    }
}

/// The side of the client that came.
struct Front {
    reactor: Reactor,
    backend: Target,
    pair: Rc<Pair>,
}

impl Protocol for Front {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        transport.pause_producing();
        *self.pair.front.borrow_mut() = Some(transport.clone());
        let factory = Rc::new(BackFactory { pair: Rc::clone(&self.pair) });
        let connector = self.reactor.connect_tcp(self.backend.clone(), factory, CONNECT_TIMEOUT);
        *self.pair.connecting.borrow_mut() = Some(connector);
        Ok(())
    }

    fn data_received(&mut self, _transport: &Transport, data: &[u8]) -> Handled {
        if let Some(back) = &*self.pair.back.borrow() {
            back.write(data.to_vec());
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        self.pair.front.take();
        if let Some(connector) = self.pair.connecting.take() {
            // Refused when it is connected, which is what the next line is for.
            let _ = connector.stop_connecting();
        }
        let back = self.pair.back.take();
        self.pair.lost(back, reason);
    }
}

struct BackFactory {
    pair: Rc<Pair>,
}

impl Factory for BackFactory {
    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        Some(Box::new(Back { pair: Rc::clone(&self.pair) }))
    }
}

impl ClientFactory for BackFactory {
    fn client_connection_failed(&self, _connector: &Connector, _reason: &ConnectFailure) {
        self.pair.connecting.take();
        let front = self.pair.front.take();
        if let Some(front) = front {
            front.abort_connection();
        }
    }
}

/// The side of the server that was asked for.
struct Back {
    pair: Rc<Pair>,
}

impl Protocol for Back {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        self.pair.connecting.take();
        let Some(front) = self.pair.front.borrow().clone() else {
            // The client has left meanwhile.
            transport.abort_connection();
            return Ok(());
        };
        front.register_producer(Rc::new(transport.clone()), true)?;
        transport.register_producer(Rc::new(front.clone()), true)?;
        *self.pair.back.borrow_mut() = Some(transport.clone());
        front.resume_producing();
        Ok(())
    }

    fn data_received(&mut self, _transport: &Transport, data: &[u8]) -> Handled {
        if let Some(front) = &*self.pair.front.borrow() {
            front.write(data.to_vec());
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        self.pair.back.take();
        let front = self.pair.front.take();
        self.pair.lost(front, reason);
    }
}
