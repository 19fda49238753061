//! How a process is doing.

use std::fmt;
use std::time::Duration;

use super::{Object, Process};

/// How a process is doing, as of now. To be had at any time, from any thread; the process itself is not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Messages waiting in its mailbox. Mail sent through a raw `Addr` is not counted.
    pub mailbox_len: usize,
    /// How long the oldest of them has waited; `None` if none waits, or no [watchdog](crate::Watchdog) runs to tell
    /// the time. Up to an eighth of the watchdog's limit too long or too short (0.125 s unless told otherwise):
    /// no clock is read for a message. In simulation it is the node's clock, to the millisecond.
    pub oldest: Option<Duration>,
    /// Messages handled so far; those of the turn it is in are not counted yet.
    pub handled: u64,
    /// How long it has been running code, sampled: each time the watchdog looks, the process whose turn it is is
    /// thought to have run since the look before. Zero in simulation. Of processes that are rarely seen running,
    /// only 1,024 are kept in mind.
    pub busy: Duration,
    /// Messages its full mailbox has refused so far: casts that were lost with it, and all whose sender was told.
    pub refused: u64,
    /// Messages its full mailbox has dropped so far, by its [policy](crate::Overflow).
    pub dropped: u64,
    /// Whether it lets its mail wait: see [`Process::suspend`].
    pub suspended: bool,
}

impl Statistics {
    /// What is remarkable of it, behind the name of its process.
    pub(crate) fn draw(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mailbox_len > 0 {
            write!(f, "  {} messages wait", self.mailbox_len)?;
            if let Some(age) = self.oldest.filter(|age| !age.is_zero()) {
                write!(f, ", the oldest for {age:.1?}")?;
            }
        }
        if !self.busy.is_zero() {
            write!(f, "  busy for {:.1?}", self.busy)?;
        }
        f.write_str(if self.suspended { "  suspended" } else { "" })
    }
}

impl Process {
    /// How it is doing: its mailbox, its messages, its time.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let control = Object::control(&*self.0);
        let node = &control.node;
        let age = |stamp: u32| Duration::from_millis(u64::from(node.stamp().wrapping_sub(stamp)));
        let (refused, dropped) = control.losses();
        Statistics {
            refused,
            dropped,
            mailbox_len: control.mailbox_len(),
            oldest: if node.watch().tells_time() { self.0.oldest().map(age) } else { None },
            handled: control.handled(),
            busy: node.watch().busy(control.pid),
            suspended: control.is_suspended(),
        }
    }
}
