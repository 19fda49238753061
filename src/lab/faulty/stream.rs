//! One connection that something befalls.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use rustix::io::Errno;
use tokio::time::{Sleep, sleep};

use super::open::Open;
use crate::lab::fault::NetFault;
use crate::net::{RawStream, Stream};

/// A stream with a fault, or with none. Dropped, the one inside is.
pub(super) struct FaultyStream {
    /// None once it was reset.
    inner: Option<Stream>,
    fault: Option<NetFault>,
    /// Bytes handed on.
    read: usize,
    /// What has come and is not handed on yet.
    held: BytesMut,
    pause: Option<Pin<Box<Sleep>>>,
    open: Open,
}

/// What the fault makes of the next read.
enum Read {
    /// At most so many bytes, and those as they come.
    Most(usize),
    /// So many at most, each after a pause.
    Paced(usize, Duration),
    End,
    Reset,
    Nothing,
}

impl FaultyStream {
    pub(super) fn new(inner: Stream, fault: Option<NetFault>, open: Open) -> Self {
        Self { inner: Some(inner), fault, read: 0, held: BytesMut::new(), pause: None, open }
    }

    fn next(&self) -> Read {
        let left = |after: usize| after.saturating_sub(self.read);
        match self.fault {
            None | Some(NetFault::Refused) => Read::Most(usize::MAX),
            Some(NetFault::Late { by }) => Read::Paced(usize::MAX, by),
            Some(NetFault::Slow { bytes, pause }) => Read::Paced(bytes.max(1), pause),
            Some(NetFault::Reset { after }) if left(after) == 0 => Read::Reset,
            Some(NetFault::Truncated { after }) if left(after) == 0 => Read::End,
            Some(NetFault::Cut { after }) if left(after) == 0 => Read::Nothing,
            Some(NetFault::Reset { after } | NetFault::Truncated { after } | NetFault::Cut { after }) => {
                Read::Most(left(after))
            }
        }
    }

    /// Whether the fault has come to pass, so that what is written goes nowhere.
    fn is_over(&self) -> bool {
        matches!(self.next(), Read::End | Read::Reset | Read::Nothing)
    }

    fn strike(&mut self) {
        if let Some(fault) = self.fault {
            self.open.struck(fault);
        }
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
        self.read += some;
        some
    }
}

impl RawStream for FaultyStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let (most, pause) = match self.next() {
            Read::Most(most) => (most, None),
            Read::Paced(most, pause) => (most, Some(pause)),
            Read::End => {
                self.strike();
                self.inner = None;
                return Poll::Ready(Ok(0));
            }
            Read::Reset => {
                self.strike();
                if let Some(inner) = self.inner.take() {
                    inner.abort();
                }
                return Poll::Ready(Err(Errno::CONNRESET.into()));
            }
            Read::Nothing => {
                self.strike();
                return Poll::Pending;
            }
        };
        if ready!(self.poll_fill(cx))? == 0 {
            return Poll::Ready(Ok(0));
        }
        if let Some(pause) = pause {
            self.strike();
            let waiting = self.pause.get_or_insert_with(|| Box::pin(sleep(pause)));
            ready!(waiting.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(Ok(self.hand_on(buffer, most)))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let lost = self.is_over();
        match &mut self.inner {
            Some(_) if lost => Poll::Ready(Ok(bytes.len())),
            Some(inner) => inner.poll_write(cx, bytes),
            None => Poll::Ready(Err(Errno::PIPE.into())),
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lost = self.is_over();
        match &mut self.inner {
            Some(_) if lost => Ok(bytes.len()),
            Some(inner) => inner.try_write(bytes),
            None => Err(Errno::PIPE.into()),
        }
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Some(inner) => {
                let mut finish = std::pin::pin!(inner.finish());
                finish.as_mut().poll(cx)
            }
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
        write!(f, "FaultyStream({:?}, {:?})", self.fault, self.inner)
    }
}
