//! The blocking poetry client: one poem after the other, so that their times add up (Part 2).

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};

use crate::terms::framing::PoemReader;
use crate::terms::{ClientEvent, ConnectFailure, Framing, GetError, GetOptions, Target};
use crate::wire::netstring;
use crate::wire::request::Request;

/// The blocking half measures its own time: it has no loop that could.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

/// Measures how long something takes.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[must_use]
    pub fn start() -> Stopwatch {
        Stopwatch(now())
    }

    /// How long it has been.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Fetches the poems of `servers`, one after the other: the outcomes in that order. `sink` hears of everything as it
/// happens, beginning with [`ClientEvent::Started`] when a task's turn has come.
pub fn get_poems(
    servers: &[Target],
    options: &GetOptions,
    mut sink: impl FnMut(&ClientEvent<'_>),
) -> Vec<Result<Bytes, GetError>> {
    let mut outcomes = Vec::with_capacity(servers.len());
    for (index, server) in servers.iter().enumerate() {
        let task = index + 1;
        sink(&ClientEvent::Started { task, server });
        let began = Stopwatch::start();
        let outcome = get_poetry(server, options, |bytes| sink(&ClientEvent::Data { task, server, bytes }));
        let elapsed = began.elapsed();
        match &outcome {
            Ok(poem) => sink(&ClientEvent::Poem { task, server, poem, elapsed }),
            Err(error) => sink(&ClientEvent::Failed { task, server, error, elapsed }),
        }
        outcomes.push(outcome);
    }
    outcomes
}

/// As [`Client::get_poetry`], of a client that nobody cancels.
///
/// # Errors
/// As there.
pub fn get_poetry(
    server: &Target,
    options: &GetOptions,
    on_data: impl FnMut(&[u8]),
) -> Result<Bytes, GetError> {
    Client::default().get_poetry(server, options, on_data)
}

/// A blocking client: whoever calls it waits. Only another thread can end that, by [`Client::cancel`] of a clone.
#[derive(Debug, Clone, Default)]
pub struct Client {
    current: Arc<Mutex<Current>>,
}

#[derive(Debug, Default)]
struct Current {
    cancelled: bool,
    socket: Option<Arc<Socket>>,
}

impl Client {
    /// Fetches the poem of `server`, and returns when it is whole. `on_data` sees its bytes as they come.
    ///
    /// # Errors
    /// As the reactor's client: a reset, a time-out or an end without one byte is never a poem.
    pub fn get_poetry(
        &self,
        server: &Target,
        options: &GetOptions,
        on_data: impl FnMut(&[u8]),
    ) -> Result<Bytes, GetError> {
        self.exchange(server, options, None, on_data)
    }

    /// Has `poem` transformed by the service at `server`, and returns with the answer. `options.framing` has no meaning
    /// here: this protocol is netstrings.
    ///
    /// # Errors
    /// As [`Client::get_poetry`]; the service says of no failure what it was, it closes.
    pub fn apply(
        &self,
        server: &Target,
        name: &str,
        poem: &Bytes,
        options: &GetOptions,
    ) -> Result<Bytes, GetError> {
        let request = Request { name: name.to_owned(), poem: poem.clone() };
        let options = GetOptions { framing: Framing::Netstring, ..options.clone() };
        let request = netstring::encode(&request.to_frame());
        self.exchange(server, &options, Some(&request), |_| ())
    }

    /// Ends the call under way, in another thread, with [`GetError::Cancelled`], and every later one. A name that is
    /// being looked up is waited for: the system's resolver cannot be interrupted.
    pub fn cancel(&self) {
        let mut current = self.current.lock();
        current.cancelled = true;
        if let Some(socket) = current.socket.take() {
            // Wakes whoever waits on it; one that is not connected is told so all the same.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.current.lock().cancelled
    }

    /// What there is to be cancelled from now on; false if it is cancelled already.
    fn uses(&self, socket: Option<&Arc<Socket>>) -> bool {
        let mut current = self.current.lock();
        current.socket = socket.cloned();
        !current.cancelled
    }

    fn exchange(
        &self,
        server: &Target,
        options: &GetOptions,
        request: Option<&[u8]>,
        on_data: impl FnMut(&[u8]),
    ) -> Result<Bytes, GetError> {
        let deadline = options.timeout.map(|timeout| now() + timeout);
        let talk = || {
            let socket = self.connect(server, options, deadline)?;
            Talk { socket: &socket, server, options, deadline }.hold(request, on_data)
        };
        let outcome = talk();
        // Also if it seems to have ended well: the end may have been of our own making.
        if self.is_cancelled() {
            return Err(GetError::Cancelled { server: server.clone() });
        }
        self.uses(None);
        outcome
    }

    /// Tries every address of the name; the time-out holds for all of them together.
    fn connect(
        &self,
        server: &Target,
        options: &GetOptions,
        deadline: Option<Instant>,
    ) -> Result<Arc<Socket>, GetError> {
        let failed = |address, source| GetError::Connect { server: server.clone(), address, source };
        let until = now() + options.connect_timeout;
        let found = (server.host.as_str(), server.port).to_socket_addrs().map_err(|error| {
            failed(None, ConnectFailure::Resolve { host: server.host.clone(), source: Arc::new(error) })
        })?;
        let nothing = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let mut last = failed(None, ConnectFailure::Io(Arc::new(nothing())));
        for address in found {
            let end = deadline.map_or(until, |deadline| deadline.min(until));
            let left = end.saturating_duration_since(now());
            if left.is_zero() {
                break;
            }
            match self.connect_to(address, left) {
                Ok(socket) => return Ok(socket),
                Err(_) if self.is_cancelled() => break,
                Err(error) => last = failed(Some(address), ConnectFailure::from_io(error)),
            }
        }
        if deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(timed_out(server, options));
        }
        if until <= now() {
            return Err(failed(None, ConnectFailure::TimedOut(options.connect_timeout)));
        }
        Err(last)
    }

    fn connect_to(&self, address: SocketAddr, limit: Duration) -> io::Result<Arc<Socket>> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        let socket = Arc::new(socket);
        if !self.uses(Some(&socket)) {
            return Err(io::Error::other("cancelled"));
        }
        socket.connect_timeout(&address.into(), limit)?;
        Ok(socket)
    }
}

