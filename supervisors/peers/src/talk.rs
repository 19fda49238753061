//! Messages: `cast` and `call` through a supervised, named `Ref`, beside a raw `Addr`.

use std::time::Instant;

use actix::Actor;
use supervisors::supervisor::{ChildSpec, Supervisor};
use supervisors::{Node, Ref};

use crate::actors::on_actix::{Add, Counter, Get};
use crate::measure::{Contender, per_second};

const CASTS: usize = 500_000;
const BURST: usize = 100;
const CALLS: usize = 100_000;

/// A counter under a supervisor, held by its registered name.
async fn supervised() -> Ref<Counter> {
    let node = Node::new();
    let spec = ChildSpec::new("counter", Counter::default).named("counter");
    Supervisor::new("top").child(spec).start(&node).await.expect("it starts");
    node.named("counter").expect("the name is a counter's")
}

/// Millions of messages a second that need no answer, a flood at once; the last one is answered.
pub fn flood() -> Vec<Contender> {
    vec![
        Contender::new("actix `Addr`", async || {
            let counter = Counter::default().start();
            let begin = Instant::now();
            for number in 0..CASTS as u64 {
                counter.do_send(Add(number));
            }
            counter.send(Get).await.expect("it lives");
            per_second(CASTS, begin) / 1e6
        }),
        Contender::new("supervisors `Ref`", async || {
            let counter = supervised().await;
            let begin = Instant::now();
            for number in 0..CASTS as u64 {
                counter.cast(Add(number));
            }
            counter.call(Get).await.expect("it lives");
            per_second(CASTS, begin) / 1e6
        }),
    ]
}

/// The same in bursts of 100, each answered.
pub fn bursts() -> Vec<Contender> {
    vec![
        Contender::new("actix `Addr`", async || {
            let counter = Counter::default().start();
            let begin = Instant::now();
            for _ in 0..CASTS / BURST {
                for number in 0..BURST as u64 {
                    counter.do_send(Add(number));
                }
                counter.send(Get).await.expect("it lives");
            }
            per_second(CASTS, begin) / 1e6
        }),
        Contender::new("supervisors `Ref`", async || {
            let counter = supervised().await;
            let begin = Instant::now();
            for _ in 0..CASTS / BURST {
                for number in 0..BURST as u64 {
                    counter.cast(Add(number));
                }
                counter.call(Get).await.expect("it lives");
            }
            per_second(CASTS, begin) / 1e6
        }),
    ]
}

/// Thousands of questions a second, one after the other.
pub fn calls() -> Vec<Contender> {
    vec![
        Contender::new("actix `Addr`", async || {
            let counter = Counter::default().start();
            let begin = Instant::now();
            for _ in 0..CALLS {
                counter.send(Get).await.expect("it lives");
            }
            per_second(CALLS, begin) / 1e3
        }),
        Contender::new("supervisors `Ref`", async || {
            let counter = supervised().await;
            let begin = Instant::now();
            for _ in 0..CALLS {
                counter.call(Get).await.expect("it lives");
            }
            per_second(CALLS, begin) / 1e3
        }),
    ]
}
