//! What both ends of a simulated connection share: how much is on its way, in each direction.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;

/// Bytes that one end may have sent and the other not yet read: what sockets of the kernel hold, roughly.
const WINDOW_BYTES: usize = 64 << 10;

/// Writes that may be on their way, however small. Far below the capacity of turmoil's own queues
/// ([`CAPACITY`](super::CAPACITY)), because that loses the end of a stream whose queue is full.
const WINDOW_FRAMES: usize = 256;

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Wire {
    directions: [Mutex<Window>; 2],
}

/// What is on its way in one direction.
#[derive(Debug, Default)]
struct Window {
    bytes: usize,
    frames: usize,
    /// The sender, waiting for room.
    waiting: Option<Waker>,
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The one that connected.
    Client,
    /// The one that accepted.
    Server,
}

impl Wire {
    fn sent_by(&self, end: End) -> &Mutex<Window> {
        match end {
            End::Client => &self.directions[0],
            End::Server => &self.directions[1],
        }
    }

    /// How many bytes `end` may send now, of at most `most`; none if it must wait.
    pub(super) fn room(&self, end: End, most: usize) -> usize {
        let window = self.sent_by(end).lock();
        if window.frames == WINDOW_FRAMES { 0 } else { most.min(WINDOW_BYTES - window.bytes) }
    }

    pub(super) fn sent(&self, end: End, bytes: usize) {
        let mut window = self.sent_by(end).lock();
        window.bytes += bytes;
        window.frames += 1;
    }

    /// `end` has read one frame of the other's.
    pub(super) fn read(&self, end: End, bytes: usize) {
        let waiting = {
            let mut window = self.sent_by(end.other()).lock();
            window.bytes -= bytes;
            window.frames -= 1;
            window.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// `end` waits for room.
    pub(super) fn wait(&self, end: End, waker: &Waker) {
        self.sent_by(end).lock().waiting = Some(waker.clone());
    }

    /// `end` has gone: whoever waits for it to read looks again, and finds the connection broken.
    pub(super) fn gone(&self, end: End) {
        let waiting = self.sent_by(end.other()).lock().waiting.take();
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The two ends of a connection: client, server.
type Ends = (SocketAddr, SocketAddr);

/// The connections of a simulation that were accepted and whose clients do not know it yet. At most one a port.
#[derive(Clone, Debug, Default)]
pub(super) struct Wires(Arc<Mutex<BTreeMap<Ends, Arc<Wire>>>>);

impl Wires {
    /// The server's end of a new connection: it is always the first to know of it.
    pub(super) fn accepted(&self, client: SocketAddr, server: SocketAddr) -> Arc<Wire> {
        let wire = Arc::new(Wire::default());
        self.0.lock().insert((client, server), Arc::clone(&wire));
        wire
    }

    /// The client's end of it. The server's may have gone again by now.
    pub(super) fn connected(&self, client: SocketAddr, server: SocketAddr) -> Arc<Wire> {
        self.0.lock().remove(&(client, server)).unwrap_or_default()
    }
}
