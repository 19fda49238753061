//! The arbiters of a node: started when needed, listed, asked whether they live, joined in order.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Place, Worker};

/// Why an arbiter of the node's could not do what it was asked to.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// A child is pinned to an arbiter the node does not have.
    #[error("there is no arbiter {index}, the node has {count}")]
    NoSuchArbiter {
        /// Which.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The arbiters were stopped.
    #[error("the node's arbiters were stopped")]
    Stopped,
    /// Its thread could not be started.
    #[error("the thread of arbiter {index} could not be started")]
    Thread {
        /// Of which.
        index: usize,
        /// Why.
        source: Arc<io::Error>,
    },
    /// It did not answer a ping: a turn on it does not end.
    #[error("arbiter {index} did not answer within {limit:?}")]
    Silent {
        /// Which.
        index: usize,
        /// How long was waited.
        limit: Duration,
    },
    /// Threads that had not ended when the time was up.
    #[error("the threads of the arbiters {arbiters:?} did not end within {limit:?}")]
    NotJoined {
        /// Of which.
        arbiters: Vec<usize>,
        /// How long was waited, for all together.
        limit: Duration,
    },
}

/// One arbiter in a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArbiterInfo {
    /// Its number, counted from 0.
    pub index: usize,
    /// Whether its thread was started yet.
    pub started: bool,
    /// How many before it, of the same number, were abandoned.
    pub abandoned: usize,
    /// Processes that live on it.
    pub processes: usize,
    /// In how many of the watchdog's last eight looks it was in a turn.
    pub busy: u32,
}

/// The arbiters of a node, to be listed, asked and stopped. Cheap to clone. From [`Node::places`](crate::Node::places).
#[derive(Clone)]
pub struct Places(pub(crate) Arc<Pool>);

/// Where a child is to run.
pub(crate) enum Chosen {
    Here,
    There(Arc<Worker>),
}

pub(crate) struct Pool {
    state: Mutex<State>,
    size: usize,
    next: AtomicUsize,
}

struct State {
    slots: Vec<Slot>,
    stopped: bool,
}

#[derive(Clone, Default)]
struct Slot {
    worker: Option<Arc<Worker>>,
    abandoned: usize,
}

impl Slot {
    /// Its thread, unless that was given up.
    fn living(&self) -> Option<&Arc<Worker>> {
        self.worker.as_ref().filter(|worker| !worker.is_abandoned())
    }
}

impl Pool {
    pub(crate) fn new(size: usize) -> Arc<Self> {
        let state = State { slots: vec![Slot::default(); size], stopped: false };
        Arc::new(Self { state: Mutex::new(state), size, next: AtomicUsize::new(0) })
    }

    /// The arbiter for one start; its thread is started if it has none.
    pub(crate) fn choose(&self, place: &Place) -> Result<Chosen, PlaceError> {
        if self.size == 0 {
            return Ok(Chosen::Here);
        }
        let mut state = self.state.lock();
        let index = match *place {
            Place::Local | Place::Arbiter(_) => return Ok(Chosen::Here),
            Place::RoundRobin => self.next.fetch_add(1, Ordering::Relaxed) % self.size,
            Place::LeastBusy => state.least_busy(),
            Place::Pinned(index) if index < self.size => index,
            Place::Pinned(index) => return Err(PlaceError::NoSuchArbiter { index, count: self.size }),
        };
        state.living(index).map(Chosen::There)
    }

    fn living(&self) -> Vec<Arc<Worker>> {
        self.state.lock().slots.iter().filter_map(|slot| slot.living().cloned()).collect()
    }
}

impl State {
    fn least_busy(&self) -> usize {
        let load =
            |slot: &Slot| slot.living().map_or((0, 0), |worker| (worker.busyness(), worker.population()));
        let slots = self.slots.iter().enumerate();
        slots.min_by_key(|(_, slot)| load(slot)).map_or(0, |(index, _)| index)
    }

