//! How processes are held: by name, so that what is held survives a restart.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use tokio::sync::oneshot;

use crate::call::{Call, Late};
use crate::process::{
    Ask, Cell, Envelope, GivesWay, Leave, Name, Object, Place, Policy, PushError, Tell, is_this_process,
};
use crate::sync::{ArcSwapOption, Mutex};
use crate::{CallError, CastWait, ExitReason, Pid, Process};

/// A place a process can be at: a registered name, or the slot of a supervisor's child.
pub(crate) struct Slot<A: Actor> {
    current: ArcSwapOption<Cell<A>>,
    /// Held by whoever changes `current`; readers need no lock.
    change: Mutex<()>,
}

impl<A: Actor> Slot<A> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { current: ArcSwapOption::empty(), change: Mutex::new(()) })
    }

    /// Puts `cell` here unless a living process is here already; it leaves again when it dies.
    pub(crate) fn fill(self: &Arc<Self>, cell: &Arc<Cell<A>>) -> Result<(), Process> {
        {
            let _change = self.change.lock();
            if let Some(holder) = self.current() {
                return Err(Process(holder as Arc<dyn Object>));
            }
            self.current.store(Some(Arc::clone(cell)));
        }
        if !cell.control.hold(Arc::clone(self) as Arc<dyn Name>) {
            // It died in between, and could not free a name it did not hold yet.
            self.free(cell.control.pid);
        }
        Ok(())
    }

    /// Takes whoever is here away; `false` if nobody was.
    pub(crate) fn vacate(self: &Arc<Self>) -> bool {
        let _change = self.change.lock();
        let Some(cell) = self.current.swap(None) else { return false };
        // Before it can be here again: else that would be let go of, too.
        cell.control.let_go(&(Arc::clone(self) as Arc<dyn Name>));
        true
    }

    pub(crate) fn current(&self) -> Option<Arc<Cell<A>>> {
        self.current.load_full()
    }
}

impl<A: Actor> Name for Slot<A> {
    fn free(&self, pid: Pid) {
        let _change = self.change.lock();
        if self.current.load().as_ref().is_some_and(|cell| cell.control.pid == pid) {
            self.current.store(None);
        }
    }
}

/// A process of actor `A`, held by name: whoever runs under that name now.
///
/// A `Ref` survives restarts: it is resolved each time it is used. It is cheap to clone, may be sent to and shared with
/// any thread, and keeps no actor alive.
///
/// Mail sent through a `Ref` is handled in sending order, and none of it is handled by a process that has ended.
pub struct Ref<A: Actor> {
    slot: Arc<Slot<A>>,
}

impl<A: Actor<Context = Context<A>>> Ref<A> {
    pub(crate) fn new(slot: Arc<Slot<A>>) -> Self {
        Self { slot }
    }

