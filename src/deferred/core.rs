//! What a handle points to: the chain of callbacks, the result so far, and the loop over both.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::{Rc, Weak};

use super::canceller::Canceller;
use super::error::{AlreadyCalled, Spent};
use super::graph::{self, Busy, Held, Node, Progress};
use super::unhandled::{self, Cause, Report};
use super::{Deferred, Failure, Outcome};

/// Puts a result where somebody else will look for it.
pub(super) type Put<T> = Box<dyn FnOnce(Result<T, Failure>)>;

/// A link of the chain.
pub(super) enum Link<T: 'static> {
    /// A callback and errback in one.
    Call {
        run: Box<dyn FnOnce(Result<T, Failure>) -> Outcome<T>>,
        /// Where it was added: the place of its panic.
        place: &'static Location<'static>,
        /// What the callback tells, if that is a node: a list, a race, the target of a chain.
        node: Option<Held>,
    },
    /// Another node waits here for the result.
    Hand { put: Put<T>, to: Rc<dyn Node> },
    /// A task waits here for the result; if it is a coroutine of ours, it runs as a callback of this one would.
    Await { put: Put<T>, coroutine: Option<Rc<dyn Node>> },
    /// The result of what was waited for comes in here; only ever the first of a chain.
    Pull { pull: Box<dyn FnOnce() -> Outcome<T>>, place: &'static Location<'static> },
}

/// The result so far.
pub(super) enum Value<T: 'static> {
    /// None yet, or it is with a callback just now.
    Absent,
    Ready(Result<T, Failure>),
    /// Passed on to somebody else.
    Spent,
    /// Waits for another node: `State::source`, or, if there is none, for itself.
    Waiting,
}

/// A member of a list or a race, and whether its result has yet to come.
pub(super) struct Member {
    pub(super) held: Held,
    pub(super) pending: bool,
}

pub(super) struct State<T: 'static> {
    pub(super) links: VecDeque<Link<T>>,
    pub(super) value: Value<T>,
    pub(super) called: bool,
    paused: usize,
    running: bool,
    /// It is running because a coroutine is, as its callback.
    in_coroutine: bool,
    /// One late result is to be swallowed (TW-019).
    pub(super) swallow: bool,
    /// It came to rest with a failure.
    unhandled: bool,
    pub(super) source: Option<Rc<dyn Node>>,
    /// A list: once fired, a cancel changes nothing, not even what its chain waits for (TW-041).
    pub(super) list: bool,
    pub(super) members: Vec<Member>,
    held_by: Vec<Weak<dyn Node>>,
    pub(super) canceller: Canceller<T>,
    pub(super) blank: Option<fn() -> T>,
    created: Option<&'static Location<'static>>,
    fired: Option<&'static Location<'static>>,
}

pub(super) struct Core<T: 'static> {
    pub(super) state: RefCell<State<T>>,
    pub(super) handles: Cell<usize>,
}

