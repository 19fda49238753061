//! Who waits for which name.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::resolve::MAX_LOOKUPS;
use crate::terms::ConnectFailure;

type Found = Result<Vec<SocketAddr>, ConnectFailure>;
type Done = Box<dyn FnOnce(Found)>;

/// The lookups under way. What waits for them is not `Send`, so it stays here and a number goes to the thread.
#[derive(Default)]
pub(crate) struct Lookups {
    next: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, Done>>,
}

impl Lookups {
    /// A ticket for one more lookup; `None`, with `done` called, when too many are under way.
    pub(crate) fn begin(&self, host: &str, done: Done) -> Option<u64> {
        if self.waiting.borrow().len() >= MAX_LOOKUPS {
            done(Err(ConnectFailure::TooManyLookups { host: host.to_owned(), limit: MAX_LOOKUPS }));
            return None;
        }
        let ticket = self.next.get();
        self.next.set(ticket + 1);
        self.waiting.borrow_mut().insert(ticket, done);
        Some(ticket)
    }

    pub(crate) fn any(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// The thread is done.
    pub(crate) fn end(&self, ticket: u64, found: Found) {
        let done = self.waiting.borrow_mut().remove(&ticket);
        if let Some(done) = done {
            done(found);
        }
    }
}
