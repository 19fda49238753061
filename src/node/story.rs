//! The last things that went wrong: told when a node gives up.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::event::{Level, Reporter};

/// How many things are remembered.
const LENGTH: usize = 12;
/// How many events may wait to be looked at; a burst beyond it is only counted.
const BOUND: usize = 4096;

/// Remembers the last warnings and errors.
#[derive(Clone, Debug)]
pub(super) struct Story(Arc<Mutex<VecDeque<Arc<str>>>>);

impl Story {
    /// Listens from now on, for as long as this thread's `LocalSet` runs and the story is held.
    pub(super) fn begin(reporter: &Reporter) -> Self {
        let story = Self(Arc::default());
        let (lines, mut events) = (Arc::downgrade(&story.0), reporter.history().subscribe(BOUND));
        tokio::task::spawn_local(async move {
            loop {
                let event = events.next().await.event;
                let Some(lines) = lines.upgrade() else { return };
                if event.level() <= Level::Warn {
                    let mut lines = lines.lock();
                    if lines.len() == LENGTH {
                        lines.pop_front();
                    }
                    lines.push_back(event.to_string().into());
                }
            }
        });
        story
    }

    pub(super) fn tell(&self) -> Vec<Arc<str>> {
        self.0.lock().iter().cloned().collect()
    }
}
