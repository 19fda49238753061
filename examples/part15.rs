//! Part 15: tested poetry. Tests that return a Deferred, run as trial runs them: each on a reactor of its own, with a limit,
//! and with an eye on what it leaves behind.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::Cell;
use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use verse::deferred::trial::Trial;
use verse::deferred::{Deferred, Failure, fail, succeed};
use verse::reactor::programs::{
    GetError, GetOptions, ProxyOptions, ServeOptions, ServerEvent, TransformOptions, apply_transform,
    fetch_poetry, serve_poem, serve_proxy, serve_transforms,
};
use verse::reactor::{ConnectFailure, PollerKind, Port, Reactor};
use verse::transform::TransformService;

mod series;
use series::{Args, Outcome, Program, nobody};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "poetry-tests",
            about: "the right poem arrives, a refused connection is told: [TESTS, the first so many]",
            run: poetry_tests,
        },
        Program {
            name: "failing",
            about: "exercise: a test made to fail, to see what is printed: [0 fails, 1 too slow, 2 dirty, 3 unhandled]",
            run: failing,
        },
        Program {
            name: "other-services",
            about: "exercise: tests of the transform service and of the proxy: [TESTS, the first so many]",
            run: other_services,
        },
    ])
}

/// Trial's own limit is 120 s of a test; none of these takes a second, but for the one that is to show it.
const LIMIT: Duration = Duration::from_secs(30);

const POEM: &[u8] = b"This is a test.\nThis is only a test.\n";

/// A test gets a reactor and returns a Deferred; what it leaves on the reactor is seen.
type Test = (&'static str, fn(&Reactor) -> Result<Deferred<()>, Failure>);

/// Runs a test, prints what trial prints of it, and says whether it passed.
fn run((name, test): Test, limit: Duration) -> Result<bool, Box<dyn Error>> {
    let reactor = Reactor::new(PollerKind::default())?;
    let trial = Trial::new().limit(limit).leftovers(|| reactor.leftovers());
    let verdict = trial.run(&reactor, || test(&reactor).unwrap_or_else(fail));
    match &verdict {
        Ok(()) => println!("  {name} ... [OK]"),
        Err(verdict) => println!("  {name} ... [FAIL]\n    {verdict}"),
    }
    Ok(verdict.is_ok())
}

/// How many there were of each kind.
fn summary(passed: &[bool]) {
    let well = passed.iter().filter(|well| **well).count();
    println!("Ran {} tests", passed.len());
    match passed.len() - well {
        0 => println!("PASSED (successes={well})"),
        badly => println!("FAILED (failures={badly}, successes={well})"),
    }
}

fn first_of(tests: &[Test], args: &Args) -> Outcome {
    let count = usize::try_from(args.number(0, u64::try_from(tests.len())?)?)?;
    let chosen = tests.get(..count).ok_or_else(|| format!("there are {}", tests.len()))?;
    let passed = chosen.iter().map(|test| run(*test, LIMIT)).collect::<Result<Vec<_>, _>>()?;
    summary(&passed);
    Ok(())
}

/// What a test says when it got something else.
fn expect(holds: bool, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::new(what.to_owned())) }
}

/// A server of the poem, on any free port.
fn serve(reactor: &Reactor) -> Result<Port, Failure> {
    Ok(serve_poem(reactor, Bytes::from_static(POEM), &ServeOptions::default(), |_| ())?)
}

/// Closes the ports when the test is over, however it ended, and waits until the servers' ends of the connections are
/// closed as well: what the series has a tearDown for.
fn closing(reactor: &Reactor, test: &Deferred<()>, ports: Vec<Port>) -> Deferred<()> {
    let reactor = reactor.clone();
    test.add_both(move |outcome| {
        ports.iter().for_each(Port::stop_listening);
        let closed = Deferred::new();
        let quiet = closed.clone();
        reactor.when_quiet(move || quiet.fire(outcome));
        closed
    })
}

fn right_poem(reactor: &Reactor) -> Result<Deferred<()>, Failure> {
    let port = serve(reactor)?;
    let poem = fetch_poetry(reactor, port.host(), &GetOptions::default());
    Ok(closing(reactor, &poem.then(|poem| expect(poem == POEM, "another poem came")), vec![port]))
}

