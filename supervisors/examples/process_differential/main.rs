//! Random programs of small processes (links, monitors, exit signals, names, calls, `gen_server`s), run on the installed
//! OTP and on our processes: the traces must be equal.
//!
//! `cargo run --release -p supervisors --example process_differential -- --seed S --cases N`
//!
//! With `--record FILE` the traces of the real OTP are written to a file instead, which the tests compare with ours where
//! there is no Erlang; `--replay FILE` is that comparison.
//!
//! It prints how often each rule was reached; the last line is `N cases, D differences`. Exit code 1 if there are
//! differences, 3 if there is no Erlang, 2 for bad arguments.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

#[allow(dead_code, reason = "only tests assert")]
mod programs;

use std::process::ExitCode;

use programs::compare;
use programs::rules::{LEFT_OPEN, REACHED};
use programs::theirs::Otp;

fn main() -> ExitCode {
    let Some(Arguments { seed, cases, record, replay }) = arguments() else {
        eprintln!("usage: process_differential [--seed S] [--cases N] [--record FILE | --replay FILE]");
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
    let outcome = compare::compare(&mut otp, seed..seed + cases);
    outcome.told.iter().for_each(|difference| println!("{difference}"));
    for (rule, what) in REACHED {
        println!("OTP-{rule} {:>7} times  {what}", outcome.hits.get(&rule).copied().unwrap_or(0));
    }
    LEFT_OPEN.iter().for_each(|(rule, what)| println!("left open by OTP-{rule}: {what}"));
    let (rule, count) = outcome.least();
    println!(
        "{} lines of traces compared; the rule reached least is OTP-{rule}, {count} times",
        outcome.lines
    );
    println!(
        "{} cases equal but for an order that nobody promises, {} but for how much one had seen when a signal ended it \
         (OTP-165)",
        outcome.reordered, outcome.early
    );
    let differences = outcome.differences;
    println!("{cases} cases, {differences} differences");
    if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compares with a recording instead of a running OTP.
fn replay_file(file: &str) -> ExitCode {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("cannot read {file}: {error}");
            return ExitCode::from(2);
        }
    };
    let (cases, difference) = compare::replay(&text);
    if let Some(difference) = &difference {
        println!("{difference}");
    }
    println!("{cases} cases, {} differences", usize::from(difference.is_some()));
    if difference.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Arguments {
    seed: u64,
    cases: u64,
    record: Option<String>,
    replay: Option<String>,
}

fn arguments() -> Option<Arguments> {
    let mut found = Arguments { seed: 1, cases: 3000, record: None, replay: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--seed" => found.seed = value.parse().ok()?,
            "--cases" => found.cases = value.parse().ok()?,
            "--record" => found.record = Some(value),
            "--replay" => found.replay = Some(value),
            _ => return None,
        }
    }
    Some(found)
}
