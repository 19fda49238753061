//! The node: the one source of names, time, chance and places.

mod builder;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use actix::{Actor, Context};
use parking_lot::Mutex;

use crate::call::PendingCalls;
use crate::place::{Places, Pool};
use crate::process::{Cell, Control, Object, ProcessFuture};
use crate::reference::Slot;
use crate::registry::Registry;
use crate::watch::Watch;
use crate::{Event, Pid, Process, Ref, RegisterError};

pub use builder::NodeBuilder;
use builder::{Clock, Sink};

/// Messages a mailbox holds unless told otherwise: 2^20. A process that far behind will not catch up; what is sent to
/// it from then on is refused, so that the memory of the whole program is not its price.
pub const MAILBOX_BOUND: usize = 1 << 20;

/// A world of processes: its pids, its registry, its clock, its random numbers, and the sink of its events.
///
/// There are no globals: two nodes in one program do not see each other. Cloning gives another handle to the same node.
/// A node needs no `actix::System`; its processes run on any tokio `LocalSet` (which a `System` and an `Arbiter` have).
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    seed: u64,
    serial: AtomicU64,
    reference: AtomicU64,
    random: Mutex<fastrand::Rng>,
    registry: Registry,
    calls: Arc<PendingCalls>,
    watch: Watch,
    pool: Arc<Pool>,
    sink: Option<Sink>,
    tracing: bool,
    clock: Clock,
    wall: fn() -> SystemTime,
    #[cfg(feature = "lab")]
    points: crate::lab::Points,
    /// The bug that was put in on purpose, and what it is to do late.
    #[cfg(feature = "lab")]
    planted: Option<&'static str>,
    #[cfg(feature = "lab")]
    late: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// A node that is not kept alive.
pub(crate) struct WeakNode(Weak<Inner>);

impl WeakNode {
    pub(crate) fn upgrade(&self) -> Option<Node> {
        self.0.upgrade().map(Node)
    }
}

impl Node {
    /// A node with default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A node to be configured.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the node is where wall-clock time comes from")]
    pub fn builder() -> NodeBuilder {
        NodeBuilder::new(SystemTime::now)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// The seed its chance was grown from: the same seed gives the same numbers.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// Time since the node was made, by its [clock](NodeBuilder::clock).
    #[must_use]
    pub fn now(&self) -> Duration {
        (self.0.clock)()
    }

    /// What a clock on the wall shows; for people, nothing is decided by it.
    #[must_use]
    pub fn wall_time(&self) -> SystemTime {
        (self.0.wall)()
    }

    /// A generator of its own for one part of the program, drawn from the node's seed.
    #[must_use]
    pub fn random(&self) -> fastrand::Rng {
        self.0.random.lock().fork()
    }

    /// A point in a handler or timer of a process where a fault may be armed (feature `lab`), by this name. When none is
    /// armed on the node it costs one relaxed load, without the feature nothing.
    ///
    /// What kills the process, or makes it exit, takes effect when its turn ends, as the code here cannot wait;
    /// [`fault_point_async`](Self::fault_point_async) can. Outside a process nothing happens.
    ///
    /// # Panics
    /// If that is the fault that is armed.
    #[inline]
    pub fn fault_point(&self, name: &str) {
        #[cfg(feature = "lab")]
        if self.0.points.is_armed() {
            self.meet_point(name, false);
        }
        #[cfg(not(feature = "lab"))]
        let _ = name;
    }

    /// [`fault_point`](Self::fault_point) in a future of a process: there whoever is slow waits, and whoever is to end
    /// gets no further. Cancel safe.
    ///
    /// # Panics
    /// If that is the fault that is armed.
    #[inline]
    pub async fn fault_point_async(&self, name: &str) {
        #[cfg(feature = "lab")]
        if self.0.points.is_armed()
            && let Some((lift, time)) = self.meet_point(name, true)
        {
            lift.wait(time).await;
        }
        #[cfg(not(feature = "lab"))]
        let _ = name;
    }

    /// Whether the host of this node has crashed in a simulation (feature `lab`): what a destructor of an actor asks
    /// before it does anything that is seen outside, as a program that got a SIGKILL does nothing more. Never, without
    /// the feature.
    #[must_use]
    #[inline]
    pub fn is_killed(&self) -> bool {
        #[cfg(feature = "lab")]
        return self.was_killed();
        #[cfg(not(feature = "lab"))]
        false
    }

    /// Whether this bug was put in.
    #[cfg(feature = "lab")]
    #[doc(hidden)]
    #[must_use]
    pub fn is_planted(&self, bug: &str) -> bool {
        self.0.planted == Some(bug)
    }

    /// Does what should have been done the last time, and `this` the next time: a planted bug.
    #[cfg(feature = "lab")]
    pub(crate) fn do_late(&self, this: impl FnOnce() + Send + 'static) {
        let before = self.0.late.lock().replace(Box::new(this));
        if let Some(before) = before {
            before();
        }
    }

    #[cfg(feature = "lab")]
    pub(crate) fn points(&self) -> &crate::lab::Points {
        &self.0.points
    }

    /// Its own arbiters.
    #[must_use]
    pub fn places(&self) -> Places {
        Places(Arc::clone(&self.0.pool))
    }

    /// Whether anybody hears of events: then, and only then, one is worth making.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.sink.is_some() || self.is_traced()
    }

