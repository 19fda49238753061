//! One poem off the wire, piece by piece, for whoever counts, shows or passes it on while it comes.
//!
//! What [`raw::Collector`](super::raw::Collector) and [`netstring::Decoder`](super::netstring::Decoder) are for one
//! who wants the whole poem, this is for one who cannot wait for it: it holds no byte of the poem itself.

use bytes::{Bytes, BytesMut};

use super::length::Length;
use super::{Malformed, Reason};

/// Bytes to the pieces of one poem.
///
/// ```
/// use bytes::BytesMut;
/// use verse::wire::pieces::Pieces;
///
/// let mut poem = Pieces::netstring(100);
/// let mut input = BytesMut::from("8:Scien");
/// assert_eq!(poem.next(&mut input).unwrap().unwrap(), "Scien");
/// assert_eq!((poem.announced(), poem.received()), (Some(8), 5));
/// input.extend_from_slice(b"ce!,");
/// assert_eq!(poem.next(&mut input).unwrap().unwrap(), "ce!");
/// assert_eq!(poem.next(&mut input).unwrap(), None);
/// assert!(poem.is_whole());
/// ```
#[derive(Debug)]
pub struct Pieces {
    limit: usize,
    received: usize,
    offset: u64,
    announced: Option<usize>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A raw poem: everything up to the end of the stream.
    Raw,
    /// Reading digits, up to the colon.
    Length(Length),
    /// So many bytes of the poem have not come yet.
    Body(usize),
    /// All bytes are there; their comma is not.
    Comma,
    /// The poem is whole, and its frame closed.
    Whole,
    /// It was malformed; nothing is read any more.
    Failed(Malformed),
}

impl Pieces {
    /// A poem that ends where its stream does, of at most `limit` bytes
    /// ([`raw::DEFAULT_LIMIT`](super::raw::DEFAULT_LIMIT) by default).
    #[must_use]
    pub fn raw(limit: usize) -> Self {
        Self { limit, received: 0, offset: 0, announced: None, state: State::Raw }
    }

    /// A poem in one netstring of at most `limit` bytes. What comes after its comma stays in the input.
    #[must_use]
    pub fn netstring(limit: usize) -> Self {
        Self { state: State::Length(Length::default()), ..Self::raw(limit) }
    }

