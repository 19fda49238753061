//! What a callback may return.

use super::{Deferred, Failure};

/// What came of a callback, spelled out. Callbacks seldom name it: a value, a `Result` or a [`Deferred`] will do.
#[derive(Debug)]
pub enum Outcome<T: 'static> {
    /// A value: on to the next callback.
    Value(T),
    /// A failure: on to the next errback (TW-004).
    Failed(Failure),
    /// Not yet: the chain waits for this one (TW-011).
    Wait(Deferred<T>),
    /// Handled, but nothing is left to pass on: what the next callback finds says [`Deferred::leaving`].
    Nothing,
}

/// What a callback that keeps the type of its chain may return: a `T`, a `Result<T, Failure>`, a `Deferred<T>` or an [`Outcome`].
pub trait Answer<T: 'static> {
    /// The same, spelled out.
    fn into_outcome(self) -> Outcome<T>;
}

impl<T: 'static> Answer<T> for T {
    fn into_outcome(self) -> Outcome<T> {
        Outcome::Value(self)
    }
}

impl<T: 'static> Answer<T> for Result<T, Failure> {
    fn into_outcome(self) -> Outcome<T> {
        match self {
            Ok(value) => Outcome::Value(value),
            Err(failure) => Outcome::Failed(failure),
        }
    }
}

impl<T: 'static> Answer<T> for Deferred<T> {
    fn into_outcome(self) -> Outcome<T> {
        Outcome::Wait(self)
    }
}

impl<T: 'static> Answer<T> for Outcome<T> {
    fn into_outcome(self) -> Outcome<T> {
        self
    }
}

/// What a callback that changes the type of its chain may return: a `Result<U, Failure>`, a `Deferred<U>` or an [`Outcome<U>`].
///
/// A plain value is left out because Rust could not tell then which type was meant; [`Deferred::map`] takes those.
pub trait Step {
    /// The type the chain goes on with.
    type Value: 'static;
    /// The same, spelled out.
    fn into_step(self) -> Outcome<Self::Value>;
}

impl<U: 'static> Step for Result<U, Failure> {
    type Value = U;
    fn into_step(self) -> Outcome<U> {
        self.into_outcome()
    }
}

impl<U: 'static> Step for Deferred<U> {
    type Value = U;
    fn into_step(self) -> Outcome<U> {
        Outcome::Wait(self)
    }
}

impl<U: 'static> Step for Outcome<U> {
    type Value = U;
    fn into_step(self) -> Outcome<U> {
        self
    }
}
