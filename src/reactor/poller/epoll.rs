//! `epoll(7)`, level-triggered.

use std::os::fd::{OwnedFd, RawFd};
use std::time::Duration;

use std::collections::BTreeMap;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;

use super::{Fd, Interest, Poller, PollerError, PollerKind, raw, timespec};

/// Events taken from the kernel in one turn; the rest wait for the next, so nobody starves.
const EVENTS_A_TURN: usize = 1024;

/// The set lives in the kernel; here is only what keeps the descriptors open while they are in it.
pub(super) struct Epoll {
    set: OwnedFd,
    watched: BTreeMap<RawFd, Fd>,
    events: Vec<epoll::Event>,
}

impl Epoll {
    pub(super) fn new() -> Result<Epoll, PollerError> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(|source| PollerError::Make { poller: PollerKind::Epoll, source })?;
        Ok(Epoll { set, watched: BTreeMap::new(), events: Vec::with_capacity(EVENTS_A_TURN) })
    }
}

fn flags(interest: Interest) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, interest.read);
    flags.set(epoll::EventFlags::OUT, interest.write);
    flags
}

impl Poller for Epoll {
    fn kind(&self) -> PollerKind {
        PollerKind::Epoll
    }

    fn watch(&mut self, fd: &Fd, interest: Interest) -> Result<(), PollerError> {
        let number = raw(fd);
        let data = epoll::EventData::new_u64(u64::try_from(number).unwrap_or(u64::MAX));
        let refused = |source| PollerError::Watch { fd: number, poller: PollerKind::Epoll, source };
        if interest.is_none() {
            if self.watched.remove(&number).is_some() {
                epoll::delete(&self.set, fd).map_err(refused)?;
            }
        } else if self.watched.contains_key(&number) {
            epoll::modify(&self.set, fd, data, flags(interest)).map_err(refused)?;
        } else {
            epoll::add(&self.set, fd, data, flags(interest)).map_err(refused)?;
            self.watched.insert(number, fd.clone());
        }
        Ok(())
    }

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        ready: &mut Vec<(RawFd, Interest)>,
    ) -> Result<(), PollerError> {
        self.events.clear();
        let timeout = timespec(timeout);
        match epoll::wait(&self.set, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(source) => return Err(PollerError::Wait { poller: PollerKind::Epoll, source }),
        }
        for event in &self.events {
            let (flags, data) = (event.flags, event.data.u64());
            let broken = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
            let interest = Interest {
                read: broken || flags.contains(epoll::EventFlags::IN),
                write: broken || flags.contains(epoll::EventFlags::OUT),
            };
            if let Ok(number) = RawFd::try_from(data) {
                ready.push((number, interest));
            }
        }
        Ok(())
    }
}
