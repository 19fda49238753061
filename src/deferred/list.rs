//! Several deferreds as one: [`DeferredList`], [`gather_results`] and the [`DeferredDict`] of Part 18's exercise.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::canceller::Canceller;
use super::core::Core;
use super::error::FirstError;
use super::graph::Node;
use super::{Deferred, Failure, Outcome};

/// What a [`DeferredList`] fires with.
#[derive(Clone, Debug)]
pub enum Collected<T> {
    /// One result a member, in the order the members were given (TW-035).
    All(Vec<Result<T, Failure>>),
    /// The first success, with `fire_on_one_callback` (TW-037).
    First {
        /// Which member it was, counted from 0.
        index: usize,
        /// Its value.
        value: T,
    },
}

impl<T> Collected<T> {
    /// The results of all members; of the first alone if it did not wait for the others.
    #[must_use]
    pub fn into_results(self) -> Vec<Result<T, Failure>> {
        match self {
            Self::All(results) => results,
            Self::First { value, .. } => vec![Ok(value)],
        }
    }
}

/// Waits for several deferreds; options first, then [`DeferredList::watch`].
///
/// A value is cloned into the list and stays the value of its member, so callbacks added to the member later still see it.
#[must_use = "it watches nothing before `watch`"]
pub struct DeferredList<T: 'static> {
    members: Vec<Deferred<T>>,
    fire_on_one_callback: bool,
    fire_on_one_errback: bool,
    consume_errors: bool,
}

impl<T: Clone + 'static> DeferredList<T> {
    /// A list of these, in this order; all options off.
    pub fn new(members: impl IntoIterator<Item = Deferred<T>>) -> Self {
        Self {
            members: members.into_iter().collect(),
            fire_on_one_callback: false,
            fire_on_one_errback: false,
            consume_errors: false,
        }
    }

    /// Fires with the first success, or, if all fail, with the list of the failures, as a success. An empty list then never
    /// fires (TW-036, TW-037). Default: off.
    pub fn fire_on_one_callback(mut self) -> Self {
        self.fire_on_one_callback = true;
        self
    }

    /// Fails with [`FirstError`] at the first failure (TW-038). Default: off.
    pub fn fire_on_one_errback(mut self) -> Self {
        self.fire_on_one_errback = true;
        self
    }

    /// Counts the failures of the members as handled. Without it they stay on the members too, and are reported if nobody
    /// handles them there (TW-039). Default: off.
    pub fn consume_errors(mut self) -> Self {
        self.consume_errors = true;
        self
    }

    /// Begins to watch; members that have fired count at once (TW-035).
    ///
    /// Cancelling what it returns cancels every member, as long as it has not fired; it then fires by its own rule (TW-040).
    /// A canceller that panics is reported and does not keep the others (TW-041).
    #[track_caller]
    pub fn watch(self) -> Deferred<Collected<T>> {
        self.watch_as(|collected| collected)
    }

    /// As [`DeferredList::watch`], with the results made into something else before it fires.
    #[track_caller]
    pub fn watch_as<U: 'static>(self, finish: impl FnOnce(Collected<T>) -> U + 'static) -> Deferred<U> {
        let place = Location::caller();
        let core = Core::<U>::new(Canceller::Members, place);
        let list = Deferred::of(Rc::clone(&core));
        if self.members.is_empty() && !self.fire_on_one_callback {
            // Made two lines above: nobody else can have fired it.
            let _fired = core.fire(Ok(finish(Collected::All(Vec::new()))), place);
            return list;
        }
        core.keep(&self.members);
        let mut results = Vec::new();
        results.resize_with(self.members.len(), || None);
        let tally = Rc::new(RefCell::new(Tally {
            results,
            missing: self.members.len(),
            finish: Some(Box::new(finish)),
        }));
        let options = (self.fire_on_one_callback, self.fire_on_one_errback);
        for (index, member) in self.members.iter().enumerate() {
            let (list, tally, consume) = (Rc::downgrade(&core), Rc::clone(&tally), self.consume_errors);
            member.report_to(Rc::clone(&core) as Rc<dyn Node>, place, move |result| {
                if let Some(list) = list.upgrade() {
                    list.settled(index);
                    let called = list.state.borrow().called;
                    let fire = tally.borrow_mut().count(index, &result, called, options);
                    if let Some(fire) = fire {
                        // It has not been called, says the tally.
                        let _fired = list.fire(fire, place);
                    }
                }
                match result {
                    Ok(value) => Outcome::Value(value),
                    Err(_) if consume => Outcome::Nothing,
                    Err(failure) => Outcome::Failed(failure),
                }
            });
        }
        list
    }
}

