//! What goes over the wire: bytes to frames and back.
//!
//! | module | bytes | used by |
//! |---|---|---|
//! | [`raw`] | a poem, ended by the end of the stream | poem servers, clients, the proxy (Part 2) |
//! | [`netstring`] | `13:cummingsify.X,` | the transform service (Part 12), poems with `--framing netstring` |
//! | [`pieces`] | either of these, while it comes | downloads |
//! | [`request`] | `<name>.<poem>` in a netstring | the transform service (Part 12) |
//! | [`lines`] | `NAME LENGTH\n` + bytes, answered `OK LENGTH\n` + bytes or `ERR reason\n` | its second protocol (`--lines-port`) |
//!
//! Everything here is pure and incremental: it knows no socket and no clock, takes its input from any
//! [`bytes::Buf`] in pieces of any size, and gives the same frames, or the same [`Malformed`] at the same
//! offset, however the bytes were split. A length is checked against its limit before a byte of what it
//! announces is kept, and memory grows with the bytes that came, never with those that were promised.

mod body;
mod length;
pub mod lines;
pub mod netstring;
pub mod pieces;
pub mod raw;
pub mod request;

use thiserror::Error;

/// Why bytes from a peer are not what its protocol says, and where.
///
/// A connection that gets one is over: the decoder that gave it gives it again for whatever comes after.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("byte {offset}: {reason}")]
pub struct Malformed {
    /// Which byte: counted from 0, over all the decoder was ever fed ([`request::Request::parse`]: within the
    /// frame).
    pub offset: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a byte.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Reason {
    /// A length has something else than a digit in it.
    #[error("{} where a digit of a length was due", shown(*.0))]
    NotADigit(u8),
    /// A length is empty.
    #[error("a length without digits")]
    NoLength,
    /// A length of more than one digit begins with 0: two spellings of one length are one too many.
    #[error("a length with a leading zero")]
    LeadingZero,
    /// More bytes are announced, or came, than are allowed.
    #[error("more than {limit} bytes")]
    TooLong {
        /// How many are allowed.
        limit: usize,
    },
    /// A netstring does not end with its comma.
    #[error("{} where the comma of a netstring was due", shown(*.0))]
    NoComma(u8),
    /// A transform request without the dot that ends the name (Part 12: "bad request").
    #[error("no dot ends the name")]
    NoDot,
    /// A transform request without a name.
    #[error("no name")]
    NoName,
    /// A name has something else in it than letters, digits and other visible ASCII.
    #[error("{} in a name", shown(*.0))]
    BadName(u8),
    /// A name longer than any transform has.
    #[error("a name of more than {limit} bytes")]
    NameTooLong {
        /// How long a name may be.
        limit: usize,
    },
    /// A line does not end where the longest must have.
    #[error("a line of more than {limit} bytes")]
    LineTooLong {
        /// How long a line may be, without its newline.
        limit: usize,
    },
    /// An answer line that is neither `OK LENGTH` nor `ERR reason`.
    #[error("an answer that is neither OK nor ERR")]
    NoAnswer,
    /// The stream ended in the middle of a frame.
    #[error("the stream ended in mid frame")]
    Truncated,
    /// The stream ended before its first byte: a server that dies before it sends must not pass for an empty
    /// poem.
    #[error("the stream ended without a single byte")]
    Empty,
}

/// A byte as a person reads it: `'x'`, or `byte 0x07` if it has no shape.
fn shown(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("'{}'", byte as char) } else { format!("byte {byte:#04x}") }
}

#[cfg(test)]
mod tests;
