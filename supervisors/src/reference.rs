//! How processes are held: by name, so that what is held survives a restart.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Actor, Context, Handler, Message};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::call::Call;
use crate::process::{Ask, Cell, Envelope, Name, Object, PushError, Tell};
use crate::{CallError, ExitReason, Pid, Process};

/// A place a process can be at: a registered name, or the slot of a supervisor's child.
pub(crate) struct Slot<A: Actor> {
    current: Mutex<Option<Arc<Cell<A>>>>,
    /// Changes whenever `current` is pointed elsewhere, so that a `Ref` knows when what it remembers is stale.
    generation: AtomicU64,
}

impl<A: Actor> Slot<A> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { current: Mutex::new(None), generation: AtomicU64::new(1) })
    }

    /// Puts `cell` here unless a living process is here already; it leaves again when it dies.
    pub(crate) fn fill(self: &Arc<Self>, cell: &Arc<Cell<A>>) -> Result<(), Process> {
        {
            let mut current = self.current.lock();
            if let Some(holder) = &*current {
                return Err(Process(Arc::clone(holder) as Arc<dyn Object>));
            }
            *current = Some(Arc::clone(cell));
            self.generation.fetch_add(1, Ordering::Release);
        }
        if !cell.control.hold(Arc::clone(self) as Arc<dyn Name>) {
            // It died in between, and could not free a name it did not hold yet.
            self.free(cell.control.pid);
        }
        Ok(())
    }

    pub(crate) fn current(&self) -> Option<Arc<Cell<A>>> {
        self.current.lock().clone()
    }
}

impl<A: Actor> Name for Slot<A> {
    fn free(&self, pid: Pid) {
        let mut current = self.current.lock();
        if current.as_ref().is_some_and(|cell| cell.control.pid == pid) {
            let gone = current.take();
            self.generation.fetch_add(1, Ordering::Release);
            drop(current);
            drop(gone);
        }
    }
}

/// A process of actor `A`, held by name: whoever runs under that name now.
///
/// A `Ref` survives restarts: it is resolved when used, and remembers the answer until the process dies. It is cheap
/// to clone and may be sent to any thread; it keeps no actor alive. It is not `Sync`: give each task its own clone.
///
/// Mail sent through a `Ref` is handled in sending order, and none of it is handled by a process that has ended.
pub struct Ref<A: Actor> {
    slot: Arc<Slot<A>>,
    known: RefCell<Known<A>>,
}

struct Known<A: Actor> {
    generation: u64,
    cell: Option<Arc<Cell<A>>>,
}

impl<A: Actor<Context = Context<A>>> Ref<A> {
    pub(crate) fn new(slot: Arc<Slot<A>>) -> Self {
        Self { slot, known: RefCell::new(Known { generation: 0, cell: None }) }
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

    /// A call whose envelope is not a message of the actor's.
    pub(crate) fn call_by<R>(
        &self,
        seal: impl FnOnce(oneshot::Sender<R>) -> Box<dyn Envelope<A>>,
    ) -> Call<R> {
        let (reply, answer) = oneshot::channel();
        Call::new(self.send(seal(reply)).map(|callee| (callee as Arc<dyn Object>, answer)))
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

    fn send(&self, mail: Box<dyn Envelope<A>>) -> Result<Arc<Cell<A>>, CallError> {
        let generation = self.slot.generation.load(Ordering::Acquire);
        let mut known = self.known.borrow_mut();
        if known.generation != generation {
            *known = Known { generation, cell: self.slot.current() };
        }
        let Some(cell) = &known.cell else { return Err(CallError::NoProc) };
        match cell.push(mail) {
            Ok(()) => Ok(Arc::clone(cell)),
            Err(PushError::Full) => Err(CallError::Overloaded),
            Err(PushError::Closed) => {
                known.cell = None;
                Err(CallError::NoProc)
            }
        }
    }
}

impl<A: Actor> Clone for Ref<A> {
    fn clone(&self) -> Self {
        let known = self.known.borrow();
        Self {
            slot: Arc::clone(&self.slot),
            known: RefCell::new(Known { generation: known.generation, cell: known.cell.clone() }),
        }
    }
}

impl<A: Actor> fmt::Debug for Ref<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pid = self.slot.current().map(|cell| cell.control.pid);
        f.debug_tuple("Ref").field(&std::any::type_name::<A>()).field(&pid).finish()
    }
}
