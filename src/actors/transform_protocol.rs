//! The two protocols of the transform service, as its connections see them: bytes to requests, answers to bytes.

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::wire::lines::{Answer, RequestDecoder};
use crate::wire::request::Request;
use crate::wire::{Malformed, netstring};

/// Up to this length an answer is copied into one piece: that is cheaper than the system calls of three.
const ONE_PIECE: usize = 64 << 10;

/// One side of a conversation with a client of the transform service. Knows no socket and no clock.
pub trait TransformProtocol: fmt::Debug + Sized + 'static {
    /// For requests of at most `limit` bytes.
    fn new(limit: usize) -> Self;

    /// The next request in `input`, once it is whole; `None` when all of `input` is taken.
    ///
    /// # Errors
    /// The first byte that is wrong, counted from the first of the connection.
    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Request>, Malformed>;

    /// Whether it is between two requests.
    ///
    /// # Errors
    /// Where it is, if not.
    fn finish(&self) -> Result<(), Malformed>;

    /// The good answer.
    fn answer(poem: Bytes) -> Vec<Bytes>;

    /// The answer to what is not done, for this reason, if the protocol has one.
    fn refusal(reason: &str) -> Option<Bytes>;
}

/// The protocol of Part 12: `<name>.<poem>` in a netstring, answered by the poem in another, or by the end of the
/// connection.
#[derive(Debug)]
pub struct Netstrings(netstring::Decoder);

impl TransformProtocol for Netstrings {
    fn new(limit: usize) -> Self {
        Self(netstring::Decoder::new(limit))
    }

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Request>, Malformed> {
        let Some(frame) = self.0.decode(input)? else { return Ok(None) };
        // The frame ends before the comma that was taken last.
        let start = self.0.offset() - 1 - frame.len() as u64;
        let request = Request::parse(&frame);
        request.map(Some).map_err(|wrong| Malformed { offset: start + wrong.offset, ..wrong })
    }

    fn finish(&self) -> Result<(), Malformed> {
        self.0.finish()
    }

    fn answer(poem: Bytes) -> Vec<Bytes> {
        if poem.len() <= ONE_PIECE { vec![netstring::encode(&poem)] } else { netstring::parts(poem).into() }
    }

    fn refusal(_: &str) -> Option<Bytes> {
        None
    }
}

/// The second protocol: `NAME LENGTH\n` and the poem, answered `OK LENGTH\n` and the poem, or `ERR reason\n`.
#[derive(Debug)]
pub struct Lines(RequestDecoder);

impl TransformProtocol for Lines {
    fn new(limit: usize) -> Self {
        Self(RequestDecoder::new(limit))
    }

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Request>, Malformed> {
        self.0.decode(input)
    }

    fn finish(&self) -> Result<(), Malformed> {
        self.0.finish()
    }

    fn answer(poem: Bytes) -> Vec<Bytes> {
        vec![Answer::Ok(poem).to_lines()]
    }

    fn refusal(reason: &str) -> Option<Bytes> {
        Some(Answer::Err(reason.to_owned()).to_lines())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Reason;

    fn wrong<P: TransformProtocol>(bytes: &str) -> Malformed {
        P::new(100).decode(&mut BytesMut::from(bytes)).expect_err(bytes)
    }

    #[test]
    fn what_is_wrong_with_a_request_is_counted_from_the_first_byte_of_the_connection() {
        let mut protocol = Netstrings::new(100);
        let mut input = BytesMut::from("13:cummingsify.X,5:shout,");
        assert_eq!(protocol.decode(&mut input).unwrap().unwrap().name, "cummingsify");
        let wrong = protocol.decode(&mut input).unwrap_err();
        assert_eq!(
            (wrong.offset, wrong.reason),
            (24, Reason::NoDot),
            "where the dot should have come: its comma"
        );
    }

    #[test]
    fn both_protocols_refuse_a_length_before_what_it_announces() {
        assert_eq!(
            wrong::<Netstrings>("101:"),
            Malformed { offset: 2, reason: Reason::TooLong { limit: 100 } }
        );
        assert_eq!(
            wrong::<Lines>("shout 101\n"),
            Malformed { offset: 8, reason: Reason::TooLong { limit: 100 } }
        );
    }

    #[test]
    fn a_long_answer_is_the_same_bytes_as_a_short_one() {
        for length in [0, ONE_PIECE, ONE_PIECE + 1] {
            let poem = Bytes::from(vec![b'v'; length]);
            assert_eq!(Netstrings::answer(poem.clone()).concat(), netstring::encode(&poem), "{length}");
        }
    }
}