    #[cfg(feature = "tracing")]
    fn is_traced(&self) -> bool {
        self.0.tracing && crate::event::trace::is_heard()
    }

    #[cfg(not(feature = "tracing"))]
    fn is_traced(&self) -> bool {
        let _ = self.0.tracing;
        false
    }

    /// Reports an event to the node's sink, and to whoever subscribes to `tracing`.
    pub(crate) fn report(&self, event: impl FnOnce() -> Event) {
        if self.is_killed() || !self.is_heard() {
            return;
        }
        let event = event();
        #[cfg(feature = "tracing")]
        if self.is_traced() {
            crate::event::trace::say(&event);
        }
        if let Some(sink) = &self.0.sink {
            sink(self.now(), event);
        }
    }

    /// Starts `actor` as a process of its own, on this thread, under no supervisor (OTP `spawn`).
    ///
    /// `started()` runs in the process's first turn, after this has returned. The actor lives until it stops itself or
    /// is stopped: that nobody holds its address does not end it.
    ///
    /// # Panics
    /// Outside a tokio `LocalSet` (an `actix_rt::System` has one).
    pub fn spawn<A: Actor<Context = Context<A>>>(&self, actor: A) -> Ref<A> {
        let cell = Cell::new(self.clone(), MAILBOX_BOUND);
        let slot = Slot::new();
        // A new slot is empty: this cannot fail.
        let _ = slot.fill(&cell);
        self.run(actor, cell);
        Ref::new(slot)
    }

    /// Starts a process that no supervisor knows of.
    pub(crate) fn run<A: Actor<Context = Context<A>>>(&self, actor: A, cell: Arc<Cell<A>>) {
        self.0.watch.note_unsupervised(&(Arc::clone(&cell) as Arc<dyn Object>));
        ProcessFuture::new(actor, cell).spawn();
    }

    /// [`spawn`](Self::spawn), linked to the process whose turn it is before it runs, so that no end is missed
    /// (OTP-156). Outside a process it is `spawn`.
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    pub fn spawn_link<A: Actor<Context = Context<A>>>(&self, actor: A) -> Ref<A> {
        let child = self.spawn(actor);
        if let (Some(parent), Some(child)) = (crate::this_process(), child.process()) {
            Control::link_newborn(&parent.0, &child.0);
        }
        child
    }

    /// [`spawn`](Self::spawn), monitored by `watcher` before it runs.
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    pub fn spawn_monitor<A, W>(&self, actor: A, watcher: &Ref<W>) -> (Ref<A>, crate::Monitor)
    where
        A: Actor<Context = Context<A>>,
        W: Actor<Context = Context<W>> + actix::Handler<crate::Down>,
    {
        let cell = Cell::new(self.clone(), MAILBOX_BOUND);
        let slot = Slot::new();
        // A new slot is empty: this cannot fail.
        let _ = slot.fill(&cell);
        let monitor = Process(Arc::clone(&cell) as Arc<dyn Object>).monitor(watcher);
        self.run(actor, cell);
        (Ref::new(slot), monitor)
    }

