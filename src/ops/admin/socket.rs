//! A connection of the node's network, as actix-web reads and writes one.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Stream;

/// A stream with what was read of it and is not taken yet.
///
/// Its shutdown is the good end, after which what its peer still sends is read and thrown away, so that closing does
/// not turn into a reset that eats the answer. Dropped before, it is reset, unless it has begun to answer: actix-web
/// drops the connection of one that it has told its mistake, and an answer that is cut is shorter than it says it is.
pub(super) struct Socket {
    stream: Stream,
    input: BytesMut,
    /// Whether its peer has said anything.
    heard: Rc<Cell<bool>>,
    wrote: bool,
    finished: bool,
}

impl Socket {
    pub(super) fn new(stream: Stream, heard: Rc<Cell<bool>>) -> Self {
        Self { stream, input: BytesMut::new(), heard, wrote: false, finished: false }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.input.is_empty() {
            ready!(this.stream.poll_read(cx, &mut this.input))?;
            this.heard.set(this.heard.get() || !this.input.is_empty());
        }
        let count = this.input.len().min(into.remaining());
        into.put_slice(&this.input[..count]);
        this.input.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.wrote = true;
        this.stream.poll_write(cx, bytes)
    }

    /// Nothing is held back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.finished {
            ready!(this.stream.poll_finish(cx))?;
            this.finished = true;
        }
        loop {
            this.input.clear();
            // A peer that has reset the connection waits for nothing any more.
            if matches!(ready!(this.stream.poll_read(cx, &mut this.input)), Ok(0) | Err(_)) {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.wrote && !self.finished {
            // At once or not at all: nobody is left to wait for it.
            let _ = self.stream.poll_finish(&mut Context::from_waker(Waker::noop()));
        }
    }
}
