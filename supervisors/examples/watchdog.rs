//! A turn that does not end: one worker of three blocks the thread that all of them live on. The watchdog names it,
//! gives the thread up, and their supervisor starts all three again on a new one; whoever had called one of them is
//! told. What the blocked worker still does when it wakes up is nobody's any more.
//!
//!     cargo run --package supervisors --example watchdog

#![allow(clippy::print_stdout, reason = "it shows what it does")]

use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, ThreadId};
use std::time::Duration;

use actix::prelude::*;
use supervisors::supervisor::{ChildSpec, Supervisor};
use supervisors::{CallError, ExitReason, Node, Place, Ref, Watchdog, WhenStuck};

/// Asks a service that may be down, and waits for it where it stands: what no actor should do.
struct Worker {
    counter: Ref<Counter>,
}

impl Actor for Worker {
    type Context = Context<Self>;
}

/// What to wait for: a word from a service.
#[derive(Message)]
#[rtype(result = "String")]
struct Ask(Receiver<String>);

impl Handler<Ask> for Worker {
    type Result = String;

    fn handle(&mut self, Ask(service): Ask, _: &mut Self::Context) -> String {
        let word = service.recv().unwrap_or_default();
        self.counter.cast(Served);
        word
    }
}

#[derive(Message)]
#[rtype(result = "Here")]
struct Where;

#[derive(MessageResponse, PartialEq)]
struct Here(ThreadId);

impl Handler<Where> for Worker {
    type Result = Here;

    fn handle(&mut self, Where: Where, _: &mut Self::Context) -> Here {
        Here(thread::current().id())
    }
}

/// Counts what was served; lives on the main thread.
#[derive(Default)]
struct Counter(usize);

impl Actor for Counter {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "()")]
struct Served;

#[derive(Message)]
#[rtype(result = "usize")]
struct Total;

impl Handler<Served> for Counter {
    type Result = ();

    fn handle(&mut self, Served: Served, _: &mut Self::Context) {
        self.0 += 1;
    }
}

impl Handler<Total> for Counter {
    type Result = usize;

    fn handle(&mut self, Total: Total, _: &mut Self::Context) -> usize {
        self.0
    }
}

/// A service that has a word ready.
fn service_up() -> Ask {
    let (tell, told) = channel();
    let _ = tell.send("a word".to_owned());
    Ask(told)
}

#[actix::main]
async fn main() -> Result<(), ExitReason> {
    let watchdog = Watchdog::new().limit(Duration::from_millis(200)).when_stuck(WhenStuck::Abandon);
    let node = Node::builder()
        .watchdog(watchdog)
        .arbiters(1)
        .on_event(|at, event| println!("{at:>9.1?} {event}"))
        .build();
    let counter = ChildSpec::new("counter", Counter::default);
    let count = counter.reference();
    let mut root = Supervisor::new("root").child(counter);
    let mut workers: Vec<Ref<Worker>> = Vec::new();
    for number in 0..3 {
        let count = count.clone();
        let make = move || Worker { counter: count.clone() };
        let spec = ChildSpec::new(format!("worker-{number}"), make).place(Place::RoundRobin);
        workers.push(spec.reference());
        root = root.child(spec);
    }
    // One restart in 5 s is allowed, as ever: only that of the worker to blame is counted.
    let root = root.start(&node).await?;
    for worker in &workers {
        worker.call(service_up()).await.map_err(ExitReason::failed)?;
    }
    let before = workers[0].call(Where).await.map_err(ExitReason::failed)?;

    // A service that says nothing.
    let (silent, told) = channel();
    match workers[1].call(Ask(told)).await {
        Err(CallError::Exit(reason)) => println!("          the caller is told: {reason}"),
        answer => println!("          the caller got {answer:?}"),
    }
    // All three come again, and are reached by the references of old.
    let mut moved = 0;
    for worker in &workers {
        let after = loop {
            match worker.call(Where).await {
                Ok(here) => break here,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        moved += usize::from(after != before);
        worker.call(service_up()).await.map_err(ExitReason::failed)?;
    }
    // The service speaks at last, to somebody who is no worker any more: it is not counted.
    let _ = silent.send("too late".to_owned());
    let total = count.call(Total).await.map_err(ExitReason::failed)?;

    print!("{}", root.tree());
    if let Some(process) = root.process() {
        process.stop();
        process.exited().await;
    }
    node.places().stop(Duration::from_secs(10)).await.map_err(ExitReason::failed)?;
    println!("1 worker stuck, {moved} of 3 moved to a new thread, {total} of 7 words counted");
    Ok(())
}