impl<T: 'static> fmt::Debug for DeferredList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredList").field("members", &self.members).finish_non_exhaustive()
    }
}

/// The results so far.
struct Tally<T: 'static, U> {
    results: Vec<Option<Result<T, Failure>>>,
    missing: usize,
    finish: Option<Box<dyn FnOnce(Collected<T>) -> U>>,
}

impl<T: Clone + 'static, U> Tally<T, U> {
    /// Counts one result; says what to fire the list with, if that is due now.
    fn count(
        &mut self,
        index: usize,
        result: &Result<T, Failure>,
        called: bool,
        (one_callback, one_errback): (bool, bool),
    ) -> Option<Result<U, Failure>> {
        self.missing -= 1;
        self.results[index] = Some(result.clone());
        if called {
            return None;
        }
        let collected = match result {
            Ok(value) if one_callback => Collected::First { index, value: value.clone() },
            Err(failure) if one_errback => {
                return Some(Err(Failure::from(FirstError { index, failure: failure.clone() })));
            }
            _ if self.missing == 0 => Collected::All(self.results.drain(..).flatten().collect()),
            _ => return None,
        };
        self.finish.take().map(|finish| Ok(finish(collected)))
    }
}

/// The values of all, in order, or [`FirstError`] at the first failure; cancelling it cancels all (TW-042).
///
/// With `consume_errors` the failures of the members count as handled, as in [`DeferredList::consume_errors`].
#[track_caller]
#[must_use = "the values come out of the deferred"]
pub fn gather_results<T: Clone + 'static>(
    members: impl IntoIterator<Item = Deferred<T>>,
    consume_errors: bool,
) -> Deferred<Vec<T>> {
    let mut list = DeferredList::new(members).fire_on_one_errback();
    list.consume_errors = consume_errors;
    // A failure would have fired it before: what comes here are values only.
    list.watch_as(|collected| collected.into_results().into_iter().flatten().collect())
}

/// Several deferreds under names: fires with one result a name, in the order of the names, once all have fired.
///
/// The same three options, cancellation and clones as a [`DeferredList`]. (Part 18, exercise 5.)
#[must_use = "it watches nothing before `watch`"]
pub struct DeferredDict<K, T: 'static> {
    keys: Vec<K>,
    list: DeferredList<T>,
}

/// What a [`DeferredDict`] fires with.
#[derive(Clone, Debug)]
pub enum CollectedDict<K, T> {
    /// One result a name.
    All(BTreeMap<K, Result<T, Failure>>),
    /// The first success, with `fire_on_one_callback`.
    First {
        /// Its name.
        key: K,
        /// Its value.
        value: T,
    },
}

impl<K: Ord + Clone + 'static, T: Clone + 'static> DeferredDict<K, T> {
    /// All options off.
    pub fn new(members: BTreeMap<K, Deferred<T>>) -> Self {
        let (keys, members): (Vec<_>, Vec<_>) = members.into_iter().unzip();
        Self { keys, list: DeferredList::new(members) }
    }

    /// As [`DeferredList::fire_on_one_callback`].
    pub fn fire_on_one_callback(mut self) -> Self {
        self.list.fire_on_one_callback = true;
        self
    }

    /// As [`DeferredList::fire_on_one_errback`]; the index counts the names in their order.
    pub fn fire_on_one_errback(mut self) -> Self {
        self.list.fire_on_one_errback = true;
        self
    }

    /// As [`DeferredList::consume_errors`].
    pub fn consume_errors(mut self) -> Self {
        self.list.consume_errors = true;
        self
    }

    /// As [`DeferredList::watch`].
    #[track_caller]
    pub fn watch(self) -> Deferred<CollectedDict<K, T>> {
        let mut keys = self.keys;
        self.list.watch_as(move |collected| match collected {
            Collected::All(results) => CollectedDict::All(keys.into_iter().zip(results).collect()),
            Collected::First { index, value } => CollectedDict::First { key: keys.swap_remove(index), value },
        })
    }
}

impl<K: fmt::Debug, T: 'static> fmt::Debug for DeferredDict<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredDict").field("keys", &self.keys).field("list", &self.list).finish()
    }
}
