//! The mailbox: ours, because actix's can neither be bounded, measured nor emptied.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use actix::dev::{MessageResponse, OneshotSender};
use actix::fut::ActorFuture;
use actix::{Actor, ActorContext, ActorState, AsyncContext, Context, Handler, Message};
use tokio::sync::oneshot::Receiver;

use super::ages::Ages;

/// A message on its way to an actor of type `A`, with what is to become of its result.
pub(crate) trait Envelope<A: Actor>: Send {
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context);
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

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushError {
    /// The process is dead.
    Closed,
    /// The mailbox holds as many messages as it may.
    Full,
}

/// What is queued for one process, in sending order.
pub(crate) struct Queue<A: Actor> {
    /// The oldest message, if the rest came after it: most mailboxes never hold more than one, and so need no buffer.
    oldest: Option<Box<dyn Envelope<A>>>,
    mail: VecDeque<Box<dyn Envelope<A>>>,
    ages: Ages,
    bound: u32,
    closed: bool,
}

impl<A: Actor> Queue<A> {
    pub(crate) fn new(bound: usize) -> Self {
        // No memory holds as many messages as cannot be counted.
        let bound = u32::try_from(bound).unwrap_or(u32::MAX);
        Self { oldest: None, mail: VecDeque::new(), ages: Ages::default(), bound, closed: false }
    }

    /// Appends a message; `Ok(true)` if the queue was empty, so that its process must be woken.
    pub(crate) fn push(&mut self, mail: Box<dyn Envelope<A>>, stamp: u32) -> Result<bool, PushError> {
        let before = self.len();
        if before >= self.bound as usize {
            return Err(if self.closed { PushError::Closed } else { PushError::Full });
        }
        self.push_behind(before, mail, stamp)
    }

    /// Appends what the system itself has to say (exits, retries): its number is bounded by the processes it is about.
    pub(crate) fn push_unbounded(
        &mut self,
        mail: Box<dyn Envelope<A>>,
        stamp: u32,
    ) -> Result<bool, PushError> {
        self.push_behind(self.len(), mail, stamp)
    }

    fn push_behind(
        &mut self,
        before: usize,
        mail: Box<dyn Envelope<A>>,
        stamp: u32,
    ) -> Result<bool, PushError> {
        if self.closed {
            return Err(PushError::Closed);
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

    /// When the oldest message came.
    pub(crate) fn oldest(&self) -> Option<u32> {
        (self.len() > 0).then(|| self.ages.oldest())
    }

    /// Refuses all mail from now on and gives back what was never opened.
    pub(crate) fn close(&mut self) -> VecDeque<Box<dyn Envelope<A>>> {
        self.closed = true;
        let mut unread = std::mem::take(&mut self.mail);
        if let Some(oldest) = self.oldest.take() {
            unread.push_front(oldest);
        }
        unread
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.oldest.is_some()) + self.mail.len()
    }
}
