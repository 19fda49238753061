//! One connection of a server, from its first byte to its good or bad end.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::point;
use crate::config::Pace;
use crate::event::{Event, Phase, Reporter};
use crate::net::{Accepted, Stream};

/// The bounds of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionOptions {
    /// How long a client may take nothing of what is written to it. Default 30 s, then it is reset: a client that does
    /// not read must not hold a connection for ever.
    pub write_timeout: Duration,
    /// How long a client may send nothing when it is its turn to. Default 60 s.
    pub idle_timeout: Duration,
    /// How long what a client still sends is read and thrown away after the last byte. Default 2 s.
    pub linger: Duration,
    /// How long it may take to end by itself when the node drains. Default 10 s, then it is reset.
    pub drain: Duration,
}

/// How long a client is given to leave by itself before its socket is looked at. 1 ms, the grain of the clock: nearly
/// all have left by then, and a socket that is never waited for costs a third fewer system calls.
const GRACE: Duration = Duration::from_millis(1);

/// How much is thrown away while a connection drains; a client that sends more is not waited for. 1 MiB is more than
/// any request, and what a fast sender pushes into the socket in the time it takes to notice the end.
const DRAIN_BYTES: usize = 1 << 20;

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            linger: Duration::from_secs(2),
            drain: Duration::from_secs(10),
        }
    }
}

/// The connection of one client: its stream, and the phase its life is in.
///
/// Dropped before its good end, by a crash, a kill or an error, it is reset.
#[derive(Debug)]
pub struct Session {
    stream: Stream,
    life: Life,
    options: ConnectionOptions,
    /// What has arrived and was not used yet.
    pub(crate) input: BytesMut,
}

/// The phase of a connection, shared between the actor and the work it does.
#[derive(Clone, Debug)]
pub(crate) struct Life(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    service: Arc<str>,
    peer: SocketAddr,
    reporter: Reporter,
    phase: RefCell<Phase>,
}

impl Life {
    pub(crate) fn new(service: Arc<str>, peer: SocketAddr, reporter: Reporter) -> Self {
        let life = Self(Rc::new(Shared { service, peer, reporter, phase: RefCell::new(Phase::Accepted) }));
        life.report(Phase::Accepted);
        life
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    pub(crate) fn reporter(&self) -> &Reporter {
        &self.0.reporter
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.phase.borrow().is_over()
    }

    fn enter(&self, next: Phase) {
        let mut phase = self.0.phase.borrow_mut();
        if phase.may_become(&next) && *phase != next {
            *phase = next.clone();
            drop(phase);
            self.report(next);
        }
    }

    /// The connection ends badly, for this reason, unless it is over already.
    pub(crate) fn reset(&self, reason: impl FnOnce() -> String) {
        if !self.is_over() {
            self.enter(Phase::Reset { reason: reason() });
        }
    }

    fn report(&self, phase: Phase) {
        let shared = &self.0;
        let (service, peer) = (&shared.service, shared.peer);
        match phase {
            Phase::Reset { .. } => {
                shared.reporter.report(Event::Connection { service: Arc::clone(service), peer, phase });
            }
            phase => {
                shared.reporter.note(|| Event::Connection { service: Arc::clone(service), peer, phase });
            }
        }
    }
}

impl Session {
    pub(crate) fn new(accepted: Accepted, life: Life, options: ConnectionOptions) -> Self {
        Self { stream: accepted.attach(), life, options, input: BytesMut::new() }
    }

    pub(crate) fn life(&self) -> &Life {
        &self.life
    }

    /// Writes all of `parts`, at the given pace, waiting for the client as long as it takes some.
    ///
    /// # Errors
    /// The client is gone, or took nothing for the write time-out.
    pub(crate) async fn send(&mut self, parts: &[Bytes], pace: Pace) -> io::Result<()> {
        self.send_all(parts, pace, false).await
    }

    /// [`send`](Self::send) of the last that the client gets: its end goes out together with [`finish`](Self::finish),
    /// which must follow at once, and costs the server one packet less.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) async fn send_last(&mut self, parts: &[Bytes], pace: Pace) -> io::Result<()> {
        self.send_all(parts, pace, true).await
    }