/// Nobody listens: the client is told so, by an error of the right kind.
fn refused(reactor: &Reactor) -> Result<Deferred<()>, Failure> {
    let address = nobody().map_err(|error| Failure::new(error.to_string()))?;
    let poem = fetch_poetry(reactor, address, &GetOptions::default());
    Ok(poem.then_both(|outcome| {
        let failure = outcome.err().ok_or_else(|| Failure::new("a poem came from nobody"))?;
        let refused = failure
            .check::<GetError>()
            .is_some_and(|error| matches!(error, GetError::Connect { source: ConnectFailure::Refused, .. }));
        expect(refused, "it failed in another way")
    }))
}

fn poetry_tests(args: &Args) -> Outcome {
    first_of(&[("test_client", right_poem), ("test_failure", refused)], args)
}

fn wrong_poem(reactor: &Reactor) -> Result<Deferred<()>, Failure> {
    let port = serve(reactor)?;
    let poem = fetch_poetry(reactor, port.host(), &GetOptions::default());
    Ok(closing(reactor, &poem.then(|poem| expect(poem == "another", "another poem came")), vec![port]))
}

/// A Deferred that nobody fires, and a timer that would outlast the limit.
fn never(reactor: &Reactor) -> Result<Deferred<()>, Failure> {
    reactor.call_later(Duration::from_secs(3600), || ());
    Ok(Deferred::new())
}

fn leaves_a_port(reactor: &Reactor) -> Result<Deferred<()>, Failure> {
    let port = serve(reactor)?;
    Ok(fetch_poetry(reactor, port.host(), &GetOptions::default()).map(drop))
}

fn forgets_a_failure(_reactor: &Reactor) -> Result<Deferred<()>, Failure> {
    drop(fail::<()>(Failure::new("nobody handles this")));
    Ok(succeed(()))
}

/// A test without a mistake, and one of four with.
fn failing(args: &Args) -> Outcome {
    let mistakes: [Test; 4] = [
        ("test_wrong_poem", wrong_poem),
        ("test_never", never),
        ("test_leaves_a_port", leaves_a_port),
        ("test_forgets_a_failure", forgets_a_failure),
    ];
    let which = usize::try_from(args.number(0, 0)?)?;
    let wrong = *mistakes.get(which).ok_or("there are four, counted from 0")?;
    let limit = if which == 1 { Duration::from_millis(500) } else { LIMIT };
    let passed = [run(("test_client", right_poem), LIMIT)?, run(wrong, limit)?];
    summary(&passed);
    println!("{} passed: {}", wrong.0, passed[1]);
    Ok(())
}

fn transform_service(reactor: &Reactor) -> Result<Deferred<()>, Failure> {
    let port = serve_transforms(reactor, TransformService::default(), &TransformOptions::default(), |_| ())?;
    let poem = Bytes::from_static(POEM);
    let answer = apply_transform(reactor, port.host(), "cummingsify", &poem, &GetOptions::default());
    Ok(closing(
        reactor,
        &answer.then(|got| expect(got == POEM.to_ascii_lowercase(), "not in lower case")),
        vec![port],
    ))
}

/// An unknown transformation gets no answer at all: the connection is closed.
fn unknown_transform(reactor: &Reactor) -> Result<Deferred<()>, Failure> {
    let port = serve_transforms(reactor, TransformService::default(), &TransformOptions::default(), |_| ())?;
    let poem = Bytes::from_static(POEM);
    let answer = apply_transform(reactor, port.host(), "nosuch", &poem, &GetOptions::default());
    Ok(closing(reactor, &answer.then_both(|got| expect(got.is_err(), "there was an answer")), vec![port]))
}

/// Asked twice, the proxy asks once.
fn proxy_asks_once(reactor: &Reactor) -> Result<Deferred<()>, Failure> {
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    let sink =
        move |event: &ServerEvent| count.set(count.get() + u32::from(matches!(event, ServerEvent::Asked(_))));
    let upstream = serve_poem(reactor, Bytes::from_static(POEM), &ServeOptions::default(), sink)?;
    let proxy = serve_proxy(reactor, upstream.host(), &ProxyOptions::default(), |_| ())?;
    let (again, to) = (reactor.clone(), proxy.host());
    let twice = fetch_poetry(reactor, to, &GetOptions::default())
        .then(move |_| fetch_poetry(&again, to, &GetOptions::default()))
        .then(move |poem| {
            expect(poem == POEM, "another poem came")?;
            expect(asked.get() == 1, "the server was asked again")
        });
    Ok(closing(reactor, &twice, vec![upstream, proxy]))
}

fn other_services(args: &Args) -> Outcome {
    let tests: [Test; 3] = [
        ("test_transform", transform_service),
        ("test_unknown_transform", unknown_transform),
        ("test_proxy_asks_once", proxy_asks_once),
    ];
    first_of(&tests, args)
}
