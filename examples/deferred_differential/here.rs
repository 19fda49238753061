//! Runs a program on our deferreds and writes down what happens.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::time::Duration;

use verse::deferred::unhandled::{Cause, Collected as Reports};
use verse::deferred::{
    AlreadyCalled, Cancelled, Collected, Deferred, DeferredList, DeferredLock, DeferredQueue,
    DeferredSemaphore, Failure, FailureGroup, FirstError, LockError, Outcome, Panicked, TestClock, TimedOut,
    coroutine, fail, gather_results, race, succeed,
};

use super::program::{Await, Body, Canceller, Op, Program, Ret, Side, Slot, Trace};

/// How many items the queue holds, and how many readers it lets wait: one, so that both bounds are met.
pub(crate) const QUEUE: (usize, usize) = (1, 1);

/// What Python passes around.
#[derive(Clone, Debug)]
enum V {
    None,
    Int(i64),
    Text(String),
}

impl V {
    fn show(&self) -> String {
        match self {
            Self::None => "None".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// An error of the program.
#[derive(Debug)]
struct E(u32);

impl std::fmt::Display for E {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "E{}", self.0)
    }
}

impl std::error::Error for E {}

/// What a panic of the program throws.
fn thrown(what: &(dyn Any + Send)) -> String {
    what.downcast_ref::<String>().cloned().unwrap_or_else(|| "something else".to_owned())
}

fn show(failure: &Failure) -> String {
    if let Some(E(number)) = failure.check() {
        format!("E{number}")
    } else if let Some(Panicked { message }) = failure.check() {
        message.clone()
    } else if failure.check::<Cancelled>().is_some() {
        "Cancelled".to_owned()
    } else if failure.check::<AlreadyCalled>().is_some() {
        "AlreadyCalled".to_owned()
    } else if let Some(TimedOut { after }) = failure.check() {
        format!("TimedOut({})", after.as_secs())
    } else if let Some(FirstError { index, failure }) = failure.check() {
        format!("First({index},{})", show(failure))
    } else if let Some(FailureGroup { failures }) = failure.check() {
        format!("Group({})", failures.iter().map(show).collect::<Vec<_>>().join(","))
    } else if failure.check::<LockError>().is_some() {
        "NotLocked".to_owned()
    } else {
        format!("{failure:?}")
    }
}

fn show_result(result: &Result<V, Failure>) -> String {
    match result {
        Ok(value) => value.show(),
        Err(failure) => format!("!{}", show(failure)),
    }
}

fn show_list(collected: Collected<V>) -> V {
    V::Text(match collected {
        Collected::First { index, value } => format!("first({index}={})", value.show()),
        Collected::All(results) => {
            let all = results.iter().map(|one| match one {
                Ok(value) => format!("T:{}", value.show()),
                Err(failure) => format!("F:{}", show(failure)),
            });
            format!("[{}]", all.collect::<Vec<_>>().join(","))
        }
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Coroutine,
    Other,
}

struct World {
    slots: RefCell<BTreeMap<Slot, (Deferred<V>, Kind)>>,
    paused: RefCell<BTreeMap<Slot, u32>>,
    trace: RefCell<Trace>,
    /// What is only told at the end of a step, in order of the text: when, inside a step, is the collector's affair.
    aside: RefCell<Trace>,
    clock: TestClock,
    lock: DeferredLock,
    semaphore: DeferredSemaphore,
    queue: DeferredQueue<V>,
}

/// The trace of a program.
pub(crate) fn run(program: &Program) -> Trace {
    let reports = Reports::begin();
    let world = Rc::new(World {
        slots: RefCell::default(),
        paused: RefCell::default(),
        trace: RefCell::default(),
        aside: RefCell::default(),
        clock: TestClock::new(),
        lock: DeferredLock::new(),
        semaphore: DeferredSemaphore::new(2).expect("two tokens"),
        queue: DeferredQueue::new(QUEUE.0, QUEUE.1),
    });
    for (number, op) in program.ops.iter().enumerate() {
        world.say(format!("- {number}"));
        world.op(op);
        world.told(&reports);
    }
    let all: Vec<Slot> = world.slots.borrow().keys().copied().collect();
    for slot in &all {
        world.say(format!("- look {slot}"));
        world.probe(*slot);
        world.told(&reports);
    }
    world.say("- end".to_owned());
    let slots = std::mem::take(&mut *world.slots.borrow_mut());
    drop(slots);
    world.told(&reports);
    world.trace.take()
}

impl World {
    fn say(&self, line: String) {
        self.trace.borrow_mut().push(line);
    }

    fn told(&self, reports: &Reports) {
        let mut lines = self.aside.take();
        lines.extend(reports.take().into_iter().map(|report| match report.cause {
            Cause::Unhandled => format!("unhandled {}", show(&report.failure)),
            Cause::Canceller => format!("canceller {}", show(&report.failure)),
        }));
        lines.sort();
        self.trace.borrow_mut().extend(lines);
    }

    fn get(&self, slot: Slot) -> Option<Deferred<V>> {
        self.slots.borrow().get(&slot).map(|(deferred, _)| deferred.clone())
    }

    fn kind(&self, slot: Slot) -> Option<Kind> {
        self.slots.borrow().get(&slot).map(|(_, kind)| *kind)
    }

    fn put(&self, slot: Slot, deferred: Deferred<V>, kind: Kind) {
        let before = self.slots.borrow_mut().insert(slot, (deferred, kind));
        drop(before);
    }

    fn members(&self, slots: &[Slot]) -> Vec<Deferred<V>> {
        slots.iter().filter_map(|slot| self.get(*slot)).collect()
    }

    /// Does something that may panic, as Python may raise.
    fn guarded(&self, act: impl FnOnce()) {
        if let Err(what) = catch_unwind(AssertUnwindSafe(act)) {
            self.say(format!("raised {}", thrown(&*what)));
        }
    }

    fn fired(&self, result: &Result<(), AlreadyCalled>) {
        if result.is_err() {
            self.say("already called".to_owned());
        }
    }

    fn op(self: &Rc<Self>, op: &Op) {
        match op {
            Op::New { slot, canceller } => self.put(*slot, self.make(*slot, *canceller), Kind::Plain),
            Op::Succeed { slot, value } => {
                self.put(*slot, succeed(V::Int(*value)).leaving(|| V::None), Kind::Plain);
            }
            Op::Fail { slot, error } => self.put(*slot, fail(E(*error)).leaving(|| V::None), Kind::Plain),
            Op::Add { slot, side, body, other } => self.add(*slot, *side, body, other.as_ref()),
            Op::List { slot, members, one_callback, one_errback, consume } => {
                let mut list = DeferredList::new(self.members(members));
                if *one_callback {
                    list = list.fire_on_one_callback();
                }
                if *one_errback {
                    list = list.fire_on_one_errback();
                }
                if *consume {
                    list = list.consume_errors();
                }
                self.put(*slot, list.watch_as(show_list).leaving(|| V::None), Kind::Other);
            }
            Op::Gather { slot, members, consume } => {
                let all = gather_results(self.members(members), *consume).map(|values| {
                    let values: Vec<_> = values.iter().map(V::show).collect();
                    V::Text(format!("gathered({})", values.join(",")))
                });
                self.put(*slot, all.leaving(|| V::None), Kind::Other);
            }
            Op::Race { slot, members } => {
                let won = race(self.members(members))
                    .map(|(index, value)| V::Text(format!("won({index}={})", value.show())));
                self.put(*slot, won.leaving(|| V::None), Kind::Other);
            }
            Op::Timeout { slot, seconds, value } => self.timeout(*slot, *seconds, *value),
            Op::Acquire { slot, lock } => {
                let had = || V::Text("lock".to_owned());
                let acquired = match lock {
                    0 => self.lock.acquire().map(move |_| had()),
                    _ => self.semaphore.acquire().map(move |_| had()),
                };
                self.put(*slot, acquired.leaving(|| V::None), Kind::Other);
            }
            Op::Run { slot, lock, body } => {
                let (world, body) = (Rc::clone(self), body.clone());
                let run = move || world.body(&body, None, Ok(V::None));
                // One that waits for it, as on the other side: what it runs may ask for its own number.
                let lock = *lock;
                let (world, ran) = (Rc::clone(self), succeed(V::None).leaving(|| V::None));
                ran.add_callback(move |_| match lock {
                    0 => world.lock.run::<V, _>(run),
                    _ => world.semaphore.run::<V, _>(run),
                });
                self.put(*slot, ran, Kind::Other);
            }
            Op::Get { slot } => match self.queue.get() {
                Ok(item) => self.put(*slot, item.leaving(|| V::None), Kind::Other),
                Err(_) => self.say("underflow".to_owned()),
            },
            Op::Coroutine { slot, awaits } => {
                let body = Rc::clone(self).awaiting(*slot, awaits.clone());
                self.put(*slot, coroutine(body).leaving(|| V::None), Kind::Coroutine);
            }
            _ => self.act(op),
        }
    }

    /// The steps that a callback may do too.
    fn act(self: &Rc<Self>, op: &Op) {
        match op {
            Op::Add { slot, side, body, other } => self.add(*slot, *side, body, other.as_ref()),
            Op::Fire { slot, value } if self.kind(*slot) == Some(Kind::Plain) => {
                if let Some(deferred) = self.get(*slot) {
                    self.fired(&deferred.callback(V::Int(*value)));
                }
            }
            Op::FireError { slot, error } if self.kind(*slot) == Some(Kind::Plain) => {
                if let Some(deferred) = self.get(*slot) {
                    self.fired(&deferred.errback(E(*error)));
                }
            }
            Op::Cancel { slot } => {
                if let Some(deferred) = self.get(*slot) {
                    self.guarded(|| deferred.cancel());
                }
            }
            Op::Pause { slot } if self.kind(*slot) != Some(Kind::Coroutine) => {
                if let Some(deferred) = self.get(*slot) {
                    *self.paused.borrow_mut().entry(*slot).or_default() += 1;
                    deferred.pause();
                }
            }
            Op::Unpause { slot } => {
                if let Some(deferred) = self.get(*slot) {
                    let mut paused = self.paused.borrow_mut();
                    let Some(count) = paused.get_mut(slot).filter(|count| **count > 0) else { return };
                    *count -= 1;
                    drop(paused);
                    deferred.unpause();
                }
            }
            Op::Chain { slot, to } if slot < to && self.kind(*to) == Some(Kind::Plain) => {
                if let (Some(from), Some(to)) = (self.get(*slot), self.get(*to)) {
                    from.chain_deferred(&to);
                }
            }
            Op::Advance { seconds } => {
                let clock = self.clock.clone();
                self.guarded(|| clock.advance(Duration::from_secs(u64::from(*seconds))));
            }
            Op::Drop { slot } => {
                let gone = self.slots.borrow_mut().remove(slot);
                drop(gone);
            }
            Op::Release { lock } => {
                let released = if *lock == 0 { self.lock.release() } else { self.semaphore.release() };
                if released.is_err() {
                    self.say("not locked".to_owned());
                }
            }
            Op::Put { value } if self.queue.put(V::Int(*value)).is_err() => self.say("overflow".to_owned()),
            _ => {}
        }
    }

    fn make(self: &Rc<Self>, slot: Slot, canceller: Canceller) -> Deferred<V> {
        let world = Rc::clone(self);
        let deferred = match canceller {
            Canceller::None => Deferred::new(),
            canceller => Deferred::with_canceller(move |deferred: &Deferred<V>| {
                world.say(format!("canceller {slot}"));
                match canceller {
                    Canceller::None | Canceller::Quiet => {}
                    Canceller::Value(value) => world.fired(&deferred.callback(V::Int(value))),
                    Canceller::Error(error) => world.fired(&deferred.errback(E(error))),
                    Canceller::Raise(error) => panic_any(format!("E{error}")),
                }
            }),
        };
        deferred.leaving(|| V::None)
    }

    fn add(self: &Rc<Self>, slot: Slot, side: Side, body: &Body, other: Option<&Body>) {
        let Some(deferred) = self.get(slot) else { return };
        let run = |body: &Body| {
            let (world, body) = (Rc::clone(self), body.clone());
            move |given| world.body(&body, Some(slot), given)
        };
        let first = run(body);
        match (side, other) {
            (Side::Callback, _) => deferred.add_callback(move |value| first(Ok(value))),
            (Side::Errback, _) => deferred.add_errback(move |failure| first(Err(failure))),
            (Side::Both, _) | (Side::Pair, None) => deferred.add_both(first),
            (Side::Pair, Some(other)) => {
                let second = run(other);
                deferred.add_callbacks(move |value| first(Ok(value)), move |failure| second(Err(failure)))
            }
        };
    }

    fn timeout(self: &Rc<Self>, slot: Slot, seconds: u32, value: Option<i64>) {
        let Some(deferred) = self.get(slot) else { return };
        let after = Duration::from_secs(u64::from(seconds));
        match value {
            None => deferred.add_timeout(after, &self.clock),
            Some(value) => {
                let world = Rc::clone(self);
                deferred.add_timeout_with(after, &self.clock, move |result, after| {
                    world.say(format!(
                        "timed out {slot} after {} with {}",
                        after.as_secs(),
                        show_result(&result)
                    ));
                    V::Int(value)
                })
            }
        };
    }

    /// What a callback does, and returns.
    fn body(self: &Rc<Self>, body: &Body, owner: Option<Slot>, given: Result<V, Failure>) -> Outcome<V> {
        self.say(format!("call {} {}", body.id, show_result(&given)));
        for action in &body.actions {
            self.act(action);
        }
        match body.ret {
            Ret::Pass => given.map_or_else(Outcome::Failed, Outcome::Value),
            Ret::Nothing => Outcome::Value(V::None),
            Ret::Value(value) => Outcome::Value(V::Int(value)),
            Ret::Raise(error) | Ret::Failure(error) => Outcome::Failed(Failure::new(E(error))),
            Ret::Panic(error) => panic_any(format!("E{error}")),
            Ret::Wait(slot) => match self.get(slot) {
                None => Outcome::Value(V::Text("gone".to_owned())),
                // Its result is with one of its callbacks just now: Rust has moved it, Python has not.
                Some(deferred) if deferred.is_running() && owner != Some(slot) => {
                    Outcome::Value(V::Text("busy".to_owned()))
                }
                Some(deferred) => Outcome::Wait(deferred),
            },
        }
    }

    async fn awaiting(self: Rc<Self>, own: Slot, awaits: Vec<Await>) -> Result<V, Failure> {
        let closing = Closing { world: Rc::clone(&self), slot: own, done: Cell::new(false) };
        for Await { slot, catch } in awaits {
            let Some(deferred) = self.get(slot) else { continue };
            match deferred.await {
                Ok(value) => self.say(format!("coroutine {own} got {}", value.show())),
                Err(failure) => {
                    self.say(format!("coroutine {own} caught {}", show(&failure)));
                    if !catch {
                        closing.done.set(true);
                        return Err(failure);
                    }
                }
            }
        }
        closing.done.set(true);
        Ok(V::Text(format!("coroutine {own}")))
    }

    fn probe(self: &Rc<Self>, slot: Slot) {
        let Some(deferred) = self.get(slot) else { return };
        let world = Rc::clone(self);
        deferred.add_both(move |result| {
            world.say(format!("has {}", show_result(&result)));
            result
        });
    }
}

/// Notes that a coroutine was given up.
struct Closing {
    world: Rc<World>,
    slot: Slot,
    done: Cell<bool>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        if !self.done.get() {
            self.world.aside.borrow_mut().push(format!("coroutine {} closed", self.slot));
        }
    }
}
