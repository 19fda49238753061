//! This program beside another build of itself: what the fault points of the feature `lab` cost while none is armed.

use std::path::Path;
use std::process::Command;

use crate::measure::median;
use crate::{children, row, run, talk};

/// Rounds, each with a process of either build, forwards and backwards in turn: where the linker has put what, and how
/// fast the machine is just now, differ from process to process.
const ROUNDS: usize = 15;

const WHAT: [&str; 4] = [
    "cast, 500,000 at once, M/s",
    "cast, bursts of 100, M/s",
    "call, 5 s time-out, k/s",
    "start and answer, 100,000, k/s",
];

/// What one process measures: the best of some tries each, as nothing but noise makes a try slower.
pub fn talk_of_this() -> [f64; 4] {
    let best = |contenders: fn() -> Vec<crate::measure::Contender>, tries: usize| {
        let last = contenders().len() - 1;
        let of = (0..tries).map(|_| run(async move { (contenders()[last].body)().await }));
        of.fold(0.0, f64::max)
    };
    [best(talk::flood, 3), best(talk::bursts, 3), best(talk::calls, 3), best(children::starts, 2)]
}

/// Prints the table: the other build, which is the measure, and this one.
pub fn compare(other: &Path) {
    let this = std::env::current_exe().expect("this program");
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            theirs.push(measure(other));
            ours.push(measure(&this));
        } else {
            ours.push(measure(&this));
            theirs.push(measure(other));
        }
    }
    for (at, what) in WHAT.into_iter().enumerate() {
        let of = |all: &[Vec<f64>]| median(all.iter().map(|numbers| numbers[at]).collect());
        let ratios = ours.iter().zip(&theirs).map(|(mine, other)| mine[at] / other[at]).collect();
        row(what, "the other build", of(&theirs), Some(1.0));
        row(
            what,
            if cfg!(feature = "lab") { "with `lab`, nothing armed" } else { "this build" },
            of(&ours),
            Some(median(ratios)),
        );
    }
}

fn measure(program: &Path) -> Vec<f64> {
    let output = Command::new(program).args(["be", "talk", "0"]).output().expect("it can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(numbers.len(), WHAT.len(), "{}: {text}", program.display());
    numbers
}
