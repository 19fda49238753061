//! Calls that wait, without a timer each.
//!
//! A timer per call costs 40 % of a call. So a call that has to wait only leaves its waker here; a tick, which runs
//! only while there are such calls, wakes those it meets for the second time, and only these set a timer of their own
//! and watch their callee. These also say who waits for whom, for the watchdog to find circles.
//!
//! Each thread ticks for its own calls: one whose turn does not end must not stop the time of the others.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;

use crate::process::{Object, thread};
use crate::watch::Waiting;

/// How long a call may wait before it gets a timer of its own.
const TICK: Duration = Duration::from_millis(1);
/// Threads that call at once without meeting at a lock, each with a tick of its own; more share.
const SHARDS: usize = 16;

/// The waiting calls to the processes of one node.
pub(crate) struct PendingCalls {
    shards: [Room; SHARDS],
    waits: Mutex<BTreeMap<u64, (Waiting, u32)>>,
    next_wait: AtomicU64,
}

#[derive(Default)]
struct Room {
    shard: Mutex<Shard>,
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

/// One process that waits for another's answer, for as long as this is kept.
pub(crate) struct Wait {
    calls: Arc<PendingCalls>,
    number: u64,
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
        Arc::new(Self { shards: Default::default(), waits: Mutex::default(), next_wait: AtomicU64::new(0) })
    }

    /// Takes in a call, to be woken once it is old. `None` if no runtime is here to tick.
    pub(crate) fn enter(self: &Arc<Self>, waker: &Waker) -> Option<Ticket> {
        let shard = shard_of_thread();
        let index = {
            let mut shard = self.shards[shard].shard.lock();
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
        let ticking = &self.shards[shard].ticking;
        if !ticking.load(Ordering::Acquire) && !ticking.swap(true, Ordering::AcqRel) {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else {
                ticking.store(false, Ordering::Release);
                return None;
            };
            runtime.spawn(tick(Ticking(Arc::downgrade(self), shard)));
        }
        Some(ticket)
    }

    /// The process whose turn it is, if any, waits for `callee` from now on.
    pub(crate) fn wait_for(self: &Arc<Self>, callee: &Arc<dyn Object>) -> Option<Wait> {
        let caller = thread::current()?;
        let number = self.next_wait.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting {
            caller: caller.control().pid,
            callee: callee.control().pid,
            object: Arc::downgrade(&caller),
        };
        let since = caller.control().node.stamp();
        self.waits.lock().insert(number, (waiting, since));
        Some(Wait { calls: Arc::clone(self), number })
    }

    /// Who has waited for whom for at least `limit` milliseconds by `now`, the longest first.
    pub(crate) fn waiting_for(&self, limit: u32, now: u32) -> Vec<Waiting> {
        let waits = self.waits.lock();
        let old = waits.values().filter(|(_, since)| now.wrapping_sub(*since) >= limit);
        old.map(|(waiting, _)| waiting.clone()).collect()
    }

    /// Some thread may tick no more for a long time: calls that wait for it look after themselves, and whoever comes
    /// next ticks anew. A second tick beside one that goes on after all only makes calls old a little sooner.
    pub(crate) fn wake_all(&self) {
        for shard in 0..SHARDS {
            self.shards[shard].ticking.store(false, Ordering::Release);
            self.age(shard, true);
        }
    }

    /// One tick: the new have been seen, the seen are old and woken. Whether any are left that it must come back for.
    fn age(&self, shard: usize, everything: bool) -> bool {
        let mut left = false;
        let mut wake = Vec::new();
        for entry in &mut self.shards[shard].shard.lock().entries {
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
        left
    }

    fn is_idle(&self, shard: usize) -> bool {
        let shard = self.shards[shard].shard.lock();
        shard.entries.iter().all(|entry| matches!(entry, Entry::Old | Entry::Free))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.calls.waits.lock().remove(&self.number);
    }
}

impl Ticket {
    /// Whether the call has not been told yet that it is old; its waker is renewed if its task has changed.
    pub(crate) fn is_young(&self, waker: &Waker) -> bool {
        match &mut self.calls.shards[self.shard].shard.lock().entries[self.index] {
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
        let mut shard = self.calls.shards[self.shard].shard.lock();
        shard.entries[self.index] = Entry::Free;
        shard.free.push(self.index);
    }
}

/// Held by the ticking task. If its runtime goes, the calls of other runtimes are woken and look after themselves.
struct Ticking(Weak<PendingCalls>, usize);

async fn tick(ticking: Ticking) {
    let shard = ticking.1;
    loop {
        tokio::time::sleep(TICK).await;
        let Some(calls) = ticking.0.upgrade() else { return };
        if calls.age(shard, false) {
            continue;
        }
        let on = &calls.shards[shard].ticking;
        on.store(false, Ordering::Release);
        // A call that came between the look and the store found `ticking` set and started no other tick.
        if calls.is_idle(shard) || on.swap(true, Ordering::AcqRel) {
            std::mem::forget(ticking);
            return;
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        if let Some(calls) = self.0.upgrade() {
            calls.shards[self.1].ticking.store(false, Ordering::Release);
            calls.age(self.1, true);
        }
    }
}
