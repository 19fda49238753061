//! Fault points: what befalls a process of a node at a message, at a named point of its code, or at its start.
//!
//! Armed from code ([`Node::arm`]), for one node and for those of its children whose path fits a pattern; lifted when
//! the guard is dropped. As long as nothing is armed on a node, a fault point costs one relaxed load, and nothing at all
//! without the feature `lab`.

mod gate;
mod lift;
mod pattern;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

pub(crate) use gate::Gate;
pub(crate) use lift::Lift;
use pattern::Pattern;

use crate::process::{Control, Signal};
use crate::{Event, ExitReason, Node, Path, Pid, this_process};

/// What a panic of ours says.
const MESSAGE: &str = "a fault, as planned";

/// What befalls a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It panics in its own turn; a start fails as one whose start function panics.
    Panic,
    /// It is killed (OTP-149), at the latest when its turn ends; a start fails with reason `killed`.
    Kill,
    /// It ends with this reason as by an exit signal that it does not trap: nothing of the actor runs but its
    /// destructors. At the latest when its turn ends; a start fails with this reason.
    Exit(ExitReason),
    /// It goes on only after this time, by tokio's clock. Its timers and futures go on, and so does everybody else on its
    /// thread. Not felt at a point where the code cannot wait ([`Node::fault_point`]).
    Slow(Duration),
    /// It blocks its thread, and all who live on it, for this time by the real clock, also where tokio's stands still.
    Block(Duration),
}

/// When it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When a process at the target is about to handle a message: the n-th since the fault was armed, or has struck last,
    /// from 1; counted over all lives and all processes that fit. Mail through a raw `Addr` is not counted, nor is what
    /// a process still handles in the very turn in which it arms a fault on itself.
    Message(u64),
    /// When a process at the target passes the [point](Node::fault_point) of this name.
    Point(&'static str),
    /// When a child at the target is started, before its actor is made.
    Start,
}

/// A fault to be armed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    target: Pattern,
    when: When,
    effect: Effect,
    times: u32,
}

impl Fault {
    /// `effect` for the children at `target`, once.
    ///
    /// `target` is a path of ids from the root's children on, as in [`Path`], with `/` between them; `*` stands for
    /// any one id, `**` for any number of them, also none. A process that is nobody's child fits `**` alone.
    #[must_use]
    pub fn new(target: &str, when: When, effect: Effect) -> Self {
        Self { target: Pattern::new(target), when, effect, times: 1 }
    }

    /// So many times. Default 1; a start that fails `k` times is `When::Start` with `times(k)`.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.effect {
            Effect::Panic => f.write_str("panic")?,
            Effect::Kill => f.write_str("kill")?,
            Effect::Exit(reason) => write!(f, "exit with {reason}")?,
            Effect::Slow(time) => write!(f, "slow by {time:?}")?,
            Effect::Block(time) => write!(f, "thread blocked for {time:?}")?,
        }
        match self.when {
            When::Message(number) => write!(f, " at message {number}"),
            When::Point(name) => write!(f, " at {name}"),
            When::Start => f.write_str(" at the start"),
        }
    }
}

/// A fault that is armed. Dropped, it is lifted: it strikes no more, and whoever it slows or blocks goes on.
#[must_use = "dropped, it lifts the fault"]
pub struct FaultGuard {
    node: Node,
    armed: Arc<Armed>,
}

impl FaultGuard {
    /// How often it has struck: a test in which it never did proves nothing.
    #[must_use]
    pub fn struck(&self) -> u32 {
        self.armed.state.lock().struck
    }
}

impl Drop for FaultGuard {
    fn drop(&mut self) {
        let points = self.node.points();
        let mut table = points.table.lock();
        table.retain(|armed| !Arc::ptr_eq(armed, &self.armed));
        points.recount(&table);
        drop(table);
        self.armed.lift.lift();
    }
}

impl fmt::Debug for FaultGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultGuard({}, struck {} times)", self.armed.fault, self.struck())
    }
}

struct Armed {
    fault: Fault,
    state: Mutex<Count>,
    lift: Arc<Lift>,
}

#[derive(Default)]
struct Count {
    /// Messages since it was armed or struck.
    seen: u64,
    struck: u32,
}

/// What happens to a process that may meet a fault.
#[derive(Clone, Copy)]
pub(crate) enum Moment<'a> {
    /// It is about to handle a message.
    Message,
    /// It passes a point; whether it can wait there.
    Point(&'a str, bool),
    /// It is to be started.
    Start,
}

/// A fault that strikes now.
pub(crate) struct Strike {
    pub(crate) effect: Effect,
    pub(crate) lift: Arc<Lift>,
}

