//! A poem on its way through a fetch to those who follow it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use supervisors::Port;
use tokio::sync::Notify;

use super::later::Answer;
use crate::cache::{Fanout, FetchId, Taken, WaiterId};
use crate::message::FollowerCut;

/// The window of a stream and who waits for its next piece: shared by the work of a fetch, which fills it, and its
/// handlers, which empty it.
#[derive(Debug)]
pub(super) struct Passage {
    fetch: FetchId,
    /// Told of each follower that is cut off, before the end of the stream is.
    cut: Port<FollowerCut>,
    state: RefCell<State>,
    /// Rung when a follower took something or left.
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// None as long as the poem is small enough to be held.
    fanout: Option<Fanout>,
    /// Who asked for a piece that is not there yet. One each, so bounded by the followers.
    asked: BTreeMap<WaiterId, (usize, Answer<Taken>)>,
}

impl Passage {
    pub(super) fn new(fetch: FetchId, cut: Port<FollowerCut>) -> Self {
        Self { fetch, cut, state: RefCell::default(), moved: Notify::new() }
    }

    /// Whether the poem is passed through.
    pub(super) fn is_open(&self) -> bool {
        self.state.borrow().fanout.is_some()
    }

    /// The poem turned out too large: from here on it is passed to these, none of whom may be further behind the
    /// fastest than `max_lag` bytes.
    pub(super) fn open(&self, head: Bytes, followers: Vec<WaiterId>, max_lag: usize) {
        self.state.borrow_mut().fanout = Some(Fanout::new(head, followers, max_lag));
        self.serve();
    }

    /// Adds a piece; done when the upstream should be read on.
    pub(super) async fn pass(&self, piece: Bytes) {
        if let Some(fanout) = &mut self.state.borrow_mut().fanout {
            fanout.push(piece);
        }
        self.serve();
        self.wanted().await;
    }

    /// Waits until the upstream should be read on: as fast as the fastest follower takes.
    pub(super) async fn wanted(&self) {
        while !self.state.borrow().fanout.as_ref().is_some_and(Fanout::wants_more) {
            self.moved.notified().await;
        }
    }

    /// The stream has ended well; done when each follower has taken the last byte. Those who have not after `max_drain`
    /// are cut off.
    pub(super) async fn finish(&self, max_drain: Duration) {
        if let Some(fanout) = &mut self.state.borrow_mut().fanout {
            fanout.finish();
        }
        self.serve();
        let drained = async {
            while !self.state.borrow().fanout.as_ref().is_none_or(Fanout::drained) {
                self.moved.notified().await;
            }
        };
        if tokio::time::timeout(max_drain, drained).await.is_err() {
            self.cut_off_the_rest();
        }
    }

    /// The next piece for a follower, now or later.
    pub(super) fn take(&self, waiter: WaiterId, most: usize, answer: Answer<Taken>) {
        self.state.borrow_mut().asked.insert(waiter, (most, answer));
        self.serve_one(waiter);
    }

    /// A follower has gone.
    pub(super) fn leave(&self, waiter: WaiterId) {
        let mut state = self.state.borrow_mut();
        state.asked.remove(&waiter);
        if let Some(fanout) = &mut state.fanout {
            fanout.leave(waiter);
        }
        self.moved.notify_one();
    }

    fn serve(&self) {
        let asked: Vec<WaiterId> = self.state.borrow().asked.keys().copied().collect();
        for waiter in asked {
            self.serve_one(waiter);
        }
    }

    fn serve_one(&self, waiter: WaiterId) {
        let mut state = self.state.borrow_mut();
        let State { fanout: Some(fanout), asked } = &mut *state else { return };
        let Some((most, answer)) = asked.remove(&waiter) else { return };
        match fanout.take(waiter, most) {
            (Taken::Nothing, _) => {
                asked.insert(waiter, (most, answer));
            }
            (taken, slow) => {
                answer.give(taken);
                slow.into_iter().for_each(|waiter| self.tell_cut(waiter));
                self.moved.notify_one();
            }
        }
    }

    fn cut_off_the_rest(&self) {
        let mut state = self.state.borrow_mut();
        let Some(fanout) = &mut state.fanout else { return };
        let followers: Vec<WaiterId> = fanout.followers().collect();
        for waiter in followers {
            if fanout.take(waiter, 1).0 != Taken::End {
                fanout.leave(waiter);
                self.tell_cut(waiter);
            }
        }
    }

    fn tell_cut(&self, waiter: WaiterId) {
        self.cut.cast(FollowerCut { fetch: self.fetch, waiter });
    }
}

#[cfg(test)]
mod tests {
    use actix::{Actor, Context, Handler};
    use supervisors::Node;
    use tokio::task::{LocalSet, yield_now};

    use super::super::later::later;
    use super::*;

    /// Whoever is told of cuts.
    struct Nobody;

    impl Actor for Nobody {
        type Context = Context<Self>;
    }

    impl Handler<FollowerCut> for Nobody {
        type Result = ();

        fn handle(&mut self, _: FollowerCut, _: &mut Self::Context) {}
    }

    #[tokio::test]
    async fn a_piece_is_passed_once_the_fastest_follower_has_taken_what_is_ahead_of_it() {
        LocalSet::new()
            .run_until(async {
                let fetch = FetchId { incarnation: 1, number: 1 };
                let passage = Passage::new(fetch, Node::new().spawn(Nobody).into());
                let (slow, fast) = (WaiterId(1), WaiterId(2));
                passage.open(Bytes::from_static(b"head"), vec![slow, fast], 1 << 20);
                let ahead = usize::try_from(Fanout::READ_AHEAD).unwrap();
                let mut passing = Box::pin(passage.pass(vec![b'v'; ahead].into()));
                tokio::select! {
                    biased;
                    () = &mut passing => panic!("read on, though nobody has taken anything"),
                    () = yield_now() => {}
                }
                // The head, and then some of the piece.
                passage.take(fast, ahead, later().0);
                passage.take(fast, ahead, later().0);
                tokio::time::timeout(Duration::from_secs(30), passing).await.expect("it is read on");
            })
            .await;
    }
}
