//! A whole program as one Deferred: Twisted's `task.react`.

use std::process::ExitCode;

use super::error::ReactorError;
use super::event_loop::Reactor;
use super::outcome::{BoxError, Report};
use super::poller::PollerKind;
use crate::deferred::{Deferred, maybe_deferred};

#[cfg(test)]
mod tests;

/// Runs a reactor until the Deferred of `main` has fired: exit code 0, or 1 with a report if it failed (TW-075).
///
/// A reactor that is stopped meanwhile, by `main` or a signal, ends with 0. The reactor is stopped once, whoever was
/// first.
///
/// # Errors
/// When the reactor cannot be made, or the kernel refuses to wait.
pub fn react(
    kind: PollerKind,
    main: impl FnOnce(&Reactor) -> Deferred<()>,
) -> Result<ExitCode, ReactorError> {
    let reactor = Reactor::new(kind)?;
    let failed = std::rc::Rc::new(std::cell::Cell::new(false));
    let (stopping, flag) = (reactor.clone(), std::rc::Rc::clone(&failed));
    let finished = maybe_deferred(|| main(&reactor));
    finished.add_both(move |result| {
        if let Err(failure) = result {
            flag.set(true);
            let raised = BoxError::from(failure).into();
            stopping.report(&Report { context: "in the main function".to_owned(), raised });
        }
        let handle = stopping.clone();
        stopping.call_when_running(move || {
            // Refused when it is being stopped already.
            let _ = handle.stop();
        });
    });
    reactor.run()?;
    Ok(if failed.get() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
