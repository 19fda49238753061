//! A call: a message, and the future of its answer.

mod cast_wait;
mod pending;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Sleep;

pub use cast_wait::CastWait;
pub(crate) use pending::PendingCalls;
use pending::{Ticket, Wait};

use crate::process::{Object, Place};
use crate::{ExitReason, Exited, Process};

/// How long a call waits unless told otherwise: 5 s, as `gen_server:call/2` (OTP-169).
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nobody runs under the name; the message was not sent (OTP-170).
    #[error("no such process")]
    NoProc,
    /// No answer came in time. The callee is not affected; its answer, if it still comes, is dropped (OTP-169).
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The callee ended first, for this reason (OTP-171).
    #[error("the process ended during the call: {0}")]
    Exit(ExitReason),
    /// A process called itself: it would wait for its own next turn, so the message was not sent (OTP-170). A
    /// [`cast`](crate::Ref::cast) to oneself is fine, and so is [`ContextExt::continue_with`](crate::ContextExt::continue_with).
    #[error("a process cannot call itself")]
    CallingSelf,
    /// The callee's mailbox is full; the message was not sent, or was dropped unread in favour of a later one, by the
    /// mailbox's [policy](crate::Overflow). Also if the time limit of a call passed while it waited for room.
    #[error("the mailbox is full")]
    Overloaded,
}

/// The answer to a message that was sent, awaited. Made by [`Ref::call`](crate::Ref::call).
///
/// The message is sent before the future is first polled. Cancel safe: dropping it drops the answer, not the message.
/// The time limit counts from about the first poll; it may be up to 2 ms late and is never early.
///
/// # Panics
/// When polled outside a tokio runtime with its time driver on.
#[must_use = "the message is sent, but its answer or failure is lost"]
pub struct Call<R> {
    stage: Stage<R>,
    limit: Option<Duration>,
    late: Option<Box<Late>>,
}

/// What a call to a mailbox of a policy of its own may have to know.
pub(crate) struct Late {
    /// Set if it had to give way to a later message.
    pub(crate) dropped: Option<Arc<AtomicBool>>,
    /// Its place in line, if the mailbox was full: leaves it if the call is given up.
    pub(crate) place: Option<Place>,
}

enum Stage<R> {
    Refused(CallError),
    Sent {
        callee: Arc<dyn Object>,
        answer: oneshot::Receiver<R>,
        /// The reply channel was dropped while the callee lives: it will never answer, as a `noreply` never does.
        unanswerable: bool,
        /// It has been polled before.
        looked: bool,
        ticket: Option<Ticket>,
        watch: Option<Box<Watch>>,
    },
}

/// What an old call has and a young one has not: nearly all calls are answered before a timer would pay.
struct Watch {
    timer: Option<Pin<Box<Sleep>>>,
    exited: Exited,
    /// Says who waits for whom, as long as it does.
    _wait: Option<Wait>,
}

impl<R> Call<R> {
    pub(crate) fn new(sent: Result<(Arc<dyn Object>, oneshot::Receiver<R>), CallError>) -> Self {
        let stage = match sent {
            Ok((callee, answer)) => {
                Stage::Sent { callee, answer, unanswerable: false, looked: false, ticket: None, watch: None }
            }
            Err(error) => Stage::Refused(error),
        };
        Self { stage, limit: Some(CALL_TIMEOUT), late: None }
    }

    /// It was sent to a mailbox that is not quite an ordinary one.
    pub(crate) fn late(mut self, late: Late) -> Self {
        if late.dropped.is_some() || late.place.is_some() {
            self.late = Some(Box::new(late));
        }
        self
    }

    /// Waits at most `limit` instead of 5 s.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Waits without limit: until the answer, or the callee's end.
    pub fn forever(mut self) -> Self {
        self.limit = None;
        self
    }
}

impl Late {
    fn gave_way(&self) -> bool {
        self.dropped.as_ref().is_some_and(|dropped| dropped.load(Ordering::Acquire))
    }
}

impl<R> Future for Call<R> {
    type Output = Result<R, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let (callee, answer, unanswerable, looked, ticket, watch) = match &mut this.stage {
            Stage::Refused(error) => return Poll::Ready(Err(error.clone())),
            Stage::Sent { callee, answer, unanswerable, looked, ticket, watch } => {
                (callee, answer, unanswerable, looked, ticket, watch)
            }
        };
        if !*unanswerable {
            match Pin::new(answer).poll(cx) {
                Poll::Ready(Ok(value)) => return Poll::Ready(Ok(value)),
                // A process sets its reason before it drops what it held, so the reason is here if it died.
                Poll::Ready(Err(_)) if this.late.as_ref().is_some_and(|late| late.gave_way()) => {
                    return Poll::Ready(Err(CallError::Overloaded));
                }
                Poll::Ready(Err(_)) => match callee.control().reason() {
                    Some(reason) => return Poll::Ready(Err(CallError::Exit(reason))),
                    None => *unanswerable = true,
                },
                Poll::Pending => {}
            }
        }
        if !*looked {
            // Comes again by itself, once those who are ahead of it on this thread have had their turn: a callee among
            // them has answered by then, and the call needs no place among those that wait.
            *looked = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if watch.is_none() {
            let calls = callee.control().node.pending_calls();
            let young = match ticket {
                Some(ticket) => ticket.is_young(cx.waker()),
                None => {
                    *ticket = calls.enter(cx.waker());
                    ticket.is_some()
                }
            };
            if young && !*unanswerable {
                return Poll::Pending;
            }
            *ticket = None;
            let timer = this.limit.map(|limit| Box::pin(tokio::time::sleep(limit)));
            let exited = Process(Arc::clone(callee)).exited();
            *watch = Some(Box::new(Watch { timer, exited, _wait: calls.wait_for(callee) }));
        }
        let Some(watch) = watch else { return Poll::Pending };
        if let Poll::Ready(reason) = Pin::new(&mut watch.exited).poll(cx) {
            return Poll::Ready(Err(CallError::Exit(reason)));
        }
        if let (Some(timer), Some(limit)) = (&mut watch.timer, this.limit)
            && timer.as_mut().poll(cx).is_ready()
        {
            let place = this.late.as_ref().and_then(|late| late.place.as_ref());
            if place.is_some_and(|place| place.callee.leave_line(place.ticket)) {
                return Poll::Ready(Err(CallError::Overloaded));
            }
            return Poll::Ready(Err(CallError::Timeout(limit)));
        }
        Poll::Pending
    }
}
