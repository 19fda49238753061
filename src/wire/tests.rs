//! What holds for every decoder, over bytes well formed and not, however they are split.

use bytes::{Buf, Bytes, BytesMut};
use proptest::prelude::*;

use super::lines::{Answer, AnswerDecoder, RequestDecoder};
use super::netstring::{self, Decoder};
use super::raw::Collector;
use super::request::{NAME_LIMIT, Request};
use super::{Malformed, Reason};

/// What a decoder made of a stream: its frames, and how it ended.
type Outcome<F> = (Vec<F>, Result<(), Malformed>);

/// Cuts `bytes` at `cuts` (taken modulo its length) and hands the pieces to `feed` until one is refused.
fn in_pieces(
    bytes: &[u8],
    cuts: &[usize],
    mut feed: impl FnMut(&[u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        feed(&bytes[from..cut])?;
        from = cut;
    }
    Ok(())
}

fn netstrings(bytes: &[u8], cuts: &[usize], limit: usize) -> Outcome<Bytes> {
    let (mut decoder, mut frames) = (Decoder::new(limit), Vec::new());
    let fed = in_pieces(bytes, cuts, |mut piece| {
        while let Some(frame) = decoder.decode(&mut piece)? {
            assert!(frame.len() <= limit);
            frames.push(frame);
        }
        assert!(decoder.buffered() <= limit, "{} bytes held, {limit} allowed", decoder.buffered());
        assert!(!piece.has_remaining(), "None means that all was taken");
        Ok(())
    });
    (frames, fed.and_then(|()| decoder.finish()))
}

fn requests(bytes: &[u8], cuts: &[usize], limit: usize) -> Outcome<Request> {
    let (mut decoder, mut frames) = (RequestDecoder::new(limit), Vec::new());
    let fed = in_pieces(bytes, cuts, |mut piece| {
        while let Some(frame) = decoder.decode(&mut piece)? {
            assert!(frame.poem.len() <= limit);
            frames.push(frame);
        }
        assert!(decoder.buffered() <= limit.max(super::lines::REQUEST_LINE_LIMIT));
        Ok(())
    });
    (frames, fed.and_then(|()| decoder.finish()))
}

fn answers(bytes: &[u8], cuts: &[usize], limit: usize) -> Outcome<Answer> {
    let (mut decoder, mut frames) = (AnswerDecoder::new(limit), Vec::new());
    let fed = in_pieces(bytes, cuts, |mut piece| {
        while let Some(frame) = decoder.decode(&mut piece)? {
            frames.push(frame);
        }
        Ok(())
    });
    (frames, fed.and_then(|()| decoder.finish()))
}

fn refusal<F: std::fmt::Debug>(outcome: Outcome<F>) -> (u64, Reason) {
    let malformed = outcome.1.expect_err("it is malformed");
    (malformed.offset, malformed.reason)
}

/// Bytes that get far into a decoder: its own alphabet, mostly.
fn nearly(alphabet: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![8 => prop::sample::select(alphabet), 1 => any::<u8>()], 0..48)
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<usize>(), 0..8)
}

fn poems() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5)
}

