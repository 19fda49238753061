//! One stream for many followers: how a poem that is too large to be kept is passed through in bounded memory.
//!
//! The fetch owns the fanout; followers take pieces from it at their own pace. The upstream is read only as fast as the
//! *fastest* follower takes, so a client alone is never cut off, however slow it is. One that falls behind the fastest
//! by more than the bound is, so that it neither slows the others down nor makes more and more be held for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::event::WaiterId;

/// What a follower gets when it asks for the next piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The next bytes, never empty.
    Piece(Bytes),
    /// It has all there is for now.
    Nothing,
    /// It has all there will be.
    End,
    /// It does not follow: it was cut off, or never did.
    Stranger,
}

/// A window of a stream, from the slowest follower's place to the newest byte.
///
/// Holds at most the head, `max_lag`, [`Fanout::READ_AHEAD`] and one push. Every call is O(log n) in the followers,
/// besides those it cuts off.
#[derive(Debug)]
pub struct Fanout {
    /// What is held, in order; each at its offset in the stream.
    pieces: VecDeque<(u64, Bytes)>,
    end: u64,
    finished: bool,
    max_lag: u64,
    /// Where each follower is, and the same the other way round: the first is the slowest.
    places: BTreeMap<WaiterId, u64>,
    by_place: BTreeSet<(u64, WaiterId)>,
}

impl Fanout {
    /// How far, in bytes, the upstream is read ahead of the fastest follower: 64 KiB, a socket buffer's worth.
    pub const READ_AHEAD: u64 = 64 << 10;

    /// The stream that begins with `head`, for the followers there are; nobody can join later, as the beginning goes as
    /// soon as all have taken it. `max_lag` in bytes: `max_poem_bytes` is what memory was counted for.
    pub fn new(head: Bytes, followers: impl IntoIterator<Item = WaiterId>, max_lag: usize) -> Fanout {
        let places: BTreeMap<_, _> = followers.into_iter().map(|follower| (follower, 0)).collect();
        let by_place = places.keys().map(|follower| (0, *follower)).collect();
        let (end, pieces) = (head.len() as u64, VecDeque::from([(0, head)]));
        let mut fanout = Fanout { pieces, end, finished: false, max_lag: max_lag as u64, places, by_place };
        fanout.forget_what_all_have();
        fanout
    }

    /// Whether the upstream should be read on.
    pub fn wants_more(&self) -> bool {
        let fastest = self.by_place.last();
        !self.finished && fastest.is_some_and(|(place, _)| self.end - place < Self::READ_AHEAD)
    }

    /// More of the stream.
    pub fn push(&mut self, piece: Bytes) {
        debug_assert!(!self.finished, "a stream that has ended goes on");
        let at = self.end;
        self.end += piece.len() as u64;
        self.pieces.push_back((at, piece));
        self.forget_what_all_have();
    }

    /// The stream has ended well.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Whether the stream has ended and each follower has all of it: the moment for
    /// [`Event::StreamEnded`](super::Event::StreamEnded).
    pub fn drained(&self) -> bool {
        self.finished && self.by_place.first().is_none_or(|(place, _)| *place == self.end)
    }

    /// Up to `most` bytes for `follower`, and whom it has left too far behind: they follow no more and have to be reset.
    /// To have taken is to have the place of it, so a follower should write what it took before it takes again.
    pub fn take(&mut self, follower: WaiterId, most: usize) -> (Taken, Vec<WaiterId>) {
        let Some(place) = self.places.get(&follower).copied() else { return (Taken::Stranger, Vec::new()) };
        if place == self.end {
            return (if self.finished { Taken::End } else { Taken::Nothing }, Vec::new());
        }
        // The last piece that begins at or before the place: what lies after the slowest is held without a gap.
        let index = self.pieces.partition_point(|(at, _)| *at <= place) - 1;
        let (at, piece) = &self.pieces[index];
        let from = usize::try_from(place - at).expect("an offset within a buffer");
        let taken = piece.slice(from..piece.len().min(from.saturating_add(most.max(1))));
        self.move_to(follower, place, place + taken.len() as u64);
        let cut = self.cut_off();
        self.forget_what_all_have();
        (Taken::Piece(taken), cut)
    }

    /// A follower has gone. One that does not follow: nothing happens.
    pub fn leave(&mut self, follower: WaiterId) {
        if let Some(place) = self.places.remove(&follower) {
            self.by_place.remove(&(place, follower));
            self.forget_what_all_have();
        }
    }

