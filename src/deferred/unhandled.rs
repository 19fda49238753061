//! Where failures go that nobody handled, and whether places are recorded.
//!
//! Two thread-locals, because a `Deferred` that dies has nobody left to ask: the innermost reporter installed on this
//! thread hears of it, and a guard takes the reporter away again, so that nothing leaks from one program part to the next.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::Failure;

type Reporter = Rc<dyn Fn(&Report)>;

thread_local! {
    static REPORTERS: RefCell<Vec<(u64, Reporter)>> = const { RefCell::new(Vec::new()) };
    static DEBUGGING: Cell<bool> = const { Cell::new(cfg!(debug_assertions)) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Why a failure is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The last handle of a `Deferred` went while its result was a failure (TW-026).
    Unhandled,
    /// The canceller of a member of a list panicked; the other members were cancelled all the same (TW-041).
    Canceller,
}

/// A failure that nobody handled.
#[derive(Clone, Debug)]
pub struct Report {
    /// Why it is told.
    pub cause: Cause,
    /// The failure.
    pub failure: Failure,
    /// Where the `Deferred` was made, with debugging on.
    pub created: Option<&'static Location<'static>>,
    /// Where it was fired, with debugging on.
    pub fired: Option<&'static Location<'static>>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::Unhandled => write!(f, "Unhandled error in Deferred:")?,
            Cause::Canceller => write!(f, "Exception raised from user supplied canceller:")?,
        }
        write!(f, " {} (from {})", self.failure, self.failure.place())?;
        if let Some(place) = self.created {
            write!(f, "; made at {place}")?;
        }
        if let Some(place) = self.fired {
            write!(f, "; fired at {place}")?;
        }
        Ok(())
    }
}

/// Takes its reporter away when dropped, in any order with others.
#[must_use = "the reporter is taken away when this guard is dropped"]
#[derive(Debug)]
pub struct Reporting {
    id: u64,
}

impl Drop for Reporting {
    fn drop(&mut self) {
        let gone = REPORTERS.try_with(|all| {
            let mut all = all.borrow_mut();
            all.iter().position(|(id, _)| *id == self.id).map(|at| all.remove(at))
        });
        drop(gone);
    }
}

/// From now on, and until the guard is dropped, failures nobody handled on this thread are told to `reporter` instead of
/// being written to stderr. It runs inside a destructor: it must not panic.
pub fn report_to(reporter: impl Fn(&Report) + 'static) -> Reporting {
    let id = NEXT.with(|next| next.replace(next.get() + 1));
    REPORTERS.with(|all| all.borrow_mut().push((id, Rc::new(reporter))));
    Reporting { id }
}

/// The reports of this thread, kept instead of written; for tests and for the series' examples.
#[derive(Debug)]
pub struct Collected {
    seen: Rc<RefCell<Vec<Report>>>,
    _guard: Reporting,
}

impl Collected {
    /// Begins to collect; until it is dropped, nothing goes to stderr.
    #[must_use]
    pub fn begin() -> Self {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&seen);
        let guard = report_to(move |report| into.borrow_mut().push(report.clone()));
        Self { seen, _guard: guard }
    }

    /// What came since the last time, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Report> {
        self.seen.take()
    }
}

/// Whether places of making and firing are recorded for deferreds made on this thread from now on. Default: on in a debug
/// build, off otherwise (TW-007).
pub fn set_debugging(on: bool) {
    DEBUGGING.with(|flag| flag.set(on));
}

/// Whether places are recorded on this thread.
#[must_use]
pub fn debugging() -> bool {
    DEBUGGING.with(Cell::get)
}

/// Tells the innermost reporter, or stderr when there is none.
pub(super) fn tell(report: &Report) {
    let reporter = REPORTERS.try_with(|all| all.borrow().last().map(|(_, reporter)| Rc::clone(reporter)));
    if let Ok(Some(reporter)) = reporter {
        reporter(report);
    } else {
        #[allow(clippy::print_stderr)] // the last resort, as in the series: a failure must never vanish
        {
            eprintln!("{report}");
        }
    }
}
