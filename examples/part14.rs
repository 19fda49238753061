//! Part 14: when a Deferred isn't. Fired before anything is added, paused, sometimes synchronous.
//!
//! The proxies' service knows where a poem comes from, and no socket: the exercises about time put it on a test clock, the
//! proxies themselves on a reactor, between a poetry server and clients.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use verse::blocking;
use verse::deferred::{
    Clock, Deferred, Failure, Outcome as Answer, TestClock, defer_later, fail, maybe_deferred, succeed,
};
use verse::reactor::programs::{GetOptions, ProxyEvent, ProxyOptions, fetch_poetry, serve_transform_proxy};
use verse::reactor::{Handled, ListenOptions, PollerKind, Protocol, Reactor, Target, Transport, build_with};

mod series;
use series::{Args, Outcome, Program, Servers, Serving, nc, transform_request};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "defer-11", about: "callbacks added after it has fired: [CALLBACKS]", run: defer_11 },
        Program { name: "pause", about: "the same, held back until unpause: [CALLBACKS]", run: pause },
        Program {
            name: "proxy-1",
            about: "1.0: sometimes synchronous, by maybe_deferred: [CLIENTS]",
            run: proxy_1,
        },
        Program {
            name: "proxy-2",
            about: "2.0: always a Deferred, sometimes fired already: [CLIENTS]",
            run: proxy_2,
        },
        Program {
            name: "defer-11-errback",
            about: "exercise: failed before anything is added: [ERRBACKS]",
            run: errbacks,
        },
        Program {
            name: "two-hours",
            about: "exercise: an old poem is fetched again: [MINUTES between requests]",
            run: two_hours,
        },
        Program {
            name: "one-fetch",
            about: "exercise: early clients wait for one fetch: [CLIENTS]",
            run: one_fetch,
        },
        Program {
            name: "transform-proxy",
            about: "exercise: the transform protocol on both sides, answers remembered: [REQUESTS]",
            run: transform_proxy,
        },
    ])
}

fn defer_11(args: &Args) -> Outcome {
    let callbacks = args.number(0, 2)?;
    let (deferred, at_once) = (Deferred::new(), Rc::new(Cell::new(0)));
    deferred.callback(0)?;
    for number in 1..=callbacks {
        println!("adding callback {number}");
        let (ran, so_far) = (Rc::clone(&at_once), at_once.get());
        deferred.add_callback(move |got: u64| {
            println!("callback {number} runs at once, with {got}");
            ran.set(ran.get() + 1);
            got + 1
        });
        if at_once.get() == so_far {
            println!("callback {number} has not run");
        }
    }
    println!("done, after {} callbacks that ran when they were added", at_once.get());
    Ok(())
}

fn pause(args: &Args) -> Outcome {
    let callbacks = args.number(0, 2)?;
    let ran = Rc::new(Cell::new(0));
    let deferred = succeed(0);
    deferred.pause();
    for _ in 0..callbacks {
        let ran = Rc::clone(&ran);
        deferred.add_callback(move |got: u64| {
            ran.set(ran.get() + 1);
            got + 1
        });
    }
    println!("paused: {} of {callbacks} callbacks have run", ran.get());
    deferred.unpause();
    println!("unpaused: {} of {callbacks} callbacks have run", ran.get());
    Ok(())
}

fn errbacks(args: &Args) -> Outcome {
    let errbacks = args.number(0, 2)?;
    let at_once = Rc::new(Cell::new(0));
    let deferred = fail::<u64>(Failure::new("failed before it was returned"));
    for number in 1..=errbacks {
        let ran = Rc::clone(&at_once);
        deferred.add_errback(move |failure| {
            println!("errback {number} runs at once: {failure}");
            ran.set(ran.get() + 1);
            Err::<u64, _>(failure)
        });
    }
    let ran = Rc::clone(&at_once);
    deferred.add_errback(move |_| ran.get());
    match deferred.take_result() {
        Some(Ok(after)) => println!("handled by the errback after {after}"),
        other => println!("not handled: {other:?}"),
    }
    Ok(())
}

