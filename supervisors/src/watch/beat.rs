//! The beat of a thread: which turn it is in and whose, readable from any other thread.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::Pid;

/// Bits of a [`Turn`] that are the pid's serial number; those above are the node's.
const SERIAL_BITS: u32 = 44;

/// Whose turn it is, in one word: the number of its node and its own within it. 0 is nobody; a serial number of 0 is
/// a start function, which runs before there is a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn(u64);

impl Turn {
    /// The turn of the process `pid` of the node numbered `node`, counted from 1.
    pub(crate) const fn of(node: u64, pid: Pid) -> Self {
        Self((node << SERIAL_BITS) | (pid.serial() & ((1 << SERIAL_BITS) - 1)))
    }

    /// The run of a start function.
    pub(crate) const fn start(node: u64) -> Self {
        Self(node << SERIAL_BITS)
    }

    /// Whether it is one of the node numbered `node`.
    pub(crate) const fn is_of(self, node: u64) -> bool {
        self.0 >> SERIAL_BITS == node & (u64::MAX >> SERIAL_BITS)
    }

    /// The serial number of its process; 0 for a start function.
    pub(crate) const fn serial(self) -> u64 {
        self.0 & ((1 << SERIAL_BITS) - 1)
    }
}

/// What one thread writes at the beginning and end of each turn: three plain stores, no clock, no lock. The watchdog
/// reads it now and then. Apart from all else in memory, so that being read costs its thread nothing.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Beat {
    /// Turns begun, those within others not counted.
    turns: AtomicU64,
    /// Whose turn it is: 0 is nobody's.
    outer: AtomicU64,
    /// Whose turn it is within that one: a child that is started by its supervisor.
    inner: AtomicU64,
    /// Processes alive on this thread.
    population: AtomicUsize,
}

/// What is to be put back when a turn ends.
#[derive(Clone, Copy)]
pub(crate) enum Before {
    /// Nobody's turn.
    Nobody,
    /// Within another one, after this one within it.
    Within(u64),
}

/// What a glance at a beat shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glance {
    pub(crate) turns: u64,
    pub(crate) outer: Turn,
    /// The same as `outer` unless there is one within.
    pub(crate) inner: Turn,
}

impl Beat {
    /// A turn begins. Called by the beat's own thread only, as are all methods but [`glance`](Self::glance) and
    /// [`population`](Self::population).
    pub(crate) fn begin(&self, turn: Turn) -> Before {
        if self.outer.load(Ordering::Relaxed) == 0 {
            self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            self.outer.store(turn.0, Ordering::Relaxed);
            return Before::Nobody;
        }
        let before = self.inner.load(Ordering::Relaxed);
        self.inner.store(turn.0, Ordering::Relaxed);
        Before::Within(before)
    }

    /// It ends.
    pub(crate) fn end(&self, before: Before) {
        match before {
            Before::Nobody => self.outer.store(0, Ordering::Relaxed),
            Before::Within(before) => self.inner.store(before, Ordering::Relaxed),
        }
    }

    /// What goes on there, if anything does.
    pub(crate) fn glance(&self) -> Option<Glance> {
        let outer = self.outer.load(Ordering::Relaxed);
        let inner = self.inner.load(Ordering::Relaxed);
        let turns = self.turns.load(Ordering::Relaxed);
        let inner = if inner == 0 { outer } else { inner };
        (outer != 0).then_some(Glance { turns, outer: Turn(outer), inner: Turn(inner) })
    }

    pub(crate) fn arrive(&self) {
        self.population.store(self.population() + 1, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.population.store(self.population().saturating_sub(1), Ordering::Relaxed);
    }

    /// Processes alive on this thread.
    pub(crate) fn population(&self) -> usize {
        self.population.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_within_another_is_named_and_does_not_count() {
        let beat = Beat::default();
        let [parent, child] = [7, 8].map(|serial| Turn::of(3, Pid::new(0, 0, serial)));
        assert_eq!(beat.glance(), None);
        let outer = beat.begin(parent);
        let first = beat.glance().expect("a turn");
        assert_eq!((first.outer, first.inner), (parent, parent));
        let inner = beat.begin(child);
        assert_eq!(beat.glance(), Some(Glance { inner: child, ..first }));
        beat.end(inner);
        assert_eq!(beat.glance(), Some(first));
        beat.end(outer);
        assert_eq!(beat.glance(), None);
        beat.begin(parent);
        assert_eq!(beat.glance(), Some(Glance { turns: first.turns + 1, ..first }));
        assert!(child.is_of(3) && !child.is_of(4));
        assert_eq!((child.serial(), Turn::start(3).serial()), (8, 0));
    }
}
