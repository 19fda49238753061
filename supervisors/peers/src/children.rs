//! Children: started and answered, alive in great numbers, killed and restarted.

use std::time::{Duration, Instant};

use actix::Actor;
use supervisors::supervisor::{ChildId, ChildSpec, DynamicRef, DynamicSupervisor, Restart};
use supervisors::{Node, Ref};

use crate::actors::on_actix::{Counter, Get};
use crate::measure::{Contender, per_second};

const STARTS: usize = 100_000;

async fn pool(node: &Node) -> DynamicRef {
    let restarts = DynamicSupervisor::new("pool").intensity(u32::MAX, Duration::from_secs(5));
    restarts.start(node).await.expect("it starts")
}

fn child(id: &ChildId, restart: Restart) -> (ChildSpec<Counter>, Ref<Counter>) {
    let spec = ChildSpec::new(id.clone(), Counter::default).restart(restart);
    let reference = spec.reference();
    (spec, reference)
}

/// Thousands of actors a second, each started and asked once, all kept.
pub fn starts() -> Vec<Contender> {
    vec![
        Contender::new("actix, nobody's child", async || {
            let mut kept = Vec::with_capacity(STARTS);
            let begin = Instant::now();
            for _ in 0..STARTS {
                let counter = Counter::default().start();
                counter.send(Get).await.expect("it lives");
                kept.push(counter);
            }
            per_second(STARTS, begin) / 1e3
        }),
        Contender::new("supervisors, dynamic child", async || {
            let (pool, id) = (pool(&Node::new()).await, ChildId::from("child"));
            let mut kept = Vec::with_capacity(STARTS);
            let begin = Instant::now();
            for _ in 0..STARTS {
                let (spec, counter) = child(&id, Restart::Temporary);
                pool.start_child(spec).await.expect("it starts");
                counter.call(Get).await.expect("it lives");
                kept.push(counter);
            }
            let rate = per_second(STARTS, begin) / 1e3;
            end(&pool).await;
            rate
        }),
    ]
}

async fn end(pool: &DynamicRef) {
    let process = pool.process().expect("it runs");
    process.stop();
    process.exited().await;
}

/// What so many idle actors cost: bytes of resident memory each, and how many were started a second. In a program of
/// its own, so that nothing recycled hides the cost.
pub async fn crowd(kind: &str, number: usize) -> (f64, f64) {
    match kind {
        "actix" => {
            let mut kept = Vec::with_capacity(number);
            let before = resident();
            let begin = Instant::now();
            for _ in 0..number {
                let counter = Counter::default().start();
                counter.send(Get).await.expect("it lives");
                kept.push(counter);
            }
            (per(resident() - before, number), per_second(number, begin))
        }
        _ => {
            let (pool, id) = (pool(&Node::new()).await, ChildId::from("child"));
            let before = resident();
            let begin = Instant::now();
            for _ in 0..number {
                let (spec, counter) = child(&id, Restart::Permanent);
                pool.start_child(spec).await.expect("it starts");
                counter.call(Get).await.expect("it lives");
            }
            let outcome = (per(resident() - before, number), per_second(number, begin));
            let counts = pool.count_children().await.expect("it runs");
            assert_eq!(counts.active, number, "all of them live");
            outcome
        }
    }
}

/// Microseconds a child: to start all, to kill all and have them restarted, to stop all.
pub async fn lifecycle(number: usize) -> [f64; 3] {
    let (pool, id) = (pool(&Node::new()).await, ChildId::from("child"));
    let begin = Instant::now();
    let mut children = Vec::with_capacity(number);
    for _ in 0..number {
        let (spec, counter) = child(&id, Restart::Permanent);
        pool.start_child(spec).await.expect("it starts");
        children.push(counter);
    }
    let started = begin.elapsed();
    let begin = Instant::now();
    for counter in &children {
        counter.kill();
    }
    for counter in &children {
        while counter.call(Get).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    let restarted = begin.elapsed();
    let begin = Instant::now();
    end(&pool).await;
    [started, restarted, begin.elapsed()].map(|time| per(time.as_nanos(), number) / 1e3)
}

fn resident() -> u128 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u128>().ok());
    pages.expect("a number of pages") * 4096
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per(total: u128, number: usize) -> f64 {
    total as f64 / number as f64
}
