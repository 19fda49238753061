//! What an actor may say of itself from inside a handler.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message};

use super::cell::Control;
use super::{Cell, Leave, Notice, Process, PushError, Tell, manners, thread};
use crate::{CallError, ExitReason, Pid, Ref};

/// The process whose handler, timer or future is running, or `None` outside any.
#[must_use]
pub fn this_process() -> Option<Process> {
    thread::current().map(Process)
}

/// Whether it is the turn of the process this belongs to.
pub(crate) fn is_this_process(control: &Control) -> bool {
    thread::is_turn_of(control)
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
///
/// ```
/// use std::time::Duration;
///
/// use actix::{Actor, Context};
/// use supervisors::{ContextExt, ExitReason, Node};
///
/// struct Session {
///     user: Option<&'static str>,
/// }
///
/// impl Actor for Session {
///     type Context = Context<Self>;
///
///     fn started(&mut self, ctx: &mut Self::Context) {
///         // Whoever waits for the start need not wait for this; no message comes before it.
///         ctx.continue_with(|session, ctx| {
///             session.user = Some("somebody");
///             // One that nobody talks to is not needed.
///             let limit = Some(Duration::from_millis(20));
///             ctx.idle_timeout(limit, |_, ctx| ctx.exit(ExitReason::Normal));
///         });
///         ctx.on_panic(|session, reason| eprintln!("lost {:?}: {reason}", session.user));
///     }
/// }
///
/// # actix::run(async {
/// let session = Node::new().spawn(Session { user: None }).process().expect("it runs");
/// assert_eq!(session.exited().await, ExitReason::Normal);
/// # }).expect("it runs");
/// ```
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
    ///
    /// The end of the process that [started it linked](crate::Node::spawn_link), or an exit signal from it, is no
    /// message: whoever traps then ends in good order with that reason, even `Normal` (OTP-181).
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

    /// Goes on with `next` before any other message is handled, also before those that were sent first (OTP
    /// `{continue, _}` and `handle_continue`, OTP-178): what an actor has to do after `started()` and before its mail,
    /// without holding up whoever waits for its start, and without failing it: an exit or a panic in `next` is the end
    /// of a process that ran. One `next` may ask for another; of two asked for in one turn the later goes first.
    ///
    /// Also for actors that are no processes. It is `ctx.wait` with nothing to wait for.
    fn continue_with(&mut self, next: impl FnOnce(&mut A, &mut Self) + 'static);

    /// Calls `idle` once if no message comes within `limit`; any message cancels it, one that waits already wins over
    /// a `limit` of zero, and asking again replaces what was asked before (a `gen_server` that returns a time-out,
    /// OTP-177). Default none. `None` cancels.
    ///
    /// Messages are those sent through a [`Ref`]; mail through a raw `Addr` is not seen. Outside a process it does
    /// nothing.
    fn idle_timeout(&mut self, limit: Option<Duration>, idle: impl FnOnce(&mut A, &mut Self) + 'static);

    /// Has `terminate` called if a handler of this actor panics, before the actor is dropped, with the reason it will
    /// end with (OTP-172: `terminate` of a `gen_server` that crashed). Default nothing, for the actor is then in
    /// whatever state the panic left it in. A panic in `terminate` itself is dropped.
    ///
    /// Only for messages sent through a [`Ref`]: a panic in a timer, a future or a message through a raw `Addr` ends the
    /// actor without it, as a kill does. For an end in good order there are `stopping()`, `stopped()` and
    /// [`stop_reason`](Self::stop_reason). Outside a process it does nothing.
    fn on_panic(&mut self, terminate: fn(&mut A, &ExitReason));

    /// This life of this actor, to be handed to others (OTP `self()`); it does not follow a restart. `None` outside a
    /// process.
    fn myself(&self) -> Option<Ref<A>>
    where
        A: Actor;

    /// Sends `message` to this process itself, behind what it was sent before, as [`Ref::try_cast`] would: it waits in
    /// the process's own mailbox, is counted there, and is handled within the budget of a turn, 256 messages, so that a
    /// process that keeps itself busy leaves others, its own timers and its signals their turn. actix's `ctx.notify`
    /// knows no bound: a flood of it starves the whole thread, and nothing can end it.
    ///
    /// # Errors
    /// [`CallError::NoProc`] outside a process; [`CallError::Overloaded`] if the mailbox is full and its
    /// [policy](crate::Overflow) is to refuse, to stop, or to let senders wait: a process does not wait for itself.
    fn notify_self<M>(&mut self, message: M) -> Result<(), CallError>
    where
        A: Actor<Context = Self> + Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send;
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
        let Some(cell) = process.cell::<A>() else { return };
        let cell = Arc::downgrade(&cell);
        control.set_trap(Some(Box::new(move |from, reason| {
            if let Some(cell) = cell.upgrade() {
                let _ = match from {
                    Some(from) => cell.push_unbounded(Box::new(Notice(Exit { from, reason }))),
                    None => cell.push_unbounded(Box::new(Leave(reason))),
                };
            }
        })));
    }

    fn on_abandon(&mut self, action: impl FnOnce() + Send + 'static) {
        if let Some(process) = this_process() {
            process.0.control().add_on_abandon(Box::new(action));
        }
    }

    fn continue_with(&mut self, next: impl FnOnce(&mut A, &mut Self) + 'static) {
        self.wait(actix::fut::ready(()).map(|(), actor: &mut A, ctx: &mut Self| {
            // `started()` has returned: who ends from here on has run, and did not fail to start.
            if let Some(process) = this_process() {
                process.0.control().mark_started();
            }
            next(actor, ctx);
        }));
    }

    fn idle_timeout(&mut self, limit: Option<Duration>, idle: impl FnOnce(&mut A, &mut Self) + 'static) {
        if let Some(cell) = this_process().and_then(|process| process.cell::<A>()) {
            manners::idle_timeout(self, &cell, limit, idle);
        }
    }

    fn on_panic(&mut self, terminate: fn(&mut A, &ExitReason)) {
        if let Some(cell) = this_process().and_then(|process| process.cell::<A>()) {
            manners::on_panic(&cell, terminate);
        }
    }

    fn myself(&self) -> Option<Ref<A>> {
        this_process().and_then(|process| process.cell::<A>()).map(|cell| manners::own(&cell))
    }

    fn notify_self<M>(&mut self, message: M) -> Result<(), CallError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let Some(cell) = this_process().and_then(|process| process.cell::<A>()) else {
            return Err(CallError::NoProc);
        };
        match cell.push(Box::new(Tell(message)), false) {
            Ok(_) | Err(PushError::Dropped) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Process {
    /// Its cell, if its actor is an `A`.
    pub(crate) fn cell<A: Actor>(&self) -> Option<Arc<Cell<A>>> {
        Arc::clone(&self.0).as_any().downcast().ok()
    }
}
