//! Part 8: client 4.0. `get_poetry` returns a Deferred.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use verse::deferred::{Deferred, Failure};
use verse::reactor::programs::{GetOptions, fetch_poetry};
use verse::reactor::{PollerKind, Reactor};

mod series;
use series::{Args, Outcome, Program, Servers, nobody, print_stack};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "client-4",
            about: "poems and errors counted; stops when all are done: [POEMS]",
            run: client_4,
        },
        Program { name: "stack", about: "who calls a callback of a Deferred: [POEMS]", run: stack },
        Program { name: "block", about: "a blocking callback blocks, Deferred or not: [MILLIS]", run: block },
        Program {
            name: "timeout",
            about: "exercise: fails with an error of our own, and closes: [MILLIS]",
            run: timeout,
        },
        Program {
            name: "name-the-server",
            about: "exercise: a failed download names its server: [POEMS]",
            run: name_the_server,
        },
    ])
}

/// Fetches from all, with `each` added to each Deferred, and counts.
fn fetch(
    addresses: &[SocketAddr],
    each: impl Fn(&Reactor, SocketAddr, Deferred<Bytes>) -> Deferred<Bytes>,
) -> Outcome {
    let reactor = Reactor::new(PollerKind::default())?;
    let poems = Rc::new(RefCell::new(Vec::new()));
    let errors = Rc::new(Cell::new(0));
    let all = addresses.len();
    for address in addresses {
        let (got, failed) = (Rc::clone(&poems), Rc::clone(&errors));
        let (kept, count, stopping) = (Rc::clone(&poems), Rc::clone(&errors), reactor.clone());
        let poem = each(&reactor, *address, fetch_poetry(&reactor, *address, &GetOptions::default()));
        poem.map(move |poem| got.borrow_mut().push(poem))
            .add_errback(move |failure| {
                println!("Poem failed: {failure}");
                failed.set(failed.get() + 1);
            })
            .add_both(move |_| {
                if kept.borrow().len() + count.get() == all {
                    // Running, and stopped by nobody else.
                    let _ = stopping.stop();
                }
            });
    }
    if all > 0 {
        reactor.run()?;
    }
    for poem in poems.take() {
        println!("{} bytes of poetry", poem.len());
    }
    println!("{} poems, {} errors", all - errors.get(), errors.get());
    Ok(())
}

fn client_4(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 2)?)?;
    let mut addresses = servers.addresses.clone();
    addresses.push(nobody()?);
    fetch(&addresses, |_, _, poem| poem)
}

fn stack(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 1)?)?;
    fetch(&servers.addresses, |_, _, poem| {
        poem.add_callback(|poem| {
            print_stack();
            poem
        })
    })
}

/// The second callback holds everything up: the loop runs in this very thread.
fn block(args: &Args) -> Outcome {
    let nap = Duration::from_millis(args.number(0, 200)?);
    let reactor = Reactor::new(PollerKind::default())?;
    let (handle, clock) = (reactor.clone(), reactor.clone());
    let late = Rc::new(Cell::new(Duration::ZERO));
    let noted = Rc::clone(&late);
    reactor.call_when_running(move || {
        let deferred = Deferred::<()>::new();
        deferred.add_callback(|()| println!("first callback"));
        deferred.add_callback(move |()| {
            println!("second callback: blocks for {nap:?}");
            std::thread::park_timeout(nap);
        });
        deferred.add_callback(|()| println!("third callback"));
        let (began, now) = (clock.now(), clock.clone());
        // Due in a millisecond, and not called before the callbacks are through.
        clock.call_later(Duration::from_millis(1), move || {
            noted.set(now.now() - began);
            handle.stop()
        });
        println!("Before firing.");
        let fired = deferred.callback(());
        println!("After firing.");
        fired
    });
    reactor.run()?;
    println!("a call due in 1 ms waited for {} ms at least: {}", nap.as_millis(), late.get() >= nap);
    Ok(())
}

/// An error of our own.
#[derive(Debug)]
struct TookTooLong;

impl fmt::Display for TookTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "took too long")
    }
}

impl Error for TookTooLong {}

/// The time-out cancels the Deferred, and its canceller closes the connection.
fn timeout(args: &Args) -> Outcome {
    let limit = Duration::from_millis(args.number(0, 2000)?);
    let (slow, stuck) = (Servers::slow(1)?, Servers::stuck(1)?);
    fetch(&[slow.addresses[0], stuck.addresses[0]], |reactor, _, poem| {
        poem.add_timeout_with(limit, reactor, |result, _| result.map_err(|_| Failure::new(TookTooLong)))
    })
}

/// What the errback needs to know it captures.
fn name_the_server(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 1)?)?;
    let culprit = nobody()?;
    let named = Rc::new(Cell::new(false));
    let noted = Rc::clone(&named);
    let mut addresses = servers.addresses.clone();
    addresses.push(culprit);
    fetch(&addresses, move |_, address, poem| {
        let noted = Rc::clone(&noted);
        poem.add_errback(move |failure| {
            println!("the culprit is {address}");
            noted.set(address == culprit);
            Err::<Bytes, _>(failure)
        })
    })?;
    println!("of {} servers the right one was named: {}", addresses.len(), named.get());
    Ok(())
}