proptest! {
    #[test]
    fn any_split_gives_the_same_netstrings_or_the_same_error(
        bytes in nearly(b"0123459:,ab"),
        cuts in cuts(),
        limit in 0usize..20,
    ) {
        prop_assert_eq!(netstrings(&bytes, &cuts, limit), netstrings(&bytes, &[], limit));
    }

    #[test]
    fn what_is_encoded_as_netstrings_comes_back_whatever_it_holds(poems in poems(), cuts in cuts()) {
        let stream: Vec<u8> = poems.iter().flat_map(|poem| netstring::encode(poem)).collect();
        let (frames, end) = netstrings(&stream, &cuts, 200);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(frames, poems);
    }

    #[test]
    fn the_parts_of_a_netstring_are_the_netstring(poem in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(netstring::parts(Bytes::from(poem.clone())).concat(), netstring::encode(&poem).to_vec());
    }

    #[test]
    fn any_split_gives_the_same_line_requests_or_the_same_error(
        bytes in nearly(b"01234ab. \n"),
        cuts in cuts(),
        limit in 0usize..20,
    ) {
        prop_assert_eq!(requests(&bytes, &cuts, limit), requests(&bytes, &[], limit));
    }

    #[test]
    fn a_request_comes_back_from_both_protocols(
        name in "[!-~&&[^.]]{1,64}",
        poem in prop::collection::vec(any::<u8>(), 0..200),
        cuts in cuts(),
    ) {
        let request = Request { name, poem: Bytes::from(poem) };
        prop_assert_eq!(Request::parse(&request.to_frame()), Ok(request.clone()));
        let (frames, end) = requests(&request.to_lines(), &cuts, 200);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(frames, vec![request]);
    }

    #[test]
    fn an_answer_comes_back(
        poem in prop::collection::vec(any::<u8>(), 0..200),
        reason in "[^\\p{Cc}]{0,100}",
        cuts in cuts(),
    ) {
        let sent = vec![Answer::Err(reason), Answer::Ok(Bytes::from(poem))];
        let stream: Vec<u8> = sent.iter().flat_map(Answer::to_lines).collect();
        let (got, end) = answers(&stream, &cuts, 200);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(got, sent);
    }

    #[test]
    fn any_split_gives_the_same_answers_or_the_same_error(
        bytes in nearly(b"OKER 012\n"),
        cuts in cuts(),
        limit in 0usize..20,
    ) {
        prop_assert_eq!(answers(&bytes, &cuts, limit), answers(&bytes, &[], limit));
    }

    #[test]
    fn a_request_is_parsed_without_a_panic_whatever_it_is(bytes in nearly(b"ab. ")) {
        let frame = Bytes::from(bytes);
        if let Ok(request) = Request::parse(&frame) {
            prop_assert!(!request.name.contains('.') && request.name.len() <= NAME_LIMIT);
            prop_assert_eq!(request.to_frame(), frame);
        }
    }

    #[test]
    fn any_split_gives_the_same_poem(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        cuts in cuts(),
        limit in 0usize..120,
    ) {
        let collect = |cuts: &[usize]| {
            let mut poem = Collector::new(limit);
            in_pieces(&bytes, cuts, |mut piece| {
                let fed = poem.feed(&mut piece).map(|_| ());
                assert!(poem.len() <= limit);
                fed
            })?;
            poem.finish()
        };
        prop_assert_eq!(collect(&cuts), collect(&[]));
    }
}