    async fn send_all(&mut self, parts: &[Bytes], pace: Pace, last: bool) -> io::Result<()> {
        self.life.enter(Phase::Sending);
        self.life.reporter().node().fault_point_async(point::SENDING).await;
        match pace {
            Pace::Fast => {
                let mut parts = parts.iter().filter(|part| !part.is_empty()).peekable();
                while let Some(part) = parts.next() {
                    self.write(part, last && parts.peek().is_none()).await?;
                }
            }
            // Apart, so that the room it needs is not every connection's.
            Pace::Slow { num_bytes, delay } => Box::pin(self.drip(parts, num_bytes, delay, last)).await?,
        }
        Ok(())
    }

    async fn drip(&mut self, parts: &[Bytes], num_bytes: u32, delay: Duration, last: bool) -> io::Result<()> {
        let mut drips = parts.iter().flat_map(|part| part.chunks(num_bytes as usize)).peekable();
        while let Some(drip) = drips.next() {
            let over = drips.peek().is_none();
            self.write(drip, last && over).await?;
            // The last one needs no pause: the poem is over.
            if !over {
                self.pause(delay).await?;
            }
        }
        Ok(())
    }

    /// Waits, unless the client is gone: a pause may last a day, and its connection is wanted.
    async fn pause(&mut self, delay: Duration) -> io::Result<()> {
        tokio::select! {
            biased;
            () = tokio::time::sleep(delay) => Ok(()),
            error = self.stream.failed() => Err(error),
        }
    }

    async fn write(&mut self, mut bytes: &[u8], last: bool) -> io::Result<()> {
        while !bytes.is_empty() {
            let tried = if last { self.stream.try_write_last(bytes) } else { self.stream.try_write(bytes) };
            let wrote = match tried {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Box::pin(self.wait_to_write(bytes)).await?
                }
                done => done?,
            };
            if wrote == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let peer = self.life.peer();
            self.life.reporter().note(|| Event::Sent { peer, bytes: wrote });
            bytes = &bytes[wrote..];
        }
        Ok(())
    }

    async fn wait_to_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let limit = self.options.write_timeout;
        if let Ok(wrote) = tokio::time::timeout(limit, self.stream.write(bytes)).await {
            return wrote;
        }
        // One that reads slowly and steadily has taken some, but not yet as much as the kernel waits for.
        match self.stream.write_now(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let text = format!("it took nothing for {limit:?}");
                Err(io::Error::new(io::ErrorKind::TimedOut, text))
            }
            wrote => wrote,
        }
    }

    /// Reads more into [`input`](Self::input); 0 is the end of what the client sends.
    ///
    /// # Errors
    /// The client is gone, or sent nothing for the idle time-out.
    pub(crate) async fn read(&mut self) -> io::Result<usize> {
        let limit = self.options.idle_timeout;
        match tokio::time::timeout(limit, self.stream.read(&mut self.input)).await {
            Ok(got) => got,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("it sent nothing for {limit:?}"))),
        }
    }

    /// Waits until the client has left: end of stream, or an error. What it sends meanwhile is thrown away.
    /// Cancel safe.
    pub(crate) async fn left(&mut self) {
        while let Ok(1..) = self.stream.read(&mut self.input).await {
            self.input.clear();
        }
    }

    /// Waits until the client's connection is broken. That it has nothing more to send is no such thing; from then on, a
    /// break is noticed only when something is written. What it sends meanwhile is thrown away. Cancel safe.
    pub(crate) async fn broken(&mut self) {
        loop {
            match self.stream.read(&mut self.input).await {
                Ok(0) => return std::future::pending().await,
                Ok(_) => self.input.clear(),
                Err(_) => return,
            }
        }
    }

    /// The good end: the client is told, what it still sends is thrown away for a bounded moment, and the connection
    /// is closed.
    ///
    /// # Errors
    /// The client is gone before it could be told.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        self.life.enter(Phase::ShuttingDown);
        self.stream.finish().await?;
        self.life.enter(Phase::Draining);
        let moment = GRACE.min(self.options.linger);
        tokio::time::sleep(moment).await;
        let stream = &mut self.stream;
        let drain = async {
            let mut drained = 0;
            while drained < DRAIN_BYTES {
                match stream.discard().await {
                    // It has left, by whatever door: what was written is its own affair now.
                    Ok(0) | Err(_) => break,
                    Ok(got) => drained += got,
                }
            }
        };
        let _ = tokio::time::timeout(self.options.linger - moment, drain).await;
        self.life.enter(Phase::Closed);
        Ok(())
    }
}