/// What the series keeps in a proxy: a poem, and how to have it fetched.
struct ProxyService {
    clock: Rc<dyn Clock>,
    fetch: Box<dyn Fn() -> Deferred<Bytes>>,
    /// The poem, and when it came.
    cached: RefCell<Option<(Bytes, Duration)>>,
    waiters: RefCell<Vec<Deferred<Bytes>>>,
    fetches: Cell<u64>,
    hits: Cell<u64>,
}

impl ProxyService {
    fn new(clock: Rc<dyn Clock>, fetch: impl Fn() -> Deferred<Bytes> + 'static) -> Rc<ProxyService> {
        Rc::new(ProxyService {
            clock,
            fetch: Box::new(fetch),
            cached: RefCell::default(),
            waiters: RefCell::default(),
            fetches: Cell::new(0),
            hits: Cell::new(0),
        })
    }

    fn fetch(self: &Rc<Self>) -> Deferred<Bytes> {
        println!("Fetching poem from server.");
        self.fetches.set(self.fetches.get() + 1);
        let service = Rc::clone(self);
        (self.fetch)().add_callback(move |poem| {
            *service.cached.borrow_mut() = Some((poem.clone(), service.clock.seconds()));
            poem
        })
    }

    /// The poem, if it is there and younger than `keep`.
    fn cached(&self, keep: Duration) -> Option<Bytes> {
        let cached = self.cached.borrow();
        let (poem, since) = cached.as_ref()?;
        (self.clock.seconds() - *since < keep).then(|| {
            println!("Using cached poem.");
            self.hits.set(self.hits.get() + 1);
            poem.clone()
        })
    }

    /// Proxy 1.0: a poem or a Deferred.
    fn poem_or_deferred(self: &Rc<Self>) -> Answer<Bytes> {
        match self.cached(Duration::MAX) {
            Some(poem) => Answer::Value(poem),
            None => Answer::Wait(self.fetch()),
        }
    }

    /// Proxy 2.0: always a Deferred.
    fn poem(self: &Rc<Self>, keep: Duration) -> Deferred<Bytes> {
        match self.cached(keep) {
            Some(poem) => succeed(poem),
            None => self.fetch(),
        }
    }

    /// One fetch, however many ask before it is done. If it fails, all of them hear of it, and the next one asks again.
    fn shared_poem(self: &Rc<Self>) -> Deferred<Bytes> {
        if let Some(poem) = self.cached(Duration::MAX) {
            return succeed(poem);
        }
        let waiter = Deferred::new();
        let first = self.waiters.borrow().is_empty();
        self.waiters.borrow_mut().push(waiter.clone());
        if first {
            let service = Rc::clone(self);
            self.fetch().add_both(move |outcome| {
                for waiter in service.waiters.take() {
                    // Nobody but this fires a waiter.
                    let _fired = waiter.fire(outcome.clone());
                }
                Bytes::new()
            });
        }
        waiter
    }
}

/// Sends the poem as soon as there is one, and closes.
struct PoetryProxyProtocol(Box<dyn Fn() -> Deferred<Bytes>>);

impl Protocol for PoetryProxyProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        let (sending, closing) = (transport.clone(), transport.clone());
        // In the series whatever came closes the connection: then a client cannot tell a failure from an empty poem.
        (self.0)().map(move |poem| sending.write(poem)).add_both(move |sent| match sent {
            Ok(()) => closing.lose_connection(),
            Err(failure) => {
                println!("No poem from server: {failure}");
                closing.abort_connection();
            }
        });
        Ok(())
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Handled {
        Ok(())
    }
}

