//! Protocols and factories: what a program writes to speak over a connection (Part 5).

use std::net::SocketAddr;

use super::connector::Connector;
use super::outcome::BoxError;
use super::reason::Reason;
use super::transport::Transport;
use crate::terms::ConnectFailure;

/// What a protocol's method gives back; an error ends its connection with a reset and is reported.
pub type Handled = Result<(), BoxError>;

/// The conversation over one connection. The reactor owns it from `build_protocol` to `connection_lost`.
///
/// All methods run in the loop's thread and must not block it. Order: `connection_made` once, `data_received` any
/// number of times, `connection_lost` once (TW-088). A method that returns an error or panics is reported and its
/// connection is *reset*, with [`Reason::Raised`]: the raw poem protocol has no length, so a crash must never look
/// like an end. (Twisted closes in that case, TW-096, and keeps a connection open whose `connectionMade` raised.)
pub trait Protocol: 'static {
    /// The connection is there.
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset.
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        let _ = transport;
        Ok(())
    }

    /// Bytes came, cut anywhere: the stream has no message bounds.
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset.
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled;

    /// The connection is over; nothing follows. The transport takes no more writes.
    fn connection_lost(&mut self, reason: &Reason) {
        let _ = reason;
    }

    /// Whether the end of the peer's stream leaves our own side open: Twisted's `IHalfCloseableProtocol` (TW-097).
    /// Asked once, when the connection is made. No by default: then the peer's end is the end of the connection.
    fn handles_half_close(&self) -> bool {
        false
    }

    /// The peer will send nothing more, but may still read. Only if half-close is handled.
    ///
    /// # Errors
    /// As for `data_received`.
    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        transport.lose_connection();
        Ok(())
    }

    /// Our own `lose_write_connection` is through: all was sent and the peer told. Only if half-close is handled.
    ///
    /// # Errors
    /// As for `data_received`.
    fn write_connection_lost(&mut self, transport: &Transport) -> Handled {
        let _ = transport;
        Ok(())
    }
}

/// Makes a protocol for each connection of a listening port or connector, and outlives them.
///
/// Shared, so its methods take `&self`; what it keeps for its protocols sits in cells.
pub trait Factory: 'static {
    /// Before its first port or connector begins (TW-089).
    fn start_factory(&self) {}

    /// After its last port or connector is done.
    fn stop_factory(&self) {}

    /// The protocol for a new connection with `peer`; `None` turns the connection away at once (TW-088).
    fn build_protocol(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>>;
}

/// A factory that connects: it also hears how connecting went (Part 5).
pub trait ClientFactory: Factory {
    /// An attempt begins.
    fn started_connecting(&self, connector: &Connector) {
        let _ = connector;
    }

    /// No connection came to be. Calling `connector.connect()` in here tries again (TW-091).
    fn client_connection_failed(&self, connector: &Connector, reason: &ConnectFailure) {
        let _ = (connector, reason);
    }

    /// The connection is over, after its protocol's `connection_lost`. May connect again, as above.
    fn client_connection_lost(&self, connector: &Connector, reason: &Reason) {
        let _ = (connector, reason);
    }
}

/// A factory from a function, for protocols that need nothing else.
///
/// ```
/// # use verse::reactor::{Handled, Protocol, Transport, build_with};
/// struct Echo;
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled {
///         transport.write(data.to_vec());
///         Ok(())
///     }
/// }
/// let factory = build_with(|_peer| Echo);
/// # let _ = factory;
/// ```
pub fn build_with<P: Protocol>(build: impl Fn(SocketAddr) -> P + 'static) -> std::rc::Rc<BuildWith<P>> {
    std::rc::Rc::new(BuildWith { build: Box::new(build) })
}

/// See [`build_with`].
pub struct BuildWith<P> {
    build: Box<dyn Fn(SocketAddr) -> P>,
}

impl<P> std::fmt::Debug for BuildWith<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildWith").finish_non_exhaustive()
    }
}

impl<P: Protocol> Factory for BuildWith<P> {
    fn build_protocol(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        Some(Box::new((self.build)(peer)))
    }
}

impl<P: Protocol> ClientFactory for BuildWith<P> {}
