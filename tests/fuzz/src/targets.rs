//! What must hold for any bytes: one function a target, which panics if it does not.
//!
//! Shared by the fuzz targets and by the test that replays their corpora. The first [`PLAN`] bytes of the data
//! say how many bytes a frame may have and where the rest of the data, which is the stream, is cut.

use std::fmt::Debug;

use bytes::{Buf, Bytes};

use super::wire::Malformed;
use super::wire::lines::{Answer, AnswerDecoder, REQUEST_LINE_LIMIT, RequestDecoder};
use super::wire::netstring::{self, Decoder};
use super::wire::request::{NAME_LIMIT, Request};

/// One byte for the limit, three for cuts.
const PLAN: usize = 4;

/// The frames of a stream, and how it ended.
type Outcome<F> = (Vec<F>, Result<(), Malformed>);

/// The netstring decoder: any split gives the same, nothing is held above the limit, and what it accepts is
/// spelled as the encoder spells it.
pub fn netstring(data: &[u8]) {
    let (limit, cuts, stream) = plan(data);
    let (frames, end) = same_for_any_split(stream, &cuts, |pieces| {
        let (mut decoder, mut frames) = (Decoder::new(limit), Vec::new());
        let fed = pieces.iter().copied().try_for_each(|mut piece| {
            while let Some(frame) = decoder.decode(&mut piece)? {
                assert!(frame.len() <= limit, "a frame of {} bytes, {limit} allowed", frame.len());
                frames.push(frame);
            }
            assert!(!piece.has_remaining(), "bytes were left, though it asked for more");
            assert!(decoder.buffered() <= limit, "{} bytes held, {limit} allowed", decoder.buffered());
            Ok(())
        });
        (frames, fed.and_then(|()| decoder.finish()))
    });
    match end {
        Ok(()) => assert_eq!(encoded(frames.iter().map(|frame| netstring::encode(frame))), stream),
        Err(malformed) => assert!(malformed.offset <= stream.len() as u64),
    }
}

/// The request in a netstring: what is accepted is what would be sent.
pub fn request(data: &[u8]) {
    let frame = Bytes::copy_from_slice(data);
    match Request::parse(&frame) {
        Ok(request) => {
            assert!((1..=NAME_LIMIT).contains(&request.name.len()) && !request.name.contains('.'));
            assert_eq!(request.to_frame(), frame);
        }
        Err(malformed) => assert!(malformed.offset <= data.len() as u64),
    }
}

/// The line protocol, its requests and its answers: as for netstrings.
pub fn lines(data: &[u8]) {
    let (limit, cuts, stream) = plan(data);
    let (requests, end) = same_for_any_split(stream, &cuts, |pieces| {
        let (mut decoder, mut frames) = (RequestDecoder::new(limit), Vec::new());
        let fed = pieces.iter().copied().try_for_each(|mut piece| {
            while let Some(request) = decoder.decode(&mut piece)? {
                assert!(
                    request.poem.len() <= limit,
                    "a poem of {} bytes, {limit} allowed",
                    request.poem.len()
                );
                frames.push(request);
            }
            assert!(!piece.has_remaining(), "bytes were left, though it asked for more");
            assert!(decoder.buffered() <= limit.max(REQUEST_LINE_LIMIT), "{} bytes held", decoder.buffered());
            Ok(())
        });
        (frames, fed.and_then(|()| decoder.finish()))
    });
    match end {
        Ok(()) => assert_eq!(encoded(requests.iter().map(Request::to_lines)), stream),
        Err(malformed) => assert!(malformed.offset <= stream.len() as u64),
    }
    let (answers, end) = same_for_any_split(stream, &cuts, |pieces| {
        let (mut decoder, mut frames) = (AnswerDecoder::new(limit), Vec::new());
        let fed = pieces.iter().copied().try_for_each(|mut piece| {
            while let Some(answer) = decoder.decode(&mut piece)? {
                frames.push(answer);
            }
            Ok(())
        });
        (frames, fed.and_then(|()| decoder.finish()))
    });
    if end.is_ok() {
        // A reason is shown to people, so bytes that are no text are replaced; the poems are what they were.
        let poems = answers.iter().filter(|answer| matches!(answer, Answer::Ok(_)));
        let spelled: usize = poems.map(|answer| answer.to_lines().len()).sum();
        assert!(spelled <= stream.len());
    }
}

fn encoded(frames: impl Iterator<Item = Bytes>) -> Vec<u8> {
    frames.flatten().collect()
}

fn plan(data: &[u8]) -> (usize, Vec<usize>, &[u8]) {
    let (plan, stream) = data.split_at(data.len().min(PLAN));
    let limit = plan.first().copied().map_or(0, usize::from);
    let mut cuts: Vec<usize> = plan.iter().skip(1).map(|&cut| usize::from(cut).min(stream.len())).collect();
    cuts.sort_unstable();
    (limit, cuts, stream)
}

/// What `decode` makes of the stream: in one piece, cut at `cuts`, and byte by byte.
fn same_for_any_split<F: PartialEq + Debug>(
    stream: &[u8],
    cuts: &[usize],
    decode: impl Fn(&[&[u8]]) -> Outcome<F>,
) -> Outcome<F> {
    let whole = decode(&[stream]);
    let mut pieces = Vec::new();
    let mut from = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        pieces.push(&stream[from..cut]);
        from = cut;
    }
    assert_eq!(decode(&pieces), whole, "cut at {cuts:?}");
    assert_eq!(decode(&stream.chunks(1).collect::<Vec<_>>()), whole, "byte by byte");
    whole
}
