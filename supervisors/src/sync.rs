//! What threads share, under one name each: the real things, or, with the feature `shuttle`, things that let a test
//! choose in which order threads get at them.
//!
//! The tests in `model/` run the shipped types on those, in thousands of orders each. `Arc` is the standard one in
//! both: that it counts right is not in question here, and `Arc<dyn _>` is needed, which is why `loom` is not used.
//! The orders are of whole operations: what a processor may make of `Relaxed` and `Acquire` is not among them.

#[cfg(not(feature = "shuttle"))]
pub(crate) use {
    arc_swap::ArcSwapOption,
    parking_lot::{Mutex, MutexGuard},
    std::sync::{OnceLock, atomic},
};

#[cfg(feature = "shuttle")]
pub(crate) use chosen::{ArcSwapOption, Mutex, MutexGuard, OnceLock, atomic};

#[cfg(feature = "shuttle")]
mod chosen {
    use std::sync::{Arc, PoisonError};

    use arc_swap::Guard;
    pub(crate) use shuttle::sync::MutexGuard;
    pub(crate) use shuttle::sync::atomic;

    /// A lock without poisoning, as the one that is shipped.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T: ?Sized>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// A moment at which another thread may come in between.
    #[derive(Debug, Default)]
    struct Moment(atomic::AtomicUsize);

    impl Moment {
        fn pass(&self) {
            self.0.fetch_add(1, atomic::Ordering::SeqCst);
        }
    }

    /// The shipped slot, each of whose operations is one moment.
    #[derive(Debug)]
    pub(crate) struct ArcSwapOption<T> {
        moment: Moment,
        slot: arc_swap::ArcSwapOption<T>,
    }

    impl<T> ArcSwapOption<T> {
        pub(crate) fn empty() -> Self {
            Self { moment: Moment::default(), slot: arc_swap::ArcSwapOption::empty() }
        }

        pub(crate) fn load(&self) -> Guard<Option<Arc<T>>> {
            self.moment.pass();
            self.slot.load()
        }

        pub(crate) fn load_full(&self) -> Option<Arc<T>> {
            self.moment.pass();
            self.slot.load_full()
        }

        pub(crate) fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
            self.moment.pass();
            self.slot.swap(value)
        }

        pub(crate) fn store(&self, value: Option<Arc<T>>) {
            self.moment.pass();
            self.slot.store(value);
        }
    }

    /// The standard one, each of whose operations is one moment.
    #[derive(Debug)]
    pub(crate) struct OnceLock<T> {
        moment: Moment,
        lock: std::sync::OnceLock<T>,
    }

    impl<T> OnceLock<T> {
        pub(crate) fn new() -> Self {
            Self { moment: Moment::default(), lock: std::sync::OnceLock::new() }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            self.moment.pass();
            self.lock.get()
        }

        pub(crate) fn set(&self, value: T) -> Result<(), T> {
            self.moment.pass();
            self.lock.set(value)
        }
    }
}
