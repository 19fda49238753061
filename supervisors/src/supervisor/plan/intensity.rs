//! How many restarts were tried of late.

use std::collections::VecDeque;
use std::time::Duration;

use super::planted::{self, Fault};
use crate::exit::ExitReason;
use crate::supervisor::report::Attempt;

/// The window of OTP-079 to OTP-086: restarts are counted by whole seconds of a monotonic clock, a restart at
/// second R is in the window at second N if R >= N - period, and the window is pruned only when one is added.
///
/// Restarts of one second share an entry, so that adding one is O(1) amortised and at most
/// `min(intensity, period in seconds) + 1` entries are held, however many crashes there are.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    intensity: u32,
    period: Duration,
    seconds: VecDeque<(u64, u32)>,
    /// The sum over `seconds`; at most one above `intensity`, after which the supervisor ends.
    total: u32,
    /// A planted bug: each restart is counted as two.
    #[cfg(feature = "lab")]
    twice: bool,
}

impl Window {
    pub(crate) const fn new(intensity: u32, period: Duration) -> Self {
        Self {
            intensity,
            period,
            seconds: VecDeque::new(),
            total: 0,
            #[cfg(feature = "lab")]
            twice: false,
        }
    }

    #[cfg(feature = "lab")]
    pub(crate) const fn count_twice(&mut self) {
        self.twice = true;
    }

    /// Counts a restart tried `now`, a time since any fixed origin. `None` if it is one too many.
    pub(crate) fn add(&mut self, now: Duration) -> Option<Attempt> {
        // A clock that went back would put entries out of order; it is read as standing still.
        let now = self.seconds.back().map_or(now.as_secs(), |&(last, _)| last.max(now.as_secs()));
        let oldest = now.saturating_sub(self.period.as_secs());
        while let Some(&(second, count)) = self.seconds.front()
            && (second < oldest || second == oldest && oldest > 0 && planted::is(Fault::ForgetsAtTheBorder))
        {
            self.total -= count;
            self.seconds.pop_front();
        }
        if self.total >= self.intensity + u32::from(planted::is(Fault::AllowsOneMore)) {
            return None;
        }
        #[cfg(feature = "lab")]
        let one = if self.twice { 2 } else { 1 };
        #[cfg(not(feature = "lab"))]
        let one = 1;
        self.total += one;
        match self.seconds.back_mut() {
            Some((second, count)) if *second == now => *count += one,
            _ => self.seconds.push_back((now, one)),
        }
        Some(Attempt { number: self.total, intensity: self.intensity, period: self.period })
    }

    /// Counts the restart that answers an end. That of an innocent child, whose thread was abandoned on another's
    /// account, is not counted: there are as many as lived on that thread, and they would end supervisors in which
    /// nothing is wrong.
    pub(crate) fn answer(&mut self, end: &ExitReason, now: Duration) -> Option<Attempt> {
        match end {
            ExitReason::Abandoned { .. } => {
                Some(Attempt { number: self.total, intensity: self.intensity, period: self.period })
            }
            _ => self.add(now),
        }
    }

    /// The restarts in the window, as seconds and how many in each, oldest first.
    #[cfg(test)]
    pub(crate) fn seconds(&self) -> impl ExactSizeIterator<Item = (u64, u32)> + '_ {
        self.seconds.iter().copied()
    }
}
