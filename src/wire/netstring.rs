//! Netstrings: `LENGTH:BYTES,`.
//!
//! The series sends transform requests and answers in them (Part 12); with `--framing netstring` poems too, and
//! then a truncated poem is always seen. As strict as D. J. Bernstein's definition: decimal length without
//! leading zeros (`0:,` is the empty string), exactly one comma, nothing between two netstrings.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::body::Body;
use super::length::Length;
use super::{Malformed, Reason};

/// How many bytes a netstring may carry unless told otherwise: 1 MiB, fifty times the longest poem shipped
/// here, and little enough that a thousand connections with one each fit into a gigabyte.
pub const DEFAULT_LIMIT: usize = 1 << 20;

/// Bytes to netstrings.
///
/// ```
/// use verse::wire::netstring::{DEFAULT_LIMIT, Decoder};
///
/// let mut decoder = Decoder::new(DEFAULT_LIMIT);
/// let mut first = &b"13:cumm"[..];
/// assert_eq!(decoder.decode(&mut first).unwrap(), None);
/// let mut second = &b"ingsify.X,0"[..];
/// assert_eq!(decoder.decode(&mut second).unwrap().unwrap(), "cummingsify.X");
/// assert!(decoder.finish().is_ok(), "the 0 is still in `second`: nothing has begun");
/// ```
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    offset: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Reading digits, up to the colon.
    Length(Length),
    /// Reading the bytes the length announced.
    Body(Body),
    /// All bytes are there; their comma is not.
    Comma(Bytes),
    /// It was malformed; nothing is read any more.
    Failed(Malformed),
}

impl Decoder {
    /// A decoder of netstrings of at most `limit` bytes each (any number, [`DEFAULT_LIMIT`] by default; 0
    /// allows only the empty one).
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, offset: 0, state: State::Length(Length::default()) }
    }

    /// Takes bytes from `input` and gives the next netstring as soon as it is whole.
    ///
    /// `None` means that all of `input` was taken and more is needed. After a netstring the rest stays in `input`:
    /// call again until it gives `None`. Feed it a `BytesMut` or `Bytes` for frames without a copy, or a
    /// `&[u8]`.
    ///
    /// # Errors
    ///
    /// [`Malformed`], with the offset of the first byte that is wrong; from then on the same error each time.
    pub fn decode(&mut self, input: &mut impl Buf) -> Result<Option<Bytes>, Malformed> {
        while input.has_remaining() {
            match &mut self.state {
                State::Length(length) => {
                    let byte = input.chunk()[0];
                    let step = if byte == b':' {
                        length.end().map(Some)
                    } else {
                        length.push(byte, self.limit).map(|()| None)
                    };
                    match step {
                        Ok(Some(announced)) => self.state = State::Body(Body::new(announced)),
                        Ok(None) => {}
                        Err(reason) => return Err(self.fail(reason)),
                    }
                    input.advance(1);
                    self.offset += 1;
                }
                State::Body(body) => {
                    let before = input.remaining();
                    let whole = body.take(input);
                    self.offset += (before - input.remaining()) as u64;
                    if let Some(payload) = whole {
                        self.state = State::Comma(payload);
                    }
                }
                State::Comma(payload) => {
                    let byte = input.chunk()[0];
                    if byte != b',' {
                        return Err(self.fail(Reason::NoComma(byte)));
                    }
                    let payload = std::mem::take(payload);
                    input.advance(1);
                    self.offset += 1;
                    self.state = State::Length(Length::default());
                    return Ok(Some(payload));
                }
                State::Failed(malformed) => return Err(malformed.clone()),
            }
        }
        match &self.state {
            State::Failed(malformed) => Err(malformed.clone()),
            _ => Ok(None),
        }
    }

    /// The stream has ended: was that between two netstrings?
    ///
    /// # Errors
    ///
    /// [`Reason::Truncated`] if one had begun, or what was malformed before.
    pub fn finish(&self) -> Result<(), Malformed> {
        match &self.state {
            State::Length(length) if length.is_empty() => Ok(()),
            State::Failed(malformed) => Err(malformed.clone()),
            _ => Err(Malformed { offset: self.offset, reason: Reason::Truncated }),
        }
    }

    /// How many bytes of an unfinished netstring it holds: never more than the limit.
    #[must_use]
    pub fn buffered(&self) -> usize {
        match &self.state {
            State::Length(_) | State::Failed(_) => 0,
            State::Body(body) => body.buffered(),
            State::Comma(payload) => payload.len(),
        }
    }

    /// How many bytes it has taken in all.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn fail(&mut self, reason: Reason) -> Malformed {
        let malformed = Malformed { offset: self.offset, reason };
        self.state = State::Failed(malformed.clone());
        malformed
    }
}

/// `payload` as one netstring, copied into one buffer.
#[must_use]
pub fn encode(payload: &[u8]) -> Bytes {
    let header = header(payload.len());
    let mut out = BytesMut::with_capacity(header.len() + payload.len() + 1);
    out.put(header);
    out.put(payload);
    out.put_u8(b',');
    out.freeze()
}

/// `payload` as the three parts of a netstring, for a vectored write that copies no poem.
#[must_use]
pub fn parts(payload: Bytes) -> [Bytes; 3] {
    [header(payload.len()), payload, Bytes::from_static(b",")]
}

fn header(length: usize) -> Bytes {
    Bytes::from(format!("{length}:"))
}
