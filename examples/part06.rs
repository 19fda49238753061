//! Part 6: and then we took it higher. `get_poetry` with a callback, and then with an errback too.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use verse::deferred::Failure;
use verse::reactor::{
    CONNECT_TIMEOUT, ClientFactory, ConnectFailure, Connector, DelayedCall, Factory, Handled, PollerKind,
    Protocol, Raised, Reactor, Reason, Transport,
};

mod series;
use series::{Args, Outcome, Program, Servers, nobody};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "client-3", about: "3.0: the poem comes to a callback: [POEMS]", run: client_3 },
        Program {
            name: "client-3-waits",
            about: "3.0 and a failed connect: nobody is told; stops after 0.5 s: [SERVERS]",
            run: waits,
        },
        Program { name: "client-3.1", about: "3.1: a callback and an errback: [POEMS]", run: client_3_1 },
        Program { name: "failures", about: "what a failure knows: [MILLIS]", run: failures },
        Program {
            name: "timeout",
            about: "exercise: the errback gets an error of our own: [MILLIS]",
            run: timeout,
        },
        Program {
            name: "trap",
            about: "exercise: an errback that takes some failures only: [FAILURES]",
            run: trap,
        },
        Program {
            name: "order",
            about: "exercise: connecting fails after get_poetry has returned: [CALLS]",
            run: order,
        },
    ])
}

/// An error of our own, for the exercise.
#[derive(Debug)]
struct TookTooLong(Duration);

impl fmt::Display for TookTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no poem within {:?}", self.0)
    }
}

impl Error for TookTooLong {}

type Callback = Box<dyn FnOnce(Vec<u8>)>;
type Errback = Box<dyn FnOnce(Failure)>;

/// A factory that hands the poem over and knows nothing of what is done with it.
struct PoetryClientFactory {
    reactor: Reactor,
    /// Both taken when either is called.
    callback: RefCell<Option<Callback>>,
    errback: RefCell<Option<Errback>>,
    limit: Option<Duration>,
}

impl PoetryClientFactory {
    fn poem_finished(&self, poem: Vec<u8>) {
        self.errback.take();
        if let Some(callback) = self.callback.take() {
            callback(poem);
        }
    }

    /// Without an errback (3.0) nobody hears of it.
    fn poem_failed(&self, failure: Failure) {
        self.callback.take();
        if let Some(errback) = self.errback.take() {
            errback(failure);
        }
    }
}

#[derive(Clone)]
struct Shared(Rc<PoetryClientFactory>);

impl Factory for Shared {
    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        Some(Box::new(PoetryProtocol { factory: Rc::clone(&self.0), poem: Vec::new(), limit: None }))
    }
}

impl ClientFactory for Shared {
    fn client_connection_failed(&self, _connector: &Connector, reason: &ConnectFailure) {
        self.0.poem_failed(Failure::new(reason.clone()));
    }
}

struct PoetryProtocol {
    factory: Rc<PoetryClientFactory>,
    poem: Vec<u8>,
    limit: Option<DelayedCall>,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        if let Some(limit) = self.factory.limit {
            let (factory, transport) = (Rc::clone(&self.factory), transport.clone());
            self.limit = Some(self.factory.reactor.call_later(limit, move || {
                factory.poem_failed(Failure::new(TookTooLong(limit)));
                transport.lose_connection();
            }));
        }
        Ok(())
    }

    fn data_received(&mut self, _transport: &Transport, data: &[u8]) -> Handled {
        self.poem.extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        if let Some(limit) = self.limit.take() {
            let _ = limit.cancel();
        }
        if reason.is_done() {
            self.factory.poem_finished(std::mem::take(&mut self.poem));
        } else {
            self.factory.poem_failed(Failure::new(reason.clone()));
        }
    }
}

/// Client 3.1's function. With no `errback` it is client 3.0's.
fn get_poetry(
    reactor: &Reactor,
    address: SocketAddr,
    limit: Option<Duration>,
    callback: impl FnOnce(Vec<u8>) + 'static,
    errback: Option<Errback>,
) {
    let factory = PoetryClientFactory {
        reactor: reactor.clone(),
        callback: RefCell::new(Some(Box::new(callback))),
        errback: RefCell::new(errback),
        limit,
    };
    reactor.connect_tcp(address, Rc::new(Shared(Rc::new(factory))), CONNECT_TIMEOUT);
}