/// A poetry server, a proxy for it, and clients that come one after the other.
fn proxy(args: &Args, get: fn(&Rc<ProxyService>) -> Deferred<Bytes>) -> Outcome {
    let clients = usize::try_from(args.number(0, 3)?)?;
    let servers = Servers::slow(1)?;
    let upstream = servers.addresses[0];
    let reactor = Reactor::new(PollerKind::default())?;
    let fetching = reactor.clone();
    let service = ProxyService::new(Rc::new(reactor.clone()), move || {
        fetch_poetry(&fetching, upstream, &GetOptions::default())
    });
    let serving = Rc::clone(&service);
    let factory = build_with(move |_| {
        let service = Rc::clone(&serving);
        PoetryProxyProtocol(Box::new(move || get(&service)))
    });
    let port = reactor.listen_tcp(([127, 0, 0, 1], 0).into(), factory, &ListenOptions::default())?;
    println!("Proxying {upstream} on {}.", port.host());
    let (targets, remote) = (vec![Target::from(port.host()); clients], reactor.remote());
    let asking = std::thread::spawn(move || {
        let outcomes = blocking::get_poems(&targets, &GetOptions::default(), |_| ());
        // The reactor runs until this very call.
        let _ = remote.call(Reactor::stop);
        outcomes.iter().flatten().map(Bytes::len).sum::<usize>()
    });
    reactor.run()?;
    let bytes = asking.join().map_err(|_| "the clients panicked")?;
    println!(
        "{clients} clients got {bytes} bytes: {} fetched, {} cached",
        service.fetches.get(),
        service.hits.get()
    );
    Ok(())
}

fn proxy_1(args: &Args) -> Outcome {
    proxy(args, |service| {
        let service = Rc::clone(service);
        maybe_deferred(move || service.poem_or_deferred())
    })
}

fn proxy_2(args: &Args) -> Outcome {
    proxy(args, |service| service.poem(Duration::MAX))
}

/// How long a fetch takes on the test clock.
const FETCH: Duration = Duration::from_secs(1);

/// A service whose server answers in a second of a clock that we move.
fn timed() -> (TestClock, Rc<ProxyService>) {
    let clock = TestClock::new();
    let ticking = clock.clone();
    let fetch = move || defer_later(&ticking, FETCH, || Bytes::from_static(b"a poem"));
    (clock.clone(), ProxyService::new(Rc::new(clock), fetch))
}

/// Four requests, so many minutes apart: a poem that is two hours old is not given away any more.
fn two_hours(args: &Args) -> Outcome {
    let minute = Duration::from_secs(60);
    let apart = minute * u32::try_from(args.number(0, 90)?)?;
    let (clock, service) = timed();
    let answered = Rc::new(Cell::new(0));
    for _ in 0..4 {
        let count = Rc::clone(&answered);
        let _sent = service.poem(120 * minute).map(move |_| count.set(count.get() + 1));
        clock.advance(apart);
    }
    println!("{} requests answered, {} fetches", answered.get(), service.fetches.get());
    Ok(())
}

/// All of them ask before the first poem can be there.
fn one_fetch(args: &Args) -> Outcome {
    let clients = args.number(0, 5)?;
    let (clock, service) = timed();
    let waiting: Vec<_> = (0..clients).map(|_| service.shared_poem()).collect();
    clock.advance(FETCH);
    let poems = waiting.iter().filter_map(Deferred::take_result).flatten().count();
    println!("{poems} early clients, {} fetch", service.fetches.get());
    Ok(())
}

/// The transform protocol on both sides: an answer that is known is not asked for again.
fn transform_proxy(args: &Args) -> Outcome {
    let requests = args.number(0, 3)?;
    let upstream = Serving::transforms()?;
    let to = upstream.addresses[0];
    let (tell, told) = std::sync::mpsc::channel();
    let proxy = Serving::start(move |reactor| {
        let sink = move |event: &ProxyEvent| {
            println!("proxy: {event}");
            // Nobody listens any more when the requests are through.
            let _ = tell.send(event.clone());
        };
        Ok(vec![serve_transform_proxy(reactor, to, &ProxyOptions::default(), sink)?.host()])
    })?;
    for number in 0..requests {
        // Two poems, by turns.
        let poem = ["HERE IS MY POEM", "AND HERE ANOTHER"][usize::try_from(number % 2)?];
        let answer = nc(proxy.addresses[0], &transform_request("cummingsify", poem))?;
        println!("answered: {}", String::from_utf8_lossy(&answer));
    }
    drop(proxy);
    let fetches = told.iter().filter(|event| *event == ProxyEvent::Fetching).count();
    println!("{requests} requests answered, {fetches} asked of the transform server");
    Ok(())
}
