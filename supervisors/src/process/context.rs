//! What an actor may say of itself from inside a handler.

use std::cell::RefCell;
use std::sync::Arc;

use actix::{Actor, ActorContext, Context, Handler, Message};

use super::{Cell, Object, Process, Tell};
use crate::{ExitReason, Pid};

thread_local! {
    /// The process whose turn it is on this thread, if any. Set for the length of one poll.
    static CURRENT: RefCell<Option<Arc<dyn Object>>> = const { RefCell::new(None) };
}

/// Runs one turn of `process`, which is lent to the thread meanwhile: a turn costs no reference count.
pub(super) fn enter<R>(process: &mut Option<Arc<dyn Object>>, turn: impl FnOnce() -> R) -> R {
    struct Leave<'a> {
        process: &'a mut Option<Arc<dyn Object>>,
        before: Option<Arc<dyn Object>>,
    }
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            *self.process = CURRENT.replace(self.before.take());
        }
    }
    let before = CURRENT.replace(process.take());
    let _leave = Leave { process, before };
    turn()
}

/// The process whose handler, timer or future is running, or `None` outside any.
#[must_use]
pub fn this_process() -> Option<Process> {
    CURRENT.with_borrow(Clone::clone).map(Process)
}

/// An exit signal, caught: from a process that was linked and has ended, or that was sent (OTP `{'EXIT', From, Reason}`).
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Exit {
    /// Who ended or sent it; of a sender that is no process, the receiver.
    pub from: Pid,
    /// Why.
    pub reason: ExitReason,
}

/// What the context of any actor can do once the actor is a process. Works on an unchanged `actix::Context`.
pub trait ContextExt<A> {
    /// Ends this process with `reason`: `stopping()` and `stopped()` run, then whoever watches it hears `reason`
    /// (a `gen_server` that returns `{stop, Reason, State}`).
    ///
    /// A `stopping()` that answers `Running::Continue` keeps the actor alive. Outside a process it is `ctx.stop()`.
    fn exit(&mut self, reason: ExitReason);

    /// Why this process is being stopped: what `stopping()` and `stopped()` ask to learn what `terminate` is told
    /// (OTP-172). `None` if nobody asked, and it has not said so itself.
    fn stop_reason(&self) -> Option<ExitReason>;

    /// From now on exit signals come as [`Exit`] messages, behind what their sender sent before (OTP-148, OTP-164),
    /// and end the process no more; `false` ends that again. A kill cannot be trapped. Outside a process it does
    /// nothing.
    fn trap_exit(&mut self, trap: bool)
    where
        A: Handler<Exit>;
}

impl<A: Actor<Context = Self>> ContextExt<A> for Context<A> {
    fn exit(&mut self, reason: ExitReason) {
        if let Some(process) = this_process() {
            process.0.control().set_exit_as(reason);
        }
        self.stop();
    }

    fn stop_reason(&self) -> Option<ExitReason> {
        this_process().and_then(|process| process.0.control().exit_as())
    }

    fn trap_exit(&mut self, trap: bool)
    where
        A: Handler<Exit>,
    {
        let Some(process) = this_process() else { return };
        let control = process.0.control();
        if !trap {
            return control.set_trap(None);
        }
        let Some(cell) = process.0.clone().as_any().downcast::<Cell<A>>().ok() else { return };
        let cell = Arc::downgrade(&cell);
        control.set_trap(Some(Box::new(move |from, reason| {
            if let Some(cell) = cell.upgrade() {
                let _ = cell.push_unbounded(Box::new(Tell(Exit { from, reason })));
            }
        })));
    }
}
