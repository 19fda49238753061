//! Lines over a transport, and bytes in between: Twisted's `LineReceiver`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use bytes::{Buf, Bytes, BytesMut};

use super::protocol::{Handled, Protocol};
use super::reason::Reason;
use super::transport::Transport;

#[cfg(test)]
mod tests;

/// How long a line may be, in bytes and without its end, unless said otherwise: Twisted's own 16,384.
pub const MAX_LINE: usize = 16_384;

/// What ends a line.
const DELIMITER: &[u8] = b"\r\n";

/// A protocol that speaks in lines, and in plain bytes while it says so.
pub trait LineProtocol: 'static {
    /// As [`Protocol::connection_made`].
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset.
    fn connection_made(&mut self, lines: &Lines) -> Handled {
        let _ = lines;
        Ok(())
    }

    /// A line came, without its end.
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset.
    fn line_received(&mut self, lines: &Lines, line: Bytes) -> Handled;

    /// Bytes came in raw mode: all that were there.
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset.
    fn raw_data_received(&mut self, lines: &Lines, data: Bytes) -> Handled {
        let _ = (lines, data);
        Ok(())
    }

    /// A line is longer than it may be; `came` is what is there of it, and of what is behind it. By default the
    /// connection is closed, well (TW-111).
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset.
    fn line_length_exceeded(&mut self, lines: &Lines, came: Bytes) -> Handled {
        let _ = came;
        lines.transport().lose_connection();
        Ok(())
    }

    /// As [`Protocol::connection_lost`].
    fn connection_lost(&mut self, reason: &Reason) {
        let _ = reason;
    }

    /// As [`Protocol::handles_half_close`].
    fn handles_half_close(&self) -> bool {
        false
    }

    /// As [`Protocol::read_connection_lost`].
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset.
    fn read_connection_lost(&mut self, lines: &Lines) -> Handled {
        lines.transport().lose_connection();
        Ok(())
    }
}

struct State {
    limit: usize,
    raw: Cell<bool>,
    paused: Cell<bool>,
    /// Somebody is delivering already: what is added meanwhile is seen by that loop, whose stack does not grow (TW-112).
    busy: Cell<bool>,
    /// At most a line that is not whole and what one read brings: a paused transport does not read.
    buffer: RefCell<BytesMut>,
}

/// What a [`LineProtocol`] has in hand. Cheap to clone; it may outlive the connection, and then does nothing.
#[derive(Clone)]
pub struct Lines {
    transport: Transport,
    state: Rc<State>,
    receiver: Weak<dyn Deliver>,
}

impl Lines {
    /// The transport below.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Sends `line` and its end. Not limited in length.
    pub fn send_line(&self, line: impl Into<Bytes>) {
        self.transport.write_sequence([line.into(), Bytes::from_static(DELIMITER)]);
    }

    /// From the next byte on, what comes is no lines, also in the middle of a chunk (TW-112).
    pub fn set_raw_mode(&self) {
        self.state.raw.set(true);
    }

    /// What comes is lines again; the first of them begin with `extra`, which a raw receiver was given and has no use for.
    ///
    /// # Errors
    /// What the protocol says of the lines that are there, unless it is being called itself: then its own caller hears it.
    pub fn set_line_mode(&self, extra: &[u8]) -> Handled {
        self.state.raw.set(false);
        {
            let mut buffer = self.state.buffer.borrow_mut();
            let behind = buffer.split();
            buffer.extend_from_slice(extra);
            buffer.unsplit(behind);
        }
        self.deliver()
    }

    /// No more lines for now, not even those that have come (TW-112).
    pub fn pause_producing(&self) {
        self.state.paused.set(true);
        self.transport.pause_producing();
    }

    /// Goes on, first with what had come.
    ///
    /// # Errors
    /// As [`Lines::set_line_mode`].
    pub fn resume_producing(&self) -> Handled {
        self.state.paused.set(false);
        self.transport.resume_producing();
        self.deliver()
    }

