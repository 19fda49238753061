//! The blocking poetry server: truly one client at a time (Part 2).

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::terms::framing::{pieces, take};
use crate::terms::{ServeOptions, ServerEvent};

/// Clients the kernel connects while another one is being served; more are kept waiting by their own kernels.
const BACKLOG: i32 = 1024;

/// How long a client may take to close after the last byte; see the reactor's servers.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// How much a client may still send after the last byte: 1 MiB.
const DRAIN_BYTES: usize = 1024 * 1024;

/// Why the server does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No further client can be accepted.
    #[error("cannot accept on {address}")]
    Accept {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Whether it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Life {
    /// With the next client.
    #[default]
    Serving,
    /// With the client it has, and no other.
    Finishing,
    /// No more: that client is reset.
    Stopped,
}

#[derive(Debug, Default)]
struct Stop {
    life: Mutex<Life>,
    changed: Condvar,
}

impl Stop {
    fn life(&self) -> Life {
        *self.life.lock()
    }

    /// Never backwards.
    fn becomes(&self, life: Life) {
        let mut now = self.life.lock();
        *now = life.max(*now);
        self.changed.notify_all();
    }

    /// Waits for `delay`, or until stopped.
    fn nap(&self, delay: Duration) {
        let mut life = self.life.lock();
        self.changed.wait_while_for(&mut life, |life| *life < Life::Stopped, delay);
    }
}

/// Ends a [`BlockingServer`] from another thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stopper {
    stop: Arc<Stop>,
    listener: Arc<TcpListener>,
}

impl Stopper {
    /// Makes the server return: from waiting for a client at once, from serving one after the write under way; that
    /// client is reset, for it has no whole poem.
    pub fn stop(&self) {
        self.stop.becomes(Life::Stopped);
        self.wake();
    }

    /// Makes the server return when the client it serves has its poem, however long that takes; from waiting for one,
    /// at once. Those who wait to be served are reset.
    pub fn finish(&self) {
        self.stop.becomes(Life::Finishing);
        self.wake();
    }

    fn wake(&self) {
        // On Linux this wakes a thread that waits in accept; elsewhere it returns with the next client.
        let _ = SockRef::from(&*self.listener).shutdown(Shutdown::Both);
    }
}

/// A listening socket, and who is served on it.
#[derive(Debug)]
pub struct BlockingServer {
    listener: Arc<TcpListener>,
    address: SocketAddr,
    options: ServeOptions,
    stop: Arc<Stop>,
}

impl BlockingServer {
    /// Listens on `options.listen`. Accepted sockets inherit linger 0, as everywhere: a server that dies in mid poem
    /// resets its client.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn bind(options: &ServeOptions) -> Result<BlockingServer, ServeError> {
        let address = options.listen;
        let listen = || -> io::Result<(TcpListener, SocketAddr)> {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            socket.set_reuse_address(true)?;
            socket.set_linger(Some(Duration::ZERO))?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            let listener = TcpListener::from(socket);
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen().map_err(|source| ServeError::Listen { address, source })?;
        let stop = Arc::default();
        Ok(BlockingServer { listener: Arc::new(listener), address, options: options.clone(), stop })
    }

    /// Where it listens, with the real port if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle to end it with.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper { stop: Arc::clone(&self.stop), listener: Arc::clone(&self.listener) }
    }

    /// Serves one client after the other until stopped.
    ///
    /// # Errors
    /// When no further client can be accepted.
    pub fn serve(&self, poem: &Bytes, mut sink: impl FnMut(&ServerEvent)) -> Result<(), ServeError> {
        while self.stop.life() == Life::Serving {
            self.serve_one(poem, &mut sink)?;
        }
        Ok(())
    }

    /// Waits for one client, and sends it the poem. Returns when that client has it or is lost; nobody else is
    /// looked at meanwhile. What goes wrong with the client is told to `sink` and costs nobody else anything.
    ///
    /// # Errors
    /// When no client can be accepted.
    pub fn serve_one(&self, poem: &Bytes, sink: &mut impl FnMut(&ServerEvent)) -> Result<(), ServeError> {
        let (client, peer) = loop {
            match self.listener.accept() {
                Ok(accepted) => break accepted,
                Err(_) if self.stop.life() > Life::Serving => return Ok(()),
                Err(error) if is_of_the_client(&error) => {}
                Err(source) => return Err(ServeError::Accept { address: self.address, source }),
            }
        };
        sink(&ServerEvent::Asked(peer));
        sink(&ServerEvent::Sending { peer, bytes: poem.len() });
        let failure = self.send(&client, poem, sink).err().map(|error| error.to_string());
        sink(&ServerEvent::Ended { peer, failure });
        Ok(())
    }

    fn send(
        &self,
        mut client: &TcpStream,
        poem: &Bytes,
        sink: &mut impl FnMut(&ServerEvent),
    ) -> io::Result<()> {
        client.set_write_timeout(Some(self.options.stall))?;
        let mut left = pieces(poem, self.options.framing);
        while !left.is_empty() {
            if self.stop.life() == Life::Stopped {
                return Err(io::Error::other("the server was stopped"));
            }
            let count = self.options.pace.map_or(usize::MAX, |pace| pace.num_bytes.get());
            let some = take(&mut left, count);
            if self.options.pace.is_some() {
                sink(&ServerEvent::Chunk(some.iter().map(Bytes::len).sum()));
            }
            for piece in some {
                client.write_all(&piece).map_err(in_plain_words)?;
            }
            if let Some(pace) = self.options.pace.filter(|_| !left.is_empty()) {
                self.stop.nap(pace.delay);
            }
        }
        end_well(client)
    }
}

/// Errors of accept that are one client's, not the server's.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, PermissionDenied, TimedOut};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | PermissionDenied | TimedOut)
}

/// A write that timed out says "resource temporarily unavailable", which helps nobody.
fn in_plain_words(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => {
            io::Error::new(io::ErrorKind::TimedOut, "the client took nothing for too long")
        }
        _ => error,
    }
}

/// Every byte is written: only now may the end look like one. What the client sent is read first, or closing would
/// reset the connection and cut the poem's tail off.
fn end_well(mut client: &TcpStream) -> io::Result<()> {
    SockRef::from(client).set_linger(None)?;
    client.shutdown(Shutdown::Write)?;
    client.set_read_timeout(Some(DRAIN_TIME))?;
    let (mut waste, mut left) = ([0; 4096], DRAIN_BYTES);
    while left > 0 {
        match client.read(&mut waste) {
            // Closing now, with data unread, would reset the connection.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It has ended too, or takes too long over it: it has the poem either way.
            Ok(0) | Err(_) => break,
            Ok(got) => left = left.saturating_sub(got),
        }
    }
    Ok(())
}
