//! Both sides of a case, compared line by line.

use std::fmt::Write as _;
use std::ops::Range;

use super::case::Case;
use super::theirs::Otp;
use super::{generate, ours};

/// Differences that are told at length; the others are only counted.
const TOLD: usize = 3;

/// What came of a comparison.
pub(crate) struct Outcome {
    /// Lines of traces that were compared.
    pub(crate) lines: usize,
    pub(crate) differences: usize,
    /// The first differences, each with the smallest case that still shows it.
    pub(crate) told: Vec<String>,
}

/// Compares the cases of all these seeds.
pub(crate) fn compare(otp: &mut Otp, seeds: Range<u64>) -> Outcome {
    let release: u32 = otp.release.parse().expect("a release is a number");
    let mut outcome = Outcome { lines: 0, differences: 0, told: Vec::new() };
    for seed in seeds {
        let case = generate::case(seed);
        let (theirs, ours) = both(&case, otp, release);
        outcome.lines += theirs.len();
        if theirs != ours {
            outcome.differences += 1;
            if outcome.told.len() < TOLD {
                outcome.told.push(tell(seed, case, otp, release));
            }
        }
    }
    outcome
}

/// Both traces of a case.
fn both(case: &Case, otp: &mut Otp, release: u32) -> (Vec<String>, Vec<String>) {
    (unordered(otp.run(case)), unordered(ours::run(case, release)))
}

/// OTP-134 and OTP-165: when a supervisor is killed, its children clean up while the next one is started, and no order
/// is promised between processes that do not talk. So the lines of a step that kills a supervisor are compared without
/// their order.
fn unordered(trace: Vec<String>) -> Vec<String> {
    let mut steps: Vec<Vec<String>> = vec![Vec::new()];
    for line in trace {
        if line.starts_with("> ") {
            steps.push(Vec::new());
        }
        if let Some(step) = steps.last_mut() {
            step.push(line);
        }
    }
    for step in &mut steps {
        if step.first().is_some_and(|it| it == "> {kill,s}" || it == "> {kill,t}") {
            step.sort();
        }
    }
    steps.concat()
}

/// The smallest case found that still differs, as Erlang and Rust, with both traces.
fn tell(seed: u64, case: Case, otp: &mut Otp, release: u32) -> String {
    let case = generate::shrink(case, &mut |case| {
        let (theirs, ours) = both(case, otp, release);
        theirs != ours
    });
    let mut text = format!(
        "--- seed {seed} differs; smallest case, as a line for otp.escript:\n{case}\nand in Rust:\n{case:#?}\n"
    );
    let (theirs, ours) = both(&case, otp, release);
    for number in 0..theirs.len().max(ours.len()) {
        let (left, right) = (theirs.get(number), ours.get(number));
        let mark = if left == right { ' ' } else { '!' };
        let show = |line: Option<&String>| line.cloned().unwrap_or_default();
        let _ = writeln!(text, "{mark} {:<60} | {}", show(left), show(right));
    }
    text
}
