//! SIGINT and SIGTERM end the loop, from the loop.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::descriptor::{Descriptor, ReadDescriptor};
use super::error::ReactorError;
use super::event_loop::Reactor;
use super::outcome::{BoxError, Report};
use super::poller::Fd;
use super::reason::Reason;

#[cfg(test)]
mod tests;

/// Which signals came: what a program asks after `run` to choose its exit code. The handlers are taken off when the
/// last handle is dropped.
#[derive(Debug, Clone)]
pub struct Signals {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    first: Cell<Option<i32>>,
    second: Cell<bool>,
    handlers: RefCell<Vec<SigId>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        for handler in self.handlers.take() {
            signal_hook::low_level::unregister(handler);
        }
    }
}

impl Signals {
    /// The signal that stopped the reactor, if one did (TW-087).
    #[must_use]
    pub fn first(&self) -> Option<i32> {
        self.inner.first.get()
    }

    /// Whether another one came while the reactor was stopping, and cut that short.
    #[must_use]
    pub fn second(&self) -> bool {
        self.inner.second.get()
    }
}

impl Reactor {
    /// From now on SIGINT and SIGTERM stop this reactor, as [`Reactor::stop`] does and from its loop, not from the
    /// signal handler (TW-087). A second one, while the shutdown still waits, ends the loop at once: nobody should
    /// have to send SIGKILL. (Twisted only logs it.)
    ///
    /// # Errors
    /// When the system refuses a handler or the reactor a descriptor.
    pub fn handle_signals(&self) -> Result<Signals, ReactorError> {
        let inner = Inner { first: Cell::new(None), second: Cell::new(false), handlers: RefCell::default() };
        let signals = Signals { inner: Rc::new(inner) };
        for signal in [SIGINT, SIGTERM] {
            let failed = |source: io::Error| ReactorError::Signal { signal, source };
            let (ours, theirs) = UnixStream::pair().map_err(failed)?;
            ours.set_nonblocking(true).map_err(failed)?;
            let handler = signal_hook::low_level::pipe::register(signal, theirs).map_err(failed)?;
            signals.inner.handlers.borrow_mut().push(handler);
            let catcher =
                Catcher { reactor: self.clone(), signal, pipe: Rc::new(ours), signals: signals.clone() };
            self.add_reader(Rc::new(catcher))?;
        }
        Ok(signals)
    }
}

struct Catcher {
    reactor: Reactor,
    signal: i32,
    pipe: Rc<UnixStream>,
    signals: Signals,
}

impl Descriptor for Catcher {
    fn fileno(&self) -> Option<Fd> {
        Some(self.pipe.clone())
    }

    fn log_prefix(&self) -> String {
        format!("the catcher of signal {}", self.signal)
    }

    fn is_internal(&self) -> bool {
        true
    }
}

impl ReadDescriptor for Catcher {
    fn do_read(&self) -> Result<(), Reason> {
        // As many bytes as signals; a second one may have come before we looked.
        let came = (&*self.pipe).read(&mut [0; 64]).unwrap_or(0);
        for _ in 0..came {
            if self.signals.first().is_none() {
                self.signals.inner.first.set(Some(self.signal));
                if let Err(error) = self.reactor.stop() {
                    self.report(error.into());
                }
            } else {
                self.signals.inner.second.set(true);
                self.report("a second signal: not waiting any longer".into());
                self.reactor.crash();
            }
        }
        Ok(())
    }
}

impl Catcher {
    fn report(&self, error: BoxError) {
        self.reactor.report(&Report { context: format!("at signal {}", self.signal), raised: error.into() });
    }
}
