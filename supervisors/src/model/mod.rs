//! What threads may do to a process at once, in many orders (`cargo test -p supervisors --features shuttle --lib model`):
//! the shipped types on [`crate::sync`].
//!
//! Each test is run in [`ORDERS`] orders drawn at random, of few preemptions each, in which most such faults show; one
//! that fails prints the order, to be done again. A thread that is never woken is a deadlock, which is told, too.

mod deaths;
mod links;
mod mail;
mod names;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};

use crate::process::{Cell, Envelope, ExitListener, Tell};
use crate::sync::Mutex;
use crate::{ExitReason, Node, Pid};

/// In how many orders each is run.
const ORDERS: usize = 2000;
/// How often, at most, a thread is stopped in the middle.
const PREEMPTIONS: usize = 3;

fn in_many_orders(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_pct(test, ORDERS, PREEMPTIONS);
}

/// One actor; what it handles is counted.
struct Peer {
    handled: Arc<Mutex<Vec<u32>>>,
}

impl Actor for Peer {
    type Context = Context<Self>;
}

/// A letter that knows whether it is still somewhere.
struct Letter {
    number: u32,
    somewhere: Arc<Mutex<Vec<u32>>>,
}

impl Message for Letter {
    type Result = ();
}

impl Letter {
    fn sealed(number: u32, somewhere: &Arc<Mutex<Vec<u32>>>) -> Box<dyn Envelope<Peer>> {
        somewhere.lock().push(number);
        Box::new(Tell(Self { number, somewhere: Arc::clone(somewhere) }))
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        self.somewhere.lock().retain(|number| *number != self.number);
    }
}

impl Handler<Letter> for Peer {
    type Result = ();

    fn handle(&mut self, letter: Letter, _: &mut Self::Context) {
        self.handled.lock().push(letter.number);
    }
}

/// Writes down the deaths it hears of.
#[derive(Default)]
struct Told(Mutex<Vec<(Pid, ExitReason)>>);

impl ExitListener for Told {
    fn exited(&self, pid: Pid, reason: &ExitReason) {
        self.0.lock().push((pid, reason.clone()));
    }
}

/// A node that asks no clock.
fn node() -> Node {
    Node::builder().seed(1).clock(|| Duration::ZERO).build()
}

fn cell(node: &Node) -> Arc<Cell<Peer>> {
    Cell::new(node.clone(), 8)
}

fn boom() -> ExitReason {
    ExitReason::failed("boom")
}
