//! Runs a test that returns a [`Deferred`], and looks at what it leaves behind: trial, in spirit (TW-149 to TW-155).

use std::fmt;
use std::time::Duration;

use super::unhandled::{Collected, Report};
use super::{Clock, Deferred, Failure, TestClock, maybe_deferred};

/// How long a test may take: 120 s, of whatever clock it runs on (TW-151).
pub const LIMIT: Duration = Duration::from_secs(120);

/// Why a test failed.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Its deferred failed, or it panicked.
    Failed(Failure),
    /// Its deferred had no result within the limit (TW-151).
    TooSlow(Duration),
    /// Its deferred had no result, and nothing was left that could bring it.
    Stuck,
    /// It succeeded, but left something running: how many timers, and what else, in words (TW-152).
    Dirty {
        /// Timers not taken back.
        timers: usize,
        /// Sockets, ports and the like, as [`Trial::leftovers`] tells.
        others: Vec<String>,
    },
    /// It succeeded, but nobody handled these (TW-153).
    Unhandled(Vec<Report>),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "the test failed: {failure} (from {})", failure.place()),
            Self::TooSlow(limit) => write!(f, "the test had no result after {} s", limit.as_secs_f64()),
            Self::Stuck => write!(f, "the test has no result, and nothing is left that could bring one"),
            Self::Dirty { timers, others } => {
                write!(f, "the test left {timers} timers")?;
                others.iter().try_for_each(|other| write!(f, ", {other}"))
            }
            Self::Unhandled(reports) => {
                write!(f, "the test left {} unhandled failures", reports.len())?;
                reports.iter().try_for_each(|report| write!(f, "; {report}"))
            }
        }
    }
}

impl std::error::Error for Verdict {}

/// What moves time on while a test waits: a test clock, or a reactor.
pub trait Turn {
    /// Lets happen what happens next, at most `limit` from now; false if nothing ever will.
    fn turn(&self, limit: Duration) -> bool;
    /// The time since some fixed moment.
    fn time(&self) -> Duration;
    /// How many timers are still to come.
    fn timers(&self) -> usize;
}

impl Turn for TestClock {
    fn turn(&self, limit: Duration) -> bool {
        let Some(next) = self.next_due() else { return false };
        self.advance(next.min(limit));
        true
    }

    fn time(&self) -> Duration {
        self.seconds()
    }

    fn timers(&self) -> usize {
        self.pending()
    }
}

/// One test run.
pub struct Trial<'a> {
    limit: Duration,
    leftovers: Box<dyn Fn() -> Vec<String> + 'a>,
}

impl fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Default for Trial<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Trial<'a> {
    /// With the usual [`LIMIT`], and timers as the only thing to leave behind.
    #[must_use]
    pub fn new() -> Self {
        Self { limit: LIMIT, leftovers: Box::new(Vec::new) }
    }

    /// Another limit. Default: [`LIMIT`].
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Names what else is still open after the test, such as sockets, one line each. Default: nothing.
    #[must_use]
    pub fn leftovers(mut self, leftovers: impl Fn() -> Vec<String> + 'a) -> Self {
        self.leftovers = Box::new(leftovers);
        self
    }

    /// Runs `test`, turns `world` until its deferred has a result, and gives that, or what is wrong.
    ///
    /// # Errors
    /// A [`Verdict`]; the first that applies, in the order in which they are listed there.
    pub fn run<T: 'static>(
        &self,
        world: &dyn Turn,
        test: impl FnOnce() -> Deferred<T>,
    ) -> Result<T, Verdict> {
        let reports = Collected::begin();
        let end = world.time() + self.limit;
        let deferred = maybe_deferred::<T, _>(test);
        let value = loop {
            match deferred.take_result() {
                Some(Ok(value)) => break value,
                Some(Err(failure)) => return Err(Verdict::Failed(failure)),
                None => {}
            }
            let left = end.saturating_sub(world.time());
            if left.is_zero() {
                deferred.cancel();
                let _cancelled = deferred.take_result();
                return Err(Verdict::TooSlow(self.limit));
            }
            if !world.turn(left) {
                return Err(Verdict::Stuck);
            }
        };
        drop(deferred);
        // What is due now may still tidy up (TW-152).
        world.turn(Duration::ZERO);
        let others = (self.leftovers)();
        if world.timers() > 0 || !others.is_empty() {
            return Err(Verdict::Dirty { timers: world.timers(), others });
        }
        let unhandled = reports.take();
        if unhandled.is_empty() { Ok(value) } else { Err(Verdict::Unhandled(unhandled)) }
    }
}
