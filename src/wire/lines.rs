//! The transform service's second protocol (`--lines-port`): a line, then as many bytes as it says.
//!
//! A request is `NAME LENGTH\n` and the poem; an answer is `OK LENGTH\n` and the poem, or `ERR reason\n`.
//! Unlike the netstring protocol it says why a transformation failed, and a person can type its first line.
//! Lines end with `\n` alone.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::body::Body;
use super::length::Length;
use super::request::{self, NAME_LIMIT, Request};
use super::{Malformed, Reason};

/// The longest request line, without its newline: the longest name, a space, and the 20 digits of the longest
/// length.
pub const REQUEST_LINE_LIMIT: usize = NAME_LIMIT + 1 + 20;

/// The longest answer line, without its newline: room for a sentence that says why, no more.
pub const ANSWER_LINE_LIMIT: usize = 512;

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The transformed poem.
    Ok(Bytes),
    /// Why there is none: one line of text.
    Err(String),
}

impl Request {
    /// The request in the line protocol.
    #[must_use]
    pub fn to_lines(&self) -> Bytes {
        with_body(&self.name, &self.poem)
    }
}

impl Answer {
    /// The answer in the line protocol. A reason is made to fit into its line: control characters become
    /// spaces, and what is past [`ANSWER_LINE_LIMIT`] is left out.
    #[must_use]
    pub fn to_lines(&self) -> Bytes {
        match self {
            Self::Ok(poem) => with_body("OK", poem),
            Self::Err(reason) => {
                let mut line = String::from("ERR ");
                for c in reason.chars().map(|c| if c.is_control() { ' ' } else { c }) {
                    if line.len() + c.len_utf8() > ANSWER_LINE_LIMIT {
                        break;
                    }
                    line.push(c);
                }
                line.push('\n');
                Bytes::from(line)
            }
        }
    }
}

fn with_body(word: &str, body: &Bytes) -> Bytes {
    let line = format!("{word} {}\n", body.len());
    let mut out = BytesMut::with_capacity(line.len() + body.len());
    out.put(line.as_bytes());
    out.put(body.clone());
    out.freeze()
}

/// Bytes to requests: the server's side.
#[derive(Debug)]
pub struct RequestDecoder(Decoder<String>);

impl RequestDecoder {
    /// A decoder of requests with poems of at most `limit` bytes
    /// ([`netstring::DEFAULT_LIMIT`](super::netstring::DEFAULT_LIMIT) by default, as for the other protocol).
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Decoder::new(limit, REQUEST_LINE_LIMIT))
    }

    /// Takes bytes from `input` and gives the next request as soon as it is whole; otherwise like
    /// [`netstring::Decoder::decode`](super::netstring::Decoder::decode).
    ///
    /// # Errors
    ///
    /// [`Malformed`], with the offset of the first byte that is wrong; from then on the same error each time.
    pub fn decode(&mut self, input: &mut impl Buf) -> Result<Option<Request>, Malformed> {
        let limit = self.0.limit;
        let parse = |line: &[u8]| {
            let space = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
            let name = request::name(&line[..space])?;
            Ok(Head::Body(name, length(line, space + 1, limit)?))
        };
        Ok(self.0.decode(input, parse)?.map(|(name, poem)| Request { name, poem }))
    }

    /// The stream has ended: was that between two requests?
    ///
    /// # Errors
    ///
    /// [`Reason::Truncated`] if one had begun, or what was malformed before.
    pub fn finish(&self) -> Result<(), Malformed> {
        self.0.finish()
    }

    /// How many bytes of an unfinished request it holds: never more than [`REQUEST_LINE_LIMIT`] or the limit of
    /// a poem, whichever is more.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.0.buffered()
    }
}

/// Bytes to answers: the client's side.
#[derive(Debug)]
pub struct AnswerDecoder(Decoder<Result<(), String>>);

