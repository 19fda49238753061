//! A cast that waits for room.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::process::{Admission, Place};
use crate::{CallError, ExitReason};

/// A message on its way into a mailbox that may be full. Made by [`Ref::cast_wait`](crate::Ref::cast_wait), which says
/// what it gives.
///
/// Cancel safe: dropped before it is ready, the message is not sent.
#[must_use = "dropped while the mailbox is full, the message is not sent"]
pub struct CastWait(State);

enum State {
    Done(Result<(), CallError>),
    Waiting(Place),
}

impl CastWait {
    pub(crate) const fn done(sent: Result<(), CallError>) -> Self {
        Self(State::Done(sent))
    }

    pub(crate) const fn waiting(place: Place) -> Self {
        Self(State::Waiting(place))
    }
}

impl Future for CastWait {
    type Output = Result<(), CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let sent = match &self.0 {
            State::Done(sent) => sent.clone(),
            State::Waiting(place) => match place.callee.admission(place.ticket, cx.waker()) {
                Admission::Waiting => return Poll::Pending,
                Admission::In => Ok(()),
                Admission::TurnedAway => {
                    // A process sets its reason before it closes its mailbox.
                    let reason = place.callee.control().reason().unwrap_or(ExitReason::NoProc);
                    Err(CallError::Exit(reason))
                }
            },
        };
        self.0 = State::Done(sent.clone());
        Poll::Ready(sent)
    }
}

impl fmt::Debug for CastWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state: &dyn fmt::Debug = match &self.0 {
            State::Done(sent) => sent,
            State::Waiting(_) => &"waiting",
        };
        f.debug_tuple("CastWait").field(state).finish()
    }
}
