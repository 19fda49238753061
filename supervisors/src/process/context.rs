//! What an actor may say of itself from inside a handler.

use std::sync::Arc;

use actix::{Actor, ActorContext, Context, Handler, Message};

use super::{Cell, Process, Tell, thread};
use crate::{ExitReason, Pid};

/// The process whose handler, timer or future is running, or `None` outside any.
#[must_use]
pub fn this_process() -> Option<Process> {
    thread::current().map(Process)
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

    /// Has `action` done, on the watchdog's thread, if this process's thread is
    /// [abandoned](crate::WhenStuck::Abandon): where the actor would be dropped, before anybody hears of its death. It
    /// is for what others wait for and only this process can let go, a connection first of all: the thread keeps what
    /// it has, so that nothing is closed by itself. Dropped undone if the process ends otherwise; of several, each is
    /// done, in the order they were added. Must be quick. Outside a process it does nothing.
    ///
    /// To reset a TCP connection whose descriptor another thread holds on to, connect it to nowhere, on a clone of the
    /// socket: `rustix::net::connect_unspec`. Closing the clone closes nothing, and `shutdown` would look like a good
    /// end.
    fn on_abandon(&mut self, action: impl FnOnce() + Send + 'static);
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

    fn on_abandon(&mut self, action: impl FnOnce() + Send + 'static) {
        if let Some(process) = this_process() {
            process.0.control().add_on_abandon(Box::new(action));
        }
    }
}
