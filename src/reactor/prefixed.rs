//! Strings behind a length of one, two or four bytes: Twisted's `Int8StringReceiver` and its kin.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::netstring::StringProtocol;
use super::protocol::{Handled, Protocol};
use super::reason::Reason;
use super::transport::Transport;
use crate::wire::{self, Malformed};

#[cfg(test)]
mod tests;

/// How long a string may be, in bytes, unless said otherwise: Twisted's own 99,999.
pub const MAX_PREFIXED: usize = 99_999;

/// How the length is written: big-endian, in so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// One byte: at most 255.
    Int8,
    /// Two bytes: at most 65,535.
    Int16,
    /// Four bytes: at most 4,294,967,295.
    Int32,
}

/// A string that is longer than its prefix can say (TW-113).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot send a string of {length} bytes behind a prefix of {prefix:?}")]
pub struct StringTooLong {
    /// How long it is.
    pub length: usize,
    /// What was to say so.
    pub prefix: Prefix,
}

impl Prefix {
    /// Bytes of the length itself.
    const fn size(self) -> usize {
        match self {
            Prefix::Int8 => 1,
            Prefix::Int16 => 2,
            Prefix::Int32 => 4,
        }
    }

    /// Sends `string` behind its length, without copying it.
    ///
    /// # Errors
    /// When the prefix cannot say how long it is; nothing is sent.
    pub fn send(self, transport: &Transport, string: impl Into<Bytes>) -> Result<(), StringTooLong> {
        let string = string.into();
        let bytes = (string.len() as u64).to_be_bytes();
        let (rest, prefix) = bytes.split_at(bytes.len() - self.size());
        if rest.iter().any(|byte| *byte != 0) {
            return Err(StringTooLong { length: string.len(), prefix: self });
        }
        transport.write_sequence([Bytes::copy_from_slice(prefix), string]);
        Ok(())
    }
}

/// Turns a [`StringProtocol`] into a protocol of bytes. A string that announces more than the limit ends the connection,
/// well, before a byte of it is kept (TW-113).
pub struct PrefixedReceiver<S> {
    prefix: Prefix,
    limit: usize,
    /// At most a string that is not whole, with its prefix, and what one read brings.
    buffer: BytesMut,
    /// The first byte of the buffer, counted from the first of the connection.
    offset: u64,
    broken: bool,
    strings: S,
}

impl<S: StringProtocol> PrefixedReceiver<S> {
    /// Strings of at most `limit` bytes; [`MAX_PREFIXED`] is the usual limit.
    pub fn new(strings: S, prefix: Prefix, limit: usize) -> PrefixedReceiver<S> {
        PrefixedReceiver { prefix, limit, buffer: BytesMut::new(), offset: 0, broken: false, strings }
    }

    /// The length that stands first, once all of it has come.
    fn length(&self) -> Option<usize> {
        let prefix = self.buffer.get(..self.prefix.size())?;
        let length = prefix.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        Some(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn ending(&self) -> Result<(), Malformed> {
        let reason = match self.broken {
            true => wire::Reason::TooLong { limit: self.limit },
            false if self.buffer.is_empty() => return Ok(()),
            false => wire::Reason::Truncated,
        };
        Err(Malformed { offset: self.offset, reason })
    }
}

impl<S: StringProtocol> Protocol for PrefixedReceiver<S> {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        self.strings.connection_made(transport)
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled {
        if self.broken {
            return Ok(());
        }
        self.buffer.extend_from_slice(data);
        while transport.is_connected() {
            let Some(length) = self.length() else { break };
            if length > self.limit {
                self.broken = true;
                self.buffer.clear();
                transport.lose_connection();
                break;
            }
            let whole = self.prefix.size() + length;
            if self.buffer.len() < whole {
                break;
            }
            let mut string = self.buffer.split_to(whole).freeze();
            string.advance(self.prefix.size());
            self.offset += whole as u64;
            self.strings.string_received(transport, string)?;
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        let ending = self.ending();
        self.strings.connection_lost(reason, ending);
    }

    fn handles_half_close(&self) -> bool {
        self.strings.handles_half_close()
    }

    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        self.strings.read_connection_lost(transport)
    }
}

impl<S> fmt::Debug for PrefixedReceiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrefixedReceiver").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