fn timed_out(server: &Target, options: &GetOptions) -> GetError {
    GetError::TimedOut { server: server.clone(), limit: options.timeout.unwrap_or_default() }
}

/// A connection to a server, and what is known about it.
struct Talk<'a> {
    socket: &'a Socket,
    server: &'a Target,
    options: &'a GetOptions,
    deadline: Option<Instant>,
}

impl Talk<'_> {
    fn hold(&self, request: Option<&[u8]>, mut on_data: impl FnMut(&[u8])) -> Result<Bytes, GetError> {
        let (mut socket, options) = (self.socket, self.options);
        let mut reader = PoemReader::new(options.framing, options.limit);
        if let Some(request) = request {
            let sent = socket.set_write_timeout(Some(self.wait()?)).and_then(|()| socket.write_all(request));
            sent.map_err(|error| self.failed(0, error))?;
        }
        let malformed = |source| GetError::Malformed { server: self.server.clone(), source };
        let mut buffer = vec![0; 65_536];
        while !reader.is_whole() {
            let wait = self.wait()?;
            socket.set_read_timeout(Some(wait)).map_err(|error| self.failed(reader.bytes(), error))?;
            match socket.read(&mut buffer) {
                Ok(0) => break,
                Ok(got) => {
                    let part = reader.feed(&buffer[..got]).map_err(malformed)?;
                    if !part.is_empty() {
                        on_data(part);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(reader.bytes(), error)),
            }
        }
        reader.finish().map_err(malformed)
    }

    /// How long the next read or write may take.
    fn wait(&self) -> Result<Duration, GetError> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(now()));
        match left {
            Some(Duration::ZERO) => Err(timed_out(self.server, self.options)),
            left => Ok(left.map_or(self.options.idle_timeout, |left| left.min(self.options.idle_timeout))),
        }
    }

    fn failed(&self, bytes: usize, error: io::Error) -> GetError {
        let server = self.server.clone();
        // The system's word for a read or write that timed out.
        if error.kind() != io::ErrorKind::WouldBlock {
            return GetError::Lost { server, bytes, source: Arc::new(error) };
        }
        match self.wait() {
            Err(timed_out) => timed_out,
            Ok(_) => GetError::Idle { server, bytes, limit: self.options.idle_timeout },
        }
    }
}