impl AnswerDecoder {
    /// A decoder of answers with poems of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Decoder::new(limit, ANSWER_LINE_LIMIT))
    }

    /// As [`RequestDecoder::decode`].
    ///
    /// # Errors
    ///
    /// As [`RequestDecoder::decode`].
    pub fn decode(&mut self, input: &mut impl Buf) -> Result<Option<Answer>, Malformed> {
        let limit = self.0.limit;
        let parse = |line: &[u8]| {
            if line.starts_with(b"OK ") {
                Ok(Head::Body(Ok(()), length(line, 3, limit)?))
            } else if let Some(reason) = line.strip_prefix(b"ERR ") {
                Ok(Head::Alone(Err(String::from_utf8_lossy(reason).into_owned())))
            } else {
                Err((0, Reason::NoAnswer))
            }
        };
        Ok(self.0.decode(input, parse)?.map(|(head, poem)| match head {
            Ok(()) => Answer::Ok(poem),
            Err(reason) => Answer::Err(reason),
        }))
    }

    /// As [`RequestDecoder::finish`].
    ///
    /// # Errors
    ///
    /// As [`RequestDecoder::finish`].
    pub fn finish(&self) -> Result<(), Malformed> {
        self.0.finish()
    }
}

/// The length that begins at byte `from` of `line` and ends it.
fn length(line: &[u8], from: usize, limit: usize) -> Result<usize, (usize, Reason)> {
    let mut length = Length::default();
    for (at, &byte) in line.iter().enumerate().skip(from) {
        length.push(byte, limit).map_err(|reason| (at, reason))?;
    }
    length.end().map_err(|reason| (line.len(), reason))
}

/// What a line announces.
enum Head<H> {
    /// A body of so many bytes comes after it.
    Body(H, usize),
    /// Nothing comes after it.
    Alone(H),
}

/// A line and its body, whatever the line means.
#[derive(Debug)]
struct Decoder<H> {
    limit: usize,
    line_limit: usize,
    offset: u64,
    state: State<H>,
}

#[derive(Debug)]
enum State<H> {
    /// Reading a line, up to its newline.
    Line(Vec<u8>),
    /// Reading the bytes the line announced.
    Body(H, Body),
    /// It was malformed; nothing is read any more.
    Failed(Malformed),
}

impl<H> Decoder<H> {
    fn new(limit: usize, line_limit: usize) -> Self {
        Self { limit, line_limit, offset: 0, state: State::Line(Vec::new()) }
    }

    fn decode(
        &mut self,
        input: &mut impl Buf,
        parse: impl Fn(&[u8]) -> Result<Head<H>, (usize, Reason)>,
    ) -> Result<Option<(H, Bytes)>, Malformed> {
        loop {
            match &mut self.state {
                State::Line(line) => {
                    if !input.has_remaining() {
                        return Ok(None);
                    }
                    let byte = input.chunk()[0];
                    if byte != b'\n' {
                        if line.len() == self.line_limit {
                            return Err(
                                self.fail(self.offset, Reason::LineTooLong { limit: self.line_limit })
                            );
                        }
                        line.push(byte);
                        input.advance(1);
                        self.offset += 1;
                        continue;
                    }
                    let start = self.offset - line.len() as u64;
                    let head = match parse(line) {
                        Ok(head) => head,
                        Err((at, reason)) => return Err(self.fail(start + at as u64, reason)),
                    };
                    input.advance(1);
                    self.offset += 1;
                    match head {
                        Head::Alone(head) => {
                            self.state = State::Line(Vec::new());
                            return Ok(Some((head, Bytes::new())));
                        }
                        Head::Body(head, length) => self.state = State::Body(head, Body::new(length)),
                    }
                }
                // Also when `input` is spent: an empty body is whole at the end of its line.
                State::Body(_, body) => {
                    let before = input.remaining();
                    let whole = body.take(input);
                    self.offset += (before - input.remaining()) as u64;
                    let Some(body) = whole else { return Ok(None) };
                    if let State::Body(head, _) = std::mem::replace(&mut self.state, State::Line(Vec::new()))
                    {
                        return Ok(Some((head, body)));
                    }
                }
                State::Failed(malformed) => return Err(malformed.clone()),
            }
        }
    }

    fn finish(&self) -> Result<(), Malformed> {
        match &self.state {
            State::Line(line) if line.is_empty() => Ok(()),
            State::Failed(malformed) => Err(malformed.clone()),
            _ => Err(Malformed { offset: self.offset, reason: Reason::Truncated }),
        }
    }

    fn buffered(&self) -> usize {
        match &self.state {
            State::Line(line) => line.len(),
            State::Body(_, body) => body.buffered(),
            State::Failed(_) => 0,
        }
    }

    fn fail(&mut self, offset: u64, reason: Reason) -> Malformed {
        let malformed = Malformed { offset, reason };
        self.state = State::Failed(malformed.clone());
        malformed
    }
}
