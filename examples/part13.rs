//! Part 13: deferred all the way down. An outer Deferred waits for an inner one.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::process::ExitCode;

use verse::deferred::{Deferred, Failure};

mod series;
use series::{Args, Outcome, Program};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "defer-10",
            about: "with plain callbacks, and with one that returns a Deferred: [VALUE]",
            run: defer_10,
        },
        Program {
            name: "defer-10-errback",
            about: "exercise: an errback that returns a Deferred: [VALUE]",
            run: defer_10_errback,
        },
    ])
}

/// Three callbacks, each of which prints what it got; `second` stands in the middle.
fn chain(outer: &Deferred<u64>, second: impl FnOnce(u64) -> Deferred<u64> + 'static) {
    outer.add_callback(|got| {
        println!("callback_1 got {got}");
        got + 1
    });
    outer.add_callback(second);
    outer.add_callback(|got| {
        println!("callback_3 got {got}");
        got + 1
    });
}

fn defer_10(args: &Args) -> Outcome {
    let value = args.number(0, 1)?;
    println!("Here we have an asynchronous callback that is no such thing:");
    let plain = Deferred::new();
    chain(&plain, |got| {
        println!("callback_2 got {got}");
        verse::deferred::succeed(got + 1)
    });
    plain.callback(value)?;

    println!("And here one that returns a Deferred:");
    let (outer, inner) = (Deferred::new(), Deferred::new());
    let waits_for = inner.clone();
    chain(&outer, move |got| {
        println!("callback_2 got {got}, returns a Deferred that has not fired");
        waits_for
    });
    outer.callback(value)?;
    println!("The outer one waits: {}", outer.is_waiting());
    println!("Firing the inner one.");
    inner.callback(value * 100)?;
    let last =
        outer.take_result().ok_or("the outer one has no result")?.map_err(|failure| failure.to_string())?;
    println!("The outer one went on, to {last}");
    Ok(())
}

fn defer_10_errback(args: &Args) -> Outcome {
    let value = args.number(0, 1)?;
    let (outer, inner) = (Deferred::<u64>::new(), Deferred::new());
    let waits_for = inner.clone();
    outer.add_callback(|_| Err::<u64, _>(Failure::new("callback_1 failed")));
    outer.add_errback(move |failure| {
        println!("errback_2 got \"{failure}\", returns a Deferred that has not fired");
        waits_for
    });
    outer.add_callback(|got| {
        println!("callback_3 got {got}");
        got + 1
    });
    outer.callback(value)?;
    println!("The outer one waits: {}", outer.is_waiting());
    inner.callback(value * 100)?;
    let last =
        outer.take_result().ok_or("the outer one has no result")?.map_err(|failure| failure.to_string())?;
    println!("The outer one went on, to {last}");
    Ok(())
}
