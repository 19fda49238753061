//! Both sides of a case, compared line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use super::case::Case;
use super::ours::Hits;
use super::rules::REACHED;
use super::theirs::Otp;
use super::{generate, ours, rust};

/// Differences that are told at length; the others are only counted.
const TOLD: usize = 3;

/// What came of a comparison.
pub(crate) struct Outcome {
    /// Lines of traces that were compared.
    pub(crate) lines: usize,
    pub(crate) differences: usize,
    /// The first differences, each with the smallest case that still shows it.
    pub(crate) told: Vec<String>,
    /// How often each rule was reached.
    pub(crate) hits: Hits,
    /// Cases whose lines came in another order there than here (OTP-165).
    pub(crate) reordered: u64,
    /// Cases in which a process was ended by a signal sooner on one side than on the other (OTP-165).
    pub(crate) early: u64,
}

impl Outcome {
    /// The rule reached least, and how often.
    pub(crate) fn least(&self) -> (u16, u64) {
        let hits = REACHED.map(|(rule, _)| (self.hits.get(&rule).copied().unwrap_or(0), rule));
        let (count, rule) = hits.into_iter().min().expect("there are rules");
        (rule, count)
    }
}

/// Compares the cases of all these seeds.
pub(crate) fn compare(otp: &mut Otp, seeds: Range<u64>) -> Outcome {
    let mut outcome =
        Outcome { lines: 0, differences: 0, told: Vec::new(), hits: Hits::new(), reordered: 0, early: 0 };
    for seed in seeds {
        let case = generate::case(seed);
        let theirs = otp.run(&case);
        let (ours, hits) = ours::run(&case);
        outcome.lines += theirs.len();
        hits.into_iter().for_each(|(rule, count)| *outcome.hits.entry(rule).or_default() += count);
        let (seen_theirs, seen_ours) = (settled(&theirs), settled(&ours));
        *outcome.hits.entry(165).or_default() += heard_of_several(&seen_theirs);
        match same(&seen_theirs, &seen_ours) {
            Some(0) => outcome.reordered += u64::from(theirs != ours),
            Some(_) => outcome.early += 1,
            None => {
                outcome.differences += 1;
                if outcome.told.len() < TOLD {
                    outcome.told.push(tell(seed, case, otp));
                }
            }
        }
    }
    outcome
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

/// Fails with both traces if a case differs, for the Rust of a case that was found.
pub(crate) fn assert_same(case: &Case) {
    let Some(mut otp) = Otp::start() else { panic!("there is no Erlang on this machine") };
    let (theirs, ours) = (settled(&otp.run(case)), settled(&ours::run(case).0));
    assert!(same(&theirs, &ours).is_some(), "{case}\nOTP:  {theirs:#?}\nours: {ours:#?}");
}

/// Compares recorded traces with ours; gives how many cases there were, and the first difference.
pub(crate) fn replay(text: &str) -> (usize, Option<String>) {
    let mut lines = text.lines();
    let release = lines.next().and_then(|line| line.strip_prefix("OTP "));
    assert!(release.is_some(), "a recording begins with its release");
    let mut cases = 0;
    while let Some(head) = lines.next() {
        let (seed, written) = head
            .strip_prefix("case ")
            .and_then(|rest| rest.split_once(' '))
            .expect("a case begins with its head");
        let case = generate::case(seed.parse().expect("a seed is a number"));
        if case.to_string() != written {
            return (cases, Some(format!("seed {seed} gives another case than was recorded: record anew")));
        }
        let theirs: Vec<String> = lines.by_ref().take_while(|line| *line != ".").map(str::to_owned).collect();
        cases += 1;
        let (theirs, ours) = (settled(&theirs), settled(&ours::run(&case).0));
        if same(&theirs, &ours).is_none() {
            return (cases, Some(format!("seed {seed}: {case}\nOTP:  {theirs:#?}\nours: {ours:#?}")));
        }
    }
    (cases, None)
}

/// What is seen in one step: the lines of each of whom they are about, by who wrote them and whom they are about.
type Seen = BTreeMap<(String, String), Vec<String>>;

/// The trace with what has an order in its order, and the rest in an order of its own (OTP-165): in each step the lines
/// are put together by who wrote them and of whom, and news of one death, which may be several, are sorted.
fn settled(trace: &[String]) -> Vec<Seen> {
    let mut steps = vec![Seen::new()];
    for line in trace {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        let (who, of) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if who == ">" {
            steps.push(Seen::new());
        } else if let Some(step) = steps.last_mut() {
            step.entry((who, of)).or_default().push(words.next().unwrap_or_default());
        }
    }
    let news = |line: &String| line.starts_with("exit ") || line.starts_with("down ");
    for lines in steps.iter_mut().flat_map(BTreeMap::values_mut) {
        for chunk in lines.chunk_by_mut(|one, two| news(one) && news(two)).filter(|chunk| news(&chunk[0])) {
            chunk.sort_unstable();
        }
    }
    steps
}

/// In how many steps somebody heard of several others, which no rule puts in order.
fn heard_of_several(steps: &[Seen]) -> u64 {
    let several = |step: &&Seen| step.keys().zip(step.keys().skip(1)).any(|(one, two)| one.0 == two.0);
    steps.iter().filter(several).count() as u64
}

/// Whether both sides saw the same, and if so, how many died on one of them before they had seen what they saw on the
/// other.
fn same(theirs: &[Seen], ours: &[Seen]) -> Option<u64> {
    if theirs.len() != ours.len() {
        return None;
    }
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut early = 0;
    for (theirs, ours) in theirs.iter().zip(ours) {
        early += same_step(theirs, ours, &known)?;
        known.extend(theirs.keys().map(|(who, _)| who.as_str()));
    }
    Some(early)
}

/// The same for one step; `known` are those who were seen in an earlier one.
fn same_step(theirs: &Seen, ours: &Seen, known: &BTreeSet<&str>) -> Option<u64> {
    let mut early = 0;
    // One that was to end in the turn it was born in, and was ended by a signal meanwhile: which came first?
    let brief = |who: &String| !known.contains(who.as_str()) && died(theirs, who) && died(ours, who);
    for pair in theirs.keys().chain(ours.keys().filter(|pair| !theirs.contains_key(*pair))) {
        let (left, right) = (lines(theirs, pair), lines(ours, pair));
        if left == right {
            continue;
        }
        if brief(&pair.0) || brief(&pair.1) {
            early += 1;
            continue;
        }
        // Ended by a signal of one process, whoever it was to hear of beside that is a matter of chance (OTP-165).
        let end = signalled(theirs, &pair.0)?;
        if signalled(ours, &pair.0)? != end {
            return None;
        }
        let strip = |lines: &[String]| -> Vec<String> {
            lines.iter().filter(|line| !line.starts_with("died ")).cloned().collect()
        };
        let (left, right) = (strip(left), strip(right));
        if !left.starts_with(&right) && !right.starts_with(&left) {
            return None;
        }
        early += 1;
    }
    Some(early)
}

fn lines<'a>(seen: &'a Seen, pair: &(String, String)) -> &'a [String] {
    seen.get(pair).map(Vec::as_slice).unwrap_or_default()
}

