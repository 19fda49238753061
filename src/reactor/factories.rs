//! Which factories are in use, and by how many ports and connectors (TW-089).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::event_loop::Reactor;
use super::protocol::Factory;

/// A factory, and how many use it.
type Used = (Rc<dyn Factory>, usize);

/// Counts the users of each factory, known by its address. The entry keeps the factory, so no other can come to
/// stand at that address while it is counted.
#[derive(Default)]
pub(crate) struct Factories {
    in_use: RefCell<BTreeMap<usize, Used>>,
}

fn identity(factory: &Rc<dyn Factory>) -> usize {
    Rc::as_ptr(factory).cast::<()>().addr()
}

impl Reactor {
    /// One more user; the first one starts it.
    pub(crate) fn start_factory(&self, factory: &Rc<dyn Factory>) {
        let users = {
            let mut in_use = self.factories().in_use.borrow_mut();
            let entry = in_use.entry(identity(factory)).or_insert_with(|| (Rc::clone(factory), 0));
            entry.1 += 1;
            entry.1
        };
        if users == 1 {
            self.guard(|| "in start_factory".to_owned(), || factory.start_factory());
        }
    }

    /// One user less; after the last one it stops.
    pub(crate) fn stop_factory(&self, factory: &Rc<dyn Factory>) {
        let last = {
            let mut in_use = self.factories().in_use.borrow_mut();
            let Some(entry) = in_use.get_mut(&identity(factory)) else { return };
            entry.1 -= 1;
            if entry.1 == 0 { in_use.remove(&identity(factory)) } else { None }
        };
        if last.is_some() {
            self.guard(|| "in stop_factory".to_owned(), || factory.stop_factory());
        }
    }
}
