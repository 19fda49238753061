//! `poll(2)`.

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::{Fd, Interest, Poller, PollerError, PollerKind, raw, timespec};

/// The whole set goes to the kernel with each wait.
#[derive(Default)]
pub(super) struct Poll {
    watched: BTreeMap<RawFd, (Fd, Interest)>,
}

fn flags(interest: Interest) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.read);
    flags.set(PollFlags::OUT, interest.write);
    flags
}

impl Poller for Poll {
    fn kind(&self) -> PollerKind {
        PollerKind::Poll
    }

    fn watch(&mut self, fd: &Fd, interest: Interest) -> Result<(), PollerError> {
        if interest.is_none() {
            self.watched.remove(&raw(fd));
        } else {
            self.watched.insert(raw(fd), (fd.clone(), interest));
        }
        Ok(())
    }

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        ready: &mut Vec<(RawFd, Interest)>,
    ) -> Result<(), PollerError> {
        let mut fds: Vec<PollFd<'_>> =
            self.watched.values().map(|(fd, interest)| PollFd::new(fd, flags(*interest))).collect();
        let timeout = timespec(timeout);
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(source) => return Err(PollerError::Wait { poller: PollerKind::Poll, source }),
        }
        for (polled, number) in fds.iter().zip(self.watched.keys()) {
            let flags = polled.revents();
            let broken = flags.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
            let interest = Interest {
                read: broken || flags.contains(PollFlags::IN),
                write: broken || flags.contains(PollFlags::OUT),
            };
            if !interest.is_none() {
                ready.push((*number, interest));
            }
        }
        Ok(())
    }
}
