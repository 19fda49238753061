//! The client's side of one connection: find the server, connect, ask, receive.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::{Framing, Host, HostPort};
use crate::message::PeerError;
use crate::net::{NetError, Network, Stream};
use crate::wire::netstring;
use crate::wire::pieces::Pieces;

/// Room that is made for reads: a poem that comes fast comes in few pieces.
const READ_ROOM: usize = 32 << 10;

/// Room that is enough for one more read. New room for each would let every drip of ten bytes that somebody keeps hold
/// on to all of it.
const READ_LEAST: usize = 4 << 10;

/// The bounds of what a client does with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeOptions {
    /// How long finding the address and connecting may take, all addresses together. Default 10 s. Each address gets an
    /// equal share of what is left, so that one that does not answer leaves time for the others.
    pub connect_timeout: Duration,
    /// How long the server may send nothing, or take nothing of what it is sent. Default 60 s; whatever it does resets
    /// the time. Does not run while whoever receives the pieces takes its time with one.
    pub idle_timeout: Duration,
    /// How long all of it may take. Default: no bound, as a slow server takes minutes on purpose.
    pub timeout: Option<Duration>,
}

impl Default for ExchangeOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            timeout: None,
        }
    }
}

/// What a download asks for, besides the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadOptions {
    /// Its time-outs.
    pub exchange: ExchangeOptions,
    /// How the poem comes over the wire. Default raw.
    pub framing: Framing,
    /// The longest poem that is received, in bytes. Default 64 MiB.
    pub max_poem: usize,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            exchange: ExchangeOptions::default(),
            framing: Framing::default(),
            max_poem: crate::wire::raw::DEFAULT_LIMIT,
        }
    }
}

/// A piece of what is received.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Never empty; not copied from where it was read into.
    pub bytes: Bytes,
    /// The length of all of it, if its frame has one.
    pub announced: Option<usize>,
}

/// Gets one poem from `server` and hands it to `each`, piece by piece, in order.
///
/// Nothing more is read before `each` is done with a piece, so that a receiver that is slow slows the server down, not
/// this program's memory up; an error of its own ends the download. Success means that the poem is as whole as its
/// framing can tell, and not empty; pieces that were handed over before a failure are of a poem that is *not* whole.
///
/// # Errors
/// [`PeerError`], without the server's name.
///
/// # Cancel safety
/// Dropping the future gives the download up and closes the connection; the pieces handed over are all there is.
///
/// # Panics
/// Outside a tokio runtime with its I/O and time drivers on.
pub async fn download(
    network: &Network,
    server: &HostPort,
    options: &DownloadOptions,
    mut each: impl AsyncFnMut(Piece) -> Result<(), PeerError>,
) -> Result<(), PeerError> {
    let poem = match options.framing {
        Framing::Raw => Pieces::raw(options.max_poem),
        Framing::Netstring => Pieces::netstring(options.max_poem),
    };
    let work = async {
        let mut exchange = Exchange::open(network, server, &options.exchange).await?;
        match exchange.receive(poem, &mut each).await? {
            // A frame around nothing is no poem either.
            0 => Err(PeerError::Empty),
            _ => Ok(()),
        }
    };
    within(options.exchange.timeout, work).await
}

/// Sends `request` to `server` as one netstring and gives the one it answers, of at most `max_answer` bytes.
///
/// # Errors
/// [`PeerError`], without the server's name. An end without an answer is [`PeerError::Empty`].
///
/// # Cancel safety
/// As of [`download`]; whether the server carried the request out is not known then.
///
/// # Panics
/// As [`download`].
pub async fn ask(
    network: &Network,
    server: &HostPort,
    options: &ExchangeOptions,
    request: Bytes,
    max_answer: usize,
) -> Result<Bytes, PeerError> {
    let work = async {
        let mut exchange = Exchange::open(network, server, options).await?;
        for part in netstring::parts(request) {
            exchange.send(&part).await?;
        }
        // Not shut down for writing: a service may take that for the client's leaving.
        let mut answer = BytesMut::new();
        let mut keep = async |piece: Piece| {
            answer.extend_from_slice(&piece.bytes);
            Ok(())
        };
        exchange.receive(Pieces::netstring(max_answer), &mut keep).await?;
        Ok(answer.freeze())
    };
    within(options.timeout, work).await
}