    /// [`spawn`](Self::spawn), under a name.
    ///
    /// # Errors
    /// If somebody has the name (the actor is dropped without ever having run).
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    pub fn spawn_named<A: Actor<Context = Context<A>>>(
        &self,
        name: &str,
        actor: A,
    ) -> Result<Ref<A>, RegisterError> {
        let cell = Cell::new(self.clone(), MAILBOX_BOUND);
        self.0.registry.register(name, &cell)?;
        self.run(actor, cell);
        self.named(name)
    }

    /// Whoever has `name`, now or later: a `Ref` that is resolved each time it is used.
    ///
    /// # Errors
    /// If the name is in use for an actor of another type.
    pub fn named<A: Actor<Context = Context<A>>>(&self, name: &str) -> Result<Ref<A>, RegisterError> {
        self.0.registry.slot(name).map(Ref::new)
    }

    /// Gives a running process a (further) name.
    ///
    /// # Errors
    /// If somebody has the name, this process included (OTP-186).
    pub fn register<A: Actor<Context = Context<A>>>(
        &self,
        name: &str,
        process: &Ref<A>,
    ) -> Result<(), RegisterError> {
        match process.cell() {
            Some(cell) => self.0.registry.register(name, &cell),
            None => Err(RegisterError::Dead { name: name.into() }),
        }
    }

    /// Takes a name from whoever has it (OTP `unregister`). What a supervisor's child is [named](
    /// crate::supervisor::ChildSpec::named) it has again after its next restart.
    ///
    /// # Errors
    /// [`RegisterError::Unknown`] if nobody has it (OTP-186).
    pub fn unregister(&self, name: &str) -> Result<(), RegisterError> {
        self.0.registry.unregister(name)
    }

    /// The process that has `name` now (OTP `whereis`).
    #[must_use]
    pub fn whereis(&self, name: &str) -> Option<Process> {
        self.0.registry.whereis(name)
    }

    /// The process that has `name` now, if it is an `A`.
    #[must_use]
    pub fn find<A: Actor<Context = Context<A>>>(&self, name: &str) -> Option<Ref<A>> {
        self.0.registry.find(name)
    }

    /// All names in use, in alphabetical order (OTP `registered`).
    #[must_use]
    pub fn registered(&self) -> Vec<(Arc<str>, Process)> {
        self.0.registry.names()
    }

    /// Whether the other is a handle to the same node.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub(crate) fn next_pid(&self) -> Pid {
        Pid::new(0, 0, self.0.serial.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn next_reference(&self) -> u64 {
        self.0.reference.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn downgrade(&self) -> WeakNode {
        WeakNode(Arc::downgrade(&self.0))
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.0.watch
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// A coarse time for messages to be stamped with, in milliseconds; wraps after 49 days. No clock is read but in
    /// simulation, where it must be the node's.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "stamps are only compared with those of the same days"
    )]
    pub(crate) fn stamp(&self) -> u32 {
        self.0.watch.tick_or(|| self.milliseconds()) as u32
    }

    /// The stamp for a message that is being sent; `None` if it comes from a turn that goes on though its process was
    /// declared dead, and so from nobody.
    #[allow(clippy::cast_possible_truncation, reason = "as above")]
    pub(crate) fn stamp_of_sender(&self) -> Option<u32> {
        match self.0.watch.tick() {
            Some(tick) => Some(tick as u32),
            None => self.stamp_out_of_the_ordinary(),
        }
    }

    #[cold]
    fn stamp_out_of_the_ordinary(&self) -> Option<u32> {
        let is_nobody = self.0.watch.has_abandoned() && crate::process::thread::is_abandoned();
        (!is_nobody).then(|| self.stamp())
    }

    #[cold]
    fn milliseconds(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn pending_calls(&self) -> &Arc<PendingCalls> {
        &self.0.calls
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.0.name).field("seed", &self.0.seed).finish_non_exhaustive()
    }
}

/// Whoever holds a process can be asked which node it belongs to.
impl Process {
    /// The node it belongs to.
    #[must_use]
    pub fn node(&self) -> &Node {
        &Object::control(&*self.0).node
    }
}