impl<T: 'static> Core<T> {
    pub(super) fn new(canceller: Canceller<T>, place: &'static Location<'static>) -> Rc<Self> {
        Rc::new(Self {
            handles: Cell::new(0),
            state: RefCell::new(State {
                links: VecDeque::new(),
                value: Value::Absent,
                called: false,
                paused: 0,
                running: false,
                in_coroutine: false,
                swallow: false,
                unhandled: false,
                source: None,
                list: matches!(canceller, Canceller::Members),
                members: Vec::new(),
                held_by: Vec::new(),
                canceller,
                blank: None,
                created: unhandled::debugging().then_some(place),
                fired: None,
            }),
        })
    }

    /// A core that waits from the start: for a node, whose result the first link pulls in.
    pub(super) fn waiting(
        source: Option<Rc<dyn Node>>,
        pull: Box<dyn FnOnce() -> Outcome<T>>,
        place: &'static Location<'static>,
    ) -> Rc<Self> {
        let core = Self::new(Canceller::None, place);
        let mut state = core.state.borrow_mut();
        state.called = true;
        if source.is_some() {
            state.value = Value::Waiting;
        }
        state.source = source;
        state.links.push_back(Link::Pull { pull, place });
        drop(state);
        core
    }

    pub(super) fn fire(
        self: &Rc<Self>,
        result: Result<T, Failure>,
        place: &'static Location<'static>,
    ) -> Result<(), AlreadyCalled> {
        let mut state = self.state.borrow_mut();
        if state.called {
            if std::mem::take(&mut state.swallow) {
                return Ok(()); // `result` is dropped after `state`: parameters live longer than locals
            }
            return Err(AlreadyCalled { created: state.created, fired: state.fired });
        }
        state.called = true;
        state.fired = unhandled::debugging().then_some(place);
        let canceller = std::mem::replace(&mut state.canceller, Canceller::None);
        state.value = Value::Ready(result);
        drop(state);
        drop(canceller);
        self.go();
        Ok(())
    }

    /// Adds a link and, if there is a result already, runs it now (TW-001).
    pub(super) fn push(self: &Rc<Self>, link: Link<T>) {
        let mut state = self.state.borrow_mut();
        state.links.push_back(link);
        let called = state.called;
        drop(state);
        if called {
            self.go();
        }
    }

    /// Runs the chain, unless it is running further up the stack (TW-008) or waits.
    pub(super) fn go(self: &Rc<Self>) {
        let state = self.state.borrow();
        let held_up = state.running || matches!(state.value, Value::Waiting);
        drop(state);
        if !held_up {
            graph::run(Rc::clone(self) as Rc<dyn Node>);
        }
    }

    /// Runs what a paused outer deferred has held up here, if anything (TW-018).
    pub(super) fn finish(self: &Rc<Self>) {
        let state = self.state.borrow();
        let left = state.called && !state.links.is_empty();
        drop(state);
        if left {
            self.go();
        }
    }

    pub(super) fn pause(&self) {
        self.state.borrow_mut().paused += 1;
    }

    pub(super) fn unpause(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        let was = state.paused;
        state.paused = was.saturating_sub(1);
        let go = was == 1 && state.called;
        drop(state);
        if go {
            self.go();
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.state.borrow().running
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state.borrow().value, Value::Waiting)
    }

    /// Takes the result if there is one to take: fired, at rest, not paused, not waiting.
    pub(super) fn steal(&self) -> Option<Result<T, Failure>> {
        let mut state = self.state.borrow_mut();
        let at_rest = state.called && state.paused == 0 && !state.running;
        if !at_rest || matches!(state.value, Value::Waiting | Value::Absent) {
            return None;
        }
        state.unhandled = false;
        Some(state.take())
    }

    /// The result of a member is in; the list no longer waits for it.
    pub(super) fn settled(&self, index: usize) {
        self.state.borrow_mut().members[index].pending = false;
    }

    /// Takes up members: they are held from now on, and know it.
    pub(super) fn keep<M: 'static>(self: &Rc<Self>, members: &[Deferred<M>]) {
        for member in members {
            let node = member.core_rc();
            node.held_by(&(Rc::clone(self) as Rc<dyn Node>));
            self.state.borrow_mut().members.push(Member { held: Held::new(node), pending: true });
        }
    }

    /// Notes that `holder` holds this one, for as long as it does.
    pub(super) fn held_by(&self, holder: &Rc<dyn Node>) {
        let mut state = self.state.borrow_mut();
        state.held_by.retain(|one| one.strong_count() > 0);
        state.held_by.push(Rc::downgrade(holder));
    }

    /// Runs one callback; what it panics with is a failure (TW-005).
    fn call(&self, run: impl FnOnce() -> Outcome<T>, place: &'static Location<'static>) -> Outcome<T> {
        self.state.borrow_mut().running = true;
        let outcome = catch_unwind(AssertUnwindSafe(run));
        self.state.borrow_mut().running = false;
        outcome.unwrap_or_else(|thrown| Outcome::Failed(Failure::of_panic(&*thrown, place)))
    }

    /// Takes over what a callback returned; true if the chain has to wait for it.
    fn settle(self: &Rc<Self>, outcome: Outcome<T>, place: &'static Location<'static>) -> bool {
        let value = match outcome {
            Outcome::Value(value) => Value::Ready(Ok(value)),
            Outcome::Failed(failure) => Value::Ready(Err(failure)),
            Outcome::Nothing => Value::Spent,
            Outcome::Wait(inner) => {
                let from = inner.core_rc();
                if let Some(result) = from.steal() {
                    Value::Ready(result)
                } else {
                    self.wait_for(&from, place);
                    Value::Waiting
                }
            }
        };
        let waits = matches!(value, Value::Waiting);
        let before = std::mem::replace(&mut self.state.borrow_mut().value, value);
        drop(before);
        waits
    }

    fn wait_for(self: &Rc<Self>, inner: &Rc<Self>, place: &'static Location<'static>) {
        if Rc::ptr_eq(self, inner) {
            return; // waits for itself: stalls for good (TW-009)
        }
        let slot = Rc::new(Cell::new(None));
        let put = Rc::clone(&slot);
        let mut state = self.state.borrow_mut();
        state.source = Some(Rc::clone(inner) as Rc<dyn Node>);
        state.links.push_front(Link::Pull { pull: Box::new(move || Outcome::from_slot(&slot)), place });
        drop(state);
        let to = Rc::clone(self) as Rc<dyn Node>;
        inner
            .state
            .borrow_mut()
            .links
            .push_back(Link::Hand { put: Box::new(move |result| put.set(Some(result))), to });
    }
}

impl<T: 'static> Outcome<T> {
    /// What somebody else has put into the slot.
    pub(super) fn from_slot(slot: &Cell<Option<Result<T, Failure>>>) -> Self {
        match slot.take() {
            Some(Ok(value)) => Self::Value(value),
            Some(Err(failure)) => Self::Failed(failure),
            None => Self::Nothing,
        }
    }
}