    fn living(&mut self, index: usize) -> Result<Arc<Worker>, PlaceError> {
        if self.stopped {
            return Err(PlaceError::Stopped);
        }
        let slot = &mut self.slots[index];
        if let Some(worker) = slot.living() {
            return Ok(Arc::clone(worker));
        }
        slot.abandoned += usize::from(slot.worker.take().is_some());
        let failed = |source| PlaceError::Thread { index, source: Arc::new(source) };
        let worker = Worker::start(index).map_err(failed)?;
        slot.worker = Some(Arc::clone(&worker));
        Ok(worker)
    }
}

impl Places {
    /// How many arbiters the node may have.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.size
    }

    /// All of them, in order.
    #[must_use]
    pub fn list(&self) -> Vec<ArbiterInfo> {
        let info = |(index, slot): (usize, &Slot)| {
            let living = slot.living();
            ArbiterInfo {
                index,
                started: living.is_some(),
                abandoned: slot.abandoned + usize::from(slot.worker.is_some() && living.is_none()),
                processes: living.map_or(0, |worker| worker.population()),
                busy: living.map_or(0, |worker| worker.busyness()),
            }
        };
        self.0.state.lock().slots.iter().enumerate().map(info).collect()
    }

    /// Has an arbiter answer, behind what it is doing, and says how long that took, by tokio's clock. Its thread is
    /// started if it has none. Cancel safe.
    ///
    /// # Errors
    /// [`PlaceError::Silent`] if it does not within `limit`; [`PlaceError::NoSuchArbiter`], [`PlaceError::Stopped`],
    /// [`PlaceError::Thread`].
    pub async fn ping(&self, index: usize, limit: Duration) -> Result<Duration, PlaceError> {
        let Chosen::There(worker) = self.0.choose(&Place::Pinned(index))? else {
            return Err(PlaceError::NoSuchArbiter { index, count: 0 });
        };
        let (tell, told) = oneshot::channel();
        let begun = Instant::now();
        worker.run(move || {
            let _ = tell.send(());
        });
        match tokio::time::timeout(limit, told).await {
            Ok(Ok(())) => Ok(begun.elapsed()),
            Ok(Err(_)) => Err(PlaceError::Stopped),
            Err(_) => Err(PlaceError::Silent { index, limit }),
        }
    }

    /// Ends all of them, the first one first: each is asked to stop and joined before the next one is. Processes that
    /// still live there are dropped, so stop the tree before. No child can be put on them any more. Those that were
    /// abandoned are not waited for. Cancel safe: the threads end all the same.
    ///
    /// # Errors
    /// [`PlaceError::NotJoined`] if some have not ended within `limit` altogether.
    pub async fn stop(&self, limit: Duration) -> Result<(), PlaceError> {
        self.0.state.lock().stopped = true;
        let mut left: Vec<_> = self.0.living().into_iter().map(|worker| (worker.index(), worker)).collect();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let workers: Vec<_> = left.iter().map(|(_, worker)| Arc::clone(worker)).collect();
        let joiner = std::thread::Builder::new().name("arbiters' end".to_owned()).spawn(move || {
            for worker in workers {
                worker.stop();
                worker.join();
                let _ = tell.send(worker.index());
            }
        });
        if joiner.is_err() {
            left.iter().for_each(|(_, worker)| worker.stop());
        }
        let all_joined = async {
            while let Some(index) = told.recv().await {
                left.retain(|(it, _)| *it != index);
            }
        };
        let _ = tokio::time::timeout(limit, all_joined).await;
        if left.is_empty() {
            return Ok(());
        }
        let arbiters = left.into_iter().map(|(index, _)| index).collect();
        Err(PlaceError::NotJoined { arbiters, limit })
    }
}

impl Drop for Pool {
    /// The node is gone: its threads end. Nobody waits for them.
    fn drop(&mut self) {
        self.living().iter().for_each(|worker| worker.stop());
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}
