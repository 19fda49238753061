//! Random supervision trees and scripts, run on the installed OTP's own `supervisor` and on ours: the traces must be
//! equal, line by line.
//!
//! `cargo run --release -p supervisors --example otp_differential -- --seed S --cases N`
//!
//! The last line is `N cases, D differences`. Exit code 1 if there are differences, 3 if there is no Erlang, 2 for bad
//! arguments.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

mod case;
mod generate;
mod ours;
mod theirs;

use std::process::ExitCode;

use case::Case;
use theirs::Otp;

fn main() -> ExitCode {
    let Some((seed, cases)) = arguments() else {
        eprintln!("usage: otp_differential [--seed S] [--cases N]");
        return ExitCode::from(2);
    };
    let Some(mut otp) = Otp::start() else {
        eprintln!("no Erlang here: `escript` cannot be started (Debian: erlang-base)");
        return ExitCode::from(3);
    };
    let release: u32 = otp.release.parse().expect("a release is a number");
    println!("OTP {release}, seeds {seed} to {}", seed + cases.saturating_sub(1));
    let mut differences = 0;
    let mut lines = 0;
    for seed in seed..seed + cases {
        let case = generate::case(seed);
        let (theirs, ours) = both(&case, &mut otp, release);
        lines += theirs.len();
        if theirs != ours {
            differences += 1;
            if differences <= 3 {
                report(seed, case, &mut otp, release);
            }
        }
    }
    println!("{lines} lines of traces compared");
    println!("{cases} cases, {differences} differences");
    if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

fn arguments() -> Option<(u64, u64)> {
    let (mut seed, mut cases) = (1, 1000);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next()?.parse().ok()?;
        match name.as_str() {
            "--seed" => seed = value,
            "--cases" => cases = value,
            _ => return None,
        }
    }
    Some((seed, cases))
}

/// Prints the smallest case found that still differs, with both traces.
fn report(seed: u64, case: Case, otp: &mut Otp, release: u32) {
    let case = generate::shrink(case, &mut |case| {
        let (theirs, ours) = both(case, otp, release);
        theirs != ours
    });
    println!(
        "--- seed {seed} differs; smallest case, as a line for otp.escript:\n{case}\nand in Rust:\n{case:#?}"
    );
    let (theirs, ours) = both(&case, otp, release);
    for number in 0..theirs.len().max(ours.len()) {
        let (left, right) = (theirs.get(number), ours.get(number));
        let mark = if left == right { ' ' } else { '!' };
        let show = |line: Option<&String>| line.cloned().unwrap_or_default();
        println!("{mark} {:<60} | {}", show(left), show(right));
    }
}
