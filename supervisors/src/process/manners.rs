//! What a `gen_server` can do and an actix actor cannot by itself: an idle time-out, a last word after a crash, itself.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::fut::ActorFuture;
use actix::{Actor, AsyncContext, Context};
use tokio::time::Sleep;

use super::{Cell, Envelope, panic};
use crate::reference::Slot;
use crate::{ExitReason, Pid, Ref};

/// What a process has of them; most have nothing.
#[derive(Default)]
pub(super) struct Manners {
    /// Who started it and is linked to it (OTP-181).
    pub(super) parent: Option<Pid>,
    /// How many idle time-outs it has asked for: only the latest counts.
    idle: u64,
    /// What its actor has to say after a panic: a `fn(&mut A, &ExitReason)`.
    on_panic: Option<Box<dyn Any + Send + Sync>>,
    /// The place it is held by, if it was asked for itself.
    own: Option<Arc<dyn Any + Send + Sync>>,
}

/// `started()` has returned.
pub(super) const STARTED: u8 = 1;
/// An idle time-out runs, which the next message cancels.
const IDLE: u8 = 2;
/// A panic is to be told to the actor.
const PANIC: u8 = 4;

/// Opens a message, and marks what the process has asked for, if anything: for most that is one load.
pub(super) fn open<A: Actor<Context = Context<A>>>(
    mail: Box<dyn Envelope<A>>,
    cell: &Cell<A>,
    actor: &mut A,
    ctx: &mut Context<A>,
) {
    let marks = &cell.control.marks;
    let heeded = marks.load(Ordering::Relaxed);
    if heeded & IDLE != 0 {
        marks.fetch_and(!IDLE, Ordering::Relaxed);
    }
    if heeded & PANIC == 0 {
        return mail.open(actor, ctx);
    }
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| mail.open(actor, ctx)));
    if let Err(payload) = opened {
        let reason = panic::reason_of(&*payload);
        let terminate = cell.control.with_manners(|manners| manners.on_panic.take());
        if let Some(terminate) = terminate.and_then(|it| it.downcast::<fn(&mut A, &ExitReason)>().ok()) {
            let _ = panic::catch(|| terminate(actor, &reason));
        }
        std::panic::resume_unwind(Box::new(reason));
    }
}

pub(super) fn on_panic<A: Actor>(cell: &Cell<A>, terminate: fn(&mut A, &ExitReason)) {
    cell.control.with_manners(|manners| manners.on_panic = Some(Box::new(terminate)));
    cell.control.marks.fetch_or(PANIC, Ordering::Relaxed);
}

/// A place that holds this process and nobody after it, always the same one.
pub(crate) fn own<A: Actor<Context = Context<A>>>(cell: &Arc<Cell<A>>) -> Ref<A> {
    let known = cell.control.with_manners(|manners| manners.own.clone());
    if let Some(slot) = known.and_then(|own| own.downcast::<Slot<A>>().ok()) {
        return Ref::new(slot);
    }
    let slot = Slot::new();
    // A new slot is empty: this cannot fail.
    let _ = slot.fill(cell);
    cell.control.with_manners(|manners| manners.own = Some(Arc::clone(&slot) as _));
    Ref::new(slot)
}

/// Asks for a time-out, or with `None` for none any more.
pub(super) fn idle_timeout<A: Actor<Context = Context<A>>>(
    ctx: &mut Context<A>,
    cell: &Arc<Cell<A>>,
    limit: Option<Duration>,
    idle: impl FnOnce(&mut A, &mut Context<A>) + 'static,
) {
    let number = cell.control.with_manners(|manners| {
        manners.idle += 1;
        manners.idle
    });
    let Some(limit) = limit else {
        cell.control.marks.fetch_and(!IDLE, Ordering::Relaxed);
        return;
    };
    cell.control.marks.fetch_or(IDLE, Ordering::Relaxed);
    // A timer has a grain of a millisecond; no time at all is no time at all.
    let timer = (!limit.is_zero()).then(|| Box::pin(tokio::time::sleep(limit)));
    ctx.spawn(Idle { cell: Arc::clone(cell), number, timer, idle: Some(Box::new(idle)) });
}

type Told<A> = Box<dyn FnOnce(&mut A, &mut Context<A>)>;

/// A time-out that runs, among the actor's own futures.
struct Idle<A: Actor<Context = Context<A>>> {
    cell: Arc<Cell<A>>,
    number: u64,
    timer: Option<Pin<Box<Sleep>>>,
    idle: Option<Told<A>>,
}

impl<A: Actor<Context = Context<A>>> ActorFuture<A> for Idle<A> {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut A,
        ctx: &mut Context<A>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let this = self.get_mut();
        let control = &this.cell.control;
        let waits = control.marks.load(Ordering::Relaxed) & IDLE != 0
            && control.with_manners(|manners| manners.idle) == this.number;
        if !waits {
            return Poll::Ready(());
        }
        if let Some(timer) = &mut this.timer
            && timer.as_mut().poll(task).is_pending()
        {
            return Poll::Pending;
        }
        control.marks.fetch_and(!IDLE, Ordering::Relaxed);
        // A message that is here, though not yet opened, has come in time.
        if control.mailbox_len() == 0
            && let Some(idle) = this.idle.take()
        {
            idle(actor, ctx);
        }
        Poll::Ready(())
    }
}
