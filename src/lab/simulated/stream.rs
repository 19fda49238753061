//! One end of a simulated connection.
//!
//! Every write is one frame, and one segment of turmoil's: a byte that says what it is, and the data. turmoil closes a
//! dropped stream with FIN and knows no abort; so a good end is a frame of its own here, and a stream that ends without
//! one, in whatever way, was reset.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use rustix::io::Errno;
use tokio::io::{AsyncRead, ReadBuf};
use turmoil::net::TcpStream;

use super::wire::{End, Wire};
use crate::net::RawStream;

/// Bytes of data in one frame.
const FRAME: usize = 4096;

const DATA: u8 = 0;
const FINISH: u8 = 1;
const RESET: u8 = 2;

/// A connection of the simulated network. An accepted one that is dropped before its good end is reset; one that
/// connected is closed, as the kernel does it.
pub(super) struct SimulatedStream {
    tcp: TcpStream,
    wire: Arc<Wire>,
    end: End,
    /// A frame as it was written: read whole, because turmoil keeps segments apart.
    frame: Box<[u8]>,
    input: Input,
    /// Whether the peer was told the good end.
    finished: bool,
    /// Whether a drop is a reset.
    resets: bool,
}

/// What the peer has told about its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Open,
    Finished,
    Reset,
}

impl SimulatedStream {
    pub(super) fn new(tcp: TcpStream, wire: Arc<Wire>, end: End, resets: bool) -> Self {
        let frame = vec![0; FRAME + 1].into_boxed_slice();
        Self { tcp, wire, end, frame, input: Input::Open, finished: false, resets }
    }

    /// Sends one frame; the window has been asked before.
    fn send(&self, kind: u8, data: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(data.len() + 1);
        frame.push(kind);
        frame.extend_from_slice(data);
        match self.tcp.try_write(&frame) {
            Ok(_) => Ok(()),
            // turmoil forgets a connection once its peer has reset it.
            Err(_) => Err(Errno::PIPE.into()),
        }
    }

    /// The next frame: its kind, and the length of its data.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<(u8, usize)>> {
        let mut buffer = ReadBuf::new(&mut self.frame);
        match ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buffer)) {
            Ok(()) => Poll::Ready(buffer.filled().split_first().map(|(kind, data)| (*kind, data.len()))),
            Err(_) => Poll::Ready(None),
        }
    }

    /// Looks at what has come and was not read: only frames without data are taken away, so that turmoil, as TCP,
    /// resets a connection that is closed over unread data, and only that.
    fn skip_ends(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let mut kind = [0];
            match self.tcp.poll_peek(&mut cx, &mut ReadBuf::new(&mut kind)) {
                Poll::Ready(Ok(1..)) if kind != [DATA] => {}
                _ => return,
            }
            if self.poll_frame(&mut cx).is_pending() {
                return;
            }
        }
    }
}

impl RawStream for SimulatedStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        if self.input == Input::Open {
            match ready!(self.poll_frame(cx)) {
                Some((DATA, length)) => {
                    self.wire.read(self.end, length);
                    buffer.extend_from_slice(&self.frame[1..=length]);
                    return Poll::Ready(Ok(length));
                }
                Some((FINISH, _)) => self.input = Input::Finished,
                // Nothing at all is an end that nobody announced.
                _ => self.input = Input::Reset,
            }
        }
        Poll::Ready(match self.input {
            Input::Finished => Ok(0),
            _ => Err(Errno::CONNRESET.into()),
        })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.wire.wait(self.end, cx.waker());
                Poll::Pending
            }
            done => Poll::Ready(done),
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.finished || self.input == Input::Reset {
            return Err(Errno::PIPE.into());
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        let room = self.wire.room(self.end, bytes.len().min(FRAME));
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.send(DATA, &bytes[..room])?;
        self.wire.sent(self.end, room);
        Ok(room)
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.input == Input::Reset {
            return Poll::Ready(Err(Errno::NOTCONN.into()));
        }
        if !self.finished {
            self.send(FINISH, &[])?;
            self.finished = true;
        }
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {
        self.resets = true;
        self.finished = false;
    }
}

impl Drop for SimulatedStream {
    fn drop(&mut self) {
        // The simulation itself may be gone: then there is nobody to tell.
        if !turmoil::in_simulation() {
            return;
        }
        if !self.finished {
            // If it cannot be sent, the peer has reset the connection itself.
            let _ = self.send(if self.resets { RESET } else { FINISH }, &[]);
        }
        self.skip_ends();
        self.wire.gone(self.end);
    }
}

impl fmt::Debug for SimulatedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedStream({:?}, {:?})", self.end, self.tcp.peer_addr())
    }
}
