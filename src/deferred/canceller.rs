//! What a cancel does to one deferred.

use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

use super::core::{Core, Value};
use super::error::Cancelled;
use super::graph::{self, Busy, Node};
use super::unhandled::{self, Cause, Report};
use super::{Deferred, Failure};

/// What stops whatever would fire a deferred.
type Stop<T> = Box<dyn FnMut(&Deferred<T>)>;

/// What `cancel` does before the node is fired.
pub(super) enum Canceller<T: 'static> {
    None,
    Call(Stop<T>),
    /// At work: a cancel that comes back round to here changes nothing.
    Busy,
    /// Cancels the members that are kept, and nothing else (TW-040, TW-041).
    Members,
    /// Cancels the members that are kept, then itself if that did not fire it (TW-045).
    Runners,
}

impl<T: 'static> Core<T> {
    /// Cancels this deferred, or names the one it waits for.
    pub(super) fn stop(self: &Rc<Self>, place: &'static Location<'static>) -> Option<Rc<dyn Node>> {
        let mut state = self.state.borrow_mut();
        if state.called {
            let waits = matches!(state.value, Value::Waiting) && !state.list;
            return if waits { state.source.clone() } else { None };
        }
        // What cancels must not be given up in the middle of that, whatever it loses.
        let _busy = Busy::new(Rc::clone(self) as Rc<dyn Node>);
        match std::mem::replace(&mut state.canceller, Canceller::Busy) {
            Canceller::Busy => return None,
            Canceller::None => state.swallow = true,
            Canceller::Members => {
                drop(state);
                for member in self.kept() {
                    cancel_guarded(member, place);
                }
                self.rearm(Canceller::Members);
                return None;
            }
            Canceller::Runners => {
                drop(state);
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    self.kept().into_iter().for_each(|member| graph::cancel(member, place));
                }));
                if let Err(thrown) = outcome {
                    self.rearm(Canceller::Runners);
                    resume_unwind(thrown);
                }
                state = self.state.borrow_mut();
            }
            Canceller::Call(canceller) => {
                drop(state);
                self.call_canceller(canceller);
                state = self.state.borrow_mut();
            }
        }
        let called = state.called;
        drop(state);
        if !called {
            // Nobody else fired it: `fire` can only say yes.
            let _fired = self.fire(Err(Failure::at(Box::new(Cancelled), place, false)), place);
        }
        None
    }

    /// Calls the canceller, nothing being borrowed: it may do anything to this deferred.
    fn call_canceller(self: &Rc<Self>, mut canceller: Stop<T>) {
        let handle = Deferred::of(Rc::clone(self));
        if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| canceller(&handle))) {
            // It leaves `cancel`, and the deferred stays as it was (TW-021).
            self.rearm(Canceller::Call(canceller));
            resume_unwind(thrown);
        }
    }

    /// Puts a canceller back that did not fire the deferred.
    fn rearm(&self, canceller: Canceller<T>) {
        let mut state = self.state.borrow_mut();
        let gone = if state.called { canceller } else { std::mem::replace(&mut state.canceller, canceller) };
        drop(state);
        drop(gone);
    }

    /// The members, held while they are being dealt with.
    fn kept(&self) -> Vec<Rc<dyn Node>> {
        self.state.borrow().members.iter().map(|member| Rc::clone(member.held.node())).collect()
    }
}

/// Cancels a member of a list; its canceller's panic is told and goes no further (TW-041).
fn cancel_guarded(member: Rc<dyn Node>, place: &'static Location<'static>) {
    if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| graph::cancel(member, place))) {
        let failure = Failure::of_panic(&*thrown, place);
        unhandled::tell(&Report { cause: Cause::Canceller, failure, created: None, fired: None });
    }
}