    fn deliver(&self) -> Handled {
        self.receiver.upgrade().map_or(Ok(()), |receiver| receiver.deliver(self))
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("transport", &self.transport).finish_non_exhaustive()
    }
}

/// Turns a [`LineProtocol`] into a protocol of bytes. Lines end with CRLF and arrive whole, however the stream was cut; one
/// longer than the limit ends the connection, after the lines before it (TW-111).
pub struct LineReceiver<P> {
    inner: Rc<Inner<P>>,
    /// Known once there is a transport.
    lines: Option<Lines>,
}

struct Inner<P> {
    protocol: RefCell<P>,
    state: Rc<State>,
}

trait Deliver {
    fn deliver(&self, lines: &Lines) -> Handled;
}

impl<P: LineProtocol> LineReceiver<P> {
    /// Lines of at most `limit` bytes; [`MAX_LINE`] is the usual limit.
    pub fn new(protocol: P, limit: usize) -> LineReceiver<P> {
        let state = State {
            limit,
            raw: Cell::default(),
            paused: Cell::default(),
            busy: Cell::default(),
            buffer: RefCell::default(),
        };
        let inner = Rc::new(Inner { protocol: RefCell::new(protocol), state: Rc::new(state) });
        LineReceiver { inner, lines: None }
    }

    fn lines(&mut self, transport: &Transport) -> Lines {
        let inner = &self.inner;
        let lines = self.lines.get_or_insert_with(|| {
            let receiver: Weak<Inner<P>> = Rc::downgrade(inner);
            Lines { transport: transport.clone(), state: Rc::clone(&inner.state), receiver }
        });
        lines.clone()
    }
}

impl<P: LineProtocol> Inner<P> {
    /// The next piece: a line (true), a line that is too long (false), or nothing yet.
    fn next_line(&self) -> Option<(Bytes, bool)> {
        let State { limit, buffer, .. } = &*self.state;
        let mut buffer = buffer.borrow_mut();
        match buffer.windows(DELIMITER.len()).position(|it| it == DELIMITER) {
            Some(end) if end <= *limit => {
                let line = buffer.split_to(end).freeze();
                buffer.advance(DELIMITER.len());
                Some((line, true))
            }
            None if buffer.len() < limit + DELIMITER.len() => None,
            _ => Some((buffer.split().freeze(), false)),
        }
    }

    fn deliver_all(&self, lines: &Lines) -> Handled {
        // None after disconnecting (TW-111).
        while lines.transport.is_open() && !self.state.paused.get() {
            if self.state.raw.get() {
                let data = self.state.buffer.borrow_mut().split().freeze();
                if data.is_empty() {
                    return Ok(());
                }
                self.protocol.borrow_mut().raw_data_received(lines, data)?;
                continue;
            }
            match self.next_line() {
                Some((line, true)) => self.protocol.borrow_mut().line_received(lines, line)?,
                Some((came, false)) => {
                    return self.protocol.borrow_mut().line_length_exceeded(lines, came);
                }
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

impl<P: LineProtocol> Deliver for Inner<P> {
    fn deliver(&self, lines: &Lines) -> Handled {
        if self.state.busy.replace(true) {
            return Ok(());
        }
        let handled = self.deliver_all(lines);
        self.state.busy.set(false);
        handled
    }
}

impl<P: LineProtocol> Protocol for LineReceiver<P> {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        let lines = self.lines(transport);
        self.inner.protocol.borrow_mut().connection_made(&lines)
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled {
        let lines = self.lines(transport);
        self.inner.state.buffer.borrow_mut().extend_from_slice(data);
        lines.deliver()
    }

    fn connection_lost(&mut self, reason: &Reason) {
        self.inner.protocol.borrow_mut().connection_lost(reason);
    }

    fn handles_half_close(&self) -> bool {
        self.inner.protocol.borrow().handles_half_close()
    }

    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        let lines = self.lines(transport);
        self.inner.protocol.borrow_mut().read_connection_lost(&lines)
    }
}

impl<P> fmt::Debug for LineReceiver<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReceiver").field("limit", &self.inner.state.limit).finish_non_exhaustive()
    }
}
