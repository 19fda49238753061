//! The watchdog: a thread that sees which turns do not end, on every thread of its node.
//!
//! What is watched only writes a [`Beat`]; all else is done here, on the watchdog's own thread, which also gives the
//! node a coarse clock for what would otherwise have to read one for every message.

mod beat;
mod clock;
mod cycle;
mod gaze;
mod roll;
mod rounds;
mod stuck;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;

use parking_lot::Mutex;

pub(crate) use beat::{Beat, Before, Turn};
pub(crate) use roll::Roll;
use rounds::Rounds;
pub(crate) use rounds::Waiting;

use crate::place::Worker;
use crate::process::Object;
use crate::{Event, Node, Pid};

/// What is done about a turn that does not end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenStuck {
    /// It is said ([`Event::Stuck`]), again each time it has lasted twice as long. The default.
    #[default]
    Report,
    /// Its arbiter is abandoned, too: every process on it is declared dead, with reason
    /// [`Stuck`](crate::ExitReason::Stuck) or [`Abandoned`](crate::ExitReason::Abandoned), and supervisors start their
    /// children again on a new one. Only for [places](crate::Place) on the node's own arbiters; elsewhere it is said.
    Abandon,
    /// The program ends, with the watchdog's [exit code](Watchdog::exit_code), for whatever restarts programs.
    Exit,
}

impl WhenStuck {
    pub(crate) const fn encode(response: Option<Self>) -> u8 {
        match response {
            None => 0,
            Some(Self::Report) => 1,
            Some(Self::Abandon) => 2,
            Some(Self::Exit) => 3,
        }
    }

    pub(crate) const fn decode(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Report),
            2 => Some(Self::Abandon),
            3 => Some(Self::Exit),
            _ => None,
        }
    }
}

/// How a node watches over its threads; given to [`NodeBuilder::watchdog`](crate::NodeBuilder::watchdog).
///
/// Without one given, a node watches if anybody can be told: if it has a [sink](crate::NodeBuilder::on_event), or a
/// `tracing` subscriber listens when its first process starts; or if a child's spec asks for more than a word
/// ([`when_stuck`](crate::supervisor::ChildSpec::when_stuck)). It costs three plain stores a turn, and a thread that
/// wakes eight times in its limit. In a program that has no other thread that one has a price of its own: many an
/// allocator, glibc's among them, does without locks until there is a second thread. [`off`](Self::off) is none at all.
/// On a thread whose tokio clock is paused, as in tests and simulations, nothing is watched.
#[derive(Clone, Debug)]
pub struct Watchdog {
    limit: Option<Duration>,
    when_stuck: WhenStuck,
    exit_code: i32,
    abandon_at_most: usize,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self {
            limit: Some(Duration::from_secs(1)),
            when_stuck: WhenStuck::Report,
            exit_code: 70,
            abandon_at_most: 16,
        }
    }
}

impl Watchdog {
    /// The default: a turn of 1 s is reported.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// None: no thread, nothing said, no ages or busy times in [`Statistics`](crate::Statistics).
    #[must_use]
    pub fn off() -> Self {
        Self { limit: None, ..Self::default() }
    }

    /// How long a turn may last. Default 1 s, at least 8 ms, at most 1 h. It is acted upon when it has lasted between
    /// seven eighths of the limit and all of it; time in which the whole program stands still does not count.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit.clamp(Duration::from_millis(8), Duration::from_secs(3600)));
        self
    }

    /// What is done about a turn beyond it, unless the child's spec says
    /// [otherwise](crate::supervisor::ChildSpec::when_stuck). Default: it is reported.
    #[must_use]
    pub const fn when_stuck(mut self, response: WhenStuck) -> Self {
        self.when_stuck = response;
        self
    }

    /// What the program ends with by [`WhenStuck::Exit`]. Default 70, an internal error by `sysexits.h`.
    #[must_use]
    pub const fn exit_code(mut self, code: i32) -> Self {
        self.exit_code = code;
        self
    }

    /// How many abandoned threads may still be running their endless turns. Default 16; while there are as many, turns
    /// are only reported: each such thread keeps its memory, and perhaps a core.
    #[must_use]
    pub const fn abandon_at_most(mut self, threads: usize) -> Self {
        self.abandon_at_most = threads;
        self
    }
}

/// How often it looks, as a part of its limit.
const LOOKS: u32 = 8;
/// Of how many processes the busy time is kept.
const BUSY: usize = 1024;

/// In the node's [`Pulse`]: a thread was abandoned once.
const ABANDONED: u64 = 1 << 63;
/// In the node's [`Pulse`]: there is no clock but the node's own.
const SIMULATED: u64 = 1 << 62;
/// The milliseconds in it; 0 if nobody tells the time.
const TICK: u64 = SIMULATED - 1;

/// What every sender looks at, in one word: milliseconds since the watchdog began, at its last look, and what is out of
/// the ordinary. Apart from what is written often.
#[repr(align(64))]
struct Pulse(AtomicU64);

/// The watching of one node.
pub(crate) struct Watch {
    pulse: Pulse,
    number: u64,
    options: Watchdog,
    /// Whether somebody has chosen the options, or they are the default.
    asked_for: bool,
    threads: Mutex<Threads>,
    /// Processes that are in no supervisor's table: roots, and those spawned by themselves.
    unsupervised: Mutex<Roll>,
    busy: Mutex<BTreeMap<u64, Duration>>,
    /// Threads that were abandoned; gone from here when they are.
    zombies: Mutex<Vec<Weak<Beat>>>,
}

