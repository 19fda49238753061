//! A list of processes that keeps none of them alive.

use std::sync::{Arc, Weak};

use crate::process::Object;

/// Processes that may be alive. The dead are swept out when the list has doubled, so that it is at most twice as long
/// as there are living ones, and adding one costs the same however many there are.
#[derive(Default)]
pub(crate) struct Roll {
    entries: Vec<Weak<dyn Object>>,
    sweep_at: usize,
}

/// How long a list may become before it is looked through at all.
const FIRST_SWEEP: usize = 64;

impl Roll {
    pub(crate) fn add(&mut self, process: &Arc<dyn Object>) {
        if self.entries.len() >= self.sweep_at.max(FIRST_SWEEP) {
            self.entries.retain(|entry| entry.upgrade().is_some_and(|it| it.control().is_alive()));
            self.sweep_at = self.entries.len() * 2;
        }
        self.entries.push(Arc::downgrade(process));
    }

    /// Those that are alive, in the order in which they came.
    pub(crate) fn alive(&self) -> Vec<Arc<dyn Object>> {
        let there = self.entries.iter().filter_map(Weak::upgrade);
        there.filter(|process| process.control().is_alive()).collect()
    }
}