    /// Sends `message` and asks for no answer. To nobody, or to a mailbox that is full and [refuses](crate::Overflow) it, it is
    /// lost without a word (OTP-166, OTP-176); [`try_cast`](Self::try_cast) tells, [`cast_wait`](Self::cast_wait) waits.
    pub fn cast<M>(&self, message: M)
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let _ = self.send(Box::new(Tell(message)), false);
    }

    /// Sends `message` and asks for no answer, but says if nobody took it.
    ///
    /// # Errors
    /// [`CallError::NoProc`] if no process runs under the name, [`CallError::Overloaded`] if its mailbox is full, unless
    /// its policy is to drop messages without a word ([`Overflow::DropNewest`](crate::Overflow::DropNewest), [`DropOldest`](crate::Overflow::DropOldest)).
    pub fn try_cast<M>(&self, message: M) -> Result<(), CallError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        match self.send(Box::new(Tell(message)), false) {
            Ok(_) | Err(SendError::Push(PushError::Dropped)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends `message` and asks for no answer; if the mailbox is full and lets senders [wait](crate::Overflow::Wait), the future
    /// is ready when there was room. Under any other policy, and while there is room, it is
    /// [`try_cast`](Self::try_cast) and ready at once.
    ///
    /// Senders are let in in the order of these calls, before anybody who comes later and does not wait. Cancel safe:
    /// dropped before it is ready, the message is not sent. No time limit: put one around it. A process that waits for
    /// room in its own mailbox must go on handling mail meanwhile (`ctx.spawn`, not `ctx.wait`).
    ///
    /// # Errors
    /// As [`try_cast`](Self::try_cast); [`CallError::Overloaded`] also if as many senders wait as may;
    /// [`CallError::Exit`] if the process ends before there was room.
    pub fn cast_wait<M>(&self, message: M) -> CastWait
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        match self.send(Box::new(Tell(message)), true) {
            Ok(Some(place)) => CastWait::waiting(place),
            Ok(None) | Err(SendError::Push(PushError::Dropped)) => CastWait::done(Ok(())),
            Err(error) => CastWait::done(Err(error.into())),
        }
    }

    /// Sends `message` now and gives the future of its answer, with a time limit of 5 s unless
    /// [changed](Call::within) (OTP-169). If the mailbox is full and lets senders [wait](crate::Overflow::Wait), the message
    /// takes its place among them now, and its wait is part of that time.
    pub fn call<M>(&self, message: M) -> Call<M::Result>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.call_by(|reply| Box::new(Ask(message, reply)))
    }

    /// Asks it to end with `reason`, behind what was sent to it before, and waits for its end, at most for `limit`
    /// (OTP `gen_server:stop/3`, OTP-183). `stopping()` and `stopped()` run.
    ///
    /// Cancel safe: once this was polled the request is made, whoever waits.
    ///
    /// # Errors
    /// [`CallError::NoProc`] if nobody runs under the name; [`CallError::Timeout`] if it has not ended in time (it ends
    /// when it comes to it); [`CallError::Exit`] if it ended with another reason; [`CallError::CallingSelf`] from
    /// inside; [`CallError::Overloaded`] if its mailbox is full.
    pub async fn stop(
        &self,
        reason: ExitReason,
        limit: impl Into<Option<Duration>>,
    ) -> Result<(), CallError> {
        let cell = self.slot.current().ok_or(CallError::NoProc)?;
        if is_this_process(&cell.control) {
            return Err(CallError::CallingSelf);
        }
        cell.push(Box::new(Leave(reason.clone())), false)?;
        let process = Process(cell as Arc<dyn Object>);
        let ended = match limit.into() {
            None => process.exited().await,
            Some(limit) => match tokio::time::timeout(limit, process.exited()).await {
                Ok(ended) => ended,
                Err(_) => return Err(CallError::Timeout(limit)),
            },
        };
        if ended == reason { Ok(()) } else { Err(CallError::Exit(ended)) }
    }

    /// A call whose envelope is not a message of the actor's.
    pub(crate) fn call_by<R>(
        &self,
        seal: impl FnOnce(oneshot::Sender<R>) -> Box<dyn Envelope<A>>,
    ) -> Call<R> {
        let current = self.slot.current.load();
        let Some(cell) = &*current else { return Call::new(Err(CallError::NoProc)) };
        if is_this_process(&cell.control) {
            // It would wait for its own next turn (OTP-170).
            return Call::new(Err(CallError::CallingSelf));
        }
        // Behind a signal that ends it, a call comes to a dead process (OTP-164, OTP-170).
        if cell.control.is_ending() {
            return Call::new(Err(CallError::NoProc));
        }
        let (reply, answer) = oneshot::channel();
        let (mut mail, mut dropped) = (seal(reply), None);
        if cell.control.overflow() == Policy::DropOldest {
            let given_way = Arc::new(AtomicBool::new(false));
            mail = Box::new(GivesWay(mail, Arc::clone(&given_way)));
            dropped = Some(given_way);
        }
        match cell.push(mail, true) {
            Err(error) => Call::new(Err(error.into())),
            Ok(ticket) => {
                let callee = Arc::clone(cell) as Arc<dyn Object>;
                let place = ticket.map(|ticket| place(cell, ticket));
                Call::new(Ok((callee, answer))).late(Late { dropped, place })
            }
        }
    }

    /// The process that runs under the name now.
    #[must_use]
    pub fn process(&self) -> Option<Process> {
        self.slot.current().map(|cell| Process(cell as Arc<dyn Object>))
    }

    /// Kills whoever runs under the name now, if anybody does.
    pub fn kill(&self) {
        if let Some(process) = self.process() {
            process.kill();
        }
    }

    pub(crate) fn cell(&self) -> Option<Arc<Cell<A>>> {
        self.slot.current()
    }

    fn send(&self, mail: Box<dyn Envelope<A>>, waits: bool) -> Result<Option<Place>, SendError> {
        match &*self.slot.current.load() {
            None => Err(SendError::Nobody),
            Some(cell) => match cell.push(mail, waits) {
                Ok(None) => Ok(None),
                Ok(Some(ticket)) => Ok(Some(place(cell, ticket))),
                Err(error) => Err(SendError::Push(error)),
            },
        }
    }
}

/// The place in line of a sender that waits for room.
fn place<A: Actor>(cell: &Arc<Cell<A>>, ticket: u64) -> Place {
    Place { callee: Arc::clone(cell) as Arc<dyn Object>, ticket }
}

/// Why a message was not sent.
enum SendError {
    Nobody,
    Push(PushError),
}

impl From<SendError> for CallError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Nobody => Self::NoProc,
            SendError::Push(error) => error.into(),
        }
    }
}

impl From<PushError> for CallError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Closed => Self::NoProc,
            PushError::Full | PushError::Dropped => Self::Overloaded,
        }
    }
}

impl<A: Actor> Clone for Ref<A> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot) }
    }
}

impl<A: Actor> fmt::Debug for Ref<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pid = self.slot.current.load().as_ref().map(|cell| cell.control.pid);
        f.debug_tuple("Ref").field(&std::any::type_name::<A>()).field(&pid).finish()
    }
}
