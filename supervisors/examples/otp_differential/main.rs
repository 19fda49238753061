//! Random supervision trees and scripts, run on the installed OTP's own `supervisor` and on ours: the traces must be
//! equal, line by line.
//!
//! `cargo run --release -p supervisors --example otp_differential -- --seed S --cases N`
//!
//! The last line is `N cases, D differences`. Exit code 1 if there are differences, 3 if there is no Erlang, 2 for bad
//! arguments.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

mod case;
mod compare;
mod generate;
mod ours;
mod theirs;

use std::process::ExitCode;

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
    println!("OTP {}, seeds {seed} to {}", otp.release, seed + cases.saturating_sub(1));
    let outcome = compare::compare(&mut otp, seed..seed + cases);
    outcome.told.iter().for_each(|difference| println!("{difference}"));
    let differences = outcome.differences;
    println!("{} lines of traces compared", outcome.lines);
    println!("{cases} cases, {differences} differences");
    if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