/// Fetches all, prints each failure, stops after the last.
fn fetch(
    addresses: &[SocketAddr],
    limit: Option<Duration>,
    errbacks: bool,
    stop_after: Option<Duration>,
) -> Outcome {
    let reactor = Reactor::new(PollerKind::default())?;
    let left = Rc::new(Cell::new(addresses.len()));
    let poems = Rc::new(Cell::new(0));
    let one_less: Rc<dyn Fn()> = {
        let (left, reactor) = (Rc::clone(&left), reactor.clone());
        Rc::new(move || {
            left.set(left.get() - 1);
            if left.get() == 0 {
                // Running, and stopped by nobody else.
                let _ = reactor.stop();
            }
        })
    };
    for address in addresses {
        let (got, poems, failed) = (Rc::clone(&one_less), Rc::clone(&poems), Rc::clone(&one_less));
        let callback = move |poem: Vec<u8>| {
            println!("{} bytes of poetry", poem.len());
            poems.set(poems.get() + 1);
            got();
        };
        let errback: Errback = Box::new(move |failure| {
            println!("Poem failed: {failure}");
            failed();
        });
        get_poetry(&reactor, *address, limit, callback, errbacks.then_some(errback));
    }
    if let Some(after) = stop_after {
        let handle = reactor.clone();
        reactor.call_later(after, move || handle.stop());
    }
    reactor.run()?;
    println!("Got {} of {} poems, still waiting for {}", poems.get(), addresses.len(), left.get());
    Ok(())
}

fn client_3(args: &Args) -> Outcome {
    fetch(&Servers::slow(args.number(0, 3)?.max(1))?.addresses, None, false, None)
}

/// In the series it waits for ever.
fn waits(args: &Args) -> Outcome {
    let nowhere = (0..args.number(0, 1)?).map(|_| nobody()).collect::<Result<Vec<_>, _>>()?;
    fetch(&nowhere, None, false, Some(Duration::from_millis(500)))
}

fn client_3_1(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 2)?)?;
    let mut addresses = servers.addresses.clone();
    addresses.insert(0, nobody()?);
    fetch(&addresses, None, true, None)
}

/// A failure: the error, its kind, and the place it was made.
fn failures(args: &Args) -> Outcome {
    let failure = Failure::new(TookTooLong(Duration::from_millis(args.number(0, 100)?)));
    println!("is it a refused connection? {}", failure.check::<ConnectFailure>().is_some());
    println!("is it a time-out of ours? {}", failure.check::<TookTooLong>().is_some());
    println!("made in {}", failure.place().file());
    println!("it says: {failure}");
    Ok(())
}

fn timeout(args: &Args) -> Outcome {
    let limit = Duration::from_millis(args.number(0, 2000)?);
    let (slow, stuck) = (Servers::slow(1)?, Servers::stuck(1)?);
    fetch(&[slow.addresses[0], stuck.addresses[0]], Some(limit), true, None)
}

/// As `except ConnectionRefusedError`: what is trapped is handled here, all else goes on.
fn trap(args: &Args) -> Outcome {
    let count = args.number(0, 2)?;
    let errback = |failure: Failure| -> Result<(), Failure> {
        let failure = failure.trap::<ConnectFailure>()?;
        println!("trapped: {failure}");
        Ok(())
    };
    let failures = (0..count).map(|n| match n % 2 {
        0 => Failure::new(ConnectFailure::Refused),
        _ => Failure::new(TookTooLong(Duration::from_secs(n))),
    });
    let went_on = failures
        .filter_map(|failure| errback(failure).err())
        .inspect(|failure| println!("went on: {failure}"))
        .count();
    println!("{went_on} of {count} failures went on");
    Ok(())
}

fn order(args: &Args) -> Outcome {
    let calls = args.number(0, 1)?.max(1);
    let reactor = Reactor::new(PollerKind::default())?;
    let (handle, address) = (reactor.clone(), nobody()?);
    let order = Rc::new(RefCell::new(String::new()));
    let told = Rc::clone(&order);
    reactor.call_when_running(move || {
        let left = Rc::new(Cell::new(calls));
        for _ in 0..calls {
            let (stopping, left, told) = (handle.clone(), Rc::clone(&left), Rc::clone(&told));
            let errback: Errback = Box::new(move |_| {
                println!("the connection has failed");
                told.borrow_mut().push_str(" failed");
                left.set(left.get() - 1);
                if left.get() == 0 {
                    // Running, and stopped by nobody else.
                    let _ = stopping.stop();
                }
            });
            get_poetry(&handle, address, None, |_| (), Some(errback));
        }
        println!("get_poetry has returned");
        told.borrow_mut().push_str(" returned");
        Ok::<(), Raised>(())
    });
    reactor.run()?;
    println!("the order:{}", order.borrow());
    Ok(())
}
