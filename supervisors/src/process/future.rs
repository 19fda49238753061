//! The future that is a process: it polls the actor, looks at signals first, and declares the death.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use actix::dev::{AsyncContextParts, ContextFut};
use actix::fut::ActorFuture;
use actix::{Actor, ActorContext, AsyncContext, Context};

use super::cell::{Cell, Object, Signal};
use super::{manners, panic, thread};
use crate::ExitReason;

/// Messages handled in one turn before the thread's other work gets its turn: a flood must not starve timers.
const TURN: u64 = 256;

/// Drains the mailbox from inside the unchanged actor's own context.
struct Pump<A: Actor> {
    cell: Arc<Cell<A>>,
    #[cfg(feature = "lab")]
    gate: crate::lab::Gate,
}

impl<A: Actor<Context = Context<A>>> ActorFuture<A> for Pump<A> {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut A,
        ctx: &mut Context<A>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let this = self.get_mut();
        let cell = &this.cell;
        // actix polls its items only once `started()` has returned.
        cell.control.mark_started();
        let mut opened = 0;
        #[cfg(feature = "lab")]
        let watched = this.gate.is_watched(&cell.control);
        while !ctx.waiting() && !cell.control.is_signalled() && !cell.control.is_suspended() {
            if opened == TURN {
                task.waker().wake_by_ref();
                break;
            }
            #[cfg(feature = "lab")]
            if watched && this.gate.holds(&cell.control, || cell.control.mailbox_len() > 0, task) {
                break;
            }
            let Some(mail) = cell.pop() else { break };
            opened += 1;
            manners::open(mail, cell, actor, ctx);
        }
        cell.control.count(opened);
        Poll::Pending
    }
}

/// What came of a process's first turn.
pub(crate) enum Launch {
    /// `started()` has returned and the process runs.
    Running,
    /// It ended before `started()` had returned, or in its first turn.
    Ended(ExitReason),
}

/// A process: the only thing of ours that is ever spawned.
pub(crate) struct ProcessFuture<A: Actor<Context = Context<A>>> {
    actor: Option<ContextFut<A, Context<A>>>,
    cell: Arc<Cell<A>>,
    /// The same, lent to the thread for the length of each turn.
    object: Option<Arc<dyn Object>>,
}

impl<A: Actor<Context = Context<A>>> ProcessFuture<A> {
    pub(crate) fn new(actor: A, cell: Arc<Cell<A>>) -> Self {
        let mut ctx = Context::new();
        ctx.spawn(Pump {
            cell: Arc::clone(&cell),
            #[cfg(feature = "lab")]
            gate: crate::lab::Gate::default(),
        });
        let object = Arc::clone(&cell) as Arc<dyn Object>;
        thread::arrive(&cell.control.node, &object);
        Self { actor: Some(ctx.into_future(actor)), cell, object: Some(object) }
    }

    /// Puts the process on this thread's `LocalSet`.
    ///
    /// # Panics
    /// Outside a `LocalSet` (or an `actix_rt::System`, which has one).
    pub(crate) fn spawn(mut self) {
        if thread::is_abandoned() {
            // Nothing begins on a thread that was given up.
            let _ = self.end(ExitReason::Stuck);
            return;
        }
        tokio::task::spawn_local(self);
    }

    /// Runs the first turn here and now, so that a start that fails is known before the next child is started,
    /// without a wait in between. The task the process becomes afterwards polls everything again with its own waker.
    pub(crate) fn launch(mut self) -> Launch {
        if thread::is_abandoned() {
            let _ = self.end(ExitReason::Stuck);
            return Launch::Ended(ExitReason::Stuck);
        }
        let mut task = TaskContext::from_waker(Waker::noop());
        match self.turn(&mut task) {
            Poll::Pending => {
                self.spawn();
                Launch::Running
            }
            Poll::Ready(()) => Launch::Ended(self.cell.control.reason().unwrap_or(ExitReason::Normal)),
        }
    }

    fn end(&mut self, reason: ExitReason) -> Poll<()> {
        if let Some(actor) = &mut self.actor {
            // Else `stopped()` would run from actix's destructor, inside a panic that unwinds.
            actor.ctx().parts().terminate();
        }
        let mut actor = self.actor.take();
        let object = &mut self.object;
        let whose = self.cell.control.turn();
        self.cell.declare(reason, &mut || {
            thread::enter(object, whose, || {
                let _ = panic::catch(|| drop(actor.take()));
            });
        });
        // Declared dead by somebody else before: then nobody is told again.
        let _ = panic::catch(|| drop(actor));
        Poll::Ready(())
    }

    fn turn(&mut self, task: &mut TaskContext<'_>) -> Poll<()> {
        let whose = self.cell.control.turn();
        loop {
            if self.cell.control.is_signalled() {
                match self.cell.control.next_signal() {
                    Some(Signal::Exit(reason)) => return self.end(reason),
                    Some(Signal::Stop(reason) | Signal::Orphaned(reason)) => {
                        self.cell.control.set_exit_as(reason);
                        if let Some(actor) = &mut self.actor {
                            actor.ctx().stop();
                        }
                    }
                    Some(Signal::Panic(message)) => {
                        let panicked = thread::enter(&mut self.object, whose, || {
                            panic::catch(|| -> ExitReason { panic!("{message}") })
                        });
                        return self.end(panicked.unwrap_or_else(|reason| reason));
                    }
                    // Declared dead by somebody else, from another thread.
                    None if !self.cell.control.is_alive() => return self.end(ExitReason::Killed),
                    None => {}
                }
            }
            let Some(actor) = &mut self.actor else { return Poll::Ready(()) };
            let turn = thread::enter(&mut self.object, whose, || panic::catch(|| Pin::new(actor).poll(task)));
            match turn {
                Ok(Poll::Pending) => {
                    self.cell.control.mark_started();
                    if !self.cell.control.is_signalled() {
                        return Poll::Pending;
                    }
                }
                Ok(Poll::Ready(())) => {
                    let reason = self.cell.control.exit_as().unwrap_or(ExitReason::Normal);
                    return self.end(reason);
                }
                Err(reason) => return self.end(reason),
            }
        }
    }
}

impl<A: Actor<Context = Context<A>>> Future for ProcessFuture<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        self.cell.control.is_task(task.waker());
        self.turn(task)
    }
}

impl<A: Actor<Context = Context<A>>> Drop for ProcessFuture<A> {
    /// Dropped unfinished: its runtime is gone (or its host crashed), and no code of the actor but destructors runs.
    fn drop(&mut self) {
        if self.actor.is_some() {
            let _ = self.end(ExitReason::Killed);
        }
        thread::leave();
    }
}