    /// Who follows, in the order of their numbers.
    pub fn followers(&self) -> impl Iterator<Item = WaiterId> {
        self.places.keys().copied()
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.pieces.iter().map(|(_, piece)| piece.len()).sum()
    }

    fn move_to(&mut self, follower: WaiterId, from: u64, to: u64) {
        self.places.insert(follower, to);
        self.by_place.remove(&(from, follower));
        self.by_place.insert((to, follower));
    }

    fn cut_off(&mut self) -> Vec<WaiterId> {
        let fastest = self.by_place.last().map_or(0, |(place, _)| *place);
        let mut cut = Vec::new();
        while let Some(&(place, follower)) = self.by_place.first()
            && fastest - place > self.max_lag
        {
            self.by_place.pop_first();
            self.places.remove(&follower);
            cut.push(follower);
        }
        cut
    }

    fn forget_what_all_have(&mut self) {
        let slowest = self.by_place.first().map_or(self.end, |(place, _)| *place);
        while self.pieces.front().is_some_and(|(at, piece)| at + piece.len() as u64 <= slowest) {
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: WaiterId = WaiterId(1);
    const B: WaiterId = WaiterId(2);

    fn bytes(length: usize) -> Bytes {
        (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect::<Vec<_>>().into()
    }

    fn take(fanout: &mut Fanout, follower: WaiterId, most: usize) -> Option<Bytes> {
        match fanout.take(follower, most).0 {
            Taken::Piece(piece) => Some(piece),
            _ => None,
        }
    }

    #[test]
    fn each_follower_gets_every_byte_in_order_at_its_own_pace() {
        let whole = bytes(10_000);
        let mut fanout = Fanout::new(whole.slice(..5000), [A, B], 10_000);
        let (mut rng, mut got, mut sent) = (fastrand::Rng::with_seed(4), [Vec::new(), Vec::new()], 5000);
        while !fanout.drained() {
            if rng.u8(0..3) == 0 && sent < whole.len() {
                let next = (sent + rng.usize(1..700)).min(whole.len());
                fanout.push(whole.slice(sent..next));
                sent = next;
                if sent == whole.len() {
                    fanout.finish();
                }
            }
            let who = rng.usize(0..2);
            got[who].extend(take(&mut fanout, [A, B][who], rng.usize(1..600)).unwrap_or_default());
        }
        assert!(got[0] == whole && got[1] == whole);
        assert_eq!(fanout.take(A, 1).0, Taken::End);
        assert_eq!(fanout.held(), 0);
    }

    #[test]
    fn a_client_alone_is_never_cut_off_and_the_upstream_waits_for_it() {
        let mut fanout = Fanout::new(bytes(1000), [A], 10);
        let mut held = 0;
        for _ in 0..2000 {
            if fanout.wants_more() {
                fanout.push(bytes(1000));
            }
            held = held.max(fanout.held());
            assert!(take(&mut fanout, A, 100).is_some());
        }
        let bound = usize::try_from(Fanout::READ_AHEAD).unwrap() + 2000;
        assert!(held <= bound, "{held} bytes held");
    }

    #[test]
    fn a_follower_too_far_behind_the_fastest_is_cut_off_and_what_was_held_for_it_goes() {
        let mut fanout = Fanout::new(bytes(100), [A, B], 100);
        assert_eq!(take(&mut fanout, A, 100), Some(bytes(100)));
        fanout.push(bytes(50));
        assert_eq!(take(&mut fanout, B, 49).unwrap().len(), 49);
        assert_eq!(fanout.take(A, 50), (Taken::Piece(bytes(50)), vec![B]));
        assert_eq!((fanout.held(), fanout.take(B, 1).0), (0, Taken::Stranger));
        assert_eq!(fanout.followers().collect::<Vec<_>>(), [A]);
        fanout.leave(A);
        assert!(!fanout.wants_more(), "nobody follows");
    }

    #[test]
    fn nobody_is_told_the_end_before_the_stream_has_ended() {
        let mut fanout = Fanout::new(bytes(1), [A], 1);
        assert!(take(&mut fanout, A, 9).is_some());
        assert_eq!(fanout.take(A, 1).0, Taken::Nothing);
        assert!(!fanout.drained());
        fanout.finish();
        assert_eq!(fanout.take(A, 1).0, Taken::End);
        assert!(fanout.drained());
    }
}
