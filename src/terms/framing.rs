//! Poems to wire bytes and back, in either framing.

use bytes::Bytes;

use super::options::Framing;
use crate::wire::{Malformed, netstring, raw};

/// The pieces of `poem` on the wire, none of them copied.
#[must_use]
pub(crate) fn pieces(poem: &Bytes, framing: Framing) -> Vec<Bytes> {
    match framing {
        Framing::Raw => vec![poem.clone()],
        Framing::Netstring => netstring::parts(poem.clone()).to_vec(),
    }
}

/// The next at most `count` bytes of `pieces`, taken off them.
pub(crate) fn take(pieces: &mut Vec<Bytes>, count: usize) -> Vec<Bytes> {
    let (mut left, mut taken) = (count, Vec::new());
    while left > 0 && !pieces.is_empty() {
        let some = left.min(pieces[0].len());
        let piece = pieces[0].split_to(some);
        left -= piece.len();
        taken.push(piece);
        if pieces[0].is_empty() {
            pieces.remove(0);
        }
    }
    taken
}

/// Takes a poem from the wire, in chunks of any size.
pub(crate) enum PoemReader {
    Raw(raw::Collector),
    Netstring {
        decoder: netstring::Decoder,
        /// The colon has been seen: what follows is the poem.
        in_body: bool,
        poem: Option<Bytes>,
    },
}

impl PoemReader {
    pub(crate) fn new(framing: Framing, limit: usize) -> PoemReader {
        match framing {
            Framing::Raw => PoemReader::Raw(raw::Collector::new(limit)),
            Framing::Netstring => {
                PoemReader::Netstring { decoder: netstring::Decoder::new(limit), in_body: false, poem: None }
            }
        }
    }

    /// Takes `chunk`, and gives the part of it that is the poem's.
    ///
    /// # Errors
    /// When it cannot be part of a poem in this framing.
    pub(crate) fn feed<'a>(&mut self, chunk: &'a [u8]) -> Result<&'a [u8], Malformed> {
        match self {
            PoemReader::Raw(collector) => {
                collector.feed(&mut &*chunk)?;
                Ok(chunk)
            }
            PoemReader::Netstring { decoder, in_body, poem } => {
                let before = decoder.buffered();
                let mut rest = chunk;
                let whole = if poem.is_none() { decoder.decode(&mut rest)? } else { None };
                let body = if *in_body { Some(chunk) } else { after_colon(chunk) };
                *in_body = body.is_some();
                let after = whole.as_ref().map_or(decoder.buffered(), Bytes::len);
                if whole.is_some() {
                    *poem = whole;
                }
                // One poem a connection: what follows it belongs to no frame.
                if poem.is_some() && !rest.is_empty() {
                    let offset = decoder.offset();
                    return Err(Malformed { offset, reason: crate::wire::Reason::NotADigit(rest[0]) });
                }
                let body = body.unwrap_or_default();
                Ok(&body[..after.saturating_sub(before).min(body.len())])
            }
        }
    }

    /// Whether the poem is whole already: then the end need not be waited for.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, PoemReader::Netstring { poem: Some(_), .. })
    }

    /// How many bytes of the poem have come.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            PoemReader::Raw(collector) => collector.len(),
            PoemReader::Netstring { decoder, poem, .. } => {
                poem.as_ref().map_or(decoder.buffered(), Bytes::len)
            }
        }
    }

    /// The stream has ended well: the poem.
    ///
    /// # Errors
    /// When it ended too early, or nothing came at all. An empty poem is none in either framing: a server has none to
    /// send.
    pub(crate) fn finish(self) -> Result<Bytes, Malformed> {
        match self {
            PoemReader::Raw(collector) => collector.finish(),
            PoemReader::Netstring { poem: Some(poem), .. } if !poem.is_empty() => Ok(poem),
            PoemReader::Netstring { decoder, .. } => {
                decoder.finish()?;
                Err(Malformed { offset: decoder.offset(), reason: crate::wire::Reason::Empty })
            }
        }
    }
}

fn after_colon(chunk: &[u8]) -> Option<&[u8]> {
    chunk.iter().position(|byte| *byte == b':').map(|at| &chunk[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(framing: Framing, wire: &[u8], cut: usize) -> (Vec<u8>, Result<Bytes, Malformed>) {
        let mut reader = PoemReader::new(framing, 100);
        let mut seen = Vec::new();
        for chunk in wire.chunks(cut) {
            match reader.feed(chunk) {
                Ok(part) => seen.extend_from_slice(part),
                Err(malformed) => return (seen, Err(malformed)),
            }
        }
        assert!(reader.bytes() >= seen.len() || reader.is_whole());
        (seen, reader.finish())
    }

    #[test]
    fn a_poem_is_the_same_in_either_framing_and_however_it_was_cut() {
        let poem = Bytes::from_static(b"12:30, the poem begins: tick, tock");
        for framing in [Framing::Raw, Framing::Netstring] {
            let wire: Vec<u8> = pieces(&poem, framing).concat();
            for cut in 1..=wire.len() {
                let (seen, whole) = read(framing, &wire, cut);
                assert_eq!(whole.as_ref(), Ok(&poem), "{framing}, {cut}");
                assert_eq!(seen, poem, "{framing}, {cut}: what was shown while it came");
            }
        }
    }

    #[test]
    fn nothing_at_all_a_frame_cut_short_and_anything_behind_it_are_no_poem() {
        assert!(read(Framing::Raw, b"", 1).1.is_err());
        for wire in [&b""[..], b"0:,", b"5:hell", b"5:hello", b"5:hello,x", b"5:hello;", b"101:"] {
            for cut in 1..=wire.len().max(1) {
                assert!(read(Framing::Netstring, wire, cut).1.is_err(), "{wire:?} cut {cut}");
            }
        }
    }

    #[test]
    fn slices_of_a_poem_join_to_the_poem() {
        let poem = Bytes::from_static(b"hello, world");
        for count in 1..20 {
            let mut pieces = pieces(&poem, Framing::Netstring);
            let mut all = Vec::new();
            loop {
                let taken = take(&mut pieces, count).concat();
                if taken.is_empty() {
                    break;
                }
                assert!(taken.len() == count || pieces.is_empty());
                all.extend(taken);
            }
            assert_eq!(all, b"12:hello, world,");
        }
    }
}
