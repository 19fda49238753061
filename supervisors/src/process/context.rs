//! What an actor may say of itself from inside a handler.

use std::cell::RefCell;
use std::sync::Arc;

use actix::{Actor, ActorContext, Context};

use super::{Object, Process};
use crate::ExitReason;

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

/// What the context of any actor can do once the actor is a process. Works on an unchanged `actix::Context`.
pub trait ContextExt {
    /// Ends this process with `reason`: `stopping()` and `stopped()` run, then whoever watches it hears `reason`
    /// (a `gen_server` that returns `{stop, Reason, State}`).
    ///
    /// A `stopping()` that answers `Running::Continue` keeps the actor alive. Outside a process it is `ctx.stop()`.
    fn exit(&mut self, reason: ExitReason);
}

impl<A: Actor<Context = Self>> ContextExt for Context<A> {
    fn exit(&mut self, reason: ExitReason) {
        if let Some(process) = this_process() {
            process.0.control().set_exit_as(reason);
        }
        self.stop();
    }
}
