//! Supervised workers: texts are counted by workers that crash on some of them. The crash of one is an event: its
//! supervisor starts it again, the others do not notice, and whoever asked is told which text it was.
//!
//!     cargo run --package supervisors --example workers

#![allow(clippy::print_stdout, reason = "it shows what it does")]

use std::time::Duration;

use actix::prelude::*;
use supervisors::supervisor::{ChildSpec, Supervisor};
use supervisors::{CallError, ExitReason, Node, Ref};

/// Counts words. An ordinary actix actor: nothing in it knows that it is supervised.
struct Counter;

impl Actor for Counter {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "usize")]
struct Count(&'static str);

impl Handler<Count> for Counter {
    type Result = usize;

    fn handle(&mut self, Count(text): Count, _: &mut Self::Context) -> usize {
        assert!(text.is_ascii(), "only ASCII was thought of");
        text.split_whitespace().count()
    }
}

const TEXTS: &[&str] = &[
    "where like a pillow on a bed",
    "a pregnant bank swelled up",
    "to rest the violet's reclining head",
    "l'âme, déjà",
    "sat we two",
    "one another's best",
    "our hands were firmly cemented",
    "by a fast balm",
    "naïve",
    "which thence did spring",
    "our eye-beams twisted",
    "and did thread",
];

#[actix::main]
async fn main() -> Result<(), ExitReason> {
    let node = Node::builder().on_event(|at, event| println!("{at:>9.1?} {event}")).build();
    let mut pool = Supervisor::new("pool").intensity(10, Duration::from_secs(1));
    let mut workers: Vec<Ref<Counter>> = Vec::new();
    for number in 0..3 {
        let spec = ChildSpec::new(format!("worker-{number}"), || Counter);
        // A `Ref` is a place in the tree: it follows whoever runs there.
        workers.push(spec.reference());
        pool = pool.child(spec);
    }
    let pool = pool.start(&node).await?;

    let (mut words, mut crashes) = (0, 0);
    for (text, worker) in TEXTS.iter().zip(workers.iter().cycle()) {
        match worker.call(Count(text)).await {
            Ok(count) => words += count,
            Err(CallError::Exit(reason)) => {
                println!("          {text:?} was too much for its worker, which {reason}");
                crashes += 1;
            }
            Err(error) => println!("          {text:?}: {error}"),
        }
    }

    print!("{}", pool.tree());
    let restarts: u64 = pool.tree().children.iter().map(|child| child.restarts).sum();
    pool.stop().await;
    let texts = TEXTS.len();
    println!(
        "{texts} texts counted, {crashes} that crashed their worker, {restarts} restarts, {words} words in all"
    );
    Ok(())
}
