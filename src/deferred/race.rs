//! The first result of several, the others cancelled.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;

use super::canceller::Canceller;
use super::core::Core;
use super::error::FailureGroup;
use super::graph::{self, Node};
use super::{Deferred, Failure, Outcome};

struct Track {
    winner: bool,
    failures: Vec<(usize, Failure)>,
    runners: usize,
}

/// Fires with the index and value of the first success; every other runner is cancelled before that, and whatever it
/// still comes to is lost (TW-043). A failure ends nothing: if all fail, it fails with [`FailureGroup`] (TW-044).
/// Cancelling it cancels all (TW-045). No runners: it never fires (TW-036).
#[track_caller]
#[must_use = "the first result comes out of the deferred"]
pub fn race<T: 'static>(runners: impl IntoIterator<Item = Deferred<T>>) -> Deferred<(usize, T)> {
    let place = Location::caller();
    let runners: Vec<_> = runners.into_iter().collect();
    let core = Core::<(usize, T)>::new(Canceller::Runners, place);
    let outcome = Deferred::of(Rc::clone(&core));
    core.keep(&runners);
    let track = Rc::new(RefCell::new(Track { winner: false, failures: Vec::new(), runners: runners.len() }));
    for (index, runner) in runners.iter().enumerate() {
        let (end, track) = (Rc::downgrade(&core), Rc::clone(&track));
        runner.report_to(Rc::clone(&core) as Rc<dyn Node>, place, move |result| {
            let Some(end) = end.upgrade() else { return Outcome::Nothing };
            end.settled(index);
            let fired = match result {
                Ok(value) => won(&end, &track, index, value, place),
                Err(failure) => lost(&end, &track, index, failure, place),
            };
            end.dismiss();
            fired
        });
    }
    outcome
}

fn won<T: 'static>(
    end: &Rc<Core<(usize, T)>>,
    track: &RefCell<Track>,
    index: usize,
    value: T,
    place: &'static Location<'static>,
) -> Outcome<T> {
    if std::mem::replace(&mut track.borrow_mut().winner, true) {
        return Outcome::Nothing; // a loser that could not be cancelled
    }
    let nodes: Vec<_> =
        end.state.borrow().members.iter().map(|member| Rc::clone(member.held.node())).collect();
    let Some(winner) = nodes.get(index) else { return Outcome::Nothing };
    for loser in nodes.iter().filter(|node| !graph::same(node, winner)) {
        graph::cancel(Rc::clone(loser), place);
    }
    told(end.fire(Ok((index, value)), place), place)
}

fn lost<T: 'static>(
    end: &Rc<Core<(usize, T)>>,
    track: &RefCell<Track>,
    index: usize,
    failure: Failure,
    place: &'static Location<'static>,
) -> Outcome<T> {
    let mut track = track.borrow_mut();
    track.failures.push((index, failure));
    if track.failures.len() < track.runners {
        return Outcome::Nothing;
    }
    let mut failures = std::mem::take(&mut track.failures);
    drop(track);
    failures.sort_by_key(|(index, _)| *index);
    let group = FailureGroup { failures: failures.into_iter().map(|(_, failure)| failure).collect() };
    told(end.fire(Err(Failure::at(Box::new(group), place, false)), place), place)
}

/// The runner that brought the news is told when nobody wanted it any more.
fn told<T: 'static>(
    fired: Result<(), super::AlreadyCalled>,
    place: &'static Location<'static>,
) -> Outcome<T> {
    match fired {
        Ok(()) => Outcome::Nothing,
        Err(already) => Outcome::Failed(Failure::at(Box::new(already), place, false)),
    }
}

impl<T: 'static> Core<T> {
    /// Lets the runners go once it has fired and none is missing.
    fn dismiss(&self) {
        let mut state = self.state.borrow_mut();
        if state.called && state.members.iter().all(|member| !member.pending) {
            let members = std::mem::take(&mut state.members);
            drop(state);
            drop(members);
        }
    }
}
