//! The simulated network: a [`Net`] over turmoil's, with ends of connections as TCP has them.
//!
//! Within a simulation, one [`Simulated`] a host. Knows nothing of poems. What it does not have: a connection is there
//! only once it is accepted, so a backlog shows as a slow connect; nothing is ever sent again, so what was lost by a
//! partition of turmoil's own is lost for good and the peer's time-out must find it.

mod stream;
mod wire;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use parking_lot::Mutex;
use rustix::io::Errno;
use turmoil::net::{TcpListener, TcpStream};

use self::stream::SimulatedStream;
use self::wire::{End, Wires};
use crate::net::{
    Accept, AcceptError, Accepted, Bound, BoxFuture, Listen, ListenOptions, Net, NetError, RawStream, Stream,
};

/// Segments of one connection, and connections of one listener, that turmoil may hold. It loses ends of connections, or
/// panics, when there are more; so this is far above what is ever there ([`wire`] bounds connections, a scenario its
/// clients).
pub(super) const CAPACITY: usize = 1 << 16;

/// The names of a simulation's hosts, and its connections: shared by all hosts.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Arc<Mutex<BTreeMap<String, IpAddr>>>,
    wires: Wires,
    /// A planted bug: what is dropped ends well.
    closes_well: bool,
}

impl Hosts {
    /// Puts a bug in, to see that it is found.
    pub(super) fn plant(&mut self, closes_well: bool) {
        self.closes_well = closes_well;
    }

    /// A host with this name and address, and the network as it sees it.
    pub(super) fn add(&self, name: &str, address: IpAddr) -> Simulated {
        self.names.lock().insert(name.to_owned(), address);
        Simulated { hosts: self.clone(), own: address }
    }
}

/// The simulated network, as one host sees it.
#[derive(Clone, Debug)]
pub struct Simulated {
    hosts: Hosts,
    own: IpAddr,
}

impl Simulated {
    /// An address as all hosts know it: each has a loopback of its own.
    fn absolute(&self, at: SocketAddr) -> SocketAddr {
        if at.ip().is_loopback() { SocketAddr::new(self.own, at.port()) } else { at }
    }

    fn stream(&self, tcp: TcpStream, client: SocketAddr, server: SocketAddr, end: End) -> Stream {
        let (client, server) = (self.absolute(client), self.absolute(server));
        let wire = match end {
            End::Client => self.hosts.wires.connected(client, server),
            End::Server => self.hosts.wires.accepted(client, server),
        };
        let resets = end == End::Server && !self.hosts.closes_well;
        Stream::Other(Box::new(SimulatedStream::new(tcp, wire, end, resets)) as Box<dyn RawStream>)
    }
}

impl Net for Simulated {
    fn bind(&self, address: SocketAddr, _: ListenOptions) -> Result<Bound, NetError> {
        // turmoil binds all addresses or the loopback; a host's own is all that others reach.
        let all = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), address.port());
        let at = if address.ip() == self.own { all } else { address };
        let mut bind = pin!(TcpListener::bind(at));
        // Asynchronous by name only.
        let bound = match bind.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(bound) => bound,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        };
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        match bound {
            Ok((port, listener)) => {
                let address = SocketAddr::new(address.ip(), port);
                let listen = SimulatedListen { net: self.clone(), listener: Arc::new(listener) };
                Ok(Bound::new(listen, address))
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(NetError::Taken { address }),
            Err(source) => Err(NetError::Bind { address, source }),
        }
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, Result<Stream, NetError>> {
        let net = self.clone();
        // Linux takes "all addresses" for this host's own.
        let loopback = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), address.port());
        let to = if address.ip().is_unspecified() { loopback } else { address };
        Box::pin(async move {
            let connected = TcpStream::connect(to).await;
            let failed = |error: io::Error| {
                let refused = error.kind() == io::ErrorKind::ConnectionRefused;
                let source = if refused { Errno::CONNREFUSED.into() } else { error };
                NetError::Connect { address, source }
            };
            let tcp = connected.map_err(failed)?;
            let client = tcp.local_addr().map_err(failed)?;
            Ok(net.stream(tcp, client, to, End::Client))
        })
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, Result<Vec<SocketAddr>, NetError>> {
        let known = self.hosts.names.lock().get(host).copied();
        let found = known.or_else(|| host.parse().ok());
        let host = host.to_owned();
        Box::pin(async move {
            match found {
                Some(ip) => Ok(vec![SocketAddr::new(ip, port)]),
                None => {
                    let source = io::Error::new(io::ErrorKind::NotFound, "no host of the simulation");
                    Err(NetError::Resolve { host, source })
                }
            }
        })
    }
}

struct SimulatedListen {
    net: Simulated,
    listener: Arc<TcpListener>,
}

impl Listen for SimulatedListen {
    fn attach(&self) -> Result<Box<dyn Accept>, NetError> {
        let (net, listener) = (self.net.clone(), Arc::clone(&self.listener));
        Ok(Box::new(SimulatedAccept { net, listener, next: None }))
    }
}

type Accepting = Pin<Box<dyn Future<Output = io::Result<(TcpStream, SocketAddr)>>>>;

/// Accepts. The wait for the next connection is kept from one poll to the other: it is where turmoil leaves its word.
struct SimulatedAccept {
    net: Simulated,
    listener: Arc<TcpListener>,
    next: Option<Accepting>,
}

impl Accept for SimulatedAccept {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Accepted, AcceptError>> {
        let listener = Arc::clone(&self.listener);
        let next = self.next.get_or_insert_with(|| Box::pin(async move { listener.accept().await }));
        let accepted = ready!(next.as_mut().poll(cx));
        self.next = None;
        let (tcp, peer) = accepted.map_err(AcceptError::Broken)?;
        let own = tcp.local_addr().map_err(AcceptError::Broken)?;
        let stream = self.net.stream(tcp, peer, own, End::Server);
        Poll::Ready(Ok(Accepted::new(peer, stream)))
    }
}

#[cfg(test)]
mod tests;
