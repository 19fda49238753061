//! Monitors: being told, by a message, that a process has ended.

use std::sync::Arc;

use actix::{Actor, Context, Handler, Message};

use crate::process::{Envelope, Object, Tell};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::{ExitReason, Node, Pid, Process, Ref};

/// A monitored process has ended (OTP `{'DOWN', Ref, process, Pid, Reason}`).
///
/// One for each monitor (OTP-160). It stands in the mailbox behind whatever the dead process had sent before (OTP-164).
///
/// ```
/// use actix::{Actor, Context, Handler};
/// use supervisors::{ContextExt, Down, ExitReason, Node};
///
/// struct Worker;
/// impl Actor for Worker {
///     type Context = Context<Self>;
/// }
///
/// /// Ends as what it watches ends.
/// struct Watcher;
/// impl Actor for Watcher {
///     type Context = Context<Self>;
/// }
/// impl Handler<Down> for Watcher {
///     type Result = ();
///     fn handle(&mut self, down: Down, ctx: &mut Self::Context) {
///         ctx.exit(down.reason);
///     }
/// }
///
/// # actix::run(async {
/// let node = Node::new();
/// let (worker, watcher) = (node.spawn(Worker), node.spawn(Watcher));
/// let worker = worker.process().expect("it runs");
/// let end = watcher.process().expect("it runs").exited();
/// worker.monitor(&watcher);
/// worker.kill();
/// assert_eq!(end.await, ExitReason::Killed);
/// # }).expect("it runs");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Down {
    /// Which monitor this is of.
    pub monitor: MonitorId,
    /// Who ended; of a name nobody had, the pid numbered 0, which no process has.
    pub pid: Pid,
    /// The name it was monitored by, if it was by name (OTP-162).
    pub name: Option<Arc<str>>,
    /// Why. `NoProc` if it had ended before it was monitored (OTP-161).
    pub reason: ExitReason,
}

/// Which monitor: unique within its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonitorId(u64);

/// A monitor that was set up. Dropping it changes nothing: as on the BEAM, a monitor stays until it fires or is
/// [taken down](Monitor::demonitor).
#[derive(Debug)]
pub struct Monitor {
    id: MonitorId,
    process: Option<Process>,
    watcher: Option<u64>,
    /// Set by a flush: a `Down` that is in the mailbox by then is not handled.
    flushed: Arc<AtomicBool>,
}

/// A [`Down`] in the mailbox.
struct Delivery {
    down: Down,
    flushed: Arc<AtomicBool>,
}

impl<A: Actor + Handler<Down>> Envelope<A> for Delivery {
    fn may_drop(&self) -> bool {
        false
    }

    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context) {
        if !self.flushed.load(Ordering::Acquire) {
            Box::new(Tell(self.down)).open(actor, ctx);
        }
    }
}

impl Process {
    /// Has `watcher` told by a [`Down`] when this process ends; at once, with reason `NoProc`, if it has (OTP-161).
    ///
    /// The message goes to whoever is under the name of `watcher` now; it is lost if that process ends first. It is
    /// taken even by a mailbox that is full.
    pub fn monitor<A>(&self, watcher: &Ref<A>) -> Monitor
    where
        A: Actor<Context = Context<A>> + Handler<Down>,
    {
        monitor(self.node(), Some(self.clone()), None, watcher)
    }
}

impl Node {
    /// Has `watcher` told by a [`Down`], which carries the name, when the process that has `name` now ends; at once,
    /// with reason `NoProc`, if nobody has it. The name is resolved once: whoever has it later is not watched (OTP-162).
    pub fn monitor<A>(&self, name: &str, watcher: &Ref<A>) -> Monitor
    where
        A: Actor<Context = Context<A>> + Handler<Down>,
    {
        monitor(self, self.whereis(name), Some(name.into()), watcher)
    }
}

fn monitor<A>(node: &Node, process: Option<Process>, name: Option<Arc<str>>, watcher: &Ref<A>) -> Monitor
where
    A: Actor<Context = Context<A>> + Handler<Down>,
{
    let id = MonitorId(node.next_reference());
    let flushed = Arc::new(AtomicBool::new(false));
    let Some(cell) = watcher.cell() else { return Monitor { id, process, watcher: None, flushed } };
    let own = Arc::clone(&cell);
    let delivered = Arc::clone(&flushed);
    // Behind a signal that ends it, it is dead already, though not yet seen to be (OTP-161, OTP-164).
    let late = process.as_ref().is_some_and(|process| Object::control(&*process.0).is_ending());
    let tell = move |pid: Pid, reason: &ExitReason| {
        let reason = if late { ExitReason::NoProc } else { reason.clone() };
        let down = Down { monitor: id, pid, name, reason };
        let _ = cell.push_unbounded(Box::new(Delivery { down, flushed: delivered }));
    };
    let watcher = match &process {
        // It will never hear of its own end, and needs no monitor for that: the BEAM sets none up either.
        Some(process) if std::ptr::eq(Object::control(&*process.0), &own.control) => None,
        Some(process) if process.is_alive() => Object::control(&*process.0).watch(Box::new(tell)),
        dead => {
            tell(dead.as_ref().map_or(Pid::new(0, 0, 0), Process::pid), &ExitReason::NoProc);
            None
        }
    };
    Monitor { id, process, watcher, flushed }
}

impl Monitor {
    /// The id its [`Down`] carries.
    #[must_use]
    pub fn id(&self) -> MonitorId {
        self.id
    }

    /// Takes the monitor down: no `Down` is sent after this has returned. `false` if it was sent already; then it
    /// stands in the mailbox, or was handled (OTP-163).
    #[allow(clippy::must_use_candidate, reason = "most callers do not care whether it had fired")]
    pub fn demonitor(self) -> bool {
        let Some((process, id)) = self.process.as_ref().zip(self.watcher) else { return false };
        Object::control(&*process.0).unwatch(id)
    }

    /// [`demonitor`](Self::demonitor), and a `Down` that stands in the mailbox is not handled either (OTP
    /// `demonitor(Ref, [flush])`).
    #[allow(clippy::must_use_candidate, reason = "most callers do not care whether it had fired")]
    pub fn demonitor_flush(self) -> bool {
        self.flushed.store(true, Ordering::Release);
        self.demonitor()
    }
}
