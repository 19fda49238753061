//! Results that come later: Twisted's `Deferred`, in Rust, without a reactor, a runtime or any I/O.
//!
//! ```
//! use verse::deferred::Deferred;
//!
//! let poem = Deferred::<String>::new();
//! let lines = poem.clone().map(|text| text.lines().count());
//! lines.add_callback(|count| { assert_eq!(count, 2); count });
//! poem.callback("One.\nTwo.".to_owned())?; // the callbacks run now
//! # Ok::<(), verse::deferred::AlreadyCalled>(())
//! ```
//!
//! # The shape
//!
//! In Twisted a callback may return anything, and the `Deferred` it was added to is then of that type. Three decisions carry
//! that into Rust; every rule of Twisted stays visible, and `CONFORMANCE.md` beside this file names the test of each.
//!
//! **A handle, not a value.** [`Deferred<T>`] is a clone-able handle on one result, as an object is in Python: who fires it
//! and who waits for it hold the same thing. `add_callback`, `add_errback`, `add_callbacks` and `add_both` add to its chain
//! in place and keep its type; a callback returns a `T`, a `Result<T, Failure>` or a `Deferred<T>`.
//!
//! **Another type is another deferred.** [`Deferred::map`], [`Deferred::then`] and [`Deferred::then_both`] consume the handle
//! and return a `Deferred<U>` that *waits* for it, by the very rule by which an outer deferred waits for an inner one. So
//! nothing new is to be learnt: a cancel goes to the innermost, failures travel outwards, depth costs no stack.
//!
//! **A value is in one place.** Where Twisted passes a result on it leaves `None` behind. A `T` has no `None`, so what is left
//! is the failure [`Spent`], which is loud where `None` is a riddle; [`Deferred::leaving`] puts a value of your choice there
//! instead. A chain whose result was passed on and that has no more callbacks is silent.
//!
//! Failures are values of one type, [`Failure`], made from any error by `?` or from a panic in a callback, with the place they
//! came from. A panic in a callback never leaves [`Deferred::callback`]; one in a canceller leaves [`Deferred::cancel`].
//!
//! # Differences that Rust forces, or that are meant
//!
//! - A deferred whose callback is running has no result to give: another that is told to wait for it waits. Twisted hands
//!   over what the running callback was given, which in Rust has been moved into that callback.
//! - Cancelling deferreds that wait for each other in a circle does nothing; in Python it recurses until it fails.
//! - `unpause` without `pause` does nothing; in Python the deferred never runs again.
//! - Unhandled failures are reported the moment the last handle goes, also when deferreds that wait for each other go together
//!   ([`Collected`](unhandled::Collected) keeps reports, [`report_to`] sends them anywhere, the default is stderr). Only what a
//!   callback captures can still form a circle: one that holds a handle of its own unfired deferred keeps it for ever.

mod answer;
mod canceller;
mod clock;
mod core;
mod coroutine;
mod error;
mod failure;
mod future;
mod graph;
mod handle;
mod list;
mod lock;
mod queue;
mod race;
pub mod simulator;
pub mod trial;
pub mod unhandled;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, Location, catch_unwind};

pub use answer::{Answer, Outcome, Step};
pub use clock::{Clock, DelayedCall, NotActive, TestClock, defer_later};
pub use coroutine::coroutine;
pub use error::{AlreadyCalled, Cancelled, FailureGroup, FirstError, NotADeferred, Spent, TimedOut};
pub use failure::{Failure, Panicked};
pub use future::Driver;
pub use handle::Deferred;
pub use list::{Collected, CollectedDict, DeferredDict, DeferredList, gather_results};
pub use lock::{DeferredLock, DeferredSemaphore, Held, LockError};
pub use queue::{DeferredQueue, QueueOverflow, QueueUnderflow};
pub use race::race;
pub use unhandled::{debugging, report_to, set_debugging};

/// A deferred that has fired with `value` (TW-034).
#[track_caller]
#[must_use]
pub fn succeed<T: 'static>(value: T) -> Deferred<T> {
    let deferred = Deferred::new();
    // Made one line above: nobody else can have fired it.
    let _fired = deferred.callback(value);
    deferred
}

/// A deferred that has failed (TW-034).
#[track_caller]
#[must_use]
pub fn fail<T: 'static>(failure: impl Into<Failure>) -> Deferred<T> {
    let deferred = Deferred::new();
    // Made one line above: nobody else can have fired it.
    let _fired = deferred.errback(failure);
    deferred
}

/// Calls `function`, which may be asynchronous or not: a value succeeds, an error or a panic fails, a deferred is returned as
/// it is (TW-034).
#[track_caller]
pub fn maybe_deferred<T: 'static, A: Answer<T>>(function: impl FnOnce() -> A) -> Deferred<T> {
    let place = Location::caller();
    match catch_unwind(AssertUnwindSafe(function)).map(Answer::into_outcome) {
        Ok(Outcome::Value(value)) => succeed(value),
        Ok(Outcome::Failed(failure)) => fail(failure),
        Ok(Outcome::Wait(deferred)) => deferred,
        Ok(Outcome::Nothing) => fail(Spent),
        Err(thrown) => fail(Failure::of_panic(&*thrown, place)),
    }
}
