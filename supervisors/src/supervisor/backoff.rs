//! How long a supervisor waits before it restarts a child that crashes again and again.

use std::time::Duration;

/// A pause before each restart of a child, longer each time. Beyond OTP, and off unless a child's spec has one: then a
/// child is restarted at once, as OTP does.
///
/// The first restart comes after `first`, each further one after `factor` times the delay before, at most after `max`;
/// chance takes away up to `jitter` percent, so that children that crashed together do not come back together. The chance
/// is the node's: the same seed gives the same delays. A run of at least `reset_after` is a healthy one, and the next
/// delay is `first` again.
///
/// A restart is counted when it is decided, before the pause, so that intensity and period mean what they mean without
/// one, and a supervisor that gives up does so at once. While it waits the child is *restarting*
/// ([`ChildPid::Restarting`](super::ChildPid::Restarting)), and requests about it are answered accordingly; the supervisor
/// goes on serving, its end does not wait, and terminating the child ends the pause. One for all and rest for one stop
/// the others at once, and start all of them after the pause. A failed start is paused for like a crash. A child whose
/// thread was [abandoned](crate::ExitReason::Abandoned) through no fault of its own is restarted without a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The delay before the first restart. Default 100 ms; above 0.
    pub first: Duration,
    /// What each delay is multiplied by to give the next. Default 2; at least 1.
    pub factor: u32,
    /// The longest delay. Default 30 s; at least `first`.
    pub max: Duration,
    /// How much of a delay chance may take away, in percent. Default 25; 0 to 100.
    pub jitter: u8,
    /// How long a run must last, from when its start was tried, for the next delay to be `first`. Default 60 s.
    pub reset_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            factor: 2,
            max: Duration::from_secs(30),
            jitter: 25,
            reset_after: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the first delay and the longest.
    #[must_use]
    pub const fn delays(mut self, first: Duration, max: Duration) -> Self {
        self.first = first;
        self.max = max;
        self
    }

    /// Sets the factor between one delay and the next.
    #[must_use]
    pub const fn factor(mut self, factor: u32) -> Self {
        self.factor = factor;
        self
    }

    /// Sets how much of a delay chance may take away, in percent.
    #[must_use]
    pub const fn jitter(mut self, percent: u8) -> Self {
        self.jitter = percent;
        self
    }

    /// Sets how long a healthy run lasts.
    #[must_use]
    pub const fn reset_after(mut self, run: Duration) -> Self {
        self.reset_after = run;
        self
    }

    pub(crate) fn is_valid(&self) -> bool {
        !self.first.is_zero() && self.factor >= 1 && self.max >= self.first && self.jitter <= 100
    }

    /// The delay before the restart that follows so many others, by this chance.
    pub(crate) fn delay(&self, restarts: u32, random: &mut fastrand::Rng) -> Duration {
        let factor = self.factor.checked_pow(restarts).unwrap_or(u32::MAX);
        let delay = self.first.saturating_mul(factor).min(self.max);
        // In whole milliseconds, the grain of timers, unless it is shorter than that altogether.
        let most = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) / 100 * u64::from(self.jitter);
        delay - Duration::from_millis(random.u64(0..=most)).min(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_by_their_factor_up_to_the_longest_and_never_overflow() {
        let backoff =
            Backoff::new().delays(Duration::from_secs(1), Duration::from_secs(10)).factor(3).jitter(0);
        let mut random = fastrand::Rng::with_seed(1);
        let seconds = [0, 1, 2, 3, 40, u32::MAX].map(|n| backoff.delay(n, &mut random).as_secs());
        assert_eq!(seconds, [1, 3, 9, 10, 10, 10]);
        let endless = backoff.delays(Duration::from_secs(1), Duration::MAX).jitter(100);
        assert!(endless.delay(u32::MAX, &mut random) <= Duration::MAX);
    }

    #[test]
    fn chance_takes_away_no_more_than_it_may_and_is_grown_from_a_seed() {
        let backoff = Backoff::new().delays(Duration::from_secs(8), Duration::from_secs(8)).jitter(25);
        let delays = |seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..100).map(|n| backoff.delay(n, &mut random)).collect::<Vec<_>>()
        };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
        let allowed = Duration::from_secs(6)..=Duration::from_secs(8);
        assert!(delays(3).iter().all(|delay| allowed.contains(delay)), "{:?}", delays(3));
    }
}
