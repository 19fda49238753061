//! `select(2)`.

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::time::Duration;

use rustix::event::{FdSetElement, FdSetIter, Timespec, fd_set_insert, fd_set_num_elements, select};
use rustix::io::Errno;

use super::{Fd, Interest, Poller, PollerError, PollerKind, raw, timespec};

/// `FD_SETSIZE`: how many descriptors the C library's sets have room for. The kernel would take more, but every
/// program that says `select` means this bound, and Part 3 tells of it.
pub(super) const SET_SIZE: RawFd = 1024;

/// Two sets of bits go to the kernel with each wait.
#[derive(Default)]
pub(super) struct Select {
    watched: BTreeMap<RawFd, (Fd, Interest)>,
}

impl Poller for Select {
    fn kind(&self) -> PollerKind {
        PollerKind::Select
    }

    fn watch(&mut self, fd: &Fd, interest: Interest) -> Result<(), PollerError> {
        let number = raw(fd);
        if interest.is_none() {
            self.watched.remove(&number);
        } else if number >= SET_SIZE {
            return Err(PollerError::BeyondSelect { fd: number });
        } else {
            self.watched.insert(number, (fd.clone(), interest));
        }
        Ok(())
    }

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        ready: &mut Vec<(RawFd, Interest)>,
    ) -> Result<(), PollerError> {
        let bound = self.watched.last_key_value().map_or(0, |(number, _)| number + 1);
        let elements = fd_set_num_elements(self.watched.len(), bound);
        let mut readable = vec![FdSetElement::default(); elements];
        let mut writable = vec![FdSetElement::default(); elements];
        for (number, (_, interest)) in &self.watched {
            if interest.read {
                fd_set_insert(&mut readable, *number);
            }
            if interest.write {
                fd_set_insert(&mut writable, *number);
            }
        }
        let timeout = timespec(timeout);
        match self.ask(bound, &mut readable, &mut writable, timeout.as_ref()) {
            Ok(()) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(source) => return Err(PollerError::Wait { poller: PollerKind::Select, source }),
        }
        let mut found: BTreeMap<RawFd, Interest> = BTreeMap::new();
        FdSetIter::new(&readable).for_each(|number| found.entry(number).or_default().read = true);
        FdSetIter::new(&writable).for_each(|number| found.entry(number).or_default().write = true);
        ready.extend(found);
        Ok(())
    }
}

impl Select {
    /// The call itself.
    #[allow(unsafe_code)]
    fn ask(
        &self,
        bound: RawFd,
        readable: &mut [FdSetElement],
        writable: &mut [FdSetElement],
        timeout: Option<&Timespec>,
    ) -> Result<(), Errno> {
        // SAFETY: every number in both sets is a key of `watched`, whose value keeps that descriptor open; both
        // sets have room for `bound` bits.
        unsafe { select(bound, Some(readable), Some(writable), None, timeout) }.map(|_| ())
    }
}
