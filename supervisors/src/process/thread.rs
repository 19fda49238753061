//! What a thread knows of the processes on it: whose turn it is, its beat, and whether it was abandoned.

use std::cell::{Cell as Plain, OnceCell, RefCell};
use std::sync::Arc;

use super::{Control, Object};
use crate::Node;
use crate::place::{StartOf, Worker};
use crate::watch::{Beat, Before, Turn};

thread_local! {
    static LOCAL: Local = const {
        Local {
            current: RefCell::new(None),
            beat: OnceCell::new(),
            worker: OnceCell::new(),
            known_to: Plain::new(0),
        }
    };
}

struct Local {
    /// The process whose turn it is on this thread, if any. Set for the length of one poll.
    current: RefCell<Option<Arc<dyn Object>>>,
    beat: OnceCell<Arc<Beat>>,
    /// What this thread is, if it is an arbiter of a node.
    worker: OnceCell<Arc<Worker>>,
    /// The number of the last node that was told of this thread.
    known_to: Plain<u64>,
}

impl Local {
    fn beat(&self) -> &Arc<Beat> {
        self.beat.get_or_init(Arc::default)
    }

    /// Tells a node that something of its own goes on here, the first time.
    fn introduce(&self, node: &Node) {
        let watch = node.watch();
        if self.known_to.get() != watch.number() {
            watch.meet(node, self.beat(), self.worker.get());
            self.known_to.set(watch.number());
        }
    }
}

/// Runs one turn of `process`, which is lent to the thread meanwhile: a turn costs no reference count.
pub(super) fn enter<R>(process: &mut Option<Arc<dyn Object>>, whose: Turn, turn: impl FnOnce() -> R) -> R {
    struct Leave<'a> {
        local: &'a Local,
        beat: &'a Beat,
        process: &'a mut Option<Arc<dyn Object>>,
        current: Option<Arc<dyn Object>>,
        before: Before,
    }
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.beat.end(self.before);
            *self.process = self.local.current.replace(self.current.take());
        }
    }
    LOCAL.with(|local| {
        let current = local.current.replace(process.take());
        let beat = local.beat();
        let before = beat.begin(whose);
        let _leave = Leave { local, beat, process, current, before };
        turn()
    })
}

/// Runs a start function of `node`, or a step of one, before there is a process: the watchdog sees that, too.
pub(crate) fn enter_start<R>(node: &Node, whose: impl FnOnce() -> StartOf, start: impl FnOnce() -> R) -> R {
    struct Leave<'a>(&'a Local, Before);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.beat().end(self.1);
            if let Some(worker) = self.0.worker.get() {
                worker.note_start(None);
            }
        }
    }
    LOCAL.with(|local| {
        local.introduce(node);
        if let Some(worker) = local.worker.get() {
            worker.note_start(Some(whose()));
        }
        let _leave = Leave(local, local.beat().begin(Turn::start(node.watch().number())));
        start()
    })
}

/// The process whose turn it is on this thread.
pub(crate) fn current() -> Option<Arc<dyn Object>> {
    LOCAL.with(|local| local.current.borrow().clone())
}

/// Whether it is the turn of the process this belongs to.
pub(super) fn is_turn_of(control: &Control) -> bool {
    LOCAL.with(|local| {
        let current = local.current.borrow();
        current.as_ref().is_some_and(|object| std::ptr::eq(object.control(), control))
    })
}

/// A process has begun to live on this thread, which its node and whoever may abandon the thread are told.
pub(super) fn arrive(node: &Node, process: &Arc<dyn Object>) {
    LOCAL.with(|local| {
        local.beat().arrive();
        local.introduce(node);
        if let Some(worker) = local.worker.get() {
            worker.house(process);
        }
    });
}

/// A process that has begun to live on this thread does so no more.
pub(super) fn leave() {
    // Dropped with its runtime when the thread itself ends, it may come too late.
    let _ = LOCAL.try_with(|local| local.beat().leave());
}

/// This thread is an arbiter of a node, from now on until it ends.
pub(crate) fn become_arbiter(worker: &Arc<Worker>) {
    LOCAL.with(|local| {
        worker.beats_as(local.beat());
        let _ = local.worker.set(Arc::clone(worker));
    });
}

/// Whether this thread was abandoned: what a process on it still does has no effect.
pub(crate) fn is_abandoned() -> bool {
    LOCAL.try_with(|local| local.worker.get().is_some_and(|worker| worker.is_abandoned())).unwrap_or(false)
}
