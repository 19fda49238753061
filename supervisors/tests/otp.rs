//! Our supervisors against the installed OTP's own; the example `otp_differential` is the same for as many cases as one
//! likes.
//!
//! Recorded traces are refreshed, from the root of the repository, by
//! `cargo run --release -p supervisors --example otp_differential -- --cases 280 --record supervisors/tests/traces/otp.txt`.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use supervisors::supervisor::planted::{self, FAULTS, Fault};
use supervisors::supervisor::{AutoShutdown, Restart, Strategy};

#[path = "../examples/otp_differential/differential/mod.rs"]
#[allow(dead_code, reason = "only the example records and replays")]
mod differential;

use differential::case::{Behaviour, Case, Form, Job, Kid, Reason, Start, Step, Stop, Sup, What};
use differential::compare::{self, Pair};
use differential::releases::RELEASES;
use differential::theirs::Otp;
use differential::{CASES, generate, rules, rust, shrink};

const RECORDED: &str = include_str!("traces/otp.txt");

/// The real OTP; without one, the tests that need it say so and are over.
fn otp() -> Option<Otp> {
    let otp = Otp::start();
    if otp.is_none() {
        assert!(std::env::var_os("VERSE_REQUIRE_TOOLS").is_none(), "there is no Erlang on this machine");
        say("skipped: there is no Erlang (escript) on this machine");
    }
    otp
}

/// Past the capture of the harness, which hides what a test that passes has printed.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn random_trees_and_scripts_leave_the_trace_they_leave_on_a_real_otp() {
    let Some(mut otp) = otp() else { return };
    let outcome = compare::compare(&mut otp, 1..CASES + 1);
    assert_eq!(outcome.differences, 0, "{}", outcome.told.join("\n"));
    let hits: Vec<_> = outcome.hits.iter().map(|(rule, hits)| format!("OTP-{rule:03}, {hits}")).collect();
    say(&format!("rule, hits\n{}", hits.join("\n")));
    let rare: Vec<_> = outcome.hits.iter().filter(|(_, hits)| **hits < 100).collect();
    assert_eq!(rare, [], "rules that are come to less than 100 times in {CASES} cases");
    say(&format!("{} cases adapted to OTP {}: {:?}", outcome.adapted_cases, otp.release, outcome.adapted));
}

#[test]
fn recorded_traces_of_a_real_otp_are_ours() {
    let (outcome, _) = compare::replay(RECORDED).expect("the recording is whole");
    assert_eq!(outcome.differences, 0, "{}", outcome.told.join("\n"));
    assert_eq!(outcome.cases, 280);
    let never: Vec<_> = outcome.hits.iter().filter(|(_, hits)| **hits == 0).collect();
    assert_eq!(never, [], "rules that no recorded trace comes to");
}

/// Without Erlang the recorded traces must do.
#[test]
fn a_fault_in_the_plan_is_found() {
    let mut otp = otp();
    let (recorded_release, recorded) = compare::recorded(RECORDED).expect("the recording is whole");
    let release = otp.as_ref().map_or(recorded_release, |otp| otp.release);
    let mut known: Vec<_> =
        if otp.is_some() { Vec::new() } else { recorded.into_iter().map(|it| it.trace).collect() };
    for fault in FAULTS {
        let found = (1..=CASES).find(|seed| {
            let case = generate::case(*seed);
            let index = usize::try_from(*seed - 1).expect("few cases");
            if index == known.len() {
                match &mut otp {
                    Some(otp) => known.push(otp.run(&case)),
                    None => return false,
                }
            }
            known.get(index).is_some_and(|theirs| is_found(fault, &case, theirs, release))
        });
        let seed = found.unwrap_or_else(|| panic!("{fault:?} is not found"));
        say(&format!("{fault:?} is found by case {seed}"));
    }
}

/// Whether ours, with the fault, differs from theirs, or breaks down.
fn is_found(fault: Fault, case: &Case, theirs: &[String], release: u32) -> bool {
    let faulty = || Pair::new(case, theirs.to_vec(), release).differs();
    catch_unwind(AssertUnwindSafe(|| planted::with(fault, faulty))).unwrap_or(true)
}

/// A case that was found with a fault planted, made small, and printed: what is printed as Rust is the case.
#[test]
fn a_failing_case_is_printed_as_a_rust_script_that_compiles_and_as_an_erlang_script_that_runs() {
    let case = include!("traces/planted.rs");
    assert_eq!(rust::expression(&case), include_str!("traces/planted.rs"));
    let scripts = compare::scripts(&case);
    assert!(scripts.contains(include_str!("traces/planted.rs")), "{scripts}");
    assert!(scripts.contains("assert_same(&Case {"), "{scripts}");
    let (_, erlang) = scripts.split_once("<<'END'\n").expect("the Erlang script is fed with the case");
    assert_eq!(erlang, format!("{case}\nEND\n"));
    assert_same(&case);
    let Some(mut otp) = otp() else { return };
    let theirs = otp.run(&case);
    let pair = |otp: &mut Otp, case: &Case| Pair::new(case, otp.run(case), otp.release);
    assert!(is_found(Fault::RetriesFromTheOrigin, &case, &theirs, otp.release));
    // It is as small as it goes.
    let mut fails =
        |case: &Case| planted::with(Fault::RetriesFromTheOrigin, || pair(&mut otp, case).differs());
    assert_eq!(shrink::shrink(case.clone(), &mut fails), case);
}

/// What a printed Rust script calls.
fn assert_same(case: &Case) {
    let Some(mut otp) = otp() else { return };
    let Pair { theirs, ours, .. } = Pair::new(case, otp.run(case), otp.release);
    assert_eq!(theirs, ours);
}

#[test]
fn every_verified_rule_of_sections_b_to_o_is_asked_for() {
    let asked: Vec<_> = rules::all().map(|(rule, _)| rule).collect();
    assert!(asked.is_sorted_by(|one, two| one < two), "each once, in order: {asked:?}");
    let mut all: Vec<_> = asked.into_iter().chain(rules::NOT_ASKED.iter().map(|(rule, _)| *rule)).collect();
    all.sort_unstable();
    assert_eq!(all, (17..=146).collect::<Vec<_>>());
}

/// `[26+]` and `[new]` in the table of conformance.
#[test]
fn every_rule_that_releases_differ_in_is_in_the_one_table() {
    let table = include_str!("../CONFORMANCE.md");
    let marked = table
        .lines()
        .filter(|line| (line.contains("[26+]") || line.contains("[new]")) && !line.contains("n/a: "));
    let marked = marked.filter_map(|line| line.strip_prefix("| OTP-")?.get(..3)?.parse::<u32>().ok());
    let missing: Vec<_> = marked.filter(|rule| RELEASES.iter().all(|it| it.rule != *rule)).collect();
    assert_eq!(missing, Vec::<u32>::new());
}
