//! Turns that do not end, on real threads: what is said of them, and what is done.

mod abandon;
mod connection;
mod report;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::ThreadId;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use supervisors::supervisor::{Child, Supervisor, SupervisorRef};
use supervisors::{Event, Node, NodeBuilder, Watchdog, WhenStuck};

/// How long a turn may last here: long enough for one that does end on a machine that has more to do.
const LIMIT: Duration = Duration::from_millis(400);
/// How long anything is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

/// An actor whose turns end when the test says so.
struct Blocker;

impl Actor for Blocker {
    type Context = Context<Self>;
}

/// Blocks the thread until there is a word, or nobody who could say it; then tells its caller how long the word is.
#[derive(Message)]
#[rtype(result = "usize")]
struct Block(Receiver<&'static str>);

impl Handler<Block> for Blocker {
    type Result = usize;

    fn handle(&mut self, Block(word): Block, _: &mut Self::Context) -> usize {
        word.recv().unwrap_or_default().len()
    }
}

#[derive(Message)]
#[rtype(result = "Whereabouts")]
struct Where;

#[derive(Clone, Copy, Debug, PartialEq, MessageResponse)]
struct Whereabouts(ThreadId);

impl Handler<Where> for Blocker {
    type Result = Whereabouts;

    fn handle(&mut self, Where: Where, _: &mut Self::Context) -> Whereabouts {
        Whereabouts(std::thread::current().id())
    }
}

/// What a node has said so far, and whoever waits for it to say something.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    events: Vec<Event>,
    /// Told once something is said that matches.
    waiting: Vec<(Wanted, Sender<&'static str>)>,
}

type Wanted = fn(&Event) -> bool;

impl Ear {
    fn hear(&self, event: Event) {
        let mut heard = self.0.lock();
        heard.waiting.retain(|(wanted, tell)| !wanted(&event) || tell.send("heard").is_err());
        heard.events.push(event);
    }

    /// A word that comes when something that matches is said: what a turn can be made to last for.
    fn until(&self, wanted: Wanted) -> Receiver<&'static str> {
        let (tell, told) = channel();
        self.0.lock().waiting.push((wanted, tell));
        told
    }

    fn events(&self) -> Vec<Event> {
        self.0.lock().events.clone()
    }

    /// The first that matches, once there is one.
    async fn first(&self, wanted: Wanted) -> Event {
        let found = || self.events().into_iter().find(&wanted);
        until(|| found().is_some()).await;
        found().expect("it was there")
    }
}

/// Waits until it is so.
///
/// # Panics
/// If it is not so within a minute.
async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect("it becomes so");
}

fn is_stuck(event: &Event) -> bool {
    matches!(event, Event::Stuck { .. })
}

/// A node that does this about turns of [`LIMIT`].
fn node(response: WhenStuck, build: impl FnOnce(NodeBuilder) -> NodeBuilder) -> (Node, Ear) {
    let ear = Ear::default();
    let told = ear.clone();
    let watchdog = Watchdog::new().limit(LIMIT).when_stuck(response);
    let node = Node::builder().on_event(move |_, event| told.hear(event)).watchdog(watchdog);
    (build(node.arbiters(2)).build(), ear)
}

/// A tree that allows one restart in 5 s, as by default.
async fn tree(node: &Node, children: Vec<Child>) -> SupervisorRef {
    let root = children.into_iter().fold(Supervisor::new("root"), Supervisor::child);
    root.start(node).await.expect("it starts")
}
