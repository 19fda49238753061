//! What is done when the reactor starts and stops: Twisted's system event triggers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::event_loop::Reactor;
use super::outcome::{BoxError, Outcome};
use crate::deferred::Deferred;

/// The two events of a reactor's life that others can take part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SystemEvent {
    /// `run` was called.
    Startup,
    /// `stop` was called, by the program or a signal.
    Shutdown,
}

/// When in an event a trigger runs; within a phase in the order added (TW-081).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// First; the event waits until every [`Hold`] is dropped, timers and descriptors going on meanwhile.
    Before,
    /// The event itself: at startup signal handlers, at shutdown the end of all connections.
    During,
    /// Last.
    After,
}

/// Keeps a `Before` phase from ending until it is dropped: what a Deferred returned by a Twisted trigger does.
///
/// A trigger that has nothing to wait for lets go of it on return. A trigger that fails drops it, too.
#[derive(Debug)]
pub struct Hold {
    /// None in the later phases, which wait for nobody.
    _gate: Option<Rc<Gate>>,
}

impl Hold {
    /// Lets go when `deferred` has fired, well or not (TW-081, TW-082).
    pub fn until<T: 'static>(self, deferred: &Deferred<T>) {
        deferred.add_both(move |result| {
            drop(self);
            result
        });
    }
}

#[derive(Debug)]
struct Gate {
    reactor: Reactor,
    event: SystemEvent,
    /// Nobody took a hold beyond the phase: the event went on by itself.
    passed: Cell<bool>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        if self.passed.get() {
            return;
        }
        let (reactor, event) = (self.reactor.clone(), self.event);
        // In a turn of its own: the last hold may be dropped anywhere, also while the loop's tables are in use.
        self.reactor.call_later(Duration::ZERO, move || reactor.finish_event(event));
    }
}

type Trigger = Box<dyn FnOnce(Hold) -> Result<(), BoxError>>;

/// Names one trigger, so that it can be removed until it runs (TW-082).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TriggerId(SystemEvent, Phase, u64);

#[derive(Default)]
pub(crate) struct Triggers {
    next: Cell<u64>,
    waiting: RefCell<BTreeMap<TriggerId, Trigger>>,
}

impl Triggers {
    pub(crate) fn add<R: Outcome>(
        &self,
        phase: Phase,
        event: SystemEvent,
        trigger: impl FnOnce(Hold) -> R + 'static,
    ) -> TriggerId {
        let id = TriggerId(event, phase, self.next.get());
        self.next.set(self.next.get() + 1);
        self.waiting.borrow_mut().insert(id, Box::new(move |hold| trigger(hold).into_result()));
        id
    }

    pub(crate) fn remove(&self, id: TriggerId) -> bool {
        self.waiting.borrow_mut().remove(&id).is_some()
    }

    /// The next trigger of this phase: one at a time, so that an earlier one can still remove a later one.
    fn take(&self, event: SystemEvent, phase: Phase) -> Option<Trigger> {
        let mut waiting = self.waiting.borrow_mut();
        let id = waiting.range(TriggerId(event, phase, 0)..=TriggerId(event, phase, u64::MAX)).next()?;
        let id = *id.0;
        waiting.remove(&id)
    }
}

impl Reactor {
    /// Has `trigger` run in that phase of that event. It is given a [`Hold`], which only matters before shutdown
    /// or startup: the event goes on when all of them are dropped, also if that is never.
    ///
    /// A trigger that fails is reported and stops neither the others nor the event (TW-082). Runs once.
    pub fn add_system_event_trigger<R: Outcome>(
        &self,
        phase: Phase,
        event: SystemEvent,
        trigger: impl FnOnce(Hold) -> R + 'static,
    ) -> TriggerId {
        self.triggers().add(phase, event, trigger)
    }

    /// Takes a trigger back; false if it has run, or was removed before.
    pub fn remove_system_event_trigger(&self, id: TriggerId) -> bool {
        self.triggers().remove(id)
    }

    /// Runs the before phase of `event`, and the rest of it as soon as nobody holds it.
    pub(crate) fn fire_event(&self, event: SystemEvent) {
        let gate = Rc::new(Gate { reactor: self.clone(), event, passed: Cell::new(false) });
        self.run_phase(event, Phase::Before, Some(&gate));
        if event == SystemEvent::Shutdown {
            self.hold_for_drains(Hold { _gate: Some(Rc::clone(&gate)) });
        }
        if Rc::strong_count(&gate) == 1 {
            gate.passed.set(true);
            self.finish_event(event);
        }
    }

    /// The during and after phases.
    fn finish_event(&self, event: SystemEvent) {
        self.enter_event(event);
        self.run_phase(event, Phase::During, None);
        self.run_phase(event, Phase::After, None);
        self.leave_event(event);
    }

    fn run_phase(&self, event: SystemEvent, phase: Phase, gate: Option<&Rc<Gate>>) {
        while let Some(trigger) = self.triggers().take(event, phase) {
            let hold = Hold { _gate: gate.cloned() };
            let context = || format!("in a trigger of {event:?}, {phase:?}");
            self.guard(context, move || trigger(hold));
        }
    }
}
