//! A network for tests whose servers do what a script says, on a clock that may be paused.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::time::Sleep;

use crate::net::{Bound, BoxFuture, ListenOptions, Net, NetError, Network, RawStream, Stream};

/// What a server does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Bytes),
    Wait(Duration),
    End,
    Reset,
    /// Nothing, for ever.
    Silence,
}

impl Step {
    pub(crate) fn send(text: &'static str) -> Self {
        Self::Send(Bytes::from_static(text.as_bytes()))
    }

    pub(crate) fn wait(seconds: u64) -> Self {
        Self::Wait(Duration::from_secs(seconds))
    }
}

/// What becomes of a connection to an address.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Not even a refusal.
    Nothing,
    Refuse,
    Accept(Vec<Step>),
}

/// The network. What is written to its servers can be looked at, and how many connections are open.
#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<Inner>);

#[derive(Default)]
struct Inner {
    servers: Mutex<BTreeMap<SocketAddr, Answer>>,
    names: Mutex<BTreeMap<String, Vec<SocketAddr>>>,
    written: Arc<Mutex<Vec<u8>>>,
    open: Arc<AtomicUsize>,
    most_open: Arc<AtomicUsize>,
}

impl Scripted {
    /// One more server, at this port of 127.0.0.1.
    pub(crate) fn server(self, port: u16, steps: impl Into<Vec<Step>>) -> Self {
        self.at(SocketAddr::from(([127, 0, 0, 1], port)), Answer::Accept(steps.into()))
    }

    pub(crate) fn at(self, address: SocketAddr, answer: Answer) -> Self {
        self.0.servers.lock().insert(address, answer);
        self
    }

    pub(crate) fn name(self, name: &str, addresses: &[SocketAddr]) -> Self {
        self.0.names.lock().insert(name.to_owned(), addresses.to_vec());
        self
    }

    pub(crate) fn network(&self) -> Network {
        Network::new(self.clone())
    }

    pub(crate) fn written(&self) -> String {
        String::from_utf8(self.0.written.lock().clone()).expect("tests write text")
    }

    /// The most connections that were open at once.
    pub(crate) fn most_open(&self) -> usize {
        self.0.most_open.load(Ordering::Relaxed)
    }

    /// Connections that nobody has closed yet.
    pub(crate) fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }
}

fn system(errno: rustix::io::Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.raw_os_error())
}

impl Net for Scripted {
    fn bind(&self, address: SocketAddr, _: ListenOptions) -> Result<Bound, NetError> {
        Err(NetError::Taken { address })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, Result<Stream, NetError>> {
        let answer = self.0.servers.lock().get(&address).cloned().unwrap_or(Answer::Refuse);
        let (written, open) = (Arc::clone(&self.0.written), Arc::clone(&self.0.open));
        let most_open = Arc::clone(&self.0.most_open);
        Box::pin(async move {
            match answer {
                Answer::Nothing => std::future::pending().await,
                Answer::Refuse => {
                    Err(NetError::Connect { address, source: system(rustix::io::Errno::CONNREFUSED) })
                }
                Answer::Accept(steps) => {
                    most_open.fetch_max(open.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    let script = Script { steps: steps.into(), sleep: None, written, open };
                    Ok(Stream::Other(Box::new(script)))
                }
            }
        })
    }

    fn resolve(&self, host: &str, _: u16) -> BoxFuture<'static, Result<Vec<SocketAddr>, NetError>> {
        let found = self.0.names.lock().get(host).cloned();
        let host = host.to_owned();
        Box::pin(async move {
            found.ok_or_else(|| NetError::Resolve { host, source: io::Error::other("nobody knows it") })
        })
    }
}

#[derive(Debug)]
struct Script {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    written: Arc<Mutex<Vec<u8>>>,
    open: Arc<AtomicUsize>,
}

impl Drop for Script {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl RawStream for Script {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        loop {
            match self.steps.front() {
                Some(Step::Send(bytes)) => {
                    buffer.extend_from_slice(bytes);
                    let sent = bytes.len();
                    self.steps.pop_front();
                    return Poll::Ready(Ok(sent));
                }
                Some(Step::Wait(time)) => {
                    let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(*time)));
                    if sleep.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.sleep = None;
                    self.steps.pop_front();
                }
                Some(Step::Reset) => return Poll::Ready(Err(system(rustix::io::Errno::CONNRESET))),
                Some(Step::Silence) => return Poll::Pending,
                Some(Step::End) | None => return Poll::Ready(Ok(0)),
            }
        }
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.try_write(bytes))
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A few at a time, as sockets do when they are full.
        let some = &bytes[..bytes.len().min(7)];
        self.written.lock().extend_from_slice(some);
        Ok(some.len())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {
        self.steps = [Step::Reset].into();
    }
}