async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, PeerError>>,
) -> Result<T, PeerError> {
    match limit {
        Some(limit) => timeout(limit, work).await.unwrap_or(Err(PeerError::TooSlow(limit))),
        None => work.await,
    }
}

/// A connection to a server. Dropped, it is closed.
struct Exchange {
    stream: Stream,
    input: BytesMut,
    idle_timeout: Duration,
}

impl Exchange {
    async fn open(
        network: &Network,
        server: &HostPort,
        options: &ExchangeOptions,
    ) -> Result<Self, PeerError> {
        let limit = options.connect_timeout;
        let deadline = Instant::now() + limit;
        let connected = timeout_at(deadline, connect(network, server, limit, deadline)).await;
        let stream = connected.unwrap_or(Err(PeerError::ConnectTimeout(limit)))?;
        Ok(Self { stream, input: BytesMut::new(), idle_timeout: options.idle_timeout })
    }

    async fn send(&mut self, mut bytes: &[u8]) -> Result<(), PeerError> {
        while !bytes.is_empty() {
            match timeout(self.idle_timeout, self.stream.write(bytes)).await {
                Ok(Ok(wrote)) => bytes = &bytes[wrote..],
                Ok(Err(error)) => return Err(PeerError::Broken { received: 0, source: error.into() }),
                Err(_) => return Err(PeerError::Idle { received: 0, limit: self.idle_timeout }),
            }
        }
        Ok(())
    }

    /// Reads until the frame is whole or the stream ends, and says how many bytes it had.
    async fn receive(
        &mut self,
        mut frame: Pieces,
        each: &mut impl AsyncFnMut(Piece) -> Result<(), PeerError>,
    ) -> Result<usize, PeerError> {
        loop {
            while let Some(bytes) = frame.next(&mut self.input)? {
                each(Piece { bytes, announced: frame.announced() }).await?;
            }
            if frame.is_whole() {
                return Ok(frame.received());
            }
            let received = frame.received();
            if self.input.capacity() - self.input.len() < READ_LEAST {
                self.input.reserve(READ_ROOM);
            }
            match timeout(self.idle_timeout, self.stream.read(&mut self.input)).await {
                Ok(Ok(0)) => {
                    frame.finish()?;
                    return Ok(received);
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(PeerError::Broken { received, source: error.into() }),
                Err(_) => return Err(PeerError::Idle { received, limit: self.idle_timeout }),
            }
        }
    }
}

/// The first of the server's addresses that takes a connection, or what the last one said.
async fn connect(
    network: &Network,
    server: &HostPort,
    limit: Duration,
    deadline: Instant,
) -> Result<Stream, PeerError> {
    let (addresses, named) = match &server.host {
        Host::Ip(ip) => (vec![SocketAddr::new(*ip, server.port)], false),
        Host::Name(name) => {
            let found = network.resolve(name, server.port).await;
            (found.map_err(|error| refused(error, true))?, true)
        }
    };
    let mut last = PeerError::ConnectTimeout(limit);
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = deadline.saturating_duration_since(Instant::now()) / left.max(1);
        left = left.saturating_sub(1);
        match timeout(share, network.connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = refused(error, named),
            // The next one may answer; if none does, the time for all of them is over as well.
            Err(_) => {}
        }
    }
    Err(last)
}

fn refused(error: NetError, named: bool) -> PeerError {
    match error {
        NetError::Resolve { source, .. } => PeerError::Unresolved { source: source.into() },
        NetError::Connect { address, source } => {
            PeerError::Unconnected { address: named.then_some(address), source: source.into() }
        }
        // Of binding and watching; nothing of the kind was asked for, but its words are kept.
        other => PeerError::Unconnected { address: None, source: std::io::Error::other(other).into() },
    }
}

#[cfg(test)]
mod tests;
