//! Part 14: when a Deferred isn't. Fired before anything is added, paused, sometimes synchronous.
//!
//! The proxy's service, without its sockets: where a poem comes from, and when.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use verse::deferred::{
    Clock, Deferred, Failure, Outcome as Answer, TestClock, defer_later, fail, maybe_deferred, succeed,
};

mod series;
use series::{Args, Outcome, Program};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "defer-11", about: "callbacks added after it has fired: [CALLBACKS]", run: defer_11 },
        Program { name: "pause", about: "the same, held back until unpause: [CALLBACKS]", run: pause },
        Program {
            name: "proxy-1",
            about: "sometimes synchronous, by maybe_deferred: [REQUESTS]",
            run: proxy_1,
        },
        Program {
            name: "proxy-2",
            about: "always a Deferred, sometimes fired already: [REQUESTS]",
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
    ])
}

fn defer_11(args: &Args) -> Outcome {
    let callbacks = args.number(0, 2)?;
    let deferred = Deferred::new();
    deferred.callback(0)?;
    for number in 1..=callbacks {
        println!("adding callback {number}");
        deferred.add_callback(move |got: u64| {
            println!("callback {number} runs at once, with {got}");
            got + 1
        });
    }
    println!("done, after {callbacks} callbacks that ran when they were added");
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
    let deferred = fail::<u64>(Failure::new("failed before it was returned"));
    for number in 1..=errbacks {
        deferred.add_errback(move |failure| {
            println!("errback {number} runs at once: {failure}");
            Err::<u64, _>(failure)
        });
    }
    deferred.add_errback(move |_| errbacks);
    println!("handled by the errback after {errbacks}");
    Ok(())
}

const POEM: &str = "a poem";
const FETCH: Duration = Duration::from_secs(1);

/// The proxy's service: fetches once, on a clock that we move.
#[derive(Default)]
struct Service {
    clock: TestClock,
    /// The poem, and when it came.
    cached: RefCell<Option<(String, Duration)>>,
    waiters: RefCell<Vec<Deferred<String>>>,
    fetches: Cell<u64>,
}

impl Service {
    /// The way to the server: a second, and the poem is there and kept.
    fn fetch(self: &Rc<Self>) -> Deferred<String> {
        println!("Fetching poem from server.");
        self.fetches.set(self.fetches.get() + 1);
        let service = Rc::clone(self);
        defer_later(&self.clock, FETCH, || POEM.to_owned()).add_callback(move |poem: String| {
            *service.cached.borrow_mut() = Some((poem.clone(), service.clock.seconds()));
            poem
        })
    }

    /// The poem if it is there, younger than `keep`.
    fn cached(&self, keep: Duration) -> Option<String> {
        let cached = self.cached.borrow();
        let (poem, since) = cached.as_ref()?;
        (self.clock.seconds() - *since < keep).then(|| {
            println!("Using cached poem.");
            poem.clone()
        })
    }

    /// Proxy 1.0: a poem or a Deferred.
    fn poem_or_deferred(self: &Rc<Self>) -> Answer<String> {
        match self.cached(Duration::MAX) {
            Some(poem) => Answer::Value(poem),
            None => Answer::Wait(self.fetch()),
        }
    }

    /// Proxy 2.0: always a Deferred.
    fn poem(self: &Rc<Self>, keep: Duration) -> Deferred<String> {
        match self.cached(keep) {
            Some(poem) => succeed(poem),
            None => self.fetch(),
        }
    }

    /// One fetch, however many ask before it is done.
    fn shared_poem(self: &Rc<Self>) -> Deferred<String> {
        if let Some(poem) = self.cached(Duration::MAX) {
            return succeed(poem);
        }
        let waiter = Deferred::new();
        let first = self.waiters.borrow().is_empty();
        self.waiters.borrow_mut().push(waiter.clone());
        if first {
            let service = Rc::clone(self);
            let _told = self.fetch().map(move |poem| {
                for waiter in service.waiters.take() {
                    // Nobody but this fires a waiter.
                    let _fired = waiter.callback(poem.clone());
                }
            });
        }
        waiter
    }
}

/// Asks so many times, a while apart, and says how often the server was asked.
fn ask(requests: u64, apart: Duration, get: impl Fn(&Rc<Service>) -> Deferred<String>) -> Outcome {
    let service = Rc::new(Service::default());
    let answered = Rc::new(Cell::new(0));
    for _ in 0..requests {
        let count = Rc::clone(&answered);
        let _sent = get(&service).map(move |_| count.set(count.get() + 1));
        service.clock.advance(apart);
    }
    println!("{} requests answered, {} fetches", answered.get(), service.fetches.get());
    Ok(())
}

fn proxy_1(args: &Args) -> Outcome {
    ask(args.number(0, 3)?, FETCH, |service| {
        let service = Rc::clone(service);
        maybe_deferred(move || service.poem_or_deferred())
    })
}

fn proxy_2(args: &Args) -> Outcome {
    ask(args.number(0, 3)?, FETCH, |service| service.poem(Duration::MAX))
}

fn two_hours(args: &Args) -> Outcome {
    let minute = Duration::from_secs(60);
    let apart = minute * u32::try_from(args.number(0, 90)?)?;
    ask(4, apart, move |service| service.poem(120 * minute))
}

fn one_fetch(args: &Args) -> Outcome {
    let clients = args.number(0, 5)?;
    // All of them ask before the first poem can be there.
    ask(clients, FETCH / 10, Service::shared_poem)?;
    let service = Rc::new(Service::default());
    let waiting: Vec<_> = (0..clients).map(|_| service.shared_poem()).collect();
    service.clock.advance(FETCH);
    let poems = waiting.iter().filter_map(Deferred::take_result).flatten().count();
    println!("{poems} early clients, {} fetch", service.fetches.get());
    Ok(())
}
