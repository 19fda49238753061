//! The seam between the node and a network: real sockets here, a simulated network behind the same types.
//!
//! A [`Network`] binds and connects; what it binds outlives the actor that accepts on it ([`Bound`]); what is accepted
//! is not tied to a thread yet ([`Accepted`]) until it becomes a [`Stream`]. Knows nothing of poems, actors or trees.
//!
//! **How a connection ends** is part of the seam, because a raw poem ends where its stream ends, so that a crash must
//! never look like an end. An accepted stream that is dropped is *reset*, also when the whole process is killed;
//! only [`Stream::finish`] gives its peer a clean end.

mod error;
mod stream;
mod tcp;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;

pub use error::{AcceptError, NetError};
pub use stream::{Accepted, RawStream, Stream};
pub use tcp::{Tcp, raise_descriptor_limit};

/// A future that a network hands out.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A network that a node can live on.
pub trait Net: Send + Sync + 'static {
    /// Binds a listening socket, now.
    ///
    /// # Errors
    /// [`NetError`] with the address: taken, not permitted, not ours.
    fn bind(&self, address: SocketAddr, options: ListenOptions) -> Result<Bound, NetError>;

    /// Connects to one address. Cancel safe: dropping the future gives the attempt up. No time limit of its own.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, Result<Stream, NetError>>;

    /// All addresses of a host name (or of an address in letters), in the order they are to be tried.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, Result<Vec<SocketAddr>, NetError>>;
}

/// How a socket listens.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// Connections the kernel holds ready for us. Default 4096, cut by the kernel to its `somaxconn`: a backlog of
    /// 50, as Twisted's, makes clients of a burst wait a whole second for their SYN to be sent again.
    pub backlog: i32,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: 4096 }
    }
}

/// A handle to a network, cheap to clone.
#[derive(Clone)]
pub struct Network(Arc<dyn Net>);

impl Network {
    /// A handle to `net`.
    pub fn new(net: impl Net) -> Self {
        Self(Arc::new(net))
    }

    /// The machine's own TCP.
    #[must_use]
    pub fn tcp() -> Self {
        Self::new(Tcp)
    }

    /// See [`Net::bind`].
    ///
    /// # Errors
    /// As [`Net::bind`].
    pub fn bind(&self, address: SocketAddr, options: ListenOptions) -> Result<Bound, NetError> {
        self.0.bind(address, options)
    }

    /// See [`Net::connect`].
    pub fn connect(&self, address: SocketAddr) -> BoxFuture<'static, Result<Stream, NetError>> {
        self.0.connect(address)
    }

    /// See [`Net::resolve`].
    pub fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, Result<Vec<SocketAddr>, NetError>> {
        self.0.resolve(host, port)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

/// A bound, listening socket: it goes on listening while nobody accepts, so that those in its backlog outlive a crash
/// of whoever did. Closed by [`close`](Self::close), or when the last handle is dropped.
#[derive(Clone)]
pub struct Bound {
    listen: Arc<Mutex<Option<Arc<dyn Listen>>>>,
    address: SocketAddr,
}

/// What a network binds.
pub trait Listen: Send + Sync {
    /// Begins to accept on this thread.
    ///
    /// # Errors
    /// If this thread's runtime cannot watch the socket.
    fn attach(&self) -> Result<Box<dyn Accept>, NetError>;
}

/// Accepts connections on one thread.
pub trait Accept {
    /// The next connection.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Accepted, AcceptError>>;
}

impl Bound {
    /// A listening socket made by a network.
    pub fn new(listen: impl Listen + 'static, address: SocketAddr) -> Self {
        Self { listen: Arc::new(Mutex::new(Some(Arc::new(listen)))), address }
    }

    /// Where it listens, with the port it was given if it asked for any.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// See [`Listen::attach`].
    ///
    /// # Errors
    /// As [`Listen::attach`]; [`NetError::Closed`] after [`close`](Self::close).
    pub fn attach(&self) -> Result<Box<dyn Accept>, NetError> {
        let listen = self.listen.lock().clone();
        listen.ok_or(NetError::Closed { address: self.address })?.attach()
    }

    /// Listens no more, for every handle, once whoever accepts has ended: those in the backlog are refused.
    pub fn close(&self) {
        *self.listen.lock() = None;
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bound({})", self.address)
    }
}

#[cfg(test)]
mod tests;