/// The fault points of one node.
#[derive(Default)]
pub(crate) struct Points {
    /// How many of the table may still strike: what is looked at where nothing is armed.
    live: AtomicUsize,
    /// In the order they were armed. Bounded by the guards that are held.
    table: Mutex<Vec<Arc<Armed>>>,
    /// The node's program is gone, as by a SIGKILL: see [`Node::mark_killed`].
    killed: AtomicBool,
}

impl Points {
    pub(crate) fn is_armed(&self) -> bool {
        self.live.load(Ordering::Relaxed) > 0
    }

    fn recount(&self, table: &[Arc<Armed>]) {
        let live = table.iter().filter(|armed| armed.state.lock().struck < armed.fault.times).count();
        self.live.store(live, Ordering::Relaxed);
    }

    /// The fault that strikes whoever is at `path`, if one does: the first that was armed.
    fn meet(&self, moment: Moment<'_>, path: Option<&Path>) -> Option<(String, Strike)> {
        let table = self.table.lock();
        let mut strike = None;
        for armed in table.iter().filter(|armed| armed.fault.target.fits(path)) {
            let mut count = armed.state.lock();
            if count.struck < armed.fault.times && armed.is_due(moment, &mut count) && strike.is_none() {
                count.struck += 1;
                count.seen = 0;
                let found = Strike { effect: armed.fault.effect.clone(), lift: Arc::clone(&armed.lift) };
                strike = Some((armed.fault.to_string(), found));
            }
        }
        self.recount(&table);
        strike
    }
}

impl Armed {
    fn is_due(&self, moment: Moment<'_>, count: &mut Count) -> bool {
        match (self.fault.when, moment) {
            (When::Message(number), Moment::Message) => {
                count.seen += 1;
                count.seen >= number
            }
            (When::Point(name), Moment::Point(passed, waits)) => {
                name == passed && (waits || !matches!(self.fault.effect, Effect::Slow(_)))
            }
            (When::Start, Moment::Start) => true,
            _ => false,
        }
    }
}

/// With the feature `lab`: faults on this node.
impl Node {
    /// Arms a fault on this node. Of several that are due at once the one that was armed first strikes.
    pub fn arm(&self, fault: Fault) -> FaultGuard {
        let armed = Armed { fault, state: Mutex::default(), lift: Arc::default() };
        let armed = Arc::new(armed);
        let points = self.points();
        let mut table = points.table.lock();
        table.push(Arc::clone(&armed));
        points.recount(&table);
        drop(table);
        FaultGuard { node: self.clone(), armed }
    }

    /// The host of this node has crashed, as by a SIGKILL of its program: destructors that run from here on, because the
    /// simulation has to free what was there, report nothing and must have no effect outside
    /// ([`is_killed`](Node::is_killed)).
    pub fn mark_killed(&self) {
        self.points().killed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn was_killed(&self) -> bool {
        self.points().killed.load(Ordering::Relaxed)
    }

    /// The fault that strikes whoever is at `path` now. Reported.
    pub(crate) fn strikes(
        &self,
        moment: Moment<'_>,
        path: Option<&Path>,
        pid: Option<Pid>,
    ) -> Option<Strike> {
        let (fault, strike) = self.points().meet(moment, path)?;
        self.report(|| Event::Struck { path: path.cloned(), pid, fault: fault.into() });
        Some(strike)
    }

    /// What [`Node::fault_point`] does when something is armed; gives what there is to wait for.
    pub(crate) fn meet_point(&self, name: &str, waits: bool) -> Option<(Arc<Lift>, Duration)> {
        let process = this_process()?;
        let control = process.0.control();
        let Strike { effect, lift } =
            self.strikes(Moment::Point(name, waits), control.path().as_ref(), Some(control.pid))?;
        match effect {
            Effect::Slow(time) => Some((lift, time)),
            Effect::Block(time) => {
                lift.block(time);
                None
            }
            effect => {
                end(control, effect);
                // One that can wait does not go on: it is ended as soon as its turn is over.
                waits.then_some((lift, Duration::MAX))
            }
        }
    }
}

/// What ends a process, done to it in its own turn.
fn end(control: &Control, effect: Effect) {
    match effect {
        Effect::Panic => panic!("{MESSAGE}"),
        Effect::Kill => control.signal(Signal::Exit(ExitReason::Killed)),
        Effect::Exit(reason) => control.signal(Signal::Exit(reason)),
        Effect::Slow(_) | Effect::Block(_) => {}
    }
}

/// The reason of a start that a fault makes fail, and what else it does to it.
pub(crate) fn failed_start(effect: Effect) -> Result<Effect, ExitReason> {
    match effect {
        Effect::Panic => match crate::process::catch(|| panic!("{MESSAGE}")) {
            Ok(()) => Err(ExitReason::Killed),
            Err(panicked) => Err(panicked),
        },
        Effect::Kill => Err(ExitReason::Killed),
        Effect::Exit(reason) => Err(reason),
        slowed => Ok(slowed),
    }
}

#[cfg(test)]
mod tests;