/// Whether a process died in this step.
fn died(seen: &Seen, who: &str) -> bool {
    lines(seen, &(who.to_owned(), who.to_owned())).last().is_some_and(|line| line.starts_with("died "))
}

/// What a process died of in this step, if it did so without a last word.
fn signalled<'a>(seen: &'a Seen, who: &str) -> Option<&'a String> {
    let own = seen.get(&(who.to_owned(), who.to_owned()))?;
    let end = own.last().filter(|line| line.starts_with("died "))?;
    own.iter().all(|line| !line.starts_with("terminate ")).then_some(end)
}

/// The smallest case found that still differs, as Erlang and Rust, with both traces.
fn tell(seed: u64, case: Case, otp: &mut Otp) -> String {
    let case = generate::shrink(case, &mut |case| {
        same(&settled(&otp.run(case)), &settled(&ours::run(case).0)).is_none()
    });
    let mut text = format!("--- seed {seed} differs; smallest case, as a line for otp.escript:\n{case}\n");
    let file = std::env::temp_dir().join(format!("process_differential_{seed}.escript"));
    if std::fs::write(&file, Otp::script(&case)).is_ok() {
        let _ = writeln!(text, "and as a script: escript {}", file.display());
    }
    let _ = writeln!(text, "and in Rust:\n{}step by step, OTP on the left:", rust::script(&case));
    let (theirs, ours) = (settled(&otp.run(&case)), settled(&ours::run(&case).0));
    for (number, step) in case.0.iter().enumerate() {
        let _ = writeln!(text, "> {step}");
        let (left, right) = (shown(theirs.get(number + 1)), shown(ours.get(number + 1)));
        for at in 0..left.len().max(right.len()) {
            let (left, right) = (left.get(at), right.get(at));
            let mark = if left == right { ' ' } else { '!' };
            let of = |line: Option<&String>| line.cloned().unwrap_or_default();
            let _ = writeln!(text, "{mark} {:<50} | {}", of(left), of(right));
        }
    }
    text
}

fn shown(step: Option<&Seen>) -> Vec<String> {
    let groups = step.into_iter().flatten();
    groups.flat_map(|((who, of), lines)| lines.iter().map(move |line| format!("{who} {of} {line}"))).collect()
}