#[test]
fn a_malformed_netstring_is_refused_at_the_byte_that_is_wrong() {
    let cases: [(&[u8], u64, Reason); 12] = [
        (b":x,", 0, Reason::NoLength),
        (b"x", 0, Reason::NotADigit(b'x')),
        (b"-1:", 0, Reason::NotADigit(b'-')),
        (b" 1:x,", 0, Reason::NotADigit(b' ')),
        (b"1 :x,", 1, Reason::NotADigit(b' ')),
        (b"00:,", 1, Reason::LeadingZero),
        (b"01:x,", 1, Reason::LeadingZero),
        (b"101:", 2, Reason::TooLong { limit: 100 }),
        (b"99999999999999999999999999", 2, Reason::TooLong { limit: 100 }),
        (b"3:abc;", 5, Reason::NoComma(b';')),
        (b"1:a,\n1:b,", 4, Reason::NotADigit(b'\n')),
        (b"3:ab", 4, Reason::Truncated),
    ];
    for (bytes, offset, reason) in cases {
        assert_eq!(refusal(netstrings(bytes, &[], 100)), (offset, reason), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_length_that_fits_no_integer_is_too_long_and_not_an_overflow() {
    assert_eq!(
        refusal(netstrings(b"18446744073709551616:", &[], usize::MAX)),
        (19, Reason::TooLong { limit: usize::MAX })
    );
}

#[test]
fn a_netstring_too_long_is_refused_before_any_of_it_is_kept() {
    let mut decoder = Decoder::new(9);
    let mut input = &b"10:0123456789,"[..];
    assert!(decoder.decode(&mut input).is_err());
    assert_eq!((decoder.buffered(), input), (0, &b"0:0123456789,"[..]));
}

#[test]
fn a_netstring_announced_reserves_nothing() {
    let mut decoder = Decoder::new(usize::MAX);
    let mut input = &b"9223372036854775807:abc"[..];
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!(decoder.buffered(), 3);
}

#[test]
fn a_refusal_is_final() {
    let mut decoder = Decoder::new(9);
    let first = decoder.decode(&mut &b"x"[..]).expect_err("no digit");
    assert_eq!(decoder.decode(&mut &b"1:a,"[..]), Err(first.clone()));
    assert_eq!(decoder.finish(), Err(first));
}

#[test]
fn a_netstring_that_lies_whole_in_the_input_is_not_copied() {
    let mut input = BytesMut::from(&b"3:abc,"[..]);
    let at = input[2..].as_ptr();
    let frame = Decoder::new(9).decode(&mut input).unwrap().unwrap();
    assert_eq!((frame.as_ptr(), &frame[..]), (at, &b"abc"[..]));
}

#[test]
fn the_first_dot_ends_the_name_and_the_poem_keeps_its_own() {
    let request = Request::parse(&Bytes::from_static(b"title.the end.\n")).unwrap();
    assert_eq!((request.name.as_str(), &request.poem[..]), ("title", &b"the end.\n"[..]));
    let empty = Request::parse(&Bytes::from_static(b"title.")).unwrap();
    assert!(empty.poem.is_empty());
}

#[test]
fn a_malformed_request_is_refused_at_the_byte_that_is_wrong() {
    let long = [b"a".repeat(NAME_LIMIT + 1), b".x".to_vec()].concat();
    let cases: [(&[u8], u64, Reason); 5] = [
        (b"cummingsify", 11, Reason::NoDot),
        (b"", 0, Reason::NoDot),
        (b".x", 0, Reason::NoName),
        (b"a b.x", 1, Reason::BadName(b' ')),
        (&long, NAME_LIMIT as u64, Reason::NameTooLong { limit: NAME_LIMIT }),
    ];
    for (bytes, offset, reason) in cases {
        let refused = Request::parse(&Bytes::copy_from_slice(bytes)).expect_err("it is malformed");
        assert_eq!((refused.offset, refused.reason), (offset, reason), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_malformed_line_is_refused_at_the_byte_that_is_wrong() {
    let endless = vec![b'a'; 1000];
    let cases: [(&[u8], u64, Reason); 9] = [
        (b"\n", 0, Reason::NoName),
        (b" 1\nx", 0, Reason::NoName),
        (b"rot13\n", 5, Reason::NoLength),
        (b"rot13 \n", 6, Reason::NoLength),
        (b"rot13 1\r\nx", 7, Reason::NotADigit(b'\r')),
        (b"rot13 01\nx", 7, Reason::LeadingZero),
        (b"a 1\nxa 101\n", 9, Reason::TooLong { limit: 100 }),
        (b"a 3\nxy", 6, Reason::Truncated),
        (&endless, 85, Reason::LineTooLong { limit: 85 }),
    ];
    for (bytes, offset, reason) in cases {
        assert_eq!(refusal(requests(bytes, &[], 100)), (offset, reason), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_reason_cannot_break_its_line() {
    let line = Answer::Err(format!("two\nlines\r{}", "é".repeat(1000))).to_lines();
    let (body, newline) = line.split_at(line.len() - 1);
    assert_eq!(newline, b"\n");
    assert!(
        body.len() <= super::lines::ANSWER_LINE_LIMIT
            && !body.contains(&b'\n')
            && body.starts_with(b"ERR two lines ")
    );
    assert!(std::str::from_utf8(body).is_ok(), "cut between two characters");
}

#[test]
fn an_end_without_a_byte_is_no_poem() {
    let refused = Collector::new(10).finish().expect_err("nothing came");
    assert_eq!((refused.offset, refused.reason), (0, Reason::Empty));
}

#[test]
fn a_poem_past_its_limit_is_refused_and_stays_refused() {
    let mut poem = Collector::new(4);
    assert_eq!(poem.feed(&mut &b"abcd"[..]), Ok(4));
    let refused = poem.feed(&mut &b"e"[..]).expect_err("one too many");
    assert_eq!(
        (refused.offset, &refused.reason, poem.so_far()),
        (4, &Reason::TooLong { limit: 4 }, &b"abcd"[..])
    );
    assert_eq!(poem.finish(), Err(refused));
}
