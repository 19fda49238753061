//! The running proxy against a model: connections, caches and downloads of a whole node, on a network in memory and a
//! clock that does not need to be waited for, through random histories of requests, departures, upstreams and crashes.
//!
//! | file | noun |
//! |---|---|
//! | `steps` | what is done, drawn from a seed |
//! | `upstream` | the kinds of upstream |
//! | `network` | the network in memory |
//! | `facts` | what it tells: who asked, who connected, who got what |
//! | `model` | the judge of those facts, which knows nothing of the cache |
//! | `answers` | its judgement about answers |
//! | `play` | the node, and the steps done to it |

mod answers;
mod facts;
mod model;
mod network;
mod play;
mod steps;
mod upstream;

use std::time::Duration;

use supervisors::lab::Met;

use model::Terms;
use steps::{Step, Victim, draw};
use upstream::Behaviour;

/// The longest poem that is kept, in bytes.
const MAX_POEM: usize = 2000;

const TERMS: Terms = Terms {
    ttl: Duration::from_secs(100),
    ttl_jitter: 10,
    revalidate: Duration::from_secs(50),
    error: Duration::from_secs(200),
    hold_off: [Duration::from_millis(500), Duration::from_secs(15)],
    hold_off_jitter: 20,
    negative: Duration::from_secs(4),
    max_wait: Duration::from_secs(60),
    connect: Duration::from_secs(5),
    idle: Duration::from_secs(20),
    // One waits for `max_wait` at most, and then follows a stream, which may be silent for the idle time.
    bound: Duration::from_secs(60 + 3 + 20 + 10),
};

const WORLDS: u64 = 200;

const STEPS: usize = 300;

/// What must have happened in some world: else the test has not tested it.
fn expected() -> Met {
    let labels = ["hit", "miss", "coalesced", "stale", "revalidated", "negative", "passed", "failed"];
    let more = [
        "a departure",
        "a whole poem",
        "a reset",
        "a fetch cancelled",
        "a silent upstream given up",
        "stale while revalidated",
        "stale if error",
    ];
    let crashes = [Victim::Cache, Victim::Download, Victim::Downloads, Victim::Connection].map(Victim::name);
    let upstreams = Behaviour::ALL.map(|(_, name)| name);
    Met::expecting(labels.into_iter().chain(more).chain(crashes).chain(upstreams))
}

#[test]
fn the_running_proxy_does_only_what_the_model_allows_through_random_histories() {
    let mut met = expected();
    for seed in 1..=WORLDS {
        let steps = draw(seed, STEPS);
        match play::play(seed, &steps) {
            Ok(more) => met.add(&more),
            Err(broken) => {
                let (steps, broken) = shrink(seed, steps, broken);
                let steps: Vec<_> = steps.iter().map(|step| format!("  {step:?}")).collect();
                panic!("seed {seed}: {broken}\nafter these {} steps:\n{}", steps.len(), steps.join("\n"));
            }
        }
    }
    println!("{WORLDS} worlds, {} steps:\n{met}", WORLDS * STEPS as u64);
    assert_eq!(met.never().collect::<Vec<_>>(), [""; 0], "never met");
}

/// Fewer steps that break something, too, and what: parts are left out, ever smaller ones.
fn shrink(seed: u64, mut steps: Vec<Step>, mut broken: String) -> (Vec<Step>, String) {
    let mut part = steps.len() / 2;
    while part > 0 {
        let mut from = 0;
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..steps.len().min(from + part));
            match play::play(seed, &fewer) {
                Err(also) => (steps, broken) = (fewer, also),
                Ok(_) => from += part,
            }
        }
        part /= 2;
    }
    (steps, broken)
}