    /// Takes bytes from `input` and gives the next piece of the poem, never empty and without a copy.
    ///
    /// `None` means that more input is needed, unless the poem [is whole](Self::is_whole).
    ///
    /// # Errors
    ///
    /// [`Malformed`], with the offset of the first byte that is wrong; from then on the same error each time.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, Malformed> {
        while !input.is_empty() {
            match &mut self.state {
                State::Raw if self.received == self.limit => {
                    return Err(self.fail(Reason::TooLong { limit: self.limit }));
                }
                State::Raw => return Ok(Some(self.take(input, self.limit - self.received))),
                State::Length(length) if input[0] == b':' => match length.end() {
                    Ok(announced) => {
                        self.announced = Some(announced);
                        self.state = if announced == 0 { State::Comma } else { State::Body(announced) };
                        self.skip(input);
                    }
                    Err(reason) => return Err(self.fail(reason)),
                },
                State::Length(length) => match length.push(input[0], self.limit) {
                    Ok(()) => self.skip(input),
                    Err(reason) => return Err(self.fail(reason)),
                },
                State::Body(missing) => {
                    let missing = *missing;
                    let piece = self.take(input, missing);
                    let missing = missing - piece.len();
                    self.state = if missing == 0 { State::Comma } else { State::Body(missing) };
                    return Ok(Some(piece));
                }
                State::Comma if input[0] == b',' => {
                    self.skip(input);
                    self.state = State::Whole;
                }
                State::Comma => return Err(self.fail(Reason::NoComma(input[0]))),
                State::Whole => return Ok(None),
                State::Failed(malformed) => return Err(malformed.clone()),
            }
        }
        match &self.state {
            State::Failed(malformed) => Err(malformed.clone()),
            _ => Ok(None),
        }
    }

    /// How many bytes of the poem there will be, once a netstring has said so.
    #[must_use]
    pub fn announced(&self) -> Option<usize> {
        self.announced
    }

    /// How many bytes of the poem have come.
    #[must_use]
    pub fn received(&self) -> usize {
        self.received
    }

    /// Whether the frame is closed: nothing more needs to be read. Never so for a raw poem.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.state, State::Whole)
    }

    /// The stream has ended: was that where the poem does?
    ///
    /// # Errors
    ///
    /// [`Reason::Empty`] if not one byte came, [`Reason::Truncated`] in mid netstring, or what was malformed before.
    pub fn finish(&self) -> Result<(), Malformed> {
        match &self.state {
            State::Failed(malformed) => Err(malformed.clone()),
            _ if self.offset == 0 => Err(Malformed { offset: 0, reason: Reason::Empty }),
            State::Raw | State::Whole => Ok(()),
            _ => Err(Malformed { offset: self.offset, reason: Reason::Truncated }),
        }
    }

    fn take(&mut self, input: &mut BytesMut, most: usize) -> Bytes {
        let piece = input.split_to(most.min(input.len())).freeze();
        self.received += piece.len();
        self.offset += piece.len() as u64;
        piece
    }

    fn skip(&mut self, input: &mut BytesMut) {
        let _ = input.split_to(1);
        self.offset += 1;
    }

    fn fail(&mut self, reason: Reason) -> Malformed {
        let malformed = Malformed { offset: self.offset, reason };
        self.state = State::Failed(malformed.clone());
        malformed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::netstring::Decoder;
    use crate::wire::raw::Collector;

    /// What came of `bytes`, given in parts of `step`, and how the stream ended.
    fn all(mut poem: Pieces, bytes: &[u8], step: usize) -> (Vec<u8>, bool, Result<(), Malformed>) {
        let (mut input, mut out) = (BytesMut::new(), Vec::new());
        for part in bytes.chunks(step) {
            input.extend_from_slice(part);
            loop {
                match poem.next(&mut input) {
                    Ok(Some(piece)) => {
                        assert!(!piece.is_empty());
                        out.extend_from_slice(&piece);
                    }
                    Ok(None) => break,
                    Err(malformed) => return (out, false, Err(malformed)),
                }
            }
        }
        (out, poem.is_whole(), poem.finish())
    }

    /// Bytes that are often nearly a netstring.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            "[0-9]{0,3}:[a-z]{0,20},?".prop_map(String::into_bytes),
            (proptest::collection::vec(any::<u8>(), 0..30), 0..40_usize).prop_map(|(body, cut)| {
                let frame = crate::wire::netstring::encode(&body);
                frame[..cut.min(frame.len())].to_vec()
            }),
        ]
    }

    proptest! {
        #[test]
        fn pieces_of_a_netstring_are_what_the_decoder_gives(bytes in stream(), step in 1..50_usize, limit in 0..40_usize) {
            let (out, whole, end) = all(Pieces::netstring(limit), &bytes, step);
            let (mut decoder, mut rest) = (Decoder::new(limit), &bytes[..]);
            match decoder.decode(&mut rest) {
                Ok(Some(frame)) => {
                    prop_assert!(whole && end.is_ok());
                    prop_assert_eq!(out, frame);
                }
                Ok(None) if bytes.is_empty() => prop_assert_eq!(end.unwrap_err().reason, Reason::Empty),
                Ok(None) => prop_assert_eq!(end, decoder.finish()),
                Err(malformed) => prop_assert_eq!(end, Err(malformed)),
            }
        }

        #[test]
        fn pieces_of_a_raw_poem_are_what_the_collector_gathers(bytes in stream(), step in 1..50_usize, limit in 0..40_usize) {
            let (out, whole, end) = all(Pieces::raw(limit), &bytes, step);
            prop_assert!(!whole);
            let mut collector = Collector::new(limit);
            let fed = collector.feed(&mut &bytes[..]).map(drop);
            prop_assert_eq!(&out[..], collector.so_far());
            prop_assert_eq!(end, fed.and_then(|()| collector.finish().map(drop)));
        }
    }

    #[test]
    fn what_comes_after_a_whole_netstring_is_left_alone() {
        let (mut poem, mut input) = (Pieces::netstring(9), BytesMut::from("2:ab,rest"));
        assert_eq!(poem.next(&mut input).unwrap().unwrap(), "ab");
        assert_eq!(poem.next(&mut input).unwrap(), None);
        assert!(poem.is_whole());
        assert_eq!(input, "rest");
    }
}