impl<T: 'static> State<T> {
    /// Takes the result out; where it was passed on before, what is left in its place (TW-012, TW-016).
    fn take(&mut self) -> Result<T, Failure> {
        match std::mem::replace(&mut self.value, Value::Spent) {
            Value::Ready(result) => result,
            Value::Spent | Value::Absent | Value::Waiting => match self.blank {
                Some(blank) => Ok(blank()),
                None => Err(Failure::from(Spent)),
            },
        }
    }
}

impl<T: 'static> Node for Core<T> {
    fn advance(self: Rc<Self>) -> Progress {
        let mut state = self.state.borrow_mut();
        if std::mem::take(&mut state.in_coroutine) {
            // Back from it, in the same run: a pause since then does not count yet (TW-017).
            state.running = false;
            state.value = Value::Spent;
        } else if state.paused > 0 || matches!(state.value, Value::Waiting) {
            return Progress::Blocked;
        }
        while let Some(link) = state.links.pop_front() {
            let waits = match link {
                Link::Hand { put, to } => {
                    let result = state.take();
                    state.unhandled = false;
                    drop(state);
                    put(result);
                    to.resume();
                    return Progress::Handed(to);
                }
                Link::Await { put, coroutine } => {
                    let result = state.take();
                    if coroutine.is_some() {
                        (state.running, state.in_coroutine) = (true, true);
                        state.value = Value::Absent;
                    }
                    drop(state);
                    put(result);
                    if let Some(coroutine) = coroutine {
                        return Progress::Called(coroutine);
                    }
                    false
                }
                Link::Call { run, place, node } => {
                    let argument = state.take();
                    state.value = Value::Absent;
                    drop(state);
                    // A list must outlive the news from its member, and be looked at again when it lost that holder.
                    let told = node.as_ref().map(|held| Busy::new(Rc::clone(held.node())));
                    let outcome = self.call(move || run(argument), place);
                    let waits = self.settle(outcome, place);
                    drop((told, node));
                    waits
                }
                Link::Pull { pull, place } => {
                    drop(state);
                    let outcome = self.call(pull, place);
                    self.settle(outcome, place)
                }
            };
            state = self.state.borrow_mut();
            if waits {
                break;
            }
        }
        state.unhandled = matches!(state.value, Value::Ready(Err(_)));
        Progress::Finished
    }

    fn resume(&self) {
        let mut state = self.state.borrow_mut();
        state.value = Value::Absent;
        let source = state.source.take();
        drop(state);
        if let Some(source) = source {
            graph::look_at(&source);
        }
    }

    fn hold_back(&self, on: bool) {
        self.state.borrow_mut().running = on;
    }

    fn cancel(self: Rc<Self>, place: &'static Location<'static>) -> Option<Rc<dyn Node>> {
        self.stop(place)
    }

    fn handles(&self) -> &Cell<usize> {
        &self.handles
    }

    fn holders(&self, into: &mut Vec<Rc<dyn Node>>) {
        let state = self.state.borrow();
        into.extend(state.source.iter().cloned());
        into.extend(state.links.iter().filter_map(|link| match link {
            Link::Hand { to, .. } => Some(Rc::clone(to)),
            Link::Await { coroutine, .. } => coroutine.clone(),
            Link::Call { .. } | Link::Pull { .. } => None,
        }));
        into.extend(
            state.members.iter().filter(|member| member.pending).map(|member| Rc::clone(member.held.node())),
        );
        let me = std::ptr::from_ref(self).cast::<()>() as usize;
        into.extend(state.held_by.iter().filter_map(Weak::upgrade).filter(|holder| holder.holds(me)));
    }

    fn holds(&self, node: usize) -> bool {
        // Borrowed: it is at work, and a run counts as a handle anyway.
        let Ok(state) = self.state.try_borrow() else { return true };
        state.members.iter().any(|member| member.held.is_at(node))
            || state.links.iter().any(|link| match link {
                Link::Call { node: Some(told), .. } => told.is_at(node),
                _ => false,
            })
    }

    fn sever(&self) -> Box<dyn Any> {
        let mut state = self.state.borrow_mut();
        // A coroutine that is dropped with it would cancel it, and what is out of reach must not come to life again (TW-055).
        state.called = true;
        if matches!(state.value, Value::Waiting) {
            state.value = Value::Spent;
        }
        let links = std::mem::take(&mut state.links);
        let members = std::mem::take(&mut state.members);
        let canceller = std::mem::replace(&mut state.canceller, Canceller::None);
        Box::new((links, members, canceller, state.source.take()))
    }
}

impl<T: 'static> Core<T> {
    /// Whether other nodes are involved, so that losing the last handle may leave something to let go.
    pub(super) fn entangled(&self) -> bool {
        let state = self.state.borrow();
        state.source.is_some()
            || !state.members.is_empty()
            || !state.held_by.is_empty()
            || state
                .links
                .iter()
                .any(|link| !matches!(link, Link::Call { node: None, .. } | Link::Pull { .. }))
    }
}

impl<T: 'static> Drop for Core<T> {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if state.unhandled
            && let Value::Ready(Err(failure)) = &state.value
        {
            unhandled::tell(&Report {
                cause: Cause::Unhandled,
                failure: failure.clone(),
                created: state.created,
                fired: state.fired,
            });
        }
    }
}
