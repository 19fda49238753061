//! What is to happen when.

use std::collections::VecDeque;
use std::time::Duration;

/// Things to happen, each at its time, in order; those of one moment in the order they were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable<T>(VecDeque<(Duration, T)>);

impl<T> Timetable<T> {
    /// Of these, in any order.
    pub fn new(entries: impl IntoIterator<Item = (Duration, T)>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(at, _)| *at);
        Self(entries.into())
    }

    /// The next one that is due, taken out.
    pub fn due(&mut self, now: Duration) -> Option<(Duration, T)> {
        if self.0.front()?.0 <= now { self.0.pop_front() } else { None }
    }

    /// How many are left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_the_order_of_time_and_then_of_adding() {
        let second = Duration::from_secs;
        let mut table = Timetable::new([(second(2), 'c'), (second(1), 'a'), (second(1), 'b')]);
        let due = |table: &mut Timetable<char>, now| {
            std::iter::from_fn(|| table.due(second(now))).map(|(_, it)| it).collect::<String>()
        };
        assert_eq!(due(&mut table, 0), "");
        assert_eq!(due(&mut table, 1), "ab");
        assert_eq!((due(&mut table, 9).as_str(), table.is_empty()), ("c", true));
    }
}
