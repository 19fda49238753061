//! How processes are held: by name, so that what is held survives a restart.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use arc_swap::{ArcSwapOption, Guard};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::call::Call;
use crate::process::{Ask, Cell, ContextExt, Envelope, Name, Object, PushError, Tell, is_this_process};
use crate::{CallError, ExitReason, Pid, Process};

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

    /// Sends `message` and asks for no answer. To nobody, or to a mailbox that is full, it is lost without a word
    /// (OTP-166, OTP-176); [`try_cast`](Self::try_cast) tells.
    pub fn cast<M>(&self, message: M)
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let _ = self.send(Box::new(Tell(message)));
    }

    /// Sends `message` and asks for no answer, but says if nobody took it.
    ///
    /// # Errors
    /// [`CallError::NoProc`] if no process runs under the name, [`CallError::Overloaded`] if its mailbox is full.
    pub fn try_cast<M>(&self, message: M) -> Result<(), CallError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.send(Box::new(Tell(message))).map(drop)
    }

    /// Sends `message` now and gives the future of its answer, with a time limit of 5 s unless
    /// [changed](Call::within) (OTP-169).
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
        let process = {
            let callee = self.send(Box::new(Leave(reason.clone())))?;
            let Some(cell) = &*callee else { return Err(CallError::NoProc) };
            if is_this_process(&cell.control) {
                return Err(CallError::CallingSelf);
            }
            Process(Arc::clone(cell) as Arc<dyn Object>)
        };
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
        let (reply, answer) = oneshot::channel();
        if self.slot.current.load().as_ref().is_some_and(|cell| is_this_process(&cell.control)) {
            return Call::new(Err(CallError::CallingSelf));
        }
        let sent = self.send(seal(reply)).and_then(|callee| match &*callee {
            Some(cell) => Ok((Arc::clone(cell) as Arc<dyn Object>, answer)),
            None => Err(CallError::NoProc),
        });
        Call::new(sent)
    }

    /// The process that runs under the name now.
    #[must_use]
    pub fn process(&self) -> Option<Process> {
        self.slot.current().map(|cell| Process(cell as Arc<dyn Object>))
    }

    /// Kills whoever runs under the name now, if anybody does.
    pub fn kill(&self) {
        if let Some(process) = self.process() {
            process.exit(ExitReason::Killed);
        }
    }

    pub(crate) fn cell(&self) -> Option<Arc<Cell<A>>> {
        self.slot.current()
    }

    fn send(&self, mail: Box<dyn Envelope<A>>) -> Result<Guard<Option<Arc<Cell<A>>>>, CallError> {
        let current = self.slot.current.load();
        let Some(cell) = &*current else { return Err(CallError::NoProc) };
        match cell.push(mail) {
            Ok(()) => Ok(current),
            Err(PushError::Full) => {
                cell.control.refused(&(Arc::clone(cell) as Arc<dyn Object>));
                Err(CallError::Overloaded)
            }
            Err(PushError::Closed) => Err(CallError::NoProc),
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

/// A request to end, in the order of the mail.
struct Leave(ExitReason);

impl<A: Actor<Context = Context<A>>> Envelope<A> for Leave {
    fn open(self: Box<Self>, _: &mut A, ctx: &mut Context<A>) {
        ctx.exit(self.0);
    }
}
