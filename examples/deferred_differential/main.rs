//! Random programs over deferreds, run here and on the real Twisted; their traces must be equal.
//!
//! `cargo run --release --example deferred_differential -- --seed 1 --cases 10000`
//!
//! The last line is `N cases, D differences`. Exit code 0 without a difference, 1 with one, 2 for a bad argument, 3 without
//! Twisted. A program whose traces differ is made as short as it can be and printed in both languages. `--record FILE` writes
//! programs and Twisted's traces down; `--replay FILE` compares with those instead, on machines without Python.

#![allow(clippy::print_stdout, clippy::print_stderr)] // printing is its job

mod generate;
mod here;
mod print;
mod program;
mod record;
mod shrink;
mod there;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use program::{Program, Trace};
use there::There;

/// Differences printed in full; more are only counted.
const SHOWN: usize = 3;

struct Options {
    seed: u64,
    cases: u64,
    record: Option<PathBuf>,
    replay: Option<PathBuf>,
}

fn options() -> Result<Options, String> {
    let mut options = Options { seed: 1, cases: 1000, record: None, replay: None };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{name} {value}: not a whole number"));
        match name.as_str() {
            "--seed" => options.seed = number()?,
            "--cases" => options.cases = number()?,
            "--record" => options.record = Some(value.into()),
            "--replay" => options.replay = Some(value.into()),
            _ => {
                return Err(format!(
                    "{name}: no such option (--seed N, --cases N, --record FILE, --replay FILE)"
                ));
            }
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("deferred_differential: {error}");
            return ExitCode::from(2);
        }
    };
    // The panics of the programs are part of them.
    std::panic::set_hook(Box::new(|_| ()));
    let compared = match &options.replay {
        Some(file) => replay(file),
        None => match There::start() {
            Ok(mut there) => compare(&options, &mut there),
            Err(absent) => {
                eprintln!("deferred_differential: {absent}");
                return ExitCode::from(3);
            }
        },
    };
    match compared {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("deferred_differential: {error}");
            ExitCode::FAILURE
        }
    }
}

fn last(options: &Options) -> u64 {
    options.seed.wrapping_add(options.cases.saturating_sub(1))
}

fn compare(options: &Options, there: &mut There) -> std::io::Result<u64> {
    println!("against Twisted {}, seeds {} to {}", there.version(), options.seed, last(options));
    let mut record = options.record.as_deref().map(record::Writer::create).transpose()?;
    let mut differences = 0;
    for case in 0..options.cases {
        let seed = options.seed.wrapping_add(case);
        let program = generate::program(seed);
        let theirs = there.run(&program)?;
        if let Some(record) = &mut record {
            record.write(&program, &theirs)?;
        }
        if here::run(&program) != theirs {
            differences += 1;
            if differences <= SHOWN as u64 {
                show(seed, &program, there);
            }
        }
    }
    println!("{} cases, {differences} differences", options.cases);
    Ok(differences)
}

/// Compares with what was written down.
fn replay(file: &Path) -> std::io::Result<u64> {
    let recorded = record::read(file)?;
    let mut differences = 0;
    for (program, theirs) in &recorded {
        let ours = here::run(program);
        if ours != *theirs {
            differences += 1;
            println!("--- Rust\n{}\n--- traces (ours | Twisted's)", print::rust(program));
            beside(&ours, theirs);
        }
    }
    println!("{} cases, {differences} differences", recorded.len());
    Ok(differences)
}

/// Shrinks and prints a program whose traces differ.
fn show(seed: u64, program: &Program, there: &mut There) {
    let short = shrink::shrink(program, |one| there.run(one).is_ok_and(|theirs| theirs != here::run(one)));
    println!("\n=== seed {seed}: a difference, {} steps of {} left", short.ops.len(), program.ops.len());
    println!(
        "--- Rust\n{}\n--- Python\n{}\n--- traces (ours | Twisted's)",
        print::rust(&short),
        print::python(&short)
    );
    let theirs = there.run(&short).unwrap_or_default();
    beside(&here::run(&short), &theirs);
    println!("--- as data\n{}\n", serde_json::to_string(&short).unwrap_or_default());
}

fn beside(ours: &Trace, theirs: &Trace) {
    for at in 0..ours.len().max(theirs.len()) {
        let (a, b) = (ours.get(at).map_or("", String::as_str), theirs.get(at).map_or("", String::as_str));
        let mark = if a == b { ' ' } else { '*' };
        println!("{mark} {a:<45} | {b}");
    }
}
