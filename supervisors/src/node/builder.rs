//! What a node is made with.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Inner, Node};
use crate::Event;
use crate::call::PendingCalls;
use crate::place::Pool;
use crate::registry::Registry;
use crate::watch::{Watch, Watchdog};

/// Time since the node was made.
pub(super) type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

pub(super) type Sink = Box<dyn Fn(Duration, Event) + Send + Sync>;

/// Settings of a [`Node`] to be made.
pub struct NodeBuilder {
    name: Arc<str>,
    seed: Option<u64>,
    sink: Option<Sink>,
    clock: Option<Clock>,
    wall: fn() -> SystemTime,
    #[cfg(feature = "lab")]
    planted: Option<&'static str>,
    watchdog: Option<Watchdog>,
    arbiters: Option<usize>,
    tracing: bool,
}

impl NodeBuilder {
    /// The defaults, but for the wall clock, which is the node's to name.
    pub(super) fn new(wall: fn() -> SystemTime) -> Self {
        Self {
            name: "node".into(),
            seed: None,
            sink: None,
            clock: None,
            wall,
            #[cfg(feature = "lab")]
            planted: None,
            watchdog: None,
            arbiters: None,
            tracing: true,
        }
    }

    /// Its name, in paths and logs. Default `node`.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The seed of all chance in the node. Default: drawn from the operating system, once, at [`build`](Self::build).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Where events go, each with the node's time; called on the thread of whoever reports, so it must be quick.
    /// Default: nowhere.
    #[must_use]
    pub fn on_event(mut self, sink: impl Fn(Duration, Event) + Send + Sync + 'static) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// Whether events are also said as `tracing` events, with target `supervisors` (feature `tracing`, on by default).
    /// Default: yes; a program whose sink logs them in its own words does not want them twice.
    #[must_use]
    pub fn tracing(mut self, tracing: bool) -> Self {
        self.tracing = tracing;
        self
    }

    /// The clock by which restarts are counted and events stamped: time since the node was made. Default: tokio's clock,
    /// which stands still where that is paused. Timers are tokio's in any case.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// The wall clock, for people to read; nothing is decided by it. Default: the system's.
    #[must_use]
    pub fn wall_clock(mut self, wall: fn() -> SystemTime) -> Self {
        self.wall = wall;
        self
    }

    /// Puts a bug into the node, to see that it is found.
    #[cfg(feature = "lab")]
    #[doc(hidden)]
    #[must_use]
    pub fn plant(mut self, bug: Option<&'static str>) -> Self {
        self.planted = bug;
        self
    }

    /// How its threads are watched over. Default: a turn of 1 s is reported if there is anybody to hear it; see
    /// [`Watchdog`].
    #[must_use]
    pub fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.watchdog = Some(watchdog);
        self
    }

    /// How many arbiters of its own it may start for children [placed](crate::Place) on them. Default: as many as the
    /// machine has processors. With 0, as a simulation wants it, such children stay on their supervisor's thread.
    #[must_use]
    pub fn arbiters(mut self, count: usize) -> Self {
        self.arbiters = Some(count);
        self
    }

    /// Makes the node. Its clock starts at zero now.
    #[must_use]
    pub fn build(self) -> Node {
        let seed = self.seed.unwrap_or_else(|| fastrand::Rng::new().u64(..));
        Node(Arc::new(Inner {
            name: self.name,
            seed,
            serial: AtomicU64::new(1),
            reference: AtomicU64::new(1),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            registry: Registry::new(),
            calls: PendingCalls::new(),
            watch: Watch::new(self.watchdog),
            pool: Pool::new(
                self.arbiters.unwrap_or_else(|| {
                    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
                }),
            ),
            sink: self.sink,
            tracing: self.tracing,
            clock: self.clock.unwrap_or_else(|| {
                let born = Instant::now();
                Box::new(move || born.elapsed())
            }),
            wall: self.wall,
            #[cfg(feature = "lab")]
            points: crate::lab::Points::default(),
            #[cfg(feature = "lab")]
            planted: self.planted,
            #[cfg(feature = "lab")]
            late: Mutex::default(),
        }))
    }
}
