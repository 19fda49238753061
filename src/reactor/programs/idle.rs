//! Connections on which nothing is going on: the first to go when the reactor stops.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::reactor::{Phase, Reactor, SystemEvent, Transport};

/// The idle connections of one port. When the reactor is told to stop they are closed, well, and whatever becomes idle
/// from then on: whoever holds the shutdown waits only for those of whom something has been asked.
#[derive(Default)]
pub(super) struct Idle {
    open: RefCell<BTreeMap<u64, Transport>>,
    next: Cell<u64>,
    stopping: Cell<bool>,
}

impl Idle {
    pub(super) fn new(reactor: &Reactor) -> Rc<Idle> {
        let idle = Rc::new(Idle::default());
        let closing = Rc::clone(&idle);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            closing.stopping.set(true);
            let open = closing.open.take();
            open.into_values().for_each(|transport| transport.lose_connection());
        });
        idle
    }

    /// Whether the reactor was told to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Nothing is going on there, until the ticket is handed back.
    pub(super) fn enter(&self, transport: &Transport) -> u64 {
        let ticket = self.next.get();
        self.next.set(ticket + 1);
        if self.is_stopping() {
            transport.lose_connection();
        } else {
            self.open.borrow_mut().insert(ticket, transport.clone());
        }
        ticket
    }

    /// Something is, or it is over. Again: nothing.
    pub(super) fn leave(&self, ticket: u64) {
        let busy = self.open.borrow_mut().remove(&ticket);
        drop(busy);
    }
}
