//! A message that is sent later.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::Ref;

/// A message on its way, made by [`Ref::send_after`]. Dropping it changes nothing.
#[must_use = "dropped, it can no longer be cancelled; say `let _ =` if that is meant"]
pub struct Timer {
    due: Instant,
    /// Sent or cancelled.
    done: Arc<AtomicBool>,
    task: AbortHandle,
}

impl<A: Actor<Context = Context<A>>> Ref<A> {
    /// Sends `message` after `delay`, as a [`cast`](Self::cast), to whoever is under the name by then; to nobody it is
    /// lost (OTP `erlang:send_after`, OTP-168).
    ///
    /// It belongs to no process: it is sent also if whoever asked for it has ended. A timer of an actor's own is
    /// actix's `ctx.notify_later`.
    ///
    /// # Panics
    /// Outside a tokio runtime with its time driver on.
    pub fn send_after<M>(&self, message: M, delay: Duration) -> Timer
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let due = Instant::now() + delay;
        let done = Arc::new(AtomicBool::new(false));
        let (target, sent) = (self.clone(), Arc::clone(&done));
        let task = tokio::spawn(async move {
            tokio::time::sleep_until(due).await;
            if !sent.swap(true, Ordering::AcqRel) {
                target.cast(message);
            }
        });
        Timer { due, done, task: task.abort_handle() }
    }
}

impl Timer {
    /// Takes the message back; the time that was left, or `None` if it was sent or taken back already (OTP-168).
    #[allow(clippy::must_use_candidate, reason = "most callers do not care how much time was left")]
    pub fn cancel(&self) -> Option<Duration> {
        if self.done.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.task.abort();
        Some(self.due.saturating_duration_since(Instant::now()))
    }

    /// The time that is left, or `None` if the message was sent or taken back.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let done = self.done.load(Ordering::Acquire);
        (!done).then(|| self.due.saturating_duration_since(Instant::now()))
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timer").field(&self.remaining()).finish()
    }
}
