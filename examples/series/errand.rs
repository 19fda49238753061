//! A program that is one Deferred: the reactor runs until that has fired, and its value is the last line.

use std::cell::RefCell;
use std::rc::Rc;

use verse::deferred::{Deferred, Failure, maybe_deferred};
use verse::reactor::{PollerKind, Reactor};

use super::Outcome;

/// Calls `main` when the reactor runs, and ends with what its Deferred comes to.
pub fn run(main: impl FnOnce(&Reactor) -> Deferred<String> + 'static) -> Outcome {
    let reactor = Reactor::new(PollerKind::default())?;
    let last = Rc::new(RefCell::new(None));
    let (note, handle) = (Rc::clone(&last), reactor.clone());
    reactor.call_when_running(move || {
        let stopping = handle.clone();
        let _told = maybe_deferred(|| main(&handle)).then_both(move |result: Result<String, Failure>| {
            *note.borrow_mut() = Some(result.map_err(|failure| failure.to_string()));
            // A signal may have been first.
            let _ = stopping.stop();
            Ok(())
        });
    });
    reactor.run()?;
    let last = last.take().ok_or("the reactor was stopped before it was done")?;
    println!("{}", last?);
    Ok(())
}
