//! A network in memory: clients whose ends are told as facts, and upstreams that do what they were told.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use parking_lot::Mutex;
use rustix::io::Errno;
use verse::net::{
    Accept, AcceptError, Accepted, Bound, BoxFuture, Listen, ListenOptions, Net, NetError, RawStream, Stream,
};

use super::facts::{Fact, Facts};
use super::upstream::{Behaviour, Served};

/// The proxy of a key listens on this port and the key, its upstream on the other.
pub(super) const PROXY: u16 = 1000;
pub(super) const UPSTREAM: u16 = 2000;

/// What a sluggish client takes before it takes no more.
const ROOM: usize = 1000;

/// The network of two proxies, their clients and their upstreams.
#[derive(Clone)]
pub(super) struct Memory(Arc<Inner>);

struct Inner {
    facts: Facts,
    backlogs: [Arc<Mutex<Backlog>>; 2],
    behaviours: [Mutex<Behaviour>; 2],
    fetches: AtomicU32,
}

#[derive(Default)]
struct Backlog {
    waiting: VecDeque<Accepted>,
    waker: Option<Waker>,
}

/// A client: where its stream and whoever plays it meet.
#[derive(Clone)]
pub(super) struct Client(Arc<Mutex<Place>>);

#[derive(Default)]
struct Place {
    got: Vec<u8>,
    /// It hung up: by the end of what it sends, or by a reset.
    left: Option<bool>,
    over: bool,
    waker: Option<Waker>,
}

pub(super) fn system(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.raw_os_error())
}

impl Memory {
    pub(super) fn new(facts: Facts) -> Self {
        let behaviours = [Mutex::new(Behaviour::Fast), Mutex::new(Behaviour::Fast)];
        Self(Arc::new(Inner { facts, backlogs: Default::default(), behaviours, fetches: AtomicU32::new(1) }))
    }

    /// From now on the upstream does this for whoever connects.
    pub(super) fn behave(&self, key: usize, behaviour: Behaviour) {
        *self.0.behaviours[key].lock() = behaviour;
    }

    /// A client connects, and asks by that.
    pub(super) fn ask(&self, client: u32, key: usize, sluggish: bool) -> Client {
        let facts = self.0.facts.clone();
        facts.tell(Fact::Asked { client, key, sluggish });
        let place = Client(Arc::default());
        let stream = Visitor { client, sluggish, place: place.clone(), facts };
        let accepted = Accepted::new(address_of(client), Stream::Other(Box::new(stream)));
        let mut backlog = self.0.backlogs[key].lock();
        backlog.waiting.push_back(accepted);
        if let Some(waker) = backlog.waker.take() {
            waker.wake();
        }
        place
    }
}

fn address_of(client: u32) -> SocketAddr {
    (Ipv4Addr::from(0x0a00_0000 + client), 1).into()
}

/// Who that peer is.
pub(super) fn client_at(peer: SocketAddr) -> Option<u32> {
    match peer {
        SocketAddr::V4(peer) => u32::from(*peer.ip()).checked_sub(0x0a00_0000),
        SocketAddr::V6(_) => None,
    }
}

impl Client {
    /// Hangs up, if it is not over. Whether it did.
    pub(super) fn leave(&self, by_reset: bool) -> bool {
        let mut place = self.0.lock();
        if place.over || place.left.is_some() {
            return false;
        }
        place.left = Some(by_reset);
        if let Some(waker) = place.waker.take() {
            waker.wake();
        }
        true
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.lock().over
    }
}

impl Net for Memory {
    fn bind(&self, address: SocketAddr, _: ListenOptions) -> Result<Bound, NetError> {
        let key = usize::from(address.port() - PROXY);
        Ok(Bound::new(Door(Arc::clone(&self.0.backlogs[key])), address))
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, Result<Stream, NetError>> {
        let key = usize::from(address.port() - UPSTREAM);
        let fetch = self.0.fetches.fetch_add(1, Ordering::Relaxed);
        let facts = self.0.facts.clone();
        let behaviour = *self.0.behaviours[key].lock();
        facts.tell(Fact::Attempt { fetch, key, upstream: behaviour.name() });
        let served = Served::connect(behaviour, fetch, key == 1, facts);
        Box::pin(async move {
            let failed = |errno| NetError::Connect { address, source: system(errno) };
            served.await.map(|served| Stream::Other(Box::new(served))).map_err(failed)
        })
    }

    fn resolve(&self, host: &str, _: u16) -> BoxFuture<'static, Result<Vec<SocketAddr>, NetError>> {
        let host = host.to_owned();
        Box::pin(
            async move { Err(NetError::Resolve { host, source: io::Error::other("nobody has a name") }) },
        )
    }
}

struct Door(Arc<Mutex<Backlog>>);

impl Listen for Door {
    fn attach(&self) -> Result<Box<dyn Accept>, NetError> {
        Ok(Box::new(Self(Arc::clone(&self.0))))
    }
}

impl Accept for Door {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Accepted, AcceptError>> {
        let mut backlog = self.0.lock();
        match backlog.waiting.pop_front() {
            Some(accepted) => Poll::Ready(Ok(accepted)),
            None => {
                backlog.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The proxy's end of a client's connection.
struct Visitor {
    client: u32,
    sluggish: bool,
    place: Client,
    facts: Facts,
}

impl Visitor {
    fn end(&self, good: bool) {
        let mut place = self.place.0.lock();
        if !place.over {
            place.over = true;
            let poem = good.then(|| std::mem::take(&mut place.got));
            self.facts.tell(Fact::Got { client: self.client, poem });
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.end(false);
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "client {}", self.client)
    }
}

impl RawStream for Visitor {
    fn poll_read(&mut self, cx: &mut Context<'_>, _: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut place = self.place.0.lock();
        match place.left {
            Some(true) => Poll::Ready(Err(system(Errno::CONNRESET))),
            Some(false) => Poll::Ready(Ok(0)),
            None if place.over => Poll::Ready(Ok(0)),
            None => {
                place.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.place.0.lock().waker = Some(cx.waker().clone());
                Poll::Pending
            }
            wrote => Poll::Ready(wrote),
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut place = self.place.0.lock();
        if place.left == Some(true) {
            return Err(system(Errno::PIPE));
        }
        let room = if self.sluggish { ROOM.saturating_sub(place.got.len()) } else { bytes.len() };
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = room.min(bytes.len());
        place.got.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end(true);
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {}
}
