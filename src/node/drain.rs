//! The good end of a node: doors closed, guests seen off, lights out.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use supervisors::supervisor::{Report, SupervisorRef};
use supervisors::{ExitReason, Subscription};

use super::RunningNode;
use super::branch::Door;
use crate::event::Event;
use crate::ops::Phase;

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that did not end within the drain time and were reset.
    pub cut: usize,
}

/// Events that may wait to be counted. They are counted as they come; at most two for each connection come at once,
/// and there are at most 2^20 connections.
const BOUND: usize = 1 << 21;

pub(super) async fn drain(node: &RunningNode) -> Drained {
    node.lifecycle.enter(Phase::Draining);
    let reporter = &node.world.reporter;
    reporter.report(Event::DrainStarted);
    let mut events = reporter.history().subscribe(BOUND);
    // 1. The listeners, last bound first: from here on nobody new comes in.
    for door in node.doors.iter().rev() {
        // Not there: its branch has given up, and its socket is nobody's.
        let _ = door.branch.terminate_child(door.listener.clone()).await;
        door.bound.close();
    }
    // 2. The connections, all branches at once, each supervisor stopping its children at once within their time.
    let cut = count_cut(&mut events, join(node.doors.iter().map(close_connections))).await;
    reporter.report(Event::Drained { cut });
    // 3. The tree.
    if let Some(root) = node.root.process() {
        root.stop();
        root.exited().await;
    }
    node.close();
    Drained { cut }
}

async fn close_connections(door: &Door) {
    let branch: &SupervisorRef = &door.branch;
    let _ = branch.terminate_child(door.connections.clone()).await;
}

/// Counts the connections that are killed, and so were not whole, while `closing` goes on. At once, as they come: what
/// slow servers send in a drain of an hour would fill any queue, and the kills come last.
async fn count_cut(events: &mut Subscription<Event>, closing: impl Future<Output = ()>) -> usize {
    let mut closing = pin!(closing);
    let mut cut = 0;
    loop {
        tokio::select! {
            biased;
            stamped = events.next() => cut += usize::from(is_cut(&stamped.event)),
            () = &mut closing => break,
        }
    }
    cut + std::iter::from_fn(|| events.try_next()).filter(|stamped| is_cut(&stamped.event)).count()
}

fn is_cut(event: &Event) -> bool {
    match event {
        Event::Process(supervisors::Event::Report {
            report: Report::ShutdownError { reason, .. }, ..
        }) => *reason == ExitReason::Killed,
        _ => false,
    }
}

/// Runs all of `futures` at once.
async fn join<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut running: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut all = pin!(poll_fn(|cx| {
        running.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }));
    all.as_mut().await;
}
