//! The mailbox: ours, because actix's can neither be bounded, measured nor emptied.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker, ready};

use actix::dev::{MessageResponse, OneshotSender};
use actix::fut::ActorFuture;
use actix::{Actor, ActorContext, ActorState, AsyncContext, Context, Handler, Message};
use tokio::sync::oneshot::Receiver;

use super::ContextExt;
use super::ages::Ages;
use super::overflow::{Line, Overflow, Waiting};
use crate::ExitReason;

/// A message on its way to an actor of type `A`, with what is to become of its result.
pub(crate) trait Envelope<A: Actor>: Send {
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context);

    /// Whether it may be lost if there is no room.
    fn may_drop(&self) -> bool {
        true
    }

    /// There was no room: it will not be opened.
    fn overflowed(self: Box<Self>) {}
}

/// A cast: the result is dropped.
pub(crate) struct Tell<M>(pub(crate) M);

impl<A, M> Envelope<A> for Tell<M>
where
    A: Actor + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context) {
        actor.handle(self.0, ctx).handle(ctx, None);
    }
}

/// A cast of the system's own: never lost while the process lives.
pub(crate) struct Notice<M>(pub(crate) M);

impl<A, M> Envelope<A> for Notice<M>
where
    A: Actor + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context) {
        actor.handle(self.0, ctx).handle(ctx, None);
    }

    fn may_drop(&self) -> bool {
        false
    }
}

/// A call: the result goes back to the caller.
pub(crate) struct Ask<M: Message>(pub(crate) M, pub(crate) OneshotSender<M::Result>);

impl<A, M> Envelope<A> for Ask<M>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut Context<A>) {
        let Self(message, reply) = *self;
        // A caller that has left does not stop the message from being handled: the effect is asked for, not only
        // the answer (gen_server does not know that its caller timed out either).
        let response = actor.handle(message, ctx);
        if ctx.state() == ActorState::Running {
            return response.handle(ctx, Some(reply));
        }
        // It answers and stops: it terminates first (OTP-174).
        let (held, answer) = tokio::sync::oneshot::channel();
        response.handle(ctx, Some(held));
        ctx.spawn(LastReply { answer, reply: Some(reply) });
    }
}

/// The answer of an actor that stops, held back until it has: it is dropped with the actor's futures, behind
/// `stopped()`. Polled only if the actor refuses to stop, and then the answer goes as ever.
struct LastReply<R> {
    answer: Receiver<R>,
    reply: Option<OneshotSender<R>>,
}

impl<A: Actor, R> ActorFuture<A> for LastReply<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut A, _: &mut A::Context, task: &mut TaskContext<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Ok(answer) = ready!(Pin::new(&mut this.answer).poll(task))
            && let Some(reply) = this.reply.take()
        {
            // Whoever asked may have left.
            let _ = reply.send(answer);
        }
        Poll::Ready(())
    }
}

impl<R> Drop for LastReply<R> {
    fn drop(&mut self) {
        if let (Ok(answer), Some(reply)) = (self.answer.try_recv(), self.reply.take()) {
            // Whoever asked may have left.
            let _ = reply.send(answer);
        }
    }
}

/// A request to end, in the order of the mail.
pub(crate) struct Leave(pub(crate) ExitReason);

impl<A: Actor<Context = Context<A>>> Envelope<A> for Leave {
    fn may_drop(&self) -> bool {
        false
    }

    fn open(self: Box<Self>, _: &mut A, ctx: &mut Context<A>) {
        ctx.exit(self.0);
    }
}

/// Messages that were never opened.
type Unread<A> = VecDeque<Box<dyn Envelope<A>>>;

/// What is queued for one process, in sending order.
pub(crate) struct Queue<A: Actor> {
    /// The oldest message, if the rest came after it: most mailboxes never hold more than one, and so need no buffer.
    oldest: Option<Box<dyn Envelope<A>>>,
    mail: VecDeque<Box<dyn Envelope<A>>>,
    /// And the senders that wait for room, if it is a mailbox they wait for.
    ages: Ages<Line<A>>,
    bound: u32,
    closed: bool,
}

