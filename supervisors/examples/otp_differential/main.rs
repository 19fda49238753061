//! Random supervision trees and scripts, run on the installed OTP's own `supervisor` and on ours: the traces must be
//! equal, line by line.
//!
//! `cargo run --release -p supervisors --example otp_differential -- --seed S --cases N`
//!
//! It prints how often each rule of the conformance list was come to, where releases of OTP differ, and what is compared
//! without its order; a case that differs is made as small as it goes and printed as a Rust and an Erlang script.
//!
//! With `--record FILE` the traces of the real OTP are written to a file instead, which the tests compare with ours where
//! there is no Erlang; `--replay FILE` is that comparison.
//!
//! `--fault NAME` breaks a rule on our side first (`supervisors::supervisor::planted`), to see what is found.
//!
//! The line before the last counts the cases in which the rule of an older release was expected, the last line is
//! `N cases, D differences`. Exit code 1 if there are differences, 3 if there is no Erlang, 2 for bad arguments.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

mod differential;

use std::process::ExitCode;

use differential::compare::{self, Outcome};
use differential::releases::{NOT_COMPARED, RELEASES, UNORDERED};
use differential::rules::NOT_ASKED;
use differential::theirs::Otp;
use supervisors::supervisor::planted::{self, FAULTS, Fault};

fn main() -> ExitCode {
    let Some(Arguments { seed, cases, record, replay, fault }) = arguments() else {
        eprintln!(
            "usage: otp_differential [--seed S] [--cases N] [--fault NAME | --record FILE | --replay FILE]"
        );
        return ExitCode::from(2);
    };
    if let Some(file) = replay {
        return replay_file(&file);
    }
    let Some(mut otp) = Otp::start() else {
        eprintln!("no Erlang here: `escript` cannot be started (Debian: erlang-base)");
        return ExitCode::from(3);
    };
    if let Some(file) = record {
        let text = compare::record(&mut otp, seed..seed + cases);
        return match std::fs::write(&file, text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("cannot write {file}: {error}");
                ExitCode::from(2)
            }
        };
    }
    println!("OTP {}, seeds {seed} to {}", otp.release, seed + cases.saturating_sub(1));
    let mut compare = || compare::compare(&mut otp, seed..seed + cases);
    let outcome = match fault {
        Some(fault) => planted::with(fault, compare),
        None => compare(),
    };
    tell(&outcome, otp.release)
}

/// The tables, the differences, the sums.
fn tell(outcome: &Outcome, release: u32) -> ExitCode {
    println!("rule, hits");
    outcome.hits.iter().for_each(|(rule, hits)| println!("OTP-{rule:03}, {hits}"));
    println!("not asked for, of sections B to O:");
    NOT_ASKED.iter().for_each(|(rule, why)| println!("OTP-{rule:03}: {why}"));
    println!("compared without order:");
    UNORDERED.iter().for_each(|(rule, what)| println!("OTP-{rule:03}: {what}"));
    println!("not compared or not drawn:");
    NOT_COMPARED.iter().for_each(|(rule, what)| println!("OTP-{rule:03}: {what}"));
    println!("rules of the newest release that older ones do not have:");
    for differs in RELEASES {
        let since =
            differs.since.map_or_else(|| "no release has it".to_owned(), |it| format!("since OTP {it}"));
        let cases = outcome.adapted.get(&differs.rule).unwrap_or(&0);
        println!("OTP-{:03}, {since}, mattered in {cases} cases; before: {}", differs.rule, differs.before);
    }
    outcome.told.iter().for_each(|difference| println!("{difference}"));
    println!("{} lines of traces compared", outcome.lines);
    println!("{} cases adapted to OTP {release}", outcome.adapted_cases);
    finish(outcome.cases, outcome.differences)
}

fn finish(cases: u64, differences: usize) -> ExitCode {
    println!("{cases} cases, {differences} differences");
    if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compares with a recording instead of a running OTP.
fn replay_file(file: &str) -> ExitCode {
    match std::fs::read_to_string(file).map(|text| compare::replay(&text)) {
        Ok(Ok((outcome, release))) => tell(&outcome, release),
        Ok(Err(error)) => {
            eprintln!("{file}: {error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("cannot read {file}: {error}");
            ExitCode::from(2)
        }
    }
}

struct Arguments {
    seed: u64,
    cases: u64,
    record: Option<String>,
    replay: Option<String>,
    fault: Option<Fault>,
}

fn arguments() -> Option<Arguments> {
    let mut found =
        Arguments { seed: 1, cases: differential::CASES, record: None, replay: None, fault: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--seed" => found.seed = value.parse().ok()?,
            "--cases" => found.cases = value.parse().ok()?,
            "--record" => found.record = Some(value),
            "--replay" => found.replay = Some(value),
            "--fault" => found.fault = Some(FAULTS.into_iter().find(|fault| format!("{fault:?}") == value)?),
            _ => return None,
        }
    }
    Some(found)
}
