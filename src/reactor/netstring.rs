//! Netstrings over a transport: Twisted's `NetstringReceiver`, on the decoder of [`crate::wire::netstring`].

use std::fmt;

use bytes::Bytes;

use super::protocol::{Handled, Protocol};
use super::reason::Reason;
use super::transport::Transport;
use crate::wire::Malformed;
use crate::wire::netstring::{Decoder, parts};

#[cfg(test)]
mod tests;

/// A protocol that speaks in netstrings. Its strings arrive whole, however the stream was cut (TW-106).
pub trait StringProtocol: 'static {
    /// As [`Protocol::connection_made`].
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset.
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        let _ = transport;
        Ok(())
    }

    /// One string came. What follows in the same chunk is delivered too, also after a `lose_connection` in here
    /// (TW-109), but not after an `abort_connection`.
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset, and not taken for a parse error (TW-110).
    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled;

    /// The connection is over. `ending` is an error when the peer broke the protocol (Twisted's `brokenPeer`) or
    /// the stream ended in mid string, for whatever `reason`.
    fn connection_lost(&mut self, reason: &Reason, ending: Result<(), Malformed>) {
        let _ = (reason, ending);
    }

    /// As [`Protocol::handles_half_close`].
    fn handles_half_close(&self) -> bool {
        false
    }

    /// As [`Protocol::read_connection_lost`].
    ///
    /// # Errors
    /// Whatever makes the connection useless; it is reset.
    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        transport.lose_connection();
        Ok(())
    }
}

/// Turns a [`StringProtocol`] into a protocol of bytes.
///
/// What is no netstring ends the connection, well: strings before it in the same chunk are delivered, nothing after
/// it (TW-107, TW-109). A string that announces more than the limit is refused on its prefix (TW-108).
pub struct NetstringReceiver<S> {
    decoder: Decoder,
    strings: S,
}

impl<S: StringProtocol> NetstringReceiver<S> {
    /// Strings of at most `limit` bytes; [`DEFAULT_LIMIT`](crate::wire::netstring::DEFAULT_LIMIT), 1 MiB, is the
    /// usual one here. (Twisted's is 99,999.)
    pub fn new(strings: S, limit: usize) -> NetstringReceiver<S> {
        NetstringReceiver { decoder: Decoder::new(limit), strings }
    }
}

impl<S> NetstringReceiver<S> {
    /// Whether some of a string has come and the rest has not.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.decoder.finish().is_err()
    }
}

impl<S> fmt::Debug for NetstringReceiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetstringReceiver").field("decoder", &self.decoder).finish_non_exhaustive()
    }
}

/// Sends `string` as a netstring, without copying it. Not limited in length (TW-110).
pub fn send_string(transport: &Transport, string: impl Into<Bytes>) {
    transport.write_sequence(parts(string.into()));
}

impl<S: StringProtocol> Protocol for NetstringReceiver<S> {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        self.strings.connection_made(transport)
    }

    fn data_received(&mut self, transport: &Transport, mut data: &[u8]) -> Handled {
        while transport.is_connected() {
            match self.decoder.decode(&mut data) {
                Ok(Some(string)) => self.strings.string_received(transport, string)?,
                Ok(None) => break,
                Err(_) => {
                    // The decoder keeps it, for `connection_lost`.
                    transport.lose_connection();
                    break;
                }
            }
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        self.strings.connection_lost(reason, self.decoder.finish());
    }

    fn handles_half_close(&self) -> bool {
        self.strings.handles_half_close()
    }

    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        self.strings.read_connection_lost(transport)
    }
}
