//! Part 10: poetry transformed. An engine that sometimes fails, and the two ways to deal with that.
//!
//! The two clients ask real servers, at least one of their own; `chain-5` and `chain-5.1` are their chains by themselves,
//! fired by hand.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::rc::Rc;

use fastrand::Rng;
use verse::deferred::simulator::{Pair, Simulation, narrow};
use verse::deferred::{Deferred, Failure};
use verse::reactor::programs::{GetOptions, fetch_poetry};
use verse::reactor::{PollerKind, Reactor};

mod series;
use series::{Args, Outcome, Program, Servers};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "cummingsify",
            about: "the algorithm in its entirety: [TIMES]",
            run: cummingsify_only,
        },
        Program {
            name: "client-5",
            about: "the engine fails at random; errors caught in the callback: [SEED [[HOST:]PORT...]]",
            run: client_5,
        },
        Program {
            name: "client-5.1",
            about: "the same; an errback checks for the error, which carries the poem: [SEED [[HOST:]PORT...]]",
            run: client_5_1,
        },
        Program {
            name: "chain-5",
            about: "the chain of 5.0 by itself: [0 works, 1 gibberish, 2 value error]",
            run: chain_of_5,
        },
        Program {
            name: "chain-5.1",
            about: "the chain of 5.1 by itself: [0, 1 or 2, as above]",
            run: chain_of_5_1,
        },
        Program { name: "random", about: "as in the series, at random, 300 times: [SEED]", run: random },
        Program { name: "no-server", about: "the download itself fails: [POEMS]", run: no_server },
        Program {
            name: "firings-5",
            about: "exercise: the four firings of 5.0, drawn: [WHICH, from 0]",
            run: firings_5,
        },
        Program {
            name: "firings-5.1",
            about: "exercise: the four firings of 5.1, drawn: [WHICH, from 0]",
            run: firings_5_1,
        },
    ])
}

const POEM: &str = "Once Upon A Midnight Dreary";

#[derive(Debug)]
struct Gibberish;

impl fmt::Display for Gibberish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is no poem")
    }
}

impl Error for Gibberish {}

/// Any other bug of the engine.
#[derive(Debug)]
struct CornerCase;

impl fmt::Display for CornerCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a corner case")
    }
}

impl Error for CornerCase {}

/// The error of client 5.1: it carries the poem.
#[derive(Debug)]
struct CannotCummingsify(String);

impl fmt::Display for CannotCummingsify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot cummingsify {} bytes", self.0.len())
    }
}

impl Error for CannotCummingsify {}

fn cummingsify(poem: &str) -> String {
    poem.to_lowercase()
}

/// The engine of the professor, with its luck told beforehand.
fn engine(poem: &str, luck: u64) -> Result<String, Failure> {
    match luck {
        0 => Ok(cummingsify(poem)),
        1 => Err(Gibberish)?,
        _ => Err(CornerCase)?,
    }
}

/// What was printed last.
type Last = Rc<RefCell<String>>;

fn say(last: &Last, line: &str) {
    println!("{line}");
    line.clone_into(&mut last.borrow_mut());
}

/// The end of both chains: a poem is printed, a failure is told.
fn finish(transformed: &Deferred<String>) -> Last {
    let last = Last::default();
    let (got, failed) = (Rc::clone(&last), Rc::clone(&last));
    transformed.add_callbacks(
        move |poem: String| {
            say(&got, &poem);
            poem
        },
        move |_| {
            say(&failed, "The poem download failed.");
            String::new()
        },
    );
    last
}

/// Client 5.0: `try_to_cummingsify` catches what is not gibberish, the Deferred never sees it.
fn chain_5(downloaded: &Deferred<String>, luck: u64) -> Last {
    downloaded.add_callback(move |poem| match engine(&poem, luck) {
        Err(failure) if failure.check::<Gibberish>().is_none() => {
            println!("Cummingsify failed!");
            Ok(poem)
        }
        other => other,
    });
    finish(downloaded)
}

/// Client 5.1: the Deferred catches both, and an errback makes the one good again.
fn chain_5_1(downloaded: &Deferred<String>, luck: u64) -> Last {
    downloaded.add_callback(move |poem| {
        engine(&poem, luck).map_err(|failure| match failure.check::<CornerCase>() {
            Some(_) => CannotCummingsify(poem).into(),
            None => failure,
        })
    });
    downloaded.add_errback(|failure| {
        if let Some(CannotCummingsify(poem)) = failure.check() {
            println!("Cummingsify failed!");
            return Ok(poem.clone());
        }
        Err(failure)
    });
    finish(downloaded)
}

fn cummingsify_only(args: &Args) -> Outcome {
    let poem = POEM.repeat(usize::try_from(args.number(0, 1)?)?);
    println!("{}", cummingsify(&poem));
    Ok(())
}

