//! An answer that is given after its handler has returned (`gen_server:reply`).

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, Message};

/// What a handler returns when it cannot answer yet. The caller waits until the `Answer` is given; if that is dropped
/// instead, it waits until its time limit or the actor's end.
///
/// Costs no future in the actor's context: thousands of callers may wait, and none of them is polled.
#[derive(Debug)]
pub struct Later<R>(Rc<RefCell<State<R>>>);

/// The other end, kept by the actor.
#[derive(Debug)]
pub(super) struct Answer<R>(Rc<RefCell<State<R>>>);

enum State<R> {
    /// The handler has not returned yet.
    Open,
    /// It answered before it returned.
    Given(R),
    /// It returned; this is who waits, unless it was a cast.
    Waiting(Option<OneshotSender<R>>),
}

/// The two ends of one answer.
pub(super) fn later<R>() -> (Answer<R>, Later<R>) {
    let state = Rc::new(RefCell::new(State::Open));
    (Answer(Rc::clone(&state)), Later(state))
}

impl<R> Answer<R> {
    /// Answers. Whoever asked may have left; then the answer is dropped.
    pub(super) fn give(self, answer: R) {
        let state = std::mem::replace(&mut *self.0.borrow_mut(), State::Waiting(None));
        match state {
            State::Waiting(Some(caller)) => drop(caller.send(answer)),
            State::Waiting(None) => {}
            State::Open | State::Given(_) => *self.0.borrow_mut() = State::Given(answer),
        }
    }
}

impl<A: Actor, M: Message> MessageResponse<A, M> for Later<M::Result> {
    fn handle(self, _: &mut A::Context, caller: Option<OneshotSender<M::Result>>) {
        let state = std::mem::replace(&mut *self.0.borrow_mut(), State::Waiting(None));
        match (state, caller) {
            (State::Given(answer), Some(caller)) => drop(caller.send(answer)),
            (State::Given(_), None) => {}
            (_, caller) => *self.0.borrow_mut() = State::Waiting(caller),
        }
    }
}

impl<R> fmt::Debug for State<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Given(_) => "Given",
            Self::Waiting(_) => "Waiting",
        })
    }
}

#[cfg(test)]
mod tests {
    use actix::{Context, Handler};
    use supervisors::{CallError, ExitReason, Node};
    use tokio::task::LocalSet;

    use super::*;

    struct Asked(u8);

    impl Message for Asked {
        type Result = u8;
    }

    /// Answers 0 at once, and any other number when the next one comes.
    #[derive(Default)]
    struct Slow(Option<(u8, Answer<u8>)>);

    impl Actor for Slow {
        type Context = Context<Self>;
    }

    impl Handler<Asked> for Slow {
        type Result = Later<u8>;

        fn handle(&mut self, asked: Asked, _: &mut Self::Context) -> Later<u8> {
            if let Some((number, answer)) = self.0.take() {
                answer.give(number);
            }
            let (answer, later) = later();
            match asked.0 {
                0 => answer.give(0),
                number => self.0 = Some((number, answer)),
            }
            later
        }
    }

    #[tokio::test]
    async fn an_answer_given_later_reaches_who_asked_and_dies_with_the_actor() {
        LocalSet::new()
            .run_until(async {
                let slow = Node::new().spawn(Slow::default());
                let waits = slow.call(Asked(7));
                assert_eq!(slow.call(Asked(0)).await, Ok(0), "given before the handler returned");
                assert_eq!(waits.await, Ok(7));
                // Nobody waits for this one; answering it must do no harm.
                slow.cast(Asked(8));
                let waits = slow.call(Asked(9)).forever();
                slow.kill();
                assert_eq!(waits.await, Err(CallError::Exit(ExitReason::Killed)));
            })
            .await;
    }
}
