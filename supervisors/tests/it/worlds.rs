//! Where a node can live, and what it does not see.

use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use supervisors::supervisor::{ChildSpec, Supervisor};
use supervisors::{CallError, Event, ExitReason, Node, Place};

use crate::stage::{life, on_a_paused_clock, reborn, stop, supervised};

struct Worker {
    name: &'static str,
}

impl Actor for Worker {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "(&'static str, ThreadId)")]
struct WhoAndWhere;

impl Handler<WhoAndWhere> for Worker {
    type Result = MessageResult<WhoAndWhere>;

    fn handle(&mut self, WhoAndWhere: WhoAndWhere, _: &mut Self::Context) -> Self::Result {
        MessageResult((self.name, thread::current().id()))
    }
}

fn worker(name: &'static str) -> ChildSpec<Worker> {
    ChildSpec::new("worker", move || Worker { name }).named("the worker")
}

#[test]
fn two_nodes_in_one_program_do_not_see_each_other() {
    on_a_paused_clock(async {
        let told: [Arc<Mutex<Vec<String>>>; 2] = Default::default();
        let [left, right] = [0, 1].map(|which: usize| {
            let told = Arc::clone(&told[which]);
            let sink = move |_, event: Event| told.lock().push(event.to_string());
            Node::builder().name(["left", "right"][which]).seed(7).on_event(sink).build()
        });
        // The same name, on both.
        let _trees = [supervised(&left, worker("L")).await, supervised(&right, worker("R")).await];
        let (at_left, at_right) = (left.named::<Worker>("the worker"), right.named::<Worker>("the worker"));
        let (at_left, at_right) = (at_left.expect("a worker"), at_right.expect("a worker"));
        assert_eq!(at_left.call(WhoAndWhere).await.map(|it| it.0), Ok("L"));
        assert_eq!(at_right.call(WhoAndWhere).await.map(|it| it.0), Ok("R"));
        assert_eq!(
            [life(&at_left).node().name(), life(&at_right).node().name()].map(|it| &**it),
            ["left", "right"]
        );

        let (first, untouched) = (life(&at_left), life(&at_right));
        let before = told[1].lock().len();
        first.kill();
        reborn(&at_left, &first).await;
        assert_eq!(life(&at_right), untouched, "its namesake's death is none of its business");
        assert_eq!(told[1].lock().len(), before, "nor is it told of it");
        assert!(told[0].lock().iter().any(|event| event.contains("killed")), "{:?}", told[0].lock());

        left.spawn_named("only here", Worker { name: "L2" }).expect("the name is free");
        assert!(left.whereis("only here").is_some() && right.whereis("only here").is_none());
        let chance = [&left, &right].map(|node| node.random().u64(..));
        assert_eq!(chance[0], chance[1], "the same seed, and neither draws from the other's");
    });
}

/// A life of a tree from start to stop: a call, a crash, a restart, a call through the same `Ref`, an end.
async fn whole_life() {
    let spec = worker("W");
    let child = spec.reference();
    let root = supervised(&Node::new(), spec).await;
    let here = thread::current().id();
    assert_eq!(child.call(WhoAndWhere).await, Ok(("W", here)));
    let first = life(&child);
    first.crash("as asked");
    assert!(matches!(first.exited().await, ExitReason::Panicked { .. }));
    reborn(&child, &first).await;
    assert_eq!(child.call(WhoAndWhere).await, Ok(("W", here)));
    assert_eq!(stop(&root).await, ExitReason::Shutdown);
    assert_eq!(child.call(WhoAndWhere).await, Err(CallError::NoProc));
}

#[test]
fn a_node_needs_no_actix_system() {
    on_a_paused_clock(whole_life());
}

#[test]
fn a_node_lives_in_an_actix_system() {
    System::new().block_on(whole_life());
}

#[test]
fn a_child_on_an_arbiter_is_restarted_there_and_reached_by_the_same_ref() {
    System::new().block_on(async {
        let arbiter = Arbiter::new();
        let spec = worker("far").place(Place::Arbiter(arbiter.handle()));
        let child = spec.reference();
        let root = supervised(&Node::new(), spec).await;
        let (_, there) = child.call(WhoAndWhere).await.expect("it answers");
        assert_ne!(there, thread::current().id());
        let first = life(&child);
        first.crash("as asked");
        assert!(matches!(first.exited().await, ExitReason::Panicked { .. }));
        reborn(&child, &first).await;
        assert_eq!(child.call(WhoAndWhere).await, Ok(("far", there)));
        assert_eq!(stop(&root).await, ExitReason::Shutdown);
        arbiter.stop();
        arbiter.join().expect("the thread ends well");
    });
}

#[test]
fn a_child_whose_arbiter_is_gone_fails_to_start() {
    System::new().block_on(async {
        let arbiter = Arbiter::new();
        let spec = worker("nowhere").place(Place::Arbiter(arbiter.handle()));
        arbiter.stop();
        arbiter.join().expect("the thread ends well");
        let node = Node::new();
        let start = Supervisor::new("root").child(spec).start(&node);
        let started = tokio::time::timeout(Duration::from_secs(10), start).await.expect("it says so");
        let reason = started.expect_err("it cannot run").to_string();
        assert!(reason.contains("arbiter"), "{reason}");
    });
}
