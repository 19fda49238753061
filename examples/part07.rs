//! Part 7: an interlude, Deferred. Fired with a result, with an error, twice; and a loop that it stops.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::rc::Rc;

use verse::deferred::{AlreadyCalled, Deferred, Failure};
use verse::reactor::{PollerKind, Reactor};

mod series;
use series::{Args, Outcome, Program};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "defer-1", about: "fired with a result: [LINES]", run: defer_1 },
        Program { name: "defer-2", about: "fired with a failure: [NUMBER]", run: defer_2 },
        Program { name: "defer-3", about: "a plain error is wrapped into a failure: [NUMBER]", run: defer_3 },
        Program { name: "defer-4", about: "a result twice: [TIMES]", run: defer_4 },
        Program { name: "defer-5", about: "a result, then errors: [TIMES]", run: defer_5 },
        Program { name: "defer-6", about: "errors only: [TIMES]", run: defer_6 },
        Program { name: "defer-7", about: "an error, then results: [TIMES]", run: defer_7 },
        Program { name: "defer-8", about: "callback and errback each stop the loop: [LINES]", run: defer_8 },
        Program { name: "defer-9", about: "add_both stops the loop: [LINES]", run: defer_9 },
        Program {
            name: "poem-done",
            about: "exercise: what poem_done gets: [0 poem, 1 error]",
            run: poem_done,
        },
        Program {
            name: "defer-8-error",
            about: "exercise: the error side of defer-8: [NUMBER]",
            run: defer_8_error,
        },
        Program {
            name: "defer-9-error",
            about: "exercise: the error side of defer-9: [NUMBER]",
            run: defer_9_error,
        },
    ])
}

/// The error of all these programs.
#[derive(Debug)]
struct IHaveFailed(u64);

impl fmt::Display for IHaveFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I have failed (number {}).", self.0)
    }
}

impl Error for IHaveFailed {}

fn poem(lines: u64) -> String {
    (0..lines).map(|_| "This poem is short.\n").collect()
}

/// A Deferred with the usual pair on it.
fn served() -> Deferred<String> {
    let deferred = Deferred::new();
    deferred.add_callbacks(
        |poem: String| {
            print!("Your poem is served:\n{poem}");
            poem
        },
        |failure| {
            println!("No poetry for you: {failure}");
            String::new()
        },
    );
    deferred
}

fn defer_1(args: &Args) -> Outcome {
    let lines = args.number(0, 1)?;
    served().callback(poem(lines))?;
    println!("Finished, {lines} lines served.");
    Ok(())
}

fn defer_2(args: &Args) -> Outcome {
    let number = args.number(0, 1)?;
    served().errback(Failure::new(IHaveFailed(number)))?;
    println!("Finished without failure {number}.");
    Ok(())
}

fn defer_3(args: &Args) -> Outcome {
    let deferred = Deferred::<String>::new();
    deferred.add_errback(|failure| {
        println!("{failure:?}");
        let number = failure.check::<IHaveFailed>().map_or(0, |error| error.0);
        println!("No poetry for you, says the error {number} inside.");
        String::new()
    });
    // No Failure in sight: `errback` makes one of any error.
    deferred.errback(IHaveFailed(args.number(0, 1)?))?;
    Ok(())
}

/// Fires as often as asked for; `fire` is told which time it is.
fn again(args: &Args, fire: impl Fn(&Deferred<String>, u64) -> Result<(), AlreadyCalled>) -> Outcome {
    let times = args.number(0, 2)?;
    let deferred = served();
    let mut refused = 0;
    for time in 1..=times {
        if let Err(error) = fire(&deferred, time) {
            println!("{error}");
            refused += 1;
        }
    }
    println!("{times} times fired, {refused} times refused");
    Ok(())
}

fn defer_4(args: &Args) -> Outcome {
    again(args, |deferred, time| deferred.callback(format!("Result {time}\n")))
}

fn defer_5(args: &Args) -> Outcome {
    again(args, |deferred, time| match time {
        1 => deferred.callback("The only result\n".to_owned()),
        _ => deferred.errback(IHaveFailed(time)),
    })
}

fn defer_6(args: &Args) -> Outcome {
    again(args, |deferred, time| deferred.errback(IHaveFailed(time)))
}

fn defer_7(args: &Args) -> Outcome {
    again(args, |deferred, time| match time {
        1 => deferred.errback(IHaveFailed(time)),
        _ => deferred.callback(format!("Result {time}\n")),
    })
}

/// Runs a loop that fires a Deferred once it runs; what is added to it must stop the loop.
fn in_the_loop(fire: Result<String, Failure>, add: impl FnOnce(&Deferred<String>, &Reactor)) -> Outcome {
    let reactor = Reactor::new(PollerKind::default())?;
    let deferred = Deferred::<String>::new();
    add(&deferred, &reactor);
    reactor.call_when_running(move || deferred.fire(fire));
    Ok(reactor.run()?)
}

/// The same two lines in both: what Part 7 wants to be rid of.
fn stop_in_both(deferred: &Deferred<String>, reactor: &Reactor) {
    let (after_poem, after_error) = (reactor.clone(), reactor.clone());
    deferred.add_callbacks(
        move |poem: String| {
            print!("{poem}");
            after_poem.stop()?;
            Ok::<_, Failure>(poem)
        },
        move |failure| {
            println!("poem download failed\nI am terribly sorry\ntry again later? {failure}");
            after_error.stop()?;
            Ok::<_, Failure>(String::new())
        },
    );
}

/// One place that stops the loop, whatever came.
fn stop_in_one(deferred: &Deferred<String>, reactor: &Reactor) {
    let reactor = reactor.clone();
    deferred.add_callbacks(
        |poem: String| {
            print!("{poem}");
            poem
        },
        |failure| {
            println!("poem download failed\nI am terribly sorry\ntry again later? {failure}");
            String::new()
        },
    );
    deferred.add_both(move |result| {
        reactor.stop()?;
        result
    });
}

fn defer_8(args: &Args) -> Outcome {
    let lines = args.number(0, 1)?;
    in_the_loop(Ok(poem(lines)), stop_in_both)?;
    println!("The callback stopped the loop, after {lines} lines.");
    Ok(())
}

fn defer_9(args: &Args) -> Outcome {
    let lines = args.number(0, 1)?;
    in_the_loop(Ok(poem(lines)), stop_in_one)?;
    println!("poem_done stopped the loop, after {lines} lines.");
    Ok(())
}

fn defer_8_error(args: &Args) -> Outcome {
    let number = args.number(0, 1)?;
    in_the_loop(Err(IHaveFailed(number).into()), stop_in_both)?;
    println!("The errback stopped the loop, after failure {number}.");
    Ok(())
}

fn defer_9_error(args: &Args) -> Outcome {
    let number = args.number(0, 1)?;
    in_the_loop(Err(IHaveFailed(number).into()), stop_in_one)?;
    println!("poem_done stopped the loop, after failure {number}.");
    Ok(())
}

/// In Python both functions return None. A chain has one type here: what they return, poem_done gets.
fn poem_done(args: &Args) -> Outcome {
    let failing = args.number(0, 0)? == 1;
    let got = Rc::new(RefCell::new(String::new()));
    let note = Rc::clone(&got);
    let deferred = served();
    deferred.add_both(move |result| {
        *note.borrow_mut() = format!("{result:?}");
        result
    });
    deferred.fire(if failing { Err(IHaveFailed(1).into()) } else { Ok(poem(1)) })?;
    println!("poem_done got {}", got.take());
    Ok(())
}
