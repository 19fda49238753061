//! One turn of the loop: what is due, the wait, and the dispatch of what is ready.

use std::time::Duration;

use super::super::descriptor::{Descriptor, Removed};
use super::super::error::ReactorError;
use super::super::outcome::{Report, catch};
use super::super::reason::Reason;
use super::super::triggers::SystemEvent;
use super::Reactor;

impl Reactor {
    /// What other threads asked for, and what is due.
    pub(super) fn run_due(&self) {
        for call in self.inner.remote.take() {
            self.guard(|| "in a call from another thread".to_owned(), || call(self));
        }
        let (now, mark) = (self.inner.timers.now(), self.inner.timers.mark());
        while self.inner.looping.get() {
            let Some(call) = self.inner.timers.take_due(now, mark) else { break };
            self.guard(|| "in a delayed call".to_owned(), call);
        }
        if self.inner.looping.get() && self.inner.stop_asked.replace(false) {
            self.fire_event(SystemEvent::Shutdown);
        }
    }

    /// How long the next wait may take: until something is due.
    pub(super) fn longest_wait(&self) -> Option<Duration> {
        if self.inner.stop_asked.get() || self.inner.remote.has_calls() {
            return Some(Duration::ZERO);
        }
        self.inner.timers.next_due().map(|due| due.saturating_sub(self.inner.timers.now()))
    }

    pub(super) fn wait_and_dispatch(&self, timeout: Option<Duration>) -> Result<(), ReactorError> {
        let mut ready = Vec::new();
        self.inner.poller.borrow_mut().wait(timeout, &mut ready)?;
        // A number may change its owner while this list is worked off; the generation tells.
        let ready: Vec<_> = {
            let watchlist = self.inner.watchlist.borrow();
            let known =
                |(number, interest)| watchlist.generation(number).map(|known| (number, interest, known));
            ready.into_iter().filter_map(known).collect()
        };
        for (number, interest, generation) in ready {
            if !self.inner.looping.get() {
                break;
            }
            let reader = self.inner.watchlist.borrow().reader(number, generation);
            if let Some(reader) = reader.filter(|_| interest.read) {
                self.dispatch(&Removed::Reader(reader));
            }
            // Looked up again: reading may have ended the connection, or started to write.
            let writer = self.inner.watchlist.borrow().writer(number, generation);
            if let Some(writer) = writer.filter(|_| interest.write) {
                self.dispatch(&Removed::Writer(writer));
            }
        }
        Ok(())
    }

    /// One `do_read` or `do_write`; a descriptor that fails in it is removed and told so (TW-086).
    fn dispatch(&self, side: &Removed) {
        if side.descriptor().fileno().is_none() {
            let error = std::io::Error::from_raw_os_error(rustix::io::Errno::BADF.raw_os_error());
            return self.disconnect(side, &Reason::lost(error));
        }
        let mut reason = None;
        let raised = catch(|| {
            reason = match side {
                Removed::Reader(reader) => reader.do_read().err(),
                Removed::Writer(writer) => writer.do_write().err(),
            };
        });
        if let Err(raised) = raised {
            let context = format!("in {}", side.descriptor().log_prefix());
            self.report(&Report { context, raised: raised.clone() });
            reason = Some(Reason::Raised(raised));
        }
        if let Some(reason) = reason {
            self.disconnect(side, &reason);
        }
    }

    fn disconnect(&self, side: &Removed, reason: &Reason) {
        let mut poller = self.inner.poller.borrow_mut();
        let mut watchlist = self.inner.watchlist.borrow_mut();
        let gone = watchlist.remove_descriptor(&mut **poller, side.descriptor());
        drop((poller, watchlist));
        drop(gone);
        self.tell_lost(side.descriptor(), reason);
    }

    pub(super) fn disconnect_all(&self) {
        for removed in self.take_all() {
            self.tell_lost(removed.descriptor(), &Reason::Stopped);
        }
        // Those that are paused; the others have let go of their entry by now.
        let paused: Vec<_> = self.inner.connections.borrow().values().cloned().collect();
        for connection in paused {
            self.tell_lost(connection.as_ref(), &Reason::Stopped);
        }
    }

    pub(super) fn take_all(&self) -> Vec<Removed> {
        let mut poller = self.inner.poller.borrow_mut();
        self.inner.watchlist.borrow_mut().remove_all(&mut **poller)
    }

    fn tell_lost(&self, lost: &dyn Descriptor, reason: &Reason) {
        let context = || format!("in connection_lost of {}", lost.log_prefix());
        self.guard(context, || lost.connection_lost(reason));
    }
}
