//! SIGINT and SIGTERM for a program without a loop: somebody waits for them.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;

use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};

/// The system does not let us hear of signals.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for signals")]
pub struct SignalError(#[source] io::Error);

/// SIGINT and SIGTERM, which mean the same. The handlers are taken off when it is dropped.
#[derive(Debug)]
pub struct Signals {
    came: UnixStream,
    handlers: Vec<SigId>,
}

impl Drop for Signals {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            signal_hook::low_level::unregister(handler);
        }
    }
}

impl Signals {
    /// From now on a signal is remembered until somebody waits for it.
    ///
    /// # Errors
    /// When the system refuses a handler or a descriptor.
    pub fn listen() -> Result<Signals, SignalError> {
        let (came, sends) = UnixStream::pair().map_err(SignalError)?;
        let mut signals = Signals { came, handlers: Vec::new() };
        for signal in [SIGINT, SIGTERM] {
            let sends = sends.try_clone().map_err(SignalError)?;
            let handler = signal_hook::low_level::pipe::register(signal, sends).map_err(SignalError)?;
            signals.handlers.push(handler);
        }
        Ok(signals)
    }

    /// Blocks until the next one.
    ///
    /// # Errors
    /// When the pipe they come through breaks, which nothing does.
    pub fn wait(&mut self) -> Result<(), SignalError> {
        self.came.read_exact(&mut [0; 1]).map_err(SignalError)
    }
}
