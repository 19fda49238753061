//! What the watchdog remembers of one thread from look to look.

use std::time::Duration;

use super::beat::Glance;

/// One turn, looked at again and again.
#[derive(Debug, Default)]
pub(super) struct Gaze {
    turns: u64,
    /// How long it was seen to last; it may have begun up to a look earlier.
    lasting: Duration,
    /// When it is to be said next.
    say_at: Duration,
}

impl Gaze {
    /// Looks again, `passed` after the last time, and says how long the turn has lasted at least, if that must be
    /// said: when it may have reached `limit` since, and then each time it has lasted twice as long.
    pub(super) fn look(
        &mut self,
        glance: Option<Glance>,
        passed: Duration,
        look: Duration,
        limit: Duration,
    ) -> Option<Duration> {
        let Some(glance) = glance else {
            *self = Self::default();
            return None;
        };
        if self.say_at.is_zero() || self.turns != glance.turns {
            *self = Self { turns: glance.turns, lasting: Duration::ZERO, say_at: limit };
            return None;
        }
        // A machine that slept, or had no time for this program, held up the watchdog too: what is not known to have
        // been lasting is not counted.
        self.lasting += passed.min(2 * look);
        if self.lasting + look < self.say_at {
            return None;
        }
        self.say_at *= 2;
        Some(self.lasting)
    }
}

#[cfg(test)]
mod tests {
    use super::super::beat::Turn;
    use super::*;
    use crate::Pid;

    const LOOK: Duration = Duration::from_millis(125);
    const LIMIT: Duration = Duration::from_secs(1);

    fn glance(turns: u64) -> Option<Glance> {
        let turn = Turn::of(1, Pid::new(0, 0, 1));
        Some(Glance { turns, outer: turn, inner: turn })
    }

    fn says(gaze: &mut Gaze, glance: Option<Glance>, looks: usize) -> Vec<usize> {
        (0..looks).filter(|_| gaze.look(glance, LOOK, LOOK, LIMIT).is_some()).collect()
    }

    #[test]
    fn a_turn_is_said_within_its_limit_and_each_time_it_has_doubled() {
        let mut gaze = Gaze::default();
        // Seen first at look 0, it may have begun just after the one before: at look 7 it has lasted 7 to 8 looks.
        assert_eq!(says(&mut gaze, glance(1), 40), [7, 15, 31]);
    }

    #[test]
    fn turns_that_end_are_not_said_however_many_there_are() {
        let mut gaze = Gaze::default();
        for turns in 0..100 {
            assert!(says(&mut gaze, glance(turns), 7).is_empty());
        }
        assert!(says(&mut gaze, glance(100), 7).is_empty());
        assert!(says(&mut gaze, None, 1).is_empty());
        assert!(says(&mut gaze, glance(100), 7).is_empty(), "it begins anew");
    }

    #[test]
    fn a_time_in_which_all_stood_still_is_no_long_turn() {
        let mut gaze = Gaze::default();
        assert_eq!(gaze.look(glance(1), LOOK, LOOK, LIMIT), None);
        assert_eq!(gaze.look(glance(1), Duration::from_secs(3600), LOOK, LIMIT), None);
    }
}
