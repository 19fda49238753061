//! One connection that something befalls.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use rustix::io::Errno;
use tokio::time::{Sleep, sleep};

use super::open::Open;
use crate::lab::fault::{NetFault, Way};
use crate::net::{RawStream, Stream};

/// A portion of what a bandwidth allows: what passes in a twentieth of a second.
const PORTIONS: u32 = 20;

/// Which side of a connection a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Connected,
    Accepted,
}

/// A stream with a fault, or with none. Dropped, the one inside is.
pub(super) struct FaultyStream {
    /// None once it was reset, or ended too early.
    inner: Option<Stream>,
    side: Side,
    fault: Option<NetFault>,
    /// Bytes read and written.
    passed: usize,
    /// What has come and is not handed on yet.
    held: BytesMut,
    /// Until what is held is handed on.
    reading: Option<Pin<Box<Sleep>>>,
    /// Until more may be written.
    writing: Option<Pin<Box<Sleep>>>,
    chance: fastrand::Rng,
    open: Open,
}

/// What the fault makes of the next bytes in one direction.
enum Next {
    /// At most so many bytes, and those as they come.
    Most(usize),
    /// So many at most, with a pause.
    Paced(usize, Pause),
    End,
    Reset,
    Nothing,
}

/// How long a pause is.
#[derive(Clone, Copy)]
enum Pause {
    Of(Duration),
    Between(Duration, Duration),
    /// As long as the bytes take at this rate.
    At(u32),
}

impl FaultyStream {
    pub(super) fn new(
        inner: Stream,
        side: Side,
        fault: Option<NetFault>,
        chance: fastrand::Rng,
        open: Open,
    ) -> Self {
        let held = BytesMut::new();
        Self { inner: Some(inner), side, fault, passed: 0, held, reading: None, writing: None, chance, open }
    }

    fn next(&self, way: Way) -> Next {
        let left = |after: usize| after.saturating_sub(self.passed);
        let Some(fault) = self.fault else { return Next::Most(usize::MAX) };
        match fault {
            NetFault::Late { by, jitter } if way == Way::In => {
                Next::Paced(usize::MAX, Pause::Between(by, by + jitter))
            }
            NetFault::Bandwidth { rate } => {
                let portion = rate.div_ceil(PORTIONS).max(1);
                Next::Paced(portion as usize, Pause::At(rate.max(1)))
            }
            NetFault::Slow { bytes, pause } if way == Way::In => Next::Paced(bytes.max(1), Pause::Of(pause)),
            NetFault::Sliced { bytes, pause } if way == Way::Out => {
                Next::Paced(bytes.max(1), Pause::Of(pause))
            }
            NetFault::Cut { way: cut, .. } if cut != way && cut != Way::Both => Next::Most(usize::MAX),
            NetFault::Reset { after } if left(after) == 0 => Next::Reset,
            NetFault::Truncated { after } if left(after) == 0 => Next::End,
            NetFault::Cut { after, .. } if left(after) == 0 => Next::Nothing,
            NetFault::Reset { after } | NetFault::Truncated { after } | NetFault::Cut { after, .. } => {
                Next::Most(left(after))
            }
            _ => Next::Most(usize::MAX),
        }
    }

    fn strike(&mut self) {
        if let Some(fault) = self.fault {
            self.open.struck(fault);
        }
    }

    fn sleep(&mut self, pause: Pause, bytes: usize) -> Pin<Box<Sleep>> {
        self.strike();
        let time = match pause {
            Pause::Of(time) => time,
            Pause::Between(least, most) => {
                let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
                Duration::from_micros(self.chance.u64(micros(least)..=micros(most)))
            }
            Pause::At(rate) => {
                let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate);
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
        };
        Box::pin(sleep(time))
    }

