//! The machine's own TCP.

use std::fmt;
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream as StdStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;

use super::{Accept, AcceptError, Accepted, Bound, BoxFuture, Listen, ListenOptions, Net, NetError, Stream};

/// Room made in a buffer before each read: a page is what one segment of a poem on loopback rarely exceeds.
const READ_ROOM: usize = 4096;

/// TCP over this machine's sockets.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

impl Net for Tcp {
    fn bind(&self, address: SocketAddr, options: ListenOptions) -> Result<Bound, NetError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => NetError::Taken { address },
            _ => NetError::Bind { address, source },
        };
        let listener = listen(address, options).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Bound::new(TcpBound { listener: Arc::new(listener), address }, address))
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, Result<Stream, NetError>> {
        Box::pin(async move {
            let failed = |source| NetError::Connect { address, source };
            let stream = tokio::net::TcpStream::connect(address).await.map_err(failed)?;
            Ok(Stream::Tcp(TcpConnection { state: State::Watched(stream) }))
        })
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, Result<Vec<SocketAddr>, NetError>> {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), port)).await;
            let found = found.map(Iterator::collect::<Vec<_>>);
            let addresses = match found {
                Ok(addresses) => addresses,
                Err(source) => return Err(NetError::Resolve { host, source }),
            };
            if addresses.is_empty() {
                let source = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                return Err(NetError::Resolve { host, source });
            }
            Ok(addresses)
        })
    }
}

fn listen(address: SocketAddr, options: ListenOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // A port that a server has just left is free for its next life.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Linux hands this to every accepted socket: until it is taken off by `finish`, any end is a reset, and so a
    // crash or a SIGKILL in mid poem can never look like the end of the poem.
    socket.set_linger(Some(Duration::ZERO))?;
    // So is this. A slow server's drips are small writes that must not wait for each other's acknowledgement.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(options.backlog)?;
    Ok(socket.into())
}

struct TcpBound {
    listener: Arc<TcpListener>,
    address: SocketAddr,
}

impl Listen for TcpBound {
    fn attach(&self) -> Result<Box<dyn Accept>, NetError> {
        // tokio's own listener would register every accepted socket with the poller, needed or not. As a stream, the
        // same descriptor is only watched, and accepting is left to us.
        let watched = self
            .listener
            .try_clone()
            .and_then(|listener| tokio::net::TcpStream::from_std(StdStream::from(OwnedFd::from(listener))));
        match watched {
            Ok(listener) => Ok(Box::new(TcpAccept(listener))),
            Err(source) => Err(NetError::Attach { address: self.address, source }),
        }
    }
}

/// A listening descriptor, watched.
struct TcpAccept(tokio::net::TcpStream);

impl Accept for TcpAccept {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Accepted, AcceptError>> {
        loop {
            ready!(self.0.poll_read_ready(cx)).map_err(AcceptError::Broken)?;
            match self.0.try_io(Interest::READABLE, || accept(&self.0)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done.map_err(AcceptError::classify)),
            }
        }
    }
}

fn accept(listener: &impl AsFd) -> io::Result<Accepted> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (socket, peer) = rustix::net::acceptfrom_with(listener, flags)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    let stream = StdStream::from(socket);
    // A peer that has gone already leaves no address.
    let peer = peer.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))?;
    Ok(Accepted::new(peer, Stream::Tcp(TcpConnection { state: State::Idle(stream) })))
}

/// One TCP connection. An accepted one is watched by the thread's poller only once it has had to wait: a poem that
/// fits into the socket's buffer never is.
pub struct TcpConnection {
    state: State,
}

enum State {
    Idle(StdStream),
    Watched(tokio::net::TcpStream),
    /// Between the two, or watching failed.
    Gone,
}

impl TcpConnection {
    fn watch(&mut self) -> io::Result<&mut tokio::net::TcpStream> {
        if matches!(self.state, State::Idle(_))
            && let State::Idle(stream) = std::mem::replace(&mut self.state, State::Gone)
        {
            self.state = State::Watched(tokio::net::TcpStream::from_std(stream)?);
        }
        match &mut self.state {
            State::Watched(stream) => Ok(stream),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        buffer.reserve(READ_ROOM);
        if let State::Idle(stream) = &mut self.state {
            let room = buffer.len();
            buffer.resize(room + READ_ROOM, 0);
            let got = stream.read(&mut buffer[room..]);
            buffer.truncate(room + got.as_ref().copied().unwrap_or(0));
            match got {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
        let stream = self.watch()?;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            match stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// Reads and throws away, without a buffer of anybody's.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let State::Idle(stream) = &self.state {
            match discard(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
        let stream = self.watch()?;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            match stream.try_io(Interest::READABLE, || discard(&*stream)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
        let stream = self.watch()?;
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Idle(stream) => stream.write(bytes),
            State::Watched(stream) => stream.try_write(bytes),
            State::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Held back by the kernel, for the 0.2 s it allows itself, until `finish` sends it along with the end.
    pub(super) fn try_write_last(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        match &mut self.state {
            State::Idle(stream) => Ok(rustix::net::send(stream, bytes, flags)?),
            State::Watched(stream) => {
                stream.try_io(Interest::WRITABLE, || Ok(rustix::net::send(&*stream, bytes, flags)?))
            }
            State::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Watched(stream) => Ok(rustix::net::send(stream, bytes, SendFlags::NOSIGNAL)?),
            _ => self.try_write(bytes),
        }
    }

    pub(super) async fn failed(&mut self) -> io::Error {
        let stream = match self.watch() {
            Ok(stream) => stream,
            Err(error) => return error,
        };
        loop {
            if let Err(error) = stream.ready(Interest::ERROR).await {
                return error;
            }
            let failed = stream.try_io(Interest::ERROR, || match stream.take_error()? {
                Some(error) => Ok(error),
                // Not so, or no longer: wait for the next one.
                None => Err(io::ErrorKind::WouldBlock.into()),
            });
            match failed {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(error) | Err(error) => return error,
            }
        }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        match &self.state {
            State::Idle(stream) => {
                sockopt::set_socket_linger(stream, None)?;
                stream.shutdown(Shutdown::Write)
            }
            State::Watched(stream) => {
                sockopt::set_socket_linger(stream, None)?;
                Ok(rustix::net::shutdown(stream, rustix::net::Shutdown::Write)?)
            }
            State::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn abort(&mut self) {
        let reset = Some(Duration::ZERO);
        // If it cannot be set, the socket is gone already, and so is the peer.
        let _ = match &self.state {
            State::Idle(stream) => sockopt::set_socket_linger(stream, reset),
            State::Watched(stream) => sockopt::set_socket_linger(stream, reset),
            State::Gone => Ok(()),
        };
        self.state = State::Gone;
    }
}

fn discard(socket: &impl AsFd) -> io::Result<usize> {
    let mut rest = [MaybeUninit::uninit(); READ_ROOM];
    let (_, got) = rustix::net::recv(socket, &mut rest, RecvFlags::empty())?;
    Ok(got)
}

impl fmt::Debug for TcpConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Idle(stream) => stream.fmt(f),
            State::Watched(stream) => stream.fmt(f),
            State::Gone => f.write_str("TcpConnection(gone)"),
        }
    }
}

/// Raises this program's soft limit of descriptors to the hard one, and says how many it may have now.
#[must_use]
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let granted = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    granted.current.unwrap_or(u64::MAX)
}
