//! Deferreds that wait for one another: how a result moves from one to the next, and when all of them are out of reach.
//!
//! Who waits and who is waited for hold each other: the inner one must reach the outer one to deliver, the outer one the
//! inner one to cancel. With reference counts alone such a pair would live for ever, and the failures in it would never be
//! reported. So handles are counted apart from references, and when a node loses its last handle, everything that could
//! still reach it is looked at: if none of that has a handle either, all of it lets go.

use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::panic::Location;
use std::rc::Rc;

/// How far a node got.
pub(super) enum Progress {
    /// It is paused: nothing more happens in this run, also not below it.
    Blocked,
    /// It gave its result away; the receiver is next, then it again.
    Handed(Rc<dyn Node>),
    /// As a callback of it, another node runs; then it goes on, whatever became of that one.
    Called(Rc<dyn Node>),
    /// Nothing more to do.
    Finished,
}

/// A deferred or a coroutine, its type left aside.
pub(super) trait Node {
    /// Runs callbacks until there are none, or one must wait, or the result goes to another node.
    fn advance(self: Rc<Self>) -> Progress;
    /// What it waited for has arrived.
    fn resume(&self);
    /// Its callbacks wait, as if one of them were running, until this is taken back.
    fn hold_back(&self, on: bool);
    /// Cancels this node, or names the one that is to be cancelled in its place.
    fn cancel(self: Rc<Self>, place: &'static Location<'static>) -> Option<Rc<dyn Node>>;
    /// How many handles there are, and places on the stack of a run.
    fn handles(&self) -> &Cell<usize>;
    /// The nodes that hold this one.
    fn holders(&self, into: &mut Vec<Rc<dyn Node>>);
    /// Whether it holds the node at this address, other than by waiting for it or being waited for.
    fn holds(&self, node: usize) -> bool;
    /// Gives up all it holds, for the caller to drop.
    fn sever(&self) -> Box<dyn std::any::Any>;
}

/// The address of a node, to tell nodes apart.
fn address(node: &Rc<dyn Node>) -> usize {
    Rc::as_ptr(node).cast::<()>() as usize
}

/// Whether both are one node.
pub(super) fn same(one: &Rc<dyn Node>, other: &Rc<dyn Node>) -> bool {
    address(one) == address(other)
}

/// A node on the stack of a run: as good as a handle, so that it is not given up in mid run.
pub(super) struct Busy(Rc<dyn Node>);

impl Busy {
    pub(super) fn new(node: Rc<dyn Node>) -> Self {
        node.handles().set(node.handles().get() + 1);
        Self(node)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        release(&self.0);
    }
}

/// Holds a node that does not hold back; whoever lets it go looks whether that was the last that held it.
pub(super) struct Held(Rc<dyn Node>);

impl Held {
    pub(super) fn new(node: Rc<dyn Node>) -> Self {
        Self(node)
    }

    pub(super) fn node(&self) -> &Rc<dyn Node> {
        &self.0
    }

    /// Whether it is the node at this address.
    pub(super) fn is_at(&self, node: usize) -> bool {
        address(&self.0) == node
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        look_at(&self.0);
    }
}

/// One handle fewer; the last one gone, looks whether anybody can still reach the node.
pub(super) fn release(node: &Rc<dyn Node>) {
    let left = node.handles().get() - 1;
    node.handles().set(left);
    look_at(node);
}

/// Looks at a node that lost something that held it.
pub(super) fn look_at(node: &Rc<dyn Node>) {
    if node.handles().get() == 0 {
        collect(node);
    }
}

/// Runs a node, then those that wait for it, and so on: a loop with a stack of its own, so that the depth of the chain costs
/// heap and not stack (TW-014).
pub(super) fn run(first: Rc<dyn Node>) {
    // With each node, whether it began a run of its own: then it being held up holds up nothing below it.
    let mut stack = vec![(Busy::new(first), true)];
    while let Some((current, _)) = stack.last() {
        match Rc::clone(&current.0).advance() {
            // The nodes below, to where this run began, keep the callbacks they have left until something starts them
            // again: so does Twisted.
            Progress::Blocked => while let Some((_, false)) = stack.pop() {},
            Progress::Handed(next) => stack.push((Busy::new(next), false)),
            Progress::Called(next) => stack.push((Busy::new(next), true)),
            Progress::Finished => drop(stack.pop()),
        }
    }
}

/// Cancels a node: the innermost one that it waits for (TW-023). Deferreds that wait for each other in a circle can not be
/// cancelled: the circle is noticed and left alone.
pub(super) fn cancel(first: Rc<dyn Node>, place: &'static Location<'static>) {
    let mut mark = address(&first);
    let (mut steps, mut limit) = (0_u64, 1_u64);
    let mut at = first;
    while let Some(next) = Rc::clone(&at).cancel(place) {
        if address(&next) == mark {
            return;
        }
        steps += 1;
        if steps == limit {
            // Brent: move the mark forward, twice as far each time, so that any circle meets it.
            mark = address(&next);
            (steps, limit) = (0, limit * 2);
        }
        at = next;
    }
}

/// Lets go of everything that only this node and those that hold it could reach, if none of them has a handle.
fn collect(start: &Rc<dyn Node>) {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([address(start)]);
    let mut queue = VecDeque::from([Rc::clone(start)]);
    let mut holders = Vec::new();
    while let Some(node) = queue.pop_front() {
        if node.handles().get() > 0 {
            return;
        }
        node.holders(&mut holders);
        for holder in holders.drain(..) {
            if seen.insert(address(&holder)) {
                queue.push_back(holder);
            }
        }
        found.push(node);
    }
    // Sever all before dropping any: what is dropped may belong to callers, whose destructors may come back here.
    let rubble: Vec<_> = found.iter().map(|node| node.sever()).collect();
    drop(rubble);
    drop(found);
}
