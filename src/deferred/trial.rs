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
    /// More than one of set-up, body, cleanups and tear-down went wrong: each as it would be told alone, in the order in
    /// which they ran (TW-150).
    Several(Vec<Verdict>),
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
            Self::Several(all) => {
                write!(f, "{} things went wrong", all.len())?;
                all.iter().try_for_each(|verdict| write!(f, "; {verdict}"))
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

/// What comes before a test or after it, and may take its time like the test itself.
type Fixture<'a> = Box<dyn Fn() -> Deferred<()> + 'a>;

/// One test run: set-up, body, the cleanups in the reverse of their order, then tear-down (TW-150).
pub struct Trial<'a> {
    limit: Duration,
    leftovers: Box<dyn Fn() -> Vec<String> + 'a>,
    set_up: Vec<Fixture<'a>>,
    cleanups: Vec<Fixture<'a>>,
    tear_down: Vec<Fixture<'a>>,
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
        let leftovers = Box::new(Vec::new);
        Self { limit: LIMIT, leftovers, set_up: Vec::new(), cleanups: Vec::new(), tear_down: Vec::new() }
    }

    /// Runs before the test, after those added before. If one fails there is neither test nor tear-down, but the cleanups
    /// run (TW-150). Default: nothing.
    #[must_use]
    pub fn set_up(mut self, set_up: impl Fn() -> Deferred<()> + 'a) -> Self {
        self.set_up.push(Box::new(set_up));
        self
    }

    /// Runs after the test, whatever became of it or of its set-up, before those added before. One that fails keeps none of
    /// the others (TW-150). Default: nothing.
    #[must_use]
    pub fn cleanup(mut self, cleanup: impl Fn() -> Deferred<()> + 'a) -> Self {
        self.cleanups.push(Box::new(cleanup));
        self
    }

    /// Runs after the cleanups, unless the set-up failed (TW-150). Default: nothing.
    #[must_use]
    pub fn tear_down(mut self, tear_down: impl Fn() -> Deferred<()> + 'a) -> Self {
        self.tear_down.push(Box::new(tear_down));
        self
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

    /// Runs `test` between what comes before and after it, turns `world` until each has a result, and gives the test's, or
    /// what is wrong. Each of them may take the whole limit.
    ///
    /// # Errors
    /// A [`Verdict`]. What is left behind and what nobody handled is looked at only when all else went well.
    pub fn run<T: 'static>(
        &self,
        world: &dyn Turn,
        test: impl FnOnce() -> Deferred<T>,
    ) -> Result<T, Verdict> {
        let reports = Collected::begin();
        let ready = self.set_up.iter().try_for_each(|set_up| self.wait(world, set_up));
        let tear_down = if ready.is_ok() { self.tear_down.as_slice() } else { &[] };
        let outcome = ready.and_then(|()| self.wait(world, test));
        let after = self.cleanups.iter().rev().chain(tear_down);
        let wrong: Vec<_> = after.filter_map(|after| self.wait(world, after).err()).collect();
        let value = match outcome {
            Ok(value) if wrong.is_empty() => value,
            Ok(_) => return Err(together(wrong)),
            Err(verdict) => return Err(together(std::iter::once(verdict).chain(wrong).collect())),
        };
        // What is due now may still tidy up (TW-152).
        world.turn(Duration::ZERO);
        let others = (self.leftovers)();
        if world.timers() > 0 || !others.is_empty() {
            return Err(Verdict::Dirty { timers: world.timers(), others });
        }
        let unhandled = reports.take();
        if unhandled.is_empty() { Ok(value) } else { Err(Verdict::Unhandled(unhandled)) }
    }

    /// Calls `run`, and turns `world` until what it returned has a result.
    fn wait<T: 'static>(&self, world: &dyn Turn, run: impl FnOnce() -> Deferred<T>) -> Result<T, Verdict> {
        let end = world.time() + self.limit;
        let deferred = maybe_deferred::<T, _>(run);
        loop {
            match deferred.take_result() {
                Some(Ok(value)) => return Ok(value),
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
        }
    }
}

fn together(mut wrong: Vec<Verdict>) -> Verdict {
    match wrong.pop() {
        Some(only) if wrong.is_empty() => only,
        last => Verdict::Several(wrong.into_iter().chain(last).collect()),
    }
}
