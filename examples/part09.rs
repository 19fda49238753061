//! Part 9: a second interlude, Deferred. What moves down the chain, and what becomes of a failure that nobody handles.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::process::ExitCode;

use verse::deferred::simulator::{Pair, Simulation, narrow, wide};
use verse::deferred::unhandled::Collected;
use verse::deferred::{Deferred, Failure};

mod series;
use series::{Args, Outcome, Program};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "simulator",
            about: "the deferred simulator, on a chain of ours (verse deferred takes any): [0 wide, 1 narrow]",
            run: simulator,
        },
        Program {
            name: "unhandled",
            about: "reported when the last handle goes: [DEFERREDS]",
            run: unhandled,
        },
        Program { name: "zigzag", about: "from line to line, a stage at a time: [STAGES]", run: zigzag },
        Program {
            name: "pairs",
            about: "exercise: added together, or one after the other: [0 together, 1 apart]",
            run: pairs,
        },
    ])
}

/// Fails in the first pair when called back, is good again behind the second: drawn side by side, or one below the other.
fn simulator(args: &Args) -> Outcome {
    let input = "f oops p\np r good-again\nr one-more r None";
    let chain = input.lines().map(Pair::parse).collect::<Result<Vec<_>, _>>()?;
    let simulation = Simulation::of(chain);
    let drawing = if args.number(0, 0)? == 1 { narrow(&simulation) } else { wide(&simulation) };
    println!("{drawing}");
    println!("{} lines of at most {} characters", drawing.lines().count(), width(&drawing));
    Ok(())
}

fn width(drawing: &str) -> usize {
    drawing.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// The report comes after "Finished": until then, somebody might have added an errback.
fn unhandled(args: &Args) -> Outcome {
    let count = args.number(0, 1)?;
    let reports = Collected::begin();
    let deferreds: Vec<_> = (0..count).map(|_| Deferred::<()>::new()).collect();
    for deferred in &deferreds {
        deferred.add_callback(|()| Err::<(), _>(Failure::new("oops")));
        deferred.callback(())?;
    }
    println!("Finished, {} reports.", reports.take().len());
    drop(deferreds);
    let told = reports.take();
    for report in &told {
        println!("{report}");
    }
    println!("the handles are gone: {} reports", told.len());
    Ok(())
}

/// Every stage fails if it was given a value, and handles it if it was given a failure.
fn zigzag(args: &Args) -> Outcome {
    let stages = args.number(0, 3)?;
    let deferred = Deferred::<u64>::new();
    for stage in 1..=stages {
        deferred.add_callbacks(
            move |value| {
                println!("stage {stage}: the callback got {value}, and fails");
                Err::<u64, _>(Failure::new(format!("stage {stage} failed")))
            },
            move |failure| {
                println!("stage {stage}: the errback got \"{failure}\", and handles it");
                stage
            },
        );
    }
    deferred.callback(0)?;
    match deferred.take_result() {
        Some(Err(failure)) => println!("at the end: a failure, {failure}"),
        Some(Ok(value)) => println!("at the end: a value, {value}"),
        None => println!("at the end: nothing"),
    }
    Ok(())
}

/// `add_callbacks(my_callback, my_errback)` against `add_callback(my_callback)` and `add_errback(my_errback)`.
fn pairs(args: &Args) -> Outcome {
    let input = match args.number(0, 0)? {
        0 => include_str!("simulator/part09-together.txt"),
        _ => include_str!("simulator/part09-apart.txt"),
    };
    let chain = input.lines().map(Pair::parse).collect::<Result<Vec<_>, _>>()?;
    let simulation = Simulation::of(chain);
    println!("{}", narrow(&simulation));
    let last = simulation.callback.moves.last().map(ToString::to_string);
    println!("when the callback fails, what is left is {}", last.unwrap_or_default());
    Ok(())
}
