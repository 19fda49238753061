//! Part 7: an interlude, Deferred. Fired with a result, with an error, twice; and a loop that it stops.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
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

/// What the usual pair was given: kept for the last line.
#[derive(Clone, Default)]
struct Seen(Rc<RefCell<String>>);

impl Seen {
    fn poem(&self, poem: &str) {
        *self.0.borrow_mut() = format!("{} lines", poem.lines().count());
    }

    fn failure(&self, failure: &Failure) {
        let number = failure.check::<IHaveFailed>().map_or(0, |error| error.0);
        *self.0.borrow_mut() = format!("failure {number}");
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.borrow())
    }
}

/// A Deferred with the usual pair on it.
fn served() -> (Deferred<String>, Seen) {
    let (deferred, seen) = (Deferred::new(), Seen::default());
    let (well, badly) = (seen.clone(), seen.clone());
    deferred.add_callbacks(
        move |poem: String| {
            print!("Your poem is served:\n{poem}");
            well.poem(&poem);
            poem
        },
        move |failure| {
            println!("No poetry for you: {failure}");
            badly.failure(&failure);
            String::new()
        },
    );
    (deferred, seen)
}

fn defer_1(args: &Args) -> Outcome {
    let (deferred, seen) = served();
    deferred.callback(poem(args.number(0, 1)?))?;
    println!("Finished, {seen} served.");
    Ok(())
}

fn defer_2(args: &Args) -> Outcome {
    let (deferred, seen) = served();
    deferred.errback(Failure::new(IHaveFailed(args.number(0, 1)?)))?;
    println!("Finished, {seen} handled.");
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
    let (deferred, _) = served();
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

/// Who stopped the loop.
type StoppedBy = Rc<Cell<&'static str>>;

/// The same two lines in both: what Part 7 wants to be rid of.
fn stop_in_both(deferred: &Deferred<String>, reactor: &Reactor) -> (Seen, StoppedBy) {
    let (seen, by) = (Seen::default(), Rc::new(Cell::new("Nobody")));
    let (after_poem, well, callback) = (reactor.clone(), seen.clone(), Rc::clone(&by));
    let (after_error, badly, errback) = (reactor.clone(), seen.clone(), Rc::clone(&by));
    deferred.add_callbacks(
        move |poem: String| {
            print!("{poem}");
            well.poem(&poem);
            callback.set("The callback");
            after_poem.stop()?;
            Ok::<_, Failure>(poem)
        },
        move |failure| {
            println!("poem download failed\nI am terribly sorry\ntry again later? {failure}");
            badly.failure(&failure);
            errback.set("The errback");
            after_error.stop()?;
            Ok::<_, Failure>(String::new())
        },
    );
    (seen, by)
}

/// One place that stops the loop, whatever came.
fn stop_in_one(deferred: &Deferred<String>, reactor: &Reactor) -> (Seen, StoppedBy) {
    let (seen, by) = (Seen::default(), Rc::new(Cell::new("Nobody")));
    let (well, badly) = (seen.clone(), seen.clone());
    let (reactor, poem_done) = (reactor.clone(), Rc::clone(&by));
    deferred.add_callbacks(
        move |poem: String| {
            print!("{poem}");
            well.poem(&poem);
            poem
        },
        move |failure| {
            println!("poem download failed\nI am terribly sorry\ntry again later? {failure}");
            badly.failure(&failure);
            String::new()
        },
    );
    deferred.add_both(move |result| {
        poem_done.set("poem_done");
        reactor.stop()?;
        result
    });
    (seen, by)
}

/// Runs a loop that fires a Deferred once it runs; what is added to it must stop the loop, and says so.
fn in_the_loop(
    fire: Result<String, Failure>,
    add: fn(&Deferred<String>, &Reactor) -> (Seen, StoppedBy),
) -> Outcome {
    let reactor = Reactor::new(PollerKind::default())?;
    let deferred = Deferred::<String>::new();
    let (seen, by) = add(&deferred, &reactor);
    reactor.call_when_running(move || deferred.fire(fire));
    reactor.run()?;
    println!("{} stopped the loop, after {seen}.", by.get());
    Ok(())
}

fn defer_8(args: &Args) -> Outcome {
    in_the_loop(Ok(poem(args.number(0, 1)?)), stop_in_both)
}

fn defer_9(args: &Args) -> Outcome {
    in_the_loop(Ok(poem(args.number(0, 1)?)), stop_in_one)
}

fn defer_8_error(args: &Args) -> Outcome {
    in_the_loop(Err(IHaveFailed(args.number(0, 1)?).into()), stop_in_both)
}

fn defer_9_error(args: &Args) -> Outcome {
    in_the_loop(Err(IHaveFailed(args.number(0, 1)?).into()), stop_in_one)
}

/// In Python both functions return None. A chain has one type here: what they return, poem_done gets.
fn poem_done(args: &Args) -> Outcome {
    let failing = args.number(0, 0)? == 1;
    let got = Rc::new(RefCell::new(String::new()));
    let note = Rc::clone(&got);
    let (deferred, _) = served();
    deferred.add_both(move |result| {
        *note.borrow_mut() = format!("{result:?}");
        result
    });
    deferred.fire(if failing { Err(IHaveFailed(1).into()) } else { Ok(poem(1)) })?;
    println!("poem_done got {}", got.take());
    Ok(())
}
