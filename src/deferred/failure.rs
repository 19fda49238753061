//! A failure on its way down a chain: the error, and the place it came from.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// What an errback receives: any error, wrapped, with the place where it was made into a failure.
///
/// Cheap to clone (one reference count), `Send` and `Sync`, so that a list of results can hold the same failure as the
/// `Deferred` it came from (TW-039). It deliberately is no [`Error`] itself, so that `?` can make one out of every error.
#[derive(Clone)]
pub struct Failure {
    inner: Arc<Inner>,
}

struct Inner {
    error: Box<dyn Error + Send + Sync>,
    place: &'static Location<'static>,
    panicked: bool,
}

impl Failure {
    /// Wraps an error; the place is the caller's.
    #[track_caller]
    pub fn new<E>(error: E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::at(error.into(), Location::caller(), false)
    }

    /// A failure out of what a panic threw; `place` is where the callback that panicked was added.
    pub(super) fn of_panic(thrown: &(dyn Any + Send), place: &'static Location<'static>) -> Self {
        let message = thrown
            .downcast_ref::<&'static str>()
            .map(|text| (*text).to_owned())
            .or_else(|| thrown.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "something that is no text".to_owned());
        Self::at(Box::new(Panicked { message }), place, true)
    }

    /// A failure from a place that is known already.
    pub(super) fn at(
        error: Box<dyn Error + Send + Sync>,
        place: &'static Location<'static>,
        panicked: bool,
    ) -> Self {
        Self { inner: Arc::new(Inner { error, place, panicked }) }
    }

    /// The error itself.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.inner.error.as_ref()
    }

    /// Where it came from: the line that made the failure (with `?`, the line of the `?`), or, for a panic, the line that
    /// added the callback that panicked.
    #[must_use]
    pub fn place(&self) -> &'static Location<'static> {
        self.inner.place
    }

    /// Whether a panic was caught (then [`Failure::check`] finds a [`Panicked`]).
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.inner.panicked
    }

    /// The error as an `E`, if it is one. An errback asks with it which errors it handles (Part 10).
    #[must_use]
    pub fn check<E: Error + 'static>(&self) -> Option<&E> {
        self.inner.error.downcast_ref::<E>()
    }

    /// Goes on only with an `E`: `let failure = failure.trap::<Gibberish>()?;` passes every other failure on untouched.
    ///
    /// # Errors
    /// The failure itself, when its error is no `E`.
    pub fn trap<E: Error + 'static>(self) -> Result<Self, Self> {
        if self.check::<E>().is_some() { Ok(self) } else { Err(self) }
    }

    /// Whether both are the very same failure, not only equal errors.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::at(Box::new(error), Location::caller(), false)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner.error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({:?} at {})", self.inner.error, self.inner.place)
    }
}

/// The error inside the failure of a callback that panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// What the panic said.
    pub message: String,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a callback panicked: {}", self.message)
    }
}

impl Error for Panicked {}
