//! One connection: read, write, end it well or not.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::BytesMut;

use super::tcp::TcpConnection;

/// A connection that was accepted: on its way to the actor that will own it, and tied to no thread yet.
#[derive(Debug)]
pub struct Accepted {
    peer: SocketAddr,
    stream: Stream,
}

impl Accepted {
    /// A connection from `peer`.
    #[must_use]
    pub fn new(peer: SocketAddr, stream: Stream) -> Self {
        Self { peer, stream }
    }

    /// Who connected.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Takes the connection to this thread. Nothing is registered with the thread's poller until it has to wait.
    #[must_use]
    pub fn attach(self) -> Stream {
        self.stream
    }
}

/// A connection of a network that is not TCP.
pub trait RawStream: Send + fmt::Debug {
    /// Appends what has arrived to `buffer`; 0 is the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>>;
    /// Writes some of `bytes`.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;
    /// Writes what can be written at once; `WouldBlock` if nothing can.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// The same, of bytes that [`poll_finish`](Self::poll_finish) follows at once.
    fn try_write_last(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(bytes)
    }
    /// Waits until the connection is broken, without reading. A network that cannot tell never says so.
    fn poll_failed(&mut self, _: &mut Context<'_>) -> Poll<io::Error> {
        Poll::Pending
    }
    /// Ends the sending side well: the peer sees the end of the stream.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Makes its end, when dropped, a reset.
    fn abort(&mut self);
}

/// A connection, either kind. TCP is named so that the real path costs no dispatch.
///
/// Dropped before [`finish`](Self::finish), an accepted connection is reset.
#[derive(Debug)]
pub enum Stream {
    /// A socket of this machine.
    Tcp(TcpConnection),
    /// Anything else, the simulated network first of all.
    Other(Box<dyn RawStream>),
}

impl Stream {
    /// Appends what has arrived to `buffer`, at least one byte if it has room for none; 0 is the end of the stream.
    /// Cancel safe.
    ///
    /// # Errors
    /// As `read(2)`: a reset, first of all.
    pub async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, buffer)).await
    }

    /// See [`read`](Self::read).
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_read(cx, buffer),
            Self::Other(other) => other.poll_read(cx, buffer),
        }
    }

    /// Reads what has arrived and throws it away; 0 is the end of the stream. Cancel safe.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn discard(&mut self) -> io::Result<usize> {
        poll_fn(|cx| match self {
            Self::Tcp(tcp) => tcp.poll_discard(cx),
            Self::Other(other) => other.poll_read(cx, &mut BytesMut::new()),
        })
        .await
    }

    /// Writes some of `bytes`, waiting for room. Cancel safe.
    ///
    /// # Errors
    /// As `write(2)`.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_write(cx, bytes)).await
    }

    /// See [`write`](Self::write).
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_write(cx, bytes),
            Self::Other(other) => other.poll_write(cx, bytes),
        }
    }

    /// Writes what there is room for now.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; else as `write(2)`.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.try_write(bytes),
            Self::Other(other) => other.try_write(bytes),
        }
    }

    /// [`try_write`](Self::try_write) of the last bytes there are: what was taken goes out together with the end, in one
    /// packet if it fits, so [`finish`](Self::finish) must follow at once.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    pub fn try_write_last(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.try_write_last(bytes),
            Self::Other(other) => other.try_write_last(bytes),
        }
    }

    /// Writes what there is room for, however little, also where [`write`](Self::write) would go on waiting: a kernel
    /// says that there is room again only once a third of a buffer of up to 4 MB is free.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    pub fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.write_now(bytes),
            Self::Other(other) => other.try_write(bytes),
        }
    }

    /// Waits until the connection is broken: a reset, first of all. Reads nothing, so that the end of what the peer
    /// sends is not noticed, and is no break. Cancel safe.
    pub async fn failed(&mut self) -> io::Error {
        match self {
            Self::Tcp(tcp) => tcp.failed().await,
            Self::Other(other) => poll_fn(|cx| other.poll_failed(cx)).await,
        }
    }

    /// The good end of the sending side: what was written is delivered, then the peer sees the end of the stream.
    /// From here on the connection is closed, not reset, when dropped. It can still be read.
    ///
    /// # Errors
    /// As `shutdown(2)`.
    pub async fn finish(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_finish(cx)).await
    }

    /// See [`finish`](Self::finish).
    pub fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => Poll::Ready(tcp.finish()),
            Self::Other(other) => other.poll_finish(cx),
        }
    }

    /// Ends it badly: the peer sees a reset, and what it has not read yet may be lost.
    pub fn abort(mut self) {
        match &mut self {
            Self::Tcp(tcp) => tcp.abort(),
            Self::Other(other) => other.abort(),
        }
    }
}
