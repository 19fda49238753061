//! What was written and is not sent yet.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Pieces handed to the kernel in one call: more gain nothing, and the kernel's own bound is 1024.
const PIECES_A_CALL: usize = 64;

/// A queue of byte pieces, shared with their writer, never copied.
#[derive(Debug, Default)]
pub(crate) struct OutBuffer {
    pieces: VecDeque<Bytes>,
    len: usize,
}

impl OutBuffer {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// The first pieces, as one call takes them.
    pub(crate) fn slices(&self) -> Vec<IoSlice<'_>> {
        self.pieces.iter().take(PIECES_A_CALL).map(|piece| IoSlice::new(piece)).collect()
    }

    /// Forgets the first `sent` bytes.
    pub(crate) fn advance(&mut self, mut sent: usize) {
        self.len = self.len.saturating_sub(sent);
        while let Some(first) = self.pieces.front_mut() {
            if sent < first.len() {
                first.advance(sent);
                return;
            }
            sent -= first.len();
            self.pieces.pop_front();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(buffer: &OutBuffer) -> Vec<u8> {
        buffer.slices().iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn sending_any_number_of_bytes_leaves_exactly_the_rest() {
        for sent in 0..=10 {
            let mut buffer = OutBuffer::default();
            for piece in ["abc", "", "defg", "hij"] {
                buffer.push(Bytes::from_static(piece.as_bytes()));
            }
            buffer.advance(sent);
            assert_eq!(joined(&buffer), &b"abcdefghij"[sent..]);
            assert_eq!(buffer.len(), 10 - sent);
            assert_eq!(buffer.is_empty(), sent == 10);
        }
    }
}
