//! The raw poem protocol: all the bytes of the poem, and the end of the stream is the end of the poem (Part 2).
//!
//! It has no length, so only how the stream ended tells whether the poem is whole: a reset or a time-out is the
//! business of whoever reads the socket; what can be said of the bytes alone is said here.

use bytes::{Buf, Bytes, BytesMut};

use super::{Malformed, Reason};

/// How many bytes of a poem are received unless told otherwise: 64 MiB, ten times the longest epic, so that a
/// peer that sends without end fills no memory.
pub const DEFAULT_LIMIT: usize = 64 << 20;

/// Gathers a poem.
///
/// ```
/// use verse::wire::raw::{Collector, DEFAULT_LIMIT};
///
/// let mut poem = Collector::new(DEFAULT_LIMIT);
/// poem.feed(&mut &b"Science! true daughter"[..]).unwrap();
/// poem.feed(&mut &b" of Old Time thou art!\n"[..]).unwrap();
/// assert_eq!(poem.finish().unwrap(), "Science! true daughter of Old Time thou art!\n");
/// ```
#[derive(Debug)]
pub struct Collector {
    limit: usize,
    bytes: BytesMut,
    overflown: bool,
}

impl Collector {
    /// A collector of a poem of at most `limit` bytes ([`DEFAULT_LIMIT`] by default).
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, bytes: BytesMut::new(), overflown: false }
    }

    /// Takes all of `input` and says how many bytes that was.
    ///
    /// # Errors
    ///
    /// [`Reason::TooLong`], at the first byte past the limit; the limit's worth before it is kept, nothing
    /// after.
    pub fn feed(&mut self, input: &mut impl Buf) -> Result<usize, Malformed> {
        let before = self.bytes.len();
        while input.has_remaining() {
            let chunk = input.chunk();
            let taken = chunk.len().min(self.limit - self.bytes.len());
            if taken == 0 {
                self.overflown = true;
                return Err(self.too_long());
            }
            self.bytes.extend_from_slice(&chunk[..taken]);
            input.advance(taken);
        }
        Ok(self.bytes.len() - before)
    }

    /// How many bytes have come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// No byte has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What has come so far, for one who shows a poem while it arrives.
    #[must_use]
    pub fn so_far(&self) -> &[u8] {
        &self.bytes
    }

    /// The stream has ended well: the poem.
    ///
    /// # Errors
    ///
    /// [`Reason::Empty`] if not one byte came, [`Reason::TooLong`] if too many did.
    pub fn finish(self) -> Result<Bytes, Malformed> {
        if self.overflown {
            return Err(self.too_long());
        }
        if self.bytes.is_empty() {
            return Err(Malformed { offset: 0, reason: Reason::Empty });
        }
        Ok(self.bytes.freeze())
    }

    fn too_long(&self) -> Malformed {
        Malformed { offset: self.limit as u64, reason: Reason::TooLong { limit: self.limit } }
    }
}
