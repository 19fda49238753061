//! Calls that wait, without a timer each.
//!
//! A timer per call costs 40 % of a call. So a call that has to wait only leaves its waker here; a tick, which runs
//! only while there are such calls, wakes those it meets for the second time, and only these set a timer of their own
//! and watch their callee.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;

/// How long a call may wait before it gets a timer of its own.
const TICK: Duration = Duration::from_millis(1);
/// Threads that call at once without meeting at a lock; more share.
const SHARDS: usize = 8;

/// The waiting calls to the processes of one node.
pub(crate) struct PendingCalls {
    shards: [Mutex<Shard>; SHARDS],
    ticking: AtomicBool,
}

#[derive(Default)]
struct Shard {
    entries: Vec<Entry>,
    free: Vec<usize>,
}

enum Entry {
    Free,
    /// Came since the last tick.
    New(Waker),
    /// Has seen one tick.
    Seen(Waker),
    /// Has seen two: it was woken, to look after itself.
    Old,
}

/// The place of one call; leaves by drop.
pub(crate) struct Ticket {
    calls: Arc<PendingCalls>,
    shard: usize,
    index: usize,
}

thread_local! {
    static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
}

fn shard_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    SHARD.get().unwrap_or_else(|| {
        let shard = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
        SHARD.set(Some(shard));
        shard
    })
}

impl PendingCalls {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { shards: Default::default(), ticking: AtomicBool::new(false) })
    }

    /// Takes in a call, to be woken once it is old. `None` if no runtime is here to tick.
    pub(crate) fn enter(self: &Arc<Self>, waker: &Waker) -> Option<Ticket> {
        let shard = shard_of_thread();
        let index = {
            let mut shard = self.shards[shard].lock();
            let entry = Entry::New(waker.clone());
            if let Some(index) = shard.free.pop() {
                shard.entries[index] = entry;
                index
            } else {
                shard.entries.push(entry);
                shard.entries.len() - 1
            }
        };
        let ticket = Ticket { calls: Arc::clone(self), shard, index };
        if !self.ticking.load(Ordering::Acquire) && !self.ticking.swap(true, Ordering::AcqRel) {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else {
                self.ticking.store(false, Ordering::Release);
                return None;
            };
            runtime.spawn(tick(Ticking(Arc::downgrade(self))));
        }
        Some(ticket)
    }

    /// One tick: the new have been seen, the seen are old and woken. Whether any are left that it must come back for.
    fn age(&self, everything: bool) -> bool {
        let mut left = false;
        for shard in &self.shards {
            let mut wake = Vec::new();
            for entry in &mut shard.lock().entries {
                match entry {
                    Entry::New(_) if !everything => {
                        left = true;
                        if let Entry::New(waker) = std::mem::replace(entry, Entry::Free) {
                            *entry = Entry::Seen(waker);
                        }
                    }
                    Entry::New(_) | Entry::Seen(_) => {
                        if let Entry::New(waker) | Entry::Seen(waker) = std::mem::replace(entry, Entry::Old) {
                            wake.push(waker);
                        }
                    }
                    Entry::Old | Entry::Free => {}
                }
            }
            wake.into_iter().for_each(Waker::wake);
        }
        left
    }

    fn is_idle(&self) -> bool {
        self.shards
            .iter()
            .all(|shard| shard.lock().entries.iter().all(|entry| matches!(entry, Entry::Old | Entry::Free)))
    }
}

impl Ticket {
    /// Whether the call has not been told yet that it is old; its waker is renewed if its task has changed.
    pub(crate) fn is_young(&self, waker: &Waker) -> bool {
        match &mut self.calls.shards[self.shard].lock().entries[self.index] {
            Entry::New(known) | Entry::Seen(known) => {
                known.clone_from(waker);
                true
            }
            Entry::Old | Entry::Free => false,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut shard = self.calls.shards[self.shard].lock();
        shard.entries[self.index] = Entry::Free;
        shard.free.push(self.index);
    }
}

/// Held by the ticking task. If its runtime goes, the calls of other runtimes are woken and look after themselves.
struct Ticking(Weak<PendingCalls>);

async fn tick(ticking: Ticking) {
    loop {
        tokio::time::sleep(TICK).await;
        let Some(calls) = ticking.0.upgrade() else { return };
        if calls.age(false) {
            continue;
        }
        calls.ticking.store(false, Ordering::Release);
        // A call that came between the look and the store found `ticking` set and started no other tick.
        if calls.is_idle() || calls.ticking.swap(true, Ordering::AcqRel) {
            std::mem::forget(ticking);
            return;
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        if let Some(calls) = self.0.upgrade() {
            calls.ticking.store(false, Ordering::Release);
            calls.age(true);
        }
    }
}