    /// Something in `held`, or the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.held.is_empty() {
            return Poll::Ready(Ok(self.held.len()));
        }
        match &mut self.inner {
            Some(inner) => inner.poll_read(cx, &mut self.held),
            None => Poll::Ready(Err(Errno::CONNRESET.into())),
        }
    }

    fn hand_on(&mut self, buffer: &mut BytesMut, most: usize) -> usize {
        let some = self.held.len().min(most);
        buffer.extend_from_slice(&self.held[..some]);
        self.held.advance(some);
        self.passed += some;
        some
    }

    fn reset(&mut self) -> io::Error {
        self.strike();
        if let Some(inner) = self.inner.take() {
            inner.abort();
        }
        Errno::CONNRESET.into()
    }

    /// The good end that is a lie: the peer is told that this was all.
    fn end(&mut self) {
        self.strike();
        if self.side == Side::Accepted
            && let Some(inner) = &mut self.inner
        {
            // Neither ground needs to wait for it.
            let _ = pin!(inner.finish()).poll(&mut Context::from_waker(Waker::noop()));
        }
        self.inner = None;
    }

    /// Whether the pause after what was written last is over.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(waiting) = &mut self.writing {
            ready!(waiting.as_mut().poll(cx));
            self.writing = None;
        }
        Poll::Ready(())
    }

    /// Writes some of `bytes` by `write`, or loses them.
    fn write(
        &mut self,
        bytes: &[u8],
        write: impl FnOnce(&mut Stream, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let (most, pause) = match self.next(Way::Out) {
            Next::Most(most) => (most, None),
            Next::Paced(most, pause) => (most, Some(pause)),
            Next::Reset => return Poll::Ready(Err(self.reset())),
            Next::End => {
                // What this side reads ends, not what it writes: that goes nowhere.
                match self.side {
                    Side::Accepted => self.end(),
                    Side::Connected => self.strike(),
                }
                return Poll::Ready(Ok(bytes.len()));
            }
            Next::Nothing => {
                self.strike();
                return Poll::Ready(Ok(bytes.len()));
            }
        };
        let Some(inner) = &mut self.inner else { return Poll::Ready(Err(Errno::PIPE.into())) };
        let wrote = ready!(write(inner, &bytes[..bytes.len().min(most)]))?;
        self.passed += wrote;
        if let Some(pause) = pause {
            self.writing = Some(self.sleep(pause, wrote));
        }
        Poll::Ready(Ok(wrote))
    }
}

impl RawStream for FaultyStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let (most, pause) = match self.next(Way::In) {
            Next::Most(most) => (most, None),
            Next::Paced(most, pause) => (most, Some(pause)),
            Next::End if self.side == Side::Accepted => (usize::MAX, None),
            Next::End => {
                self.end();
                return Poll::Ready(Ok(0));
            }
            Next::Reset => return Poll::Ready(Err(self.reset())),
            Next::Nothing => {
                self.strike();
                return Poll::Pending;
            }
        };
        if ready!(self.poll_fill(cx))? == 0 {
            return Poll::Ready(Ok(0));
        }
        if let Some(pause) = pause {
            if self.reading.is_none() {
                let bytes = self.held.len().min(most);
                self.reading = Some(self.sleep(pause, bytes));
            }
            if let Some(waiting) = &mut self.reading {
                ready!(waiting.as_mut().poll(cx));
            }
            self.reading = None;
        }
        Poll::Ready(Ok(self.hand_on(buffer, most)))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_writable(cx));
        self.write(bytes, |inner, bytes| inner.poll_write(cx, bytes))
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.poll_writable(&mut Context::from_waker(Waker::noop())).is_pending() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self.write(bytes, |inner, bytes| Poll::Ready(inner.try_write(bytes))) {
            Poll::Ready(wrote) => wrote,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn poll_failed(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        match &mut self.inner {
            // Whoever is cut off is told nothing.
            Some(_) if matches!(self.fault, Some(NetFault::Cut { .. })) => Poll::Pending,
            Some(inner) => pin!(inner.failed()).poll(cx),
            None => Poll::Ready(Errno::CONNRESET.into()),
        }
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The end of what was cut goes where its bytes went.
        if matches!(self.next(Way::Out), Next::Nothing) {
            self.strike();
            return Poll::Ready(Ok(()));
        }
        match &mut self.inner {
            Some(inner) => pin!(inner.finish()).poll(cx),
            None if matches!(self.fault, Some(NetFault::Truncated { .. })) => Poll::Ready(Ok(())),
            None => Poll::Ready(Err(Errno::NOTCONN.into())),
        }
    }

    fn abort(&mut self) {
        if let Some(inner) = self.inner.take() {
            inner.abort();
        }
    }
}

impl fmt::Debug for FaultyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStream({:?}, {:?}, {:?})", self.side, self.fault, self.inner)
    }
}
