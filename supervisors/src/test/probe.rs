//! A process that keeps what it is sent.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::dev::MessageResponse;
use actix::{Actor, Context, Handler, Message};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{EXPECTED_WITHIN, Kit};
use crate::{ContextExt, Exit, Port, Process, Ref};

/// A process that keeps the messages it is sent, for a test to look at, in the order they came. Made by
/// [`Kit::probe`]; its own end is expected.
pub struct Probe<M: Message + Send + 'static>
where
    M::Result: Send,
{
    reference: Ref<ProbeActor<M>>,
    process: Process,
    inbox: Arc<Inbox<M>>,
}

struct Inbox<M> {
    messages: Mutex<VecDeque<M>>,
    arrived: Notify,
}

type Answering<M> = dyn Fn(&M) -> <M as Message>::Result;

/// The actor of a [`Probe`].
pub struct ProbeActor<M: Message + 'static> {
    inbox: Arc<Inbox<M>>,
    answer: Box<Answering<M>>,
    begin: fn(&mut Context<Self>),
}

impl<M: Message + 'static> Actor for ProbeActor<M> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.begin)(ctx);
    }
}

/// An answer, of whatever type.
pub struct Answer<M: Message>(M::Result);

impl<A, M> MessageResponse<A, M> for Answer<M>
where
    A: Actor,
    M: Message,
{
    fn handle(self, _: &mut A::Context, reply: Option<actix::dev::OneshotSender<M::Result>>) {
        if let Some(reply) = reply {
            // Whoever asked may have left.
            let _ = reply.send(self.0);
        }
    }
}

impl<M: Message + 'static> Handler<M> for ProbeActor<M> {
    type Result = Answer<M>;

    fn handle(&mut self, message: M, _: &mut Self::Context) -> Self::Result {
        let answer = (self.answer)(&message);
        self.inbox.messages.lock().push_back(message);
        self.inbox.arrived.notify_one();
        Answer(answer)
    }
}

impl Probe<Exit> {
    pub(super) fn trapping(kit: &Kit) -> Self {
        Self::begun(kit, |_| (), |ctx| ctx.trap_exit(true))
    }
}

impl<M: Message + Send + 'static> Probe<M>
where
    M::Result: Send,
{
    pub(super) fn new(kit: &Kit, answer: impl Fn(&M) -> M::Result + 'static) -> Self {
        Self::begun(kit, answer, |_| ())
    }

    fn begun(
        kit: &Kit,
        answer: impl Fn(&M) -> M::Result + 'static,
        begin: fn(&mut Context<ProbeActor<M>>),
    ) -> Self {
        let inbox = Arc::new(Inbox { messages: Mutex::default(), arrived: Notify::new() });
        let actor = ProbeActor { inbox: Arc::clone(&inbox), answer: Box::new(answer), begin };
        let reference = kit.node().spawn(actor);
        let process = reference.process().expect("it has not had its first turn");
        Self { reference, process, inbox }
    }

    /// What to give those that are to send here.
    #[must_use]
    pub fn port(&self) -> Port<M> {
        Port::from(&self.reference)
    }

    /// The probe as an actor: a [`Probe<Down>`](crate::Down) is to be given to [`Process::monitor`].
    #[must_use]
    pub fn reference(&self) -> &Ref<ProbeActor<M>> {
        &self.reference
    }

    /// Its process, to be linked, monitored or killed.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The next message, within [`EXPECTED_WITHIN`]. Cancel safe.
    ///
    /// # Panics
    /// If none comes.
    pub async fn expect_msg(&self) -> M {
        self.expect_msg_within(EXPECTED_WITHIN).await
    }

    /// The next message, within `limit` of the test's time. Cancel safe.
    ///
    /// # Panics
    /// If none comes.
    pub async fn expect_msg_within(&self, limit: Duration) -> M {
        let message = tokio::time::timeout(limit, self.next()).await;
        message.unwrap_or_else(|_| panic!("no {} came within {limit:?}", std::any::type_name::<M>()))
    }

    /// Lets `time` pass, in which nothing may come; nor may there be anything that came before.
    ///
    /// # Panics
    /// If something comes.
    pub async fn expect_no_msg(&self, time: Duration) {
        let came = tokio::time::timeout(time, self.next()).await.is_ok();
        assert!(!came, "a {} came, though none was to within {time:?}", std::any::type_name::<M>());
    }

    /// The next message, if it is here.
    #[must_use]
    pub fn try_next(&self) -> Option<M> {
        self.inbox.messages.lock().pop_front()
    }

    async fn next(&self) -> M {
        loop {
            let arrived = self.inbox.arrived.notified();
            if let Some(message) = self.try_next() {
                return message;
            }
            arrived.await;
        }
    }
}

impl<M: Message + Send + 'static> fmt::Debug for Probe<M>
where
    M::Result: Send,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.inbox.messages.lock().len();
        f.debug_struct("Probe").field("process", &self.process).field("waiting", &waiting).finish()
    }
}
