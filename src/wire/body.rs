//! A run of bytes of a known length.

use bytes::{Buf, Bytes, BytesMut};

/// The bytes of a frame, of which `missing` have not come yet.
#[derive(Debug, Default)]
pub(super) struct Body {
    bytes: BytesMut,
    missing: usize,
}

impl Body {
    /// A body of `length` bytes, none of which has come. Reserves nothing: a peer that announces a megabyte and
    /// then says no more costs no megabyte.
    pub(super) fn new(length: usize) -> Self {
        Self { bytes: BytesMut::new(), missing: length }
    }

    /// Takes what it lacks from `input`, and gives the body once it is whole.
    ///
    /// A body that lies whole in `input` is split off without a copy if `input` is [`Bytes`] or [`BytesMut`];
    /// one that comes in pieces is copied once.
    pub(super) fn take(&mut self, input: &mut impl Buf) -> Option<Bytes> {
        if self.bytes.is_empty() && input.remaining() >= self.missing {
            return Some(input.copy_to_bytes(std::mem::take(&mut self.missing)));
        }
        while self.missing > 0 && input.has_remaining() {
            let chunk = input.chunk();
            let taken = chunk.len().min(self.missing);
            self.bytes.extend_from_slice(&chunk[..taken]);
            self.missing -= taken;
            input.advance(taken);
        }
        (self.missing == 0).then(|| std::mem::take(&mut self.bytes).freeze())
    }

    /// How many bytes it holds.
    pub(super) fn buffered(&self) -> usize {
        self.bytes.len()
    }
}
