//! Both sides of a case, compared line by line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use super::case::Case;
use super::ours::{self, Trace};
use super::rules::{self, Story};
use super::theirs::Otp;
use super::{generate, releases, rust, shrink};

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
        let Some(phantom) = self.theirs.iter().position(|line| marks.iter().any(|it| line.contains(it)))
        else {
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

    fn side_by_side(&self) -> String {
        let mut text = String::new();
        for number in 0..self.theirs.len().max(self.ours.len()) {
            let (left, right) = (self.theirs.get(number), self.ours.get(number));
            let mark = if left == right { ' ' } else { '!' };
            let show = |line: Option<&String>| line.cloned().unwrap_or_default();
            let _ = writeln!(text, "{mark} {:<60} | {}", show(left), show(right));
        }
        text
    }
}

/// Compares the cases of all these seeds.
pub(crate) fn compare(otp: &mut Otp, seeds: Range<u64>) -> Outcome {
    let mut outcome = Outcome::default();
    for seed in seeds {
        let case = generate::case(seed);
        let pair = Pair::new(&case, otp.run(&case), otp.release);
        if outcome.add(&case, &pair) {
            outcome.told.push(tell(seed, case, otp));
        }
    }
    outcome
}

impl Outcome {
    /// Counts a case; says whether it is to be told at length.
    fn add(&mut self, case: &Case, pair: &Pair) -> bool {
        self.cases += 1;
        self.lines += pair.theirs.len();
        self.adapted_cases += u64::from(!pair.adapted.is_empty());
        for rule in &pair.adapted {
            *self.adapted.entry(*rule).or_default() += 1;
        }
        let story = Story::read(case, &pair.theirs, &pair.adapted);
        for (rule, count) in rules::all() {
            *self.hits.entry(rule).or_default() += count(&story);
        }
        self.differences += usize::from(pair.differs());
        pair.differs() && self.told.len() < TOLD
    }
}

/// Traces of the real OTP for these seeds, to be compared with later where there is none: a line `case SEED` with the
/// case, the lines of its trace, a line `.`.
pub(crate) fn record(otp: &mut Otp, seeds: Range<u64>) -> String {
    let mut text = format!("OTP {}\n", otp.release);
    for seed in seeds {
        let case = generate::case(seed);
        let _ = writeln!(text, "case {seed} {case}");
        for line in otp.run(&case) {
            let _ = writeln!(text, "{line}");
        }
        text.push_str(".\n");
    }
    text
}

/// One recorded case, with its seed.
pub(crate) struct Recorded {
    pub(crate) seed: u64,
    pub(crate) case: Case,
    pub(crate) trace: Vec<String>,
}

/// Reads a recording: its release, and its cases.
///
/// # Errors
/// What is wrong with it; among that, that the generator gives other cases by now.
pub(crate) fn recorded(text: &str) -> Result<(u32, Vec<Recorded>), String> {
    let mut lines = text.lines();
    let release = lines.next().and_then(|line| line.strip_prefix("OTP ")?.parse().ok());
    let release = release.ok_or("a recording begins with its release")?;
    let mut cases = Vec::new();
    while let Some(head) = lines.next() {
        let head = head.strip_prefix("case ").and_then(|rest| rest.split_once(' '));
        let (seed, written) = head.ok_or("a case begins with its head")?;
        let seed = seed.parse().map_err(|_| "a seed is a number")?;
        let case = generate::case(seed);
        if case.to_string() != written {
            return Err(format!("seed {seed} gives another case than was recorded: record anew"));
        }
        let trace = lines.by_ref().take_while(|line| *line != ".").map(str::to_owned).collect();
        cases.push(Recorded { seed, case, trace });
    }
    Ok((release, cases))
}

/// Compares recorded traces with ours.
///
/// # Errors
/// As [`recorded`].
pub(crate) fn replay(text: &str) -> Result<(Outcome, u32), String> {
    let (release, cases) = recorded(text)?;
    let mut outcome = Outcome::default();
    for Recorded { seed, case, trace } in cases {
        let pair = Pair::new(&case, trace, release);
        if outcome.add(&case, &pair) {
            outcome.told.push(format!("--- seed {seed} differs: {case}\n{}", pair.side_by_side()));
        }
    }
    Ok((outcome, release))
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

/// The smallest case found that still differs, as scripts, with both traces.
fn tell(seed: u64, case: Case, otp: &mut Otp) -> String {
    let mut pair = |case: &Case| Pair::new(case, otp.run(case), otp.release);
    let case = shrink::shrink(case, &mut |case| pair(case).differs());
    format!("--- seed {seed} differs; the smallest case:\n{}{}", scripts(&case), pair(&case).side_by_side())
}

/// A case as a Rust and as an Erlang script: a test for `tests/otp.rs`, and a command for a shell.
pub(crate) fn scripts(case: &Case) -> String {
    format!(
        "in Rust:\n#[test]\nfn this_case_is_the_same() {{\nassert_same(&{});\n}}\n\
         in Erlang:\ncd supervisors/examples/otp_differential/differential && escript otp.escript <<'END'\n{case}\nEND\n",
        rust::expression(case)
    )
}
