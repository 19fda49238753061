//! Both sides of a case, compared line by line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use super::case::Case;
use super::ours::{self, Trace};
use super::theirs::Otp;
use super::rules::{self, Story};
use super::{generate, releases, shrink};

/// Differences that are told at length; the others are only counted.
const TOLD: usize = 3;

/// What came of a comparison.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) cases: u64,
    /// Lines of traces that were compared.
    pub(crate) lines: usize,
    pub(crate) differences: usize,
    /// The first differences, each with the smallest case that still shows it.
    pub(crate) told: Vec<String>,
    /// Cases in which the rule of an older release was expected, by its number.
    pub(crate) adapted: BTreeMap<u32, u64>,
    pub(crate) adapted_cases: u64,
    /// How often each rule was come to.
    pub(crate) hits: BTreeMap<u32, usize>,
}

/// One case on both sides.
pub(crate) struct Pair {
    pub(crate) theirs: Vec<String>,
    pub(crate) ours: Vec<String>,
    pub(crate) adapted: Vec<u32>,
}

impl Pair {
    /// Runs ours beside a trace of that release.
    pub(crate) fn new(case: &Case, theirs: Vec<String>, release: u32) -> Self {
        let Trace { lines, adapted } = ours::run(case, release);
        let mut pair = Self { theirs: unordered(case, theirs), ours: unordered(case, lines), adapted };
        if releases::is_older(release, 111) {
            pair.stop_at_phantom();
        }
        pair.adapted.sort_unstable();
        pair.adapted.dedup();
        pair
    }

    /// OTP-111: a release that does not forget the child is compared up to the step in which it does not.
    fn stop_at_phantom(&mut self) {
        let marks = [releases::PHANTOM, releases::PHANTOM_KILLS];
        let Some(phantom) = self.theirs.iter().position(|line| marks.iter().any(|it| line.contains(it))) else {
            return;
        };
        let step = self.theirs[..phantom].iter().rposition(|line| line.starts_with("> ")).unwrap_or(0);
        self.theirs.truncate(step + 1);
        self.ours.truncate(step + 1);
        self.adapted.push(111);
    }

    pub(crate) fn differs(&self) -> bool {
        self.theirs != self.ours
    }
}

/// Compares the cases of all these seeds.
pub(crate) fn compare(otp: &mut Otp, seeds: Range<u64>) -> Outcome {
    let mut outcome = Outcome::default();
    for seed in seeds {
        let case = generate::case(seed);
        let pair = Pair::new(&case, otp.run(&case), otp.release);
        outcome.cases += 1;
        outcome.lines += pair.theirs.len();
        outcome.adapted_cases += u64::from(!pair.adapted.is_empty());
        for rule in &pair.adapted {
            *outcome.adapted.entry(*rule).or_default() += 1;
        }
        let story = Story::read(&case, &pair.theirs, &pair.adapted);
        for (rule, count) in rules::all() {
            *outcome.hits.entry(rule).or_default() += count(&story);
        }
        if pair.differs() {
            outcome.differences += 1;
            if outcome.told.len() < TOLD {
                outcome.told.push(tell(seed, case, otp));
            }
        }
    }
    outcome
}

/// What is told in no promised order is put in one (`releases::UNORDERED`).
fn unordered(case: &Case, trace: Vec<String>) -> Vec<String> {
    let mut steps: Vec<Vec<String>> = vec![Vec::new()];
    for line in trace {
        if line.starts_with("> ") {
            steps.push(Vec::new());
        }
        if let Some(step) = steps.last_mut() {
            step.push(line);
        }
    }
    let sups: Vec<_> = case.supervisors().iter().map(|sup| format!("> {{kill,{}}}", sup.id)).collect();
    for step in &mut steps {
        // OTP-134.
        if step.first().is_some_and(|it| sups.contains(it)) {
            step[1..].sort();
        }
    }
    let mut trace = steps.concat();
    // OTP-115.
    let dying = |line: &String| {
        let end = line.strip_prefix("asked ").or_else(|| line.strip_prefix("died "));
        end.is_some_and(|it| it.starts_with('p') || it.starts_with('q'))
    };
    for chunk in trace.chunk_by_mut(|one, two| dying(one) && dying(two)) {
        chunk.sort();
    }
    trace
}

/// The smallest case found that still differs, with both traces.
fn tell(seed: u64, case: Case, otp: &mut Otp) -> String {
    let mut pair = |case: &Case| Pair::new(case, otp.run(case), otp.release);
    let case = shrink::shrink(case, &mut |case| pair(case).differs());
    let mut text = format!(
        "--- seed {seed} differs; smallest case, as a line for otp.escript:\n{case}\n"
    );
    let Pair { theirs, ours, .. } = pair(&case);
    for number in 0..theirs.len().max(ours.len()) {
        let (left, right) = (theirs.get(number), ours.get(number));
        let mark = if left == right { ' ' } else { '!' };
        let show = |line: Option<&String>| line.cloned().unwrap_or_default();
        let _ = writeln!(text, "{mark} {:<60} | {}", show(left), show(right));
    }
    text
}
