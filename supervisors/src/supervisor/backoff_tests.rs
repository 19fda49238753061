//! Pauses before restarts, with real processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::task::{LocalSet, yield_now};

use super::{Backoff, ChildError, ChildPid, ChildSpec, DynamicSupervisor, Report, Supervisor};
use crate::{Event, ExitReason, Node};

struct Idle;

impl Actor for Idle {
    type Context = Context<Self>;
}

fn run<T>(seed: u64, test: impl AsyncFnOnce(Node, Arc<Mutex<Vec<Event>>>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, async {
        let events = Arc::<Mutex<Vec<Event>>>::default();
        let heard = Arc::clone(&events);
        let node = Node::builder().seed(seed).on_event(move |_, event| heard.lock().push(event)).build();
        test(node, events).await
    })
}

fn child(starts: &Arc<AtomicU64>, backoff: Backoff) -> ChildSpec<Idle> {
    let starts = Arc::clone(starts);
    let make = move || {
        starts.fetch_add(1, Ordering::Relaxed);
        Idle
    };
    ChildSpec::new("idle", make).backoff(backoff)
}

/// Lets all who can go on do so, without the passing of time.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

fn steady() -> Backoff {
    Backoff::new().delays(Duration::from_secs(1), Duration::from_secs(60)).jitter(0)
}

#[test]
fn a_child_comes_back_after_its_pause_and_is_shown_as_restarting_until_then() {
    run(1, async |node, events| {
        let starts = Arc::default();
        let spec = child(&starts, steady());
        let idle = spec.reference();
        let tree = Supervisor::new("tree").child(spec).intensity(10, Duration::from_secs(60));
        let tree = tree.start(&node).await.expect("it starts");
        idle.process().expect("it runs").crash("as asked");
        settle().await;
        assert!(idle.process().is_none());
        let info = tree.which_child("idle").await.expect("it is known, and the supervisor serves");
        assert!(matches!(info.pid, ChildPid::Restarting(Some(_))), "{info:?}");
        assert_eq!(tree.restart_child("idle").await, Err(ChildError::Restarting));
        let due = tree.tree().children[0].due.expect("it waits");
        assert_eq!((info.due, due), (Some(due), Duration::from_secs(1)));
        assert!(tree.tree().to_string().contains("restarting at 1.0s"), "{}", tree.tree());
        tokio::time::sleep(Duration::from_millis(990)).await;
        assert_eq!(starts.load(Ordering::Relaxed), 1, "not yet");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!((starts.load(Ordering::Relaxed), tree.tree().children[0].due), (2, None));
        let said = events.lock().iter().any(|event| match event {
            Event::Report { report: Report::Restarting { after, .. }, .. } => {
                *after == Duration::from_secs(1)
            }
            _ => false,
        });
        assert!(said, "{:?}", events.lock());
    });
}

#[test]
fn a_supervisor_that_ends_or_terminates_a_child_does_not_wait_for_its_pause() {
    run(1, async |node, _| {
        let starts = Arc::default();
        let spec = child(&starts, steady());
        let idle = spec.reference();
        let tree = Supervisor::new("tree").child(spec).intensity(10, Duration::from_secs(60));
        let tree = tree.start(&node).await.expect("it starts");
        idle.process().expect("it runs").crash("as asked");
        settle().await;
        assert_eq!(tree.terminate_child("idle").await, Ok(()));
        assert_eq!(tree.tree().children[0].due, None);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(starts.load(Ordering::Relaxed), 1, "it does not come back");
        tree.restart_child("idle").await.expect("it can be started again");
        idle.process().expect("it runs").crash("as asked");
        settle().await;
        let (process, before) = (tree.process().expect("it runs"), node.now());
        process.stop();
        assert_eq!(process.exited().await, ExitReason::Shutdown);
        assert_eq!(node.now(), before, "at once");
    });
}

#[test]
fn a_dynamic_child_waits_as_well_and_the_same_seed_waits_alike() {
    let delays = |seed| {
        run(seed, async |node, events| {
            let starts = Arc::default();
            let spec = child(&starts, steady().jitter(100));
            let idle = spec.reference();
            let tree = DynamicSupervisor::new("tree").intensity(10, Duration::from_secs(600));
            let tree = tree.start(&node).await.expect("it starts");
            tree.start_child(spec).await.expect("it starts");
            for _ in 0..5 {
                let process = idle.process().expect("it runs");
                process.crash("as asked");
                process.exited().await;
                while idle.process().is_none() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            assert_eq!(starts.load(Ordering::Relaxed), 6);
            let delay = |event: &Event| match event {
                Event::Report { report: Report::Restarting { after, .. }, .. } => Some(*after),
                _ => None,
            };
            let delays: Vec<_> = events.lock().iter().filter_map(delay).collect();
            delays
        })
    };
    assert_eq!(delays(1), delays(1));
    assert_ne!(delays(1), delays(2));
    assert_eq!(delays(1).len(), 5);
}