/// Client 5.0 or 5.1, whole: asks all servers at once, transforms each poem as chance has it, and stops when poems and
/// errors are as many as servers. Chance is drawn before, a number a server, so that a seed tells how it ends whichever
/// poem comes first.
fn client(args: &Args, chain: fn(&Deferred<String>, u64) -> Last) -> Outcome {
    let mut rng = Rng::with_seed(args.number(0, 2)?);
    let ours = Servers::slow(1)?;
    let servers = match args.servers(1)? {
        named if named.is_empty() => ours.targets(),
        named => named,
    };
    let reactor = Reactor::new(PollerKind::default())?;
    // In lower case, as they were, failed.
    let (outcomes, all) = (Rc::new(Cell::new([0; 3])), servers.len());
    for server in servers {
        let poem = fetch_poetry(&reactor, server, &GetOptions::default())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let last = chain(&poem, rng.u64(..3));
        let (outcomes, stopping) = (Rc::clone(&outcomes), reactor.clone());
        poem.add_both(move |result| {
            let mut counted = outcomes.get();
            counted[outcome(&last.borrow())] += 1;
            outcomes.set(counted);
            if counted.iter().sum::<usize>() == all {
                stopping.stop()?;
            }
            result
        });
    }
    reactor.run()?;
    let [lower, original, failed] = outcomes.get();
    println!("{lower} in lower case, {original} as they were, {failed} failed");
    Ok(())
}

/// Which of the three, by what was printed last.
fn outcome(last: &str) -> usize {
    match last {
        "The poem download failed." => 2,
        poem if poem == poem.to_lowercase() => 0,
        _ => 1,
    }
}

fn client_5(args: &Args) -> Outcome {
    client(args, chain_5)
}

fn client_5_1(args: &Args) -> Outcome {
    client(args, chain_5_1)
}

fn chain_of_5(args: &Args) -> Outcome {
    let poem = Deferred::new();
    let _last = chain_5(&poem, args.number(0, 0)?);
    Ok(poem.callback(POEM.to_owned())?)
}

fn chain_of_5_1(args: &Args) -> Outcome {
    let poem = Deferred::new();
    let _last = chain_5_1(&poem, args.number(0, 0)?);
    Ok(poem.callback(POEM.to_owned())?)
}

fn random(args: &Args) -> Outcome {
    let mut rng = Rng::with_seed(args.number(0, 1)?);
    let mut outcomes = [0; 3];
    for _ in 0..300 {
        let poem = Deferred::new();
        let luck = rng.u64(..3);
        let last = if rng.bool() { chain_5(&poem, luck) } else { chain_5_1(&poem, luck) };
        poem.callback(POEM.to_owned())?;
        outcomes[outcome(&last.borrow())] += 1;
    }
    let [lower, original, failed] = outcomes;
    println!("{lower} in lower case, {original} as they were, {failed} failed");
    Ok(())
}

fn no_server(args: &Args) -> Outcome {
    let poems = args.number(0, 1)?;
    let mut failed = 0;
    for number in 0..poems {
        let poem = Deferred::new();
        let last = if number % 2 == 0 { chain_5(&poem, 0) } else { chain_5_1(&poem, 0) };
        poem.errback(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))?;
        failed += u64::from(*last.borrow() == "The poem download failed.");
    }
    println!("{failed} of {poems} downloads failed");
    Ok(())
}

const FIRINGS_5: [&str; 4] = [
    include_str!("simulator/client-5.0-transformed.txt"),
    include_str!("simulator/client-5.0-gibberish.txt"),
    include_str!("simulator/client-5.0-cannot-transform.txt"),
    include_str!("simulator/client-5.0-no-connection.txt"),
];
const FIRINGS_5_1: [&str; 4] = [
    include_str!("simulator/client-5.1-transformed.txt"),
    include_str!("simulator/client-5.1-gibberish.txt"),
    include_str!("simulator/client-5.1-cannot-transform.txt"),
    include_str!("simulator/client-5.1-no-connection.txt"),
];

fn draw(inputs: [&str; 4], which: u64) -> Outcome {
    let input = inputs.get(usize::try_from(which)?).ok_or("there are four, counted from 0")?;
    let chain = input.lines().map(Pair::parse).collect::<Result<Vec<_>, _>>()?;
    let simulation = Simulation::of(chain);
    println!("{}", narrow(&simulation));
    // Without a connection it is the errback's side that is fired.
    let firing = if which == 3 { &simulation.errback } else { &simulation.callback };
    let moves: Vec<_> = firing.moves.iter().map(ToString::to_string).collect();
    println!("{}", moves.join(" > "));
    Ok(())
}

fn firings_5(args: &Args) -> Outcome {
    draw(FIRINGS_5, args.number(0, 0)?)
}

fn firings_5_1(args: &Args) -> Outcome {
    draw(FIRINGS_5_1, args.number(0, 0)?)
}
