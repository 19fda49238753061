//! Each law holds for the history of a real tree, and is broken by that history with one event planted.

use std::sync::Arc;

use actix::{Actor, Context};
use parking_lot::Mutex;
use tokio::task::LocalSet;

use super::*;
use crate::lab::{ActorFault, Census, planted, strike};
use crate::supervisor::{ChildSpec, Supervisor};
use crate::{ExitReason, Node};

struct Worker;

impl Actor for Worker {
    type Context = Context<Self>;
}

type Log = Vec<(Duration, Event)>;

/// The history of a tree of one worker that crashes three times, the last time once too often; with the tree in hand
/// before each.
fn history() -> Log {
    history_with(None)
}

/// The same, with a bug put in.
fn history_with(bug: Option<&'static str>) -> Log {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let log = Arc::new(Mutex::new(Log::new()));
    let sink = Arc::clone(&log);
    let second = Duration::from_secs(1);
    LocalSet::new().block_on(&runtime.unwrap(), async {
        let node =
            Node::builder().plant(bug).on_event(move |at, event| sink.lock().push((at, event))).build();
        let root = Supervisor::new("root").intensity(2, 10 * second);
        let root = root.child(ChildSpec::new("worker", || Worker)).start(&node).await.unwrap();
        let mut census = Census::new(second);
        for number in 0..3 {
            let tree = root.tree();
            census.count(&tree);
            let struck = strike(&tree, 1, ActorFault::Crash).unwrap();
            assert_eq!(struck.path, "root/worker");
            tokio::time::sleep(second).await;
            let lives = root.process().is_some_and(|root| root.is_alive());
            if bug.is_some() && !lives {
                break;
            }
            assert_eq!(lives, number < 2);
        }
        assert_eq!(census.look(100 * second), []);
        assert_eq!(census.end(100 * second), []);
    });
    log.lock().split_off(0)
}

fn broken(log: &Log) -> Vec<&'static str> {
    all(log.iter().map(|(at, event)| (*at, event))).into_iter().map(|broken| broken.law).collect()
}

/// The history with the event that `find` names once more, `later` behind itself.
fn again(mut log: Log, later: u64, find: impl Fn(&Event) -> bool) -> Log {
    let index = log.iter().position(|(_, event)| find(event)).expect("it is in the history");
    let (at, event) = log[index].clone();
    log.insert(index + 1, (at + Duration::from_secs(later), event));
    log
}

#[test]
fn a_real_history_breaks_no_law() {
    let log = history();
    let crashes = log
        .iter()
        .filter(|(_, event)| matches!(event, Event::Exited { reason: ExitReason::Panicked { .. }, .. }));
    assert_eq!(crashes.count(), 3);
    assert_eq!(broken(&log), [""; 0]);
}

#[test]
fn a_restart_too_many_is_found_and_one_in_another_window_is_none() {
    let restarting = |event: &Event| matches!(event, Event::Report { report: Report::Restarting { .. }, .. });
    assert_eq!(broken(&again(history(), 0, restarting)), ["intensity is never exceeded"]);
    let mut log = history();
    log.retain(|(_, event)| restarting(event));
    let last = log.last().cloned().unwrap();
    log.push((last.0 + Duration::from_millis(10_001), last.1));
    assert_eq!(broken(&log), [""; 0]);
}

#[test]
fn a_temporary_child_that_is_restarted_is_found() {
    let mut log = history();
    for (_, event) in &mut log {
        if let Event::Report { report: Report::Restarting { child, .. }, .. } = event {
            child.restart = Restart::Temporary;
            break;
        }
    }
    assert_eq!(broken(&log), ["nothing is restarted that should not be"]);
}

#[test]
fn a_second_life_beside_the_first_and_a_second_death_are_found() {
    let started = |event: &Event| matches!(event, Event::Report { report: Report::Progress { .. }, .. });
    assert_eq!(broken(&again(history(), 0, started)), ["nobody lives twice"]);
    let exited = |event: &Event| matches!(event, Event::Exited { .. });
    assert_eq!(broken(&again(history(), 0, exited)), ["nobody lives twice"]);
}

#[test]
fn one_who_outlives_its_supervisor_is_found_after_the_grace() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.unwrap(), async {
        let node = Node::new();
        let spec = || ChildSpec::new("worker", || Worker);
        let root = Supervisor::new("root").child(spec()).start(&node).await.unwrap();
        let other = Supervisor::new("root").child(spec()).start(&node).await.unwrap();
        // A tree that cannot be: the child of another supervisor.
        let mut tree = root.tree();
        tree.children = other.tree().children;
        let mut census = Census::new(Duration::from_secs(1));
        census.count(&tree);
        root.process().unwrap().kill();
        root.process().unwrap().exited().await;
        let at = |seconds| Duration::from_secs(seconds);
        assert_eq!(census.look(at(5)), []);
        assert_eq!(census.look(at(6)), []);
        assert_eq!(census.look(at(7)).len(), 1);
        assert_eq!(census.end(at(8)).len(), 1);
    });
}

/// OTP-080: what is planted is a real bug of a real tree, and the law for it finds it.
#[test]
fn a_supervisor_that_counts_each_restart_twice_is_found() {
    let found = broken(&history_with(Some(planted::RESTART_COUNTED_TWICE)));
    assert_eq!(found, ["a restart counts once"; 2], "at the first restart, and when it gave up");
}

/// OTP-187
#[test]
fn a_name_that_is_freed_late_is_found() {
    let found = broken(&history_with(Some(planted::NAME_FREED_LATE)));
    assert_eq!(found.first(), Some(&"the names of the dead are free"), "{found:?}");
}
