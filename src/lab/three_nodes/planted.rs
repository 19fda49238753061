//! What the sweep is worth: each of five planted bugs is found, and without it nothing is.

use std::collections::BTreeMap;

use supervisors::lab::sweep;

use super::*;

/// The most seeds that may be needed.
const MOST: u64 = 2000;

/// Seeds of one stretch: after each it is seen whether one has found the bug.
const STRETCH: u64 = 8;

fn plan(seed: u64) -> ThreeNodes {
    ThreeNodes { seed, clients: 60, storm: Duration::from_secs(10) }
}

fn broken(seeds: std::ops::Range<u64>, bug: Option<Bug>) -> BTreeMap<u64, Vec<Broken>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    sweep(seeds, threads, |seed| plan(seed).run_with(bug).outcome, |_, _| {}).broken
}

/// Sweeps until a law finds the bug; then the same seeds without it, of which none may break a law.
fn is_found(bug: Bug) {
    for first in (1..=MOST).step_by(STRETCH as usize) {
        let found = broken(first..first + STRETCH, Some(bug));
        let laws: Vec<_> =
            found.iter().flat_map(|(seed, broken)| broken.iter().map(|it| (*seed, it))).collect();
        let Some((seed, law)) = laws.iter().find(|(_, broken)| broken.law == bug.law()) else {
            continue;
        };
        let number = Bug::ALL.iter().position(|it| *it == bug).map_or(0, |at| at + 1);
        eprintln!("{}: found by seed {seed}: {law}", bug.name());
        eprintln!(
            "  cargo run --release --features lab --example sweep -- --clients 60 --storm 10 --plant {number} --replay {seed}"
        );
        assert_eq!(broken(1..seed + 1, None), BTreeMap::new(), "without the bug no law is broken");
        return;
    }
    panic!("{}: not found in {MOST} seeds", bug.name());
}

#[test]
fn a_truncated_poem_that_is_cached_is_found() {
    is_found(Bug::TruncatedIsCached);
}

#[test]
fn a_waiter_that_is_forgotten_is_found() {
    is_found(Bug::WaiterIsForgotten);
}

#[test]
fn a_restart_that_is_counted_twice_is_found() {
    is_found(Bug::RestartCountedTwice);
}

#[test]
fn a_name_that_is_freed_late_is_found() {
    is_found(Bug::NameFreedLate);
}

#[test]
fn a_crash_that_closes_with_fin_is_found() {
    is_found(Bug::CrashClosesWell);
}
