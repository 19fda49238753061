//! Many seeds, on all cores.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Broken, Met};

/// What came of one seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The laws that were broken; none if all hold.
    pub broken: Vec<Broken>,
    /// What was met.
    pub met: Met,
    /// How much time passed within.
    pub simulated: Duration,
}

/// What came of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many seeds were run.
    pub seeds: u64,
    /// The seeds that broke a law.
    pub broken: BTreeMap<u64, Vec<Broken>>,
    /// What was met, over all seeds.
    pub met: Met,
    /// How much time passed within all.
    pub simulated: Duration,
}

/// Runs each of `seeds` on `threads` threads (at least 1) and tells `each` as it is done, in any order.
///
/// A run that panics breaks the law that none does; the others go on.
pub fn sweep(
    seeds: Range<u64>,
    threads: usize,
    run: impl Fn(u64) -> Outcome + Sync,
    mut each: impl FnMut(u64, &Outcome),
) -> Summary {
    let (next, mut summary) = (AtomicU64::new(seeds.start), Summary::default());
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (tell, next, run, end) = (tell.clone(), &next, &run, seeds.end);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || tell.send((seed, survived(run, seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        for (seed, outcome) in told {
            each(seed, &outcome);
            summary.seeds += 1;
            summary.simulated += outcome.simulated;
            summary.met.add(&outcome.met);
            if !outcome.broken.is_empty() {
                summary.broken.insert(seed, outcome.broken);
            }
        }
    });
    summary
}

fn survived(run: &(impl Fn(u64) -> Outcome + Sync), seed: u64) -> Outcome {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
        let broken = Broken { law: "no run panics", at: Duration::ZERO, how: text.to_owned() };
        Outcome { broken: vec![broken], ..Outcome::default() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_run_once_and_the_broken_are_told_also_those_that_panic() {
        let run = |seed: u64| {
            assert_ne!(seed, 15, "a bad seed");
            let mut outcome = Outcome { simulated: Duration::from_secs(1), ..Outcome::default() };
            outcome.met.count("a seed");
            if seed == 12 {
                outcome.broken.push(Broken { law: "no twelve", at: Duration::ZERO, how: String::new() });
            }
            outcome
        };
        let mut seen = Vec::new();
        let summary = sweep(10..20, 3, run, |seed, _| seen.push(seed));
        seen.sort_unstable();
        assert_eq!(seen, (10..20).collect::<Vec<_>>());
        assert_eq!((summary.seeds, summary.met.of("a seed"), summary.simulated.as_secs()), (10, 9, 9));
        let laws: Vec<_> = summary.broken.iter().map(|(seed, broken)| (*seed, broken[0].law)).collect();
        assert_eq!(laws, [(12, "no twelve"), (15, "no run panics")]);
    }
}
