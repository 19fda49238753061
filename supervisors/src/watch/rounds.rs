//! The watchdog's thread: it looks at every beat, eight times in its limit.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::cycle::cycles;
use super::gaze::Gaze;
use super::{LOOKS, clock, stuck};
use crate::event::Subject;
use crate::node::WeakNode;
use crate::{Event, Node};

/// What is remembered from look to look.
pub(super) struct Rounds {
    limit: Duration,
    look: Duration,
    number: u32,
    gazes: BTreeMap<usize, Gaze>,
    /// Cycles of calls that were said and are still there.
    said: BTreeSet<Vec<u64>>,
}

impl Rounds {
    /// Starts the thread. It ends when what is returned is dropped, at the next look.
    pub(super) fn begin(node: &Node, limit: Duration) -> io::Result<Sender<Infallible>> {
        let (alive, end) = mpsc::channel();
        let (node, look) = (node.downgrade(), limit / LOOKS);
        let mut rounds = Self { limit, look, number: 0, gazes: BTreeMap::new(), said: BTreeSet::new() };
        std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || rounds.walk(&node, &end))
            .map(|_| alive)
    }

    fn walk(&mut self, node: &WeakNode, end: &Receiver<Infallible>) {
        let born = clock::now();
        let mut last = born;
        while let Err(RecvTimeoutError::Timeout) = end.recv_timeout(self.look) {
            let Some(node) = node.upgrade() else { return };
            let now = clock::now();
            let passed = now - last;
            last = now;
            // Never 0, which says that nobody tells the time.
            node.watch().set_tick(u64::try_from((now - born).as_millis()).unwrap_or_default() + 1);
            // A sink that panics must not blind the watchdog.
            let _ = crate::process::catch(|| self.round(&node, passed));
        }
    }

    fn round(&mut self, node: &Node, passed: Duration) {
        let watch = node.watch();
        let mut seen = BTreeSet::new();
        for watched in watch.watched() {
            let Some(beat) = watched.beat.upgrade() else { continue };
            let glance = beat.glance();
            if let Some(worker) = &watched.worker {
                worker.was_seen(glance.is_some());
                if worker.is_abandoned() {
                    continue;
                }
            }
            let glance = glance.filter(|glance| glance.outer.is_of(watch.number()));
            if let Some(glance) = glance {
                watch.add_busy(glance.inner, passed.min(2 * self.look));
            }
            let key = Arc::as_ptr(&beat) as usize;
            seen.insert(key);
            let gaze = self.gazes.entry(key).or_default();
            if let Some(lasting) = gaze.look(glance, passed, self.look, self.limit)
                && let Some(glance) = glance
            {
                stuck::respond(node, &watched, &beat, glance, lasting);
            }
        }
        self.gazes.retain(|key, _| seen.contains(key));
        self.number = (self.number + 1) % LOOKS;
        if self.number == 0 {
            self.look_for_cycles(node);
        }
    }

    /// Calls that wait for each other in a circle, for as long as a turn may last at least.
    fn look_for_cycles(&mut self, node: &Node) {
        let limit = u32::try_from(self.limit.as_millis()).unwrap_or(u32::MAX);
        let calls = node.pending_calls().waiting_for(limit, node.stamp());
        let edges: Vec<_> = calls.iter().map(|call| (call.caller.serial(), call.callee.serial())).collect();
        let found: BTreeSet<_> = cycles(&edges).into_iter().collect();
        for cycle in found.difference(&self.said) {
            let subject = |serial: &u64| {
                let call = calls.iter().find(|call| call.caller.serial() == *serial)?;
                Some(Subject::of(&call.object.upgrade()?))
            };
            let calls = cycle.iter().filter_map(subject).collect();
            node.report(|| Event::CallCycle { calls });
        }
        self.said = found;
    }
}

/// A process that waits for another one's answer.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) caller: crate::Pid,
    pub(crate) callee: crate::Pid,
    /// The caller.
    pub(crate) object: Weak<dyn crate::process::Object>,
}