#[derive(Default)]
struct Threads {
    watched: Vec<Watched>,
    /// Dropped with the node, which ends the watchdog's thread.
    watchdog: Option<mpsc::Sender<std::convert::Infallible>>,
}

/// A thread that is watched.
#[derive(Clone)]
struct Watched {
    beat: Weak<Beat>,
    name: Arc<str>,
    worker: Option<Arc<Worker>>,
}

impl Watch {
    pub(crate) fn new(options: Option<Watchdog>) -> Self {
        /// Nodes of one program are told apart by number wherever a beat names one.
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Self {
            pulse: Pulse(AtomicU64::new(0)),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            asked_for: options.is_some(),
            options: options.unwrap_or_default(),
            threads: Mutex::default(),
            unsupervised: Mutex::default(),
            busy: Mutex::default(),
            zombies: Mutex::default(),
        }
    }

    /// The number of its node, counted from 1 in this program.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Milliseconds by the watchdog's last look; `None` if something is out of the ordinary.
    pub(crate) fn tick(&self) -> Option<u64> {
        let pulse = self.pulse.0.load(Ordering::Relaxed);
        (pulse <= TICK).then_some(pulse)
    }

    /// The same, where the node's own clock may have to be asked.
    pub(crate) fn tick_or(&self, now: impl FnOnce() -> u64) -> u64 {
        let pulse = self.pulse.0.load(Ordering::Relaxed);
        if pulse & SIMULATED == 0 { pulse & TICK } else { now() }
    }

    /// Whether anybody tells the time.
    pub(crate) fn tells_time(&self) -> bool {
        self.pulse.0.load(Ordering::Relaxed) & !ABANDONED != 0
    }

    /// Whether a thread was ever abandoned.
    pub(crate) fn has_abandoned(&self) -> bool {
        self.pulse.0.load(Ordering::Relaxed) & ABANDONED != 0
    }

    fn set_tick(&self, tick: u64) {
        let ticked = |pulse| Some(pulse & ABANDONED | tick & TICK);
        let _ = self.pulse.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, ticked);
    }

    /// A process that no supervisor's table has.
    pub(crate) fn note_unsupervised(&self, process: &Arc<dyn Object>) {
        self.unsupervised.lock().add(process);
    }

    pub(crate) fn busy(&self, pid: Pid) -> Duration {
        self.busy.lock().get(&pid.serial()).copied().unwrap_or_default()
    }

    fn add_busy(&self, turn: Turn, time: Duration) {
        let mut busy = self.busy.lock();
        *busy.entry(turn.serial()).or_default() += time;
        // Those that were seen running least often make room.
        if busy.len() > BUSY
            && let Some(&least) = busy.iter().min_by_key(|(_, time)| **time).map(|(serial, _)| serial)
        {
            busy.remove(&least);
        }
    }

    /// The first process of the node has come to this thread, which is watched from now on.
    pub(crate) fn meet(&self, node: &Node, beat: &Arc<Beat>, worker: Option<&Arc<Worker>>) {
        let Some(limit) = self.options.limit else { return };
        if !clock::is_real() {
            let _ = self.pulse.0.compare_exchange(0, SIMULATED, Ordering::Relaxed, Ordering::Relaxed);
            return;
        }
        let mut threads = self.threads.lock();
        threads.watched.retain(|it| it.beat.strong_count() > 0);
        if !threads.watched.iter().any(|it| it.beat.as_ptr() == Arc::as_ptr(beat)) {
            let name = std::thread::current().name().unwrap_or("a thread without a name").into();
            let worker = worker.cloned();
            threads.watched.push(Watched { beat: Arc::downgrade(beat), name, worker });
        }
        drop(threads);
        // Nobody to tell, and nothing to do: then a second thread would only make the allocator lock.
        if self.asked_for || node.is_heard() {
            self.begin(node, limit);
        }
    }

    /// A process comes that wants more than a word about turns that do not end.
    pub(crate) fn is_needed(&self, node: &Node) {
        if let Some(limit) = self.options.limit
            && clock::is_real()
        {
            self.begin(node, limit);
        }
    }

    fn begin(&self, node: &Node, limit: Duration) {
        let failed = {
            let mut threads = self.threads.lock();
            if threads.watchdog.is_some() {
                return;
            }
            self.set_tick(1);
            match Rounds::begin(node, limit) {
                Ok(watchdog) => {
                    threads.watchdog = Some(watchdog);
                    return;
                }
                Err(error) => error,
            }
        };
        node.report(|| Event::WatchdogFailed { error: failed.to_string().into() });
    }

    fn watched(&self) -> Vec<Watched> {
        self.threads.lock().watched.clone()
    }

    fn note_abandoned(&self) {
        self.pulse.0.fetch_or(ABANDONED, Ordering::SeqCst);
    }

    /// Abandoned threads whose turn has not ended yet.
    fn zombies(&self) -> usize {
        let mut zombies = self.zombies.lock();
        zombies.retain(|beat| beat.strong_count() > 0);
        zombies.len()
    }
}
