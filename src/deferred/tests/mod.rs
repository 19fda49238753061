//! The rules of Twisted, one test or more each; `CONFORMANCE.md` beside the module names them all.

mod cancelling;
mod chaining;
mod clocks;
mod conformance;
mod coroutines;
mod driving;
mod firing;
mod lists;
mod locks;
mod racing;
mod reach;
mod timeouts;
mod trials;
mod unhandled;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::unhandled::Collected;
use super::{Deferred, Failure};

/// An error of the tests.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Oops(u32);

impl fmt::Display for Oops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oops {}", self.0)
    }
}

impl std::error::Error for Oops {}

/// Another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Other;

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "other")
    }
}

impl std::error::Error for Other {}

fn oops(number: u32) -> Failure {
    Failure::new(Oops(number))
}

/// What happened, line by line.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// A callback that writes its name and value and passes the value on.
    fn value<T: fmt::Display + 'static>(&self, name: &'static str) -> impl FnOnce(T) -> T + 'static {
        let log = self.clone();
        move |value| {
            log.add(format!("{name} {value}"));
            value
        }
    }

    /// A callback and errback that writes what it gets and passes it on.
    fn both<T: fmt::Debug + 'static>(
        &self,
        name: &'static str,
    ) -> impl FnOnce(Result<T, Failure>) -> Result<T, Failure> + 'static {
        let log = self.clone();
        move |result| {
            match &result {
                Ok(value) => log.add(format!("{name} {value:?}")),
                Err(failure) => log.add(format!("{name} ! {failure}")),
            }
            result
        }
    }
}

/// The failure a deferred holds, taken.
fn failure_of<T: fmt::Debug>(deferred: &Deferred<T>) -> Failure {
    deferred.take_result().expect("a result").expect_err("a failure")
}

/// The value a deferred holds, taken.
fn value_of<T>(deferred: &Deferred<T>) -> T {
    deferred.take_result().expect("a result").expect("a value")
}

/// The unhandled failures of `body`, as text.
fn reports_of(body: impl FnOnce()) -> Vec<String> {
    let reports = Collected::begin();
    body();
    reports.take().into_iter().map(|report| report.failure.to_string()).collect()
}
