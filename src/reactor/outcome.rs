//! What a callback may hand back, and what becomes of one that raises.
//!
//! In the series a callback that raises is logged and the loop goes on (Part 3). A Rust callback raises in two
//! ways, by returning `Err` or by panicking; both end up as a [`Raised`].

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::deferred::{Deferred, Failure};

/// The error a callback may return: any error at all, text included.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What a callback given to the reactor may return: nothing, a `Result` of nothing, or a Deferred of nothing.
///
/// So that `|| println!()` and `|| file.write_all(..)` are both callbacks, without an `Ok(())` in the first.
pub trait Outcome {
    /// The same as a `Result` whose error is any error.
    ///
    /// # Errors
    /// What the callback returned as its error.
    fn into_result(self) -> Result<(), BoxError>;

    /// The same, for those who wait: a Deferred is not over when the callback is.
    ///
    /// # Errors
    /// What the callback returned as its error.
    fn into_later(self) -> Result<Option<Deferred<()>>, BoxError>
    where
        Self: Sized,
    {
        self.into_result().map(|()| None)
    }
}

impl Outcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// Who does not wait for it lets go of it: a failure of it is then reported as unhandled, by the Deferred.
impl Outcome for Deferred<()> {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }

    fn into_later(self) -> Result<Option<Deferred<()>>, BoxError> {
        Ok(Some(self))
    }
}

/// A Deferred's failure as an error like any other, so that callbacks may return `Result<(), Failure>`.
#[derive(Debug)]
struct FailureError(Failure);

impl fmt::Display for FailureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Error for FailureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.error().source()
    }
}

impl From<Failure> for BoxError {
    fn from(failure: Failure) -> BoxError {
        Box::new(FailureError(failure))
    }
}

/// A callback that did not end well: Python's exception, in the two shapes Rust has for it.
#[derive(Clone)]
pub enum Raised {
    /// It panicked, with this message. The place is printed by the panic hook, as a traceback would be.
    Panicked(String),
    /// It returned this error.
    Failed(Arc<dyn Error + Send + Sync>),
}

impl Raised {
    /// The raise behind what `catch_unwind` caught.
    pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Raised {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        Raised::Panicked(text)
    }
}

impl From<BoxError> for Raised {
    fn from(error: BoxError) -> Raised {
        Raised::Failed(Arc::from(error))
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raised::Panicked(message) => write!(f, "panicked: {message}"),
            Raised::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl fmt::Debug for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raised::Panicked(message) => f.debug_tuple("Panicked").field(message).finish(),
            Raised::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}

impl Error for Raised {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Raised::Panicked(_) => None,
            Raised::Failed(error) => error.source(),
        }
    }
}

/// A failure nobody else could be told of: the reactor hands it to its reporter and goes on.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was being done, and for whom: `in a delayed call`, `in data_received of 127.0.0.1:4000`.
    pub context: String,
    /// How it failed.
    pub raised: Raised,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unhandled error {}: {}", self.context, self.raised)
    }
}

/// Runs `call`, and takes a panic for an error.
///
/// Unwind safety is asserted: everything the reactor lends to callbacks sits in cells whose guards are released
/// while the panic unwinds, and what the callback owned is never looked at again.
pub(crate) fn catch<R: Outcome>(call: impl FnOnce() -> R) -> Result<(), Raised> {
    match catch_unwind(AssertUnwindSafe(move || call().into_result())) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Err(payload) => Err(Raised::from_panic(payload.as_ref())),
    }
}
