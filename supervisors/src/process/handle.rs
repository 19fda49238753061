//! A process as seen from outside.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Object, Signal};
use crate::{ExitReason, Pid};

/// One life of one actor: signal it, watch it. It does not keep the actor alive, and it does not follow a restart
/// (a [`Ref`](crate::Ref) does).
#[derive(Clone)]
pub struct Process(pub(crate) Arc<dyn Object>);

impl Process {
    /// Who it is.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.0.control().pid
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.0.control().is_alive()
    }

    /// Why it ended, if it has.
    #[must_use]
    pub fn exit_reason(&self) -> Option<ExitReason> {
        self.0.control().reason()
    }

    /// Messages waiting in its mailbox. Mail sent through a raw `Addr` is not counted.
    #[must_use]
    pub fn mailbox_len(&self) -> usize {
        self.0.control().mailbox_len()
    }

    /// Messages handled so far, a turn (at most 256 messages) late.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.0.control().handled()
    }

    /// Asks it to end in good order with reason `shutdown`, as its supervisor would: no further message is handled,
    /// `stopping()` and `stopped()` run. An actor that vetoes in `stopping()` lives on.
    pub fn stop(&self) {
        self.0.control().signal(Signal::Stop(ExitReason::Shutdown));
    }

    /// Sends it an exit signal (OTP `exit/2`). A process that [traps exits](crate::ContextExt::trap_exit) gets an
    /// [`Exit`](crate::Exit) message, whatever the reason. Any other ends with `reason`, and nothing of the actor runs
    /// but its destructors (OTP-151, OTP-157); `Normal` does nothing, unless sent to oneself (OTP-152).
    /// `Kill` is [`kill`](Self::kill).
    pub fn exit(&self, reason: ExitReason) {
        let from = crate::this_process().map(|process| process.pid());
        self.0.control().exit_signal(from, reason);
    }

    /// Ends it with reason `killed`, also while it awaits something (OTP-149). Only a turn that does not end is out
    /// of reach: a handler that blocks its thread. That is for the [`Watchdog`](crate::Watchdog).
    pub fn kill(&self) {
        self.0.control().signal(Signal::Exit(ExitReason::Killed));
    }

    /// Makes it panic, as a handler of its own would: for experiments with faults.
    pub fn crash(&self, message: impl Into<Arc<str>>) {
        self.0.control().signal(Signal::Panic(message.into()));
    }

    /// Lets its mail wait, from the next message on, until [`resume`](Self::resume) (OTP `sys:suspend`). Its timers and
    /// futures go on, and signals still end it.
    pub fn suspend(&self) {
        self.0.control().suspend(true);
    }

    /// Lets it open its mail again.
    pub fn resume(&self) {
        self.0.control().suspend(false);
    }

    /// Links it to `other`: when one ends, the other gets an exit signal with its reason (OTP-148). Linking twice is
    /// linking once, linking to oneself nothing (OTP-154). A process that has ended already counts as one that ends
    /// now, with reason `NoProc` (OTP-153).
    pub fn link(&self, other: &Self) {
        if self.pid() == other.pid() {
            return;
        }
        let (one, two) = (&self.0, &other.0);
        // The half at `other` first: once both are there, neither end can be missed (OTP-156).
        if !two.control().add_link(one) {
            return one.control().exit_signal(Some(two.control().pid), ExitReason::NoProc);
        }
        if !one.control().add_link(two) && two.control().remove_link(one.control().pid) {
            two.control().exit_signal(Some(one.control().pid), ExitReason::NoProc);
        }
    }

    /// Takes the link away. Once this has returned, no exit signal comes from it any more; a message that is in the
    /// mailbox already stays there (OTP-155).
    pub fn unlink(&self, other: &Self) {
        self.0.control().remove_link(other.pid());
        other.0.control().remove_link(self.pid());
    }

    /// Those it is linked to, in the order of their pids.
    #[must_use]
    pub fn links(&self) -> Vec<Pid> {
        self.0.control().links()
    }

    /// Whether it traps exits.
    #[must_use]
    pub fn traps_exits(&self) -> bool {
        self.0.control().traps()
    }

    /// Waits until it has ended: its name is free, its actor dropped. Cancel safe; watching a dead process gives its
    /// reason at once.
    pub fn exited(&self) -> Exited {
        Exited { process: Arc::clone(&self.0), watcher: None }
    }
}

impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Process {}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({})", self.pid())
    }
}

/// The end of a process, awaited. Made by [`Process::exited`].
#[must_use = "futures do nothing unless awaited"]
pub struct Exited {
    process: Arc<dyn Object>,
    watcher: Option<u64>,
}

impl Future for Exited {
    type Output = ExitReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ExitReason> {
        let this = &mut *self;
        match this.process.control().wake_on_exit(&mut this.watcher, cx.waker()) {
            Some(reason) => Poll::Ready(reason),
            None => Poll::Pending,
        }
    }
}

impl Drop for Exited {
    fn drop(&mut self) {
        if let Some(id) = self.watcher {
            self.process.control().unwatch(id);
        }
    }
}
