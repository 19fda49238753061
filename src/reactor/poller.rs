//! Who asks the kernel which descriptors are ready: one trait, three system calls.
//!
//! All three are level-triggered: a descriptor that is ready and not read shows up again in the next turn. So a
//! program that takes only part of what is there (Part 4 does) loses nothing, and the pollers can stand in for
//! each other. Edge-triggered epoll, as mio has it, would behave differently from `poll(2)`.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use rustix::event::Timespec;
use rustix::io::Errno;

mod epoll;
mod poll;
mod select;
#[cfg(test)]
mod tests;

/// An open descriptor that the poller shares with its owner.
///
/// Shared, so that a number handed to the kernel is always an open descriptor, whoever drops what first.
pub type Fd = Rc<dyn AsFd>;

/// What a descriptor is watched for, or ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interest {
    /// Data, a new connection, an end or an error is there to be read.
    pub read: bool,
    /// There is room to write, or an error is there to be seen.
    pub write: bool,
}

impl Interest {
    /// Neither: the poller forgets the descriptor.
    #[must_use]
    pub fn is_none(self) -> bool {
        !self.read && !self.write
    }
}

/// Why a descriptor cannot be watched, or the kernel not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PollerError {
    /// `select(2)` cannot name this descriptor: its sets are of fixed size (Part 3).
    #[error(
        "select(2) cannot watch descriptor {fd}: its sets end at {}; use epoll or poll",
        select::SET_SIZE - 1
    )]
    BeyondSelect {
        /// The descriptor's number.
        fd: RawFd,
    },
    /// The kernel refuses to watch it, as epoll does with a plain file.
    #[error("cannot watch descriptor {fd} with {poller}")]
    Watch {
        /// The descriptor's number.
        fd: RawFd,
        /// Which poller.
        poller: PollerKind,
        /// What the kernel said.
        #[source]
        source: Errno,
    },
    /// The poller itself could not be made.
    #[error("cannot make a poller with {poller}")]
    Make {
        /// Which poller.
        poller: PollerKind,
        /// What the kernel said.
        #[source]
        source: Errno,
    },
    /// The wait itself failed.
    #[error("cannot wait for descriptors with {poller}")]
    Wait {
        /// Which poller.
        poller: PollerKind,
        /// What the kernel said.
        #[source]
        source: Errno,
    },
}

/// Asks the kernel which of the watched descriptors are ready.
pub trait Poller {
    /// Which of the three this is.
    fn kind(&self) -> PollerKind;

    /// Watches `fd` for `interest` from now on, in place of what it was watched for; none forgets it.
    ///
    /// # Errors
    /// When this poller cannot watch it; nothing has changed then.
    fn watch(&mut self, fd: &Fd, interest: Interest) -> Result<(), PollerError>;

    /// Waits until a watched descriptor is ready or `timeout` is over (`None`: without end), and adds what is
    /// ready to `ready`. An error or a hang-up counts as ready for whatever is watched, so that the next read or
    /// write meets it. Being interrupted by a signal ends the wait with nothing ready.
    ///
    /// # Errors
    /// When the kernel refuses the wait itself.
    fn wait(
        &mut self,
        timeout: Option<Duration>,
        ready: &mut Vec<(RawFd, Interest)>,
    ) -> Result<(), PollerError>;
}

/// Which system call a reactor waits with: the series' `reactor.install()` (Part 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PollerKind {
    /// `epoll(7)`: its cost depends on the ready descriptors, not on the watched ones. The default.
    #[default]
    Epoll,
    /// `poll(2)`: any descriptor, at a cost for each watched one.
    Poll,
    /// `select(2)`: as poll, and only for descriptors below 1024.
    Select,
}

impl PollerKind {
    /// All of them, the default first.
    pub const ALL: [PollerKind; 3] = [PollerKind::Epoll, PollerKind::Poll, PollerKind::Select];

    /// A poller of this kind that watches nothing yet.
    ///
    /// # Errors
    /// When the kernel has no descriptor left for one (epoll only).
    pub fn make(self) -> Result<Box<dyn Poller>, PollerError> {
        Ok(match self {
            PollerKind::Epoll => Box::new(epoll::Epoll::new()?),
            PollerKind::Poll => Box::new(poll::Poll::default()),
            PollerKind::Select => Box::new(select::Select::default()),
        })
    }
}

impl fmt::Display for PollerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PollerKind::Epoll => "epoll",
            PollerKind::Poll => "poll",
            PollerKind::Select => "select",
        })
    }
}

/// A name that is no poller's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no poller is called {0}: epoll, poll or select")]
pub struct UnknownPoller(pub String);

impl FromStr for PollerKind {
    type Err = UnknownPoller;

    fn from_str(name: &str) -> Result<PollerKind, UnknownPoller> {
        let known = PollerKind::ALL.into_iter().find(|kind| kind.to_string() == name);
        known.ok_or_else(|| UnknownPoller(name.to_owned()))
    }
}

/// The number behind a shared descriptor.
pub(crate) fn raw(fd: &Fd) -> RawFd {
    fd.as_fd().as_raw_fd()
}

/// A waiting time as the kernel takes it; one too long for the kernel waits without end.
fn timespec(timeout: Option<Duration>) -> Option<Timespec> {
    timeout.and_then(|timeout| Timespec::try_from(timeout).ok())
}
