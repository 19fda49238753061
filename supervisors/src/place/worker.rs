//! One arbiter of a node's own: its thread, who lives on it, and its giving up.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak, mpsc};
use std::thread::{self, JoinHandle};

use actix::{Arbiter, ArbiterHandle, System};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::Path;
use crate::process::{Object, thread as this_thread};
use crate::watch::{Beat, Roll, WhenStuck};

/// A thread that children are put on. Of the `actix::System` that runs where it is started, if one does; else it has
/// a `System` of its own, because a node needs none, but an actor may ask for it.
pub(crate) struct Worker {
    index: usize,
    arbiter: ArbiterHandle,
    /// Its own, to be stopped with it.
    system: Option<System>,
    thread: Mutex<Option<Thread>>,
    beat: OnceLock<Weak<Beat>>,
    residents: Mutex<Roll>,
    starting: Mutex<Option<StartOf>>,
    abandoned: AtomicBool,
    /// Woken when it is abandoned.
    gone: Notify,
    /// A bit a look of the watchdog, the last one lowest: whether it was in a turn.
    busy: AtomicU8,
}

enum Thread {
    Arbiter(Arbiter),
    Plain(JoinHandle<()>),
}

/// A start that is under way: for which child, and what if it does not end.
#[derive(Clone, Default)]
pub(crate) struct StartOf {
    pub(crate) path: Option<Path>,
    pub(crate) when_stuck: Option<WhenStuck>,
}

impl Worker {
    /// Starts the thread and waits until it can be given work.
    pub(super) fn start(index: usize) -> io::Result<Arc<Self>> {
        let (arbiter, system, thread) = if System::is_registered() {
            let arbiter = Arbiter::try_new()?;
            (arbiter.handle(), None, Thread::Arbiter(arbiter))
        } else {
            let (tell, told) = mpsc::channel();
            let thread = thread::Builder::new().name(format!("arbiter-{index}")).spawn(move || {
                let runner = System::new();
                if let Some(system) = System::try_current() {
                    let _ = tell.send(system);
                }
                let _ = runner.run();
            })?;
            let system = told.recv().map_err(|_| io::Error::other("its runtime could not be made"))?;
            (system.arbiter().clone(), Some(system), Thread::Plain(thread))
        };
        let worker = Arc::new(Self {
            index,
            arbiter,
            system,
            thread: Mutex::new(Some(thread)),
            beat: OnceLock::new(),
            residents: Mutex::default(),
            starting: Mutex::default(),
            abandoned: AtomicBool::new(false),
            gone: Notify::new(),
            busy: AtomicU8::new(0),
        });
        let itself = Arc::clone(&worker);
        worker.run(move || this_thread::become_arbiter(&itself));
        Ok(worker)
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Has its thread do `work`, behind what it was given before; `false` if it has ended.
    pub(crate) fn run(&self, work: impl FnOnce() + Send + 'static) -> bool {
        self.arbiter.spawn_fn(work)
    }

    /// The start function of a child runs, and whatever of it is not a turn of the child's process.
    pub(crate) fn note_start(&self, start: Option<StartOf>) {
        *self.starting.lock() = start;
    }

    pub(crate) fn starting(&self) -> Option<StartOf> {
        self.starting.lock().clone()
    }

    pub(crate) fn beats_as(&self, beat: &Arc<Beat>) {
        let _ = self.beat.set(Arc::downgrade(beat));
    }

    /// Processes alive on its thread.
    pub(super) fn population(&self) -> usize {
        self.beat.get().and_then(Weak::upgrade).map_or(0, |beat| beat.population())
    }

    /// A process lives on its thread from now on.
    pub(crate) fn house(&self, process: &Arc<dyn Object>) {
        self.residents.lock().add(process);
    }

    pub(crate) fn residents(&self) -> Vec<Arc<dyn Object>> {
        self.residents.lock().alive()
    }

    /// The watchdog has looked: it was in a turn, or not.
    pub(crate) fn was_seen(&self, busy: bool) {
        self.busy.store((self.busy.load(Ordering::Relaxed) << 1) | u8::from(busy), Ordering::Relaxed);
    }

    /// In how many of the watchdog's last eight looks it was in a turn.
    pub(super) fn busyness(&self) -> u32 {
        self.busy.load(Ordering::Relaxed).count_ones()
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Gives it up, and says who lived on it. Whoever comes to it later finds it given up: they enter the list first and
    /// look then.
    pub(crate) fn abandon(&self) -> Vec<Arc<dyn Object>> {
        self.abandoned.store(true, Ordering::Release);
        let residents = std::mem::take(&mut *self.residents.lock());
        self.gone.notify_waiters();
        // For when its turn ends after all.
        self.stop();
        residents.alive()
    }

    /// Waits until it is given up.
    pub(crate) async fn abandoned(&self) {
        let gone = self.gone.notified();
        if !self.is_abandoned() {
            gone.await;
        }
    }

    /// Lets its thread end, after what it was given before; processes that live there are dropped.
    pub(super) fn stop(&self) {
        match &self.system {
            Some(system) => system.stop(),
            None => {
                self.arbiter.stop();
            }
        }
    }

    /// Waits for the end of its thread. At once if somebody else has waited.
    pub(super) fn join(&self) {
        let thread = self.thread.lock().take();
        let _ = match thread {
            Some(Thread::Arbiter(arbiter)) => arbiter.join(),
            Some(Thread::Plain(thread)) => thread.join(),
            None => Ok(()),
        };
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("index", &self.index).finish_non_exhaustive()
    }
}
