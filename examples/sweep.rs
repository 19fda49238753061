//! Sweeps seeds through the experiment with three hosts, or replays one.
//!
//! ```text
//! cargo run --release --features lab --example sweep -- --seeds 1000
//! cargo run --release --features lab --example sweep -- --replay 42
//! ```
//!
//! Also `--first SEED`, `--threads N`, `--clients N`, `--storm SECONDS`; and `--plant N` puts the N-th of five bugs into the
//! nodes, to see that it is found.
//!
//! The last line says whether all laws hold; the exit code is 0 if so, 1 if one was broken, 2 for a wrong argument. A
//! seed that breaks a law is printed with the command that replays it, which prints the chronicle of that run.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is its job")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use supervisors::lab::sweep;
use verse::lab::{Bug, ThreeNodes};

/// What was asked for.
struct Options {
    first: u64,
    seeds: u64,
    threads: usize,
    replay: Option<u64>,
    bug: Option<(u64, Bug)>,
    experiment: ThreeNodes,
}

fn options() -> Result<Options, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let experiment = ThreeNodes::new(0);
    let mut options = Options { first: 1, seeds: 100, threads, replay: None, bug: None, experiment };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name}: a number is missing"))?;
        let number: u64 = value.parse().map_err(|_| format!("{name}: '{value}' is no number"))?;
        let small = || usize::try_from(number).map_err(|_| format!("{name}: '{value}' is too large"));
        match name.as_str() {
            "--first" => options.first = number,
            "--seeds" => options.seeds = number,
            "--threads" => options.threads = small()?,
            "--replay" => options.replay = Some(number),
            "--clients" => options.experiment.clients = small()?,
            "--storm" => options.experiment.storm = Duration::from_secs(number),
            "--plant" => options.bug = Some((number, planted(number)?)),
            _ => {
                return Err(format!(
                    "{name}: there are --seeds, --first, --threads, --clients, --storm, --plant and --replay"
                ));
            }
        }
    }
    Ok(options)
}

/// The bug of this number, from 1.
fn planted(number: u64) -> Result<Bug, String> {
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let bug = index.and_then(|index| Bug::ALL.get(index).copied());
    bug.ok_or_else(|| format!("--plant: there are {} bugs, from 1", Bug::ALL.len()))
}

fn main() -> ExitCode {
    match options() {
        Ok(options) => match options.replay {
            Some(seed) => replay(ThreeNodes { seed, ..options.experiment }, options.bug),
            None => run(&options),
        },
        Err(error) => {
            eprintln!("sweep: {error}");
            ExitCode::from(2)
        }
    }
}

fn replay(experiment: ThreeNodes, bug: Option<(u64, Bug)>) -> ExitCode {
    let trial = experiment.run_with(bug.map(|(_, bug)| bug));
    print!("{}", trial.chronicle.text());
    for broken in &trial.outcome.broken {
        println!("BROKEN {broken}");
    }
    verdict(trial.outcome.broken.len())
}

#[allow(clippy::disallowed_methods, reason = "how fast it is on this machine is a matter of real time")]
fn run(options: &Options) -> ExitCode {
    let began = Instant::now();
    let (clients, storm) = (options.experiment.clients, options.experiment.storm.as_secs());
    let seeds = options.first..options.first.saturating_add(options.seeds);
    let (number, bug) = options.bug.unzip();
    let plant = number.map(|number| format!(" --plant {number}")).unwrap_or_default();
    let trial = |seed| ThreeNodes { seed, ..options.experiment }.run_with(bug).outcome;
    let summary = sweep(seeds, options.threads, trial, |seed, outcome| {
        for broken in &outcome.broken {
            println!("seed {seed} BROKEN {broken}");
        }
        if !outcome.broken.is_empty() {
            println!(
                "  cargo run --release --features lab --example sweep -- --clients {clients} --storm {storm}{plant} --replay {seed}"
            );
        }
    });
    print!("{}", summary.met);
    let (real, simulated) = (began.elapsed().as_secs_f64(), summary.simulated.as_secs_f64());
    println!("{} seeds in {real:.1} s: {:.0} simulated seconds a second", summary.seeds, simulated / real);
    for never in summary.met.never() {
        println!("never met: {never}");
    }
    verdict(summary.broken.len())
}

fn verdict(broken: usize) -> ExitCode {
    if broken == 0 {
        println!("all laws hold");
        return ExitCode::SUCCESS;
    }
    println!("laws are broken: {broken}");
    ExitCode::from(1)
}