impl<A: Actor> Queue<A> {
    pub(crate) fn new(bound: usize, overflow: Overflow) -> Self {
        // No memory holds as many messages as cannot be counted.
        let bound = u32::try_from(bound).unwrap_or(u32::MAX);
        let ages = match overflow {
            Overflow::Wait { senders } => Ages::beside(Line::new(senders)),
            _ => Ages::default(),
        };
        Self { oldest: None, mail: VecDeque::new(), ages, bound, closed: false }
    }

    /// Appends a message; `Ok(true)` if the queue was empty, so that its process must be woken. Gives it back if the
    /// queue is full or closed.
    pub(crate) fn push(
        &mut self,
        mail: Box<dyn Envelope<A>>,
        stamp: u32,
    ) -> Result<bool, Box<dyn Envelope<A>>> {
        let before = self.len();
        if before >= self.bound as usize {
            return Err(mail);
        }
        self.push_behind(before, mail, stamp)
    }

    /// Appends what the system itself has to say (exits, retries): its number is bounded by the processes it is about.
    pub(crate) fn push_unbounded(
        &mut self,
        mail: Box<dyn Envelope<A>>,
        stamp: u32,
    ) -> Result<bool, Box<dyn Envelope<A>>> {
        self.push_behind(self.len(), mail, stamp)
    }

    fn push_behind(
        &mut self,
        before: usize,
        mail: Box<dyn Envelope<A>>,
        stamp: u32,
    ) -> Result<bool, Box<dyn Envelope<A>>> {
        if self.closed {
            return Err(mail);
        }
        self.ages.came(before, stamp);
        if before > 0 {
            self.mail.push_back(mail);
            return Ok(false);
        }
        self.oldest = Some(mail);
        Ok(true)
    }

    pub(crate) fn pop(&mut self) -> Option<Box<dyn Envelope<A>>> {
        let mail = self.oldest.take().or_else(|| self.mail.pop_front())?;
        self.ages.went();
        Some(mail)
    }

    /// Takes out the oldest message that may be lost.
    pub(super) fn remove_oldest(&mut self) -> Option<Box<dyn Envelope<A>>> {
        if self.oldest.as_ref().is_some_and(|oldest| oldest.may_drop()) {
            return self.pop();
        }
        let place = self.mail.iter().position(|mail| mail.may_drop())?;
        self.ages.left(place + usize::from(self.oldest.is_some()));
        self.mail.remove(place)
    }

    /// Lets the first of those that wait in, if there is room; its sender is to be woken.
    pub(super) fn admit(&mut self) -> Option<Waker> {
        if self.len() >= self.bound as usize {
            return None;
        }
        let (mail, stamp, waker) = self.ages.beside_mut()?.first()?.into_parts();
        // Whoever makes room is at work on this mailbox, and its process need not be woken.
        let _ = self.push_behind(self.len(), mail, stamp);
        waker
    }

    pub(super) fn line(&mut self) -> Option<&mut Line<A>> {
        self.ages.beside_mut()
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) const fn bound(&self) -> usize {
        self.bound as usize
    }

    /// When the oldest message came.
    pub(crate) fn oldest(&self) -> Option<u32> {
        (self.len() > 0).then(|| self.ages.oldest())
    }

    /// Refuses all mail from now on and gives back what was never opened, and what waited for room.
    pub(crate) fn close(&mut self) -> (Unread<A>, VecDeque<Waiting<A>>) {
        self.closed = true;
        let waiting = self.ages.beside_mut().map(Line::close).unwrap_or_default();
        let mut unread = std::mem::take(&mut self.mail);
        if let Some(oldest) = self.oldest.take() {
            unread.push_front(oldest);
        }
        (unread, waiting)
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.oldest.is_some()) + self.mail.len()
    }
}
