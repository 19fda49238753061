//! Part 19: I thought I wanted it but I changed my mind. Cancelling is not always aborting.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use verse::deferred::unhandled::Collected as Reports;
use verse::deferred::{Cancelled, Clock, Deferred, DelayedCall, Failure, TestClock};
use verse::reactor::programs::{
    GetOptions, ProxyEvent, ProxyOptions, ProxyVersion, ServeOptions, ServerEvent, fetch_poetry, serve_poem,
    serve_proxy,
};
use verse::reactor::{LoopingCall, PollerKind, Reactor};

mod series;
use series::{Args, Outcome, Program, Servers, pace, poems};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "defer-cancel-1", about: "no errback, no canceller: [DEFERREDS]", run: cancel_1 },
        Program { name: "defer-cancel-2", about: "an errback sees it: [TIMES cancelled]", run: cancel_2 },
        Program { name: "defer-cancel-3", about: "after firing, no effect: [VALUE]", run: cancel_3 },
        Program { name: "defer-cancel-4", about: "fired after cancelling: [TIMES fired]", run: cancel_4 },
        Program {
            name: "defer-cancel-5",
            about: "a canceller is called first: [TIMES cancelled]",
            run: cancel_5,
        },
        Program { name: "defer-cancel-6", about: "a canceller that fires a value: [VALUE]", run: cancel_6 },
        Program {
            name: "defer-cancel-7",
            about: "a canceller that fires a failure: [NUMBER]",
            run: cancel_7,
        },
        Program { name: "defer-cancel-8", about: "a canceller, but fired before: [VALUE]", run: cancel_8 },
        Program {
            name: "defer-cancel-9",
            about: "a poem in five seconds, not cancelled: [SECONDS]",
            run: cancel_9,
        },
        Program {
            name: "defer-cancel-10",
            about: "cancelled after two seconds, sent all the same: [SECONDS]",
            run: cancel_10,
        },
        Program {
            name: "defer-cancel-11",
            about: "cancelled after two seconds, really: [SECONDS]",
            run: cancel_11,
        },
        Program {
            name: "defer-cancel-12",
            about: "an outer one waits for an inner one: [DEPTH]",
            run: cancel_12,
        },
        Program {
            name: "proxy-3",
            about: "3.0: when the last client that waits has left, the download is cancelled: [CLIENTS]",
            run: proxy_3,
        },
        Program {
            name: "get-poetry",
            about: "exercise: a download cancelled, its connection closed: [DOWNLOADS]",
            run: get_poetry,
        },
        Program {
            name: "outer-inner",
            about: "exercise: on a reactor, cancelled after [MILLIS]",
            run: outer_inner,
        },
    ])
}

/// What happened to a Deferred, in order.
#[derive(Clone, Default)]
struct Story(Rc<RefCell<Vec<String>>>);

impl Story {
    fn add(&self, line: impl Into<String>) {
        let line = line.into();
        println!("{line}");
        self.0.borrow_mut().push(line);
    }

    /// Adds a callback and an errback that tell what they get.
    fn listen(&self, deferred: &Deferred<String>) {
        let (well, ill) = (self.clone(), self.clone());
        deferred.add_callbacks(
            move |result: String| {
                well.add(format!("callback got: {result}"));
                result
            },
            move |failure| {
                ill.add(format!("errback got: {failure}"));
                String::new()
            },
        );
    }

    fn last_line(&self) {
        println!("done: {}", self.0.borrow().join(", "));
    }
}

fn cancel_1(args: &Args) -> Outcome {
    let count = args.number(0, 1)?;
    let reports = Reports::begin();
    for _ in 0..count {
        let deferred = Deferred::<String>::new();
        deferred.add_callback(|result| {
            println!("callback got: {result}");
            result
        });
        deferred.cancel();
    }
    let told = reports.take();
    for report in &told {
        println!("{report}");
    }
    println!("done: {} reports", told.len());
    Ok(())
}

fn cancel_2(args: &Args) -> Outcome {
    let times = args.number(0, 1)?;
    let (deferred, story) = (Deferred::new(), Story::default());
    story.listen(&deferred);
    for _ in 0..times {
        deferred.cancel();
    }
    println!("cancelled {times} times, told {} time", story.0.borrow().len());
    Ok(())
}

fn cancel_3(args: &Args) -> Outcome {
    let (deferred, story) = (Deferred::new(), Story::default());
    story.listen(&deferred);
    deferred.callback(format!("result {}", args.number(0, 1)?))?;
    deferred.cancel();
    story.last_line();
    Ok(())
}

/// The first late result is swallowed: whoever sends it knows nothing of cancelling. A second one is a mistake.
fn cancel_4(args: &Args) -> Outcome {
    let times = args.number(0, 1)?;
    let (deferred, story) = (Deferred::new(), Story::default());
    story.listen(&deferred);
    deferred.cancel();
    let refused = (0..times).filter(|_| deferred.callback("result".to_owned()).is_err()).count();
    println!(
        "fired {times} times after the cancel, refused {refused} times, told {} time",
        story.0.borrow().len()
    );
    Ok(())
}

fn cancel_5(args: &Args) -> Outcome {
    let times = args.number(0, 1)?;
    let story = Story::default();
    let say = story.clone();
    let deferred = Deferred::with_canceller(move |deferred| say.add(format!("to cancel: {deferred:?}")));
    story.listen(&deferred);
    for _ in 0..times {
        deferred.cancel();
    }
    println!("cancelled {times} times: {}", story.0.borrow().join(", "));
    Ok(())
}

fn cancel_6(args: &Args) -> Outcome {
    let value = args.number(0, 1)?;
    let story = Story::default();
    let deferred = Deferred::with_canceller(move |deferred: &Deferred<String>| {
        // Not fired yet, or no canceller would be called.
        let _fired = deferred.callback(format!("result {value}"));
    });
    story.listen(&deferred);
    deferred.cancel();
    story.last_line();
    Ok(())
}

fn cancel_7(args: &Args) -> Outcome {
    let number = args.number(0, 1)?;
    let story = Story::default();
    let deferred = Deferred::with_canceller(move |deferred: &Deferred<String>| {
        let _fired = deferred.errback(Failure::new(format!("I failed {number} times")));
    });
    story.listen(&deferred);
    deferred.cancel();
    story.last_line();
    Ok(())
}

fn cancel_8(args: &Args) -> Outcome {
    let story = Story::default();
    let say = story.clone();
    let deferred = Deferred::with_canceller(move |_| say.add("cancelling"));
    story.listen(&deferred);
    deferred.callback(format!("result {}", args.number(0, 1)?))?;
    deferred.cancel();
    story.last_line();
    Ok(())
}

const POEM: &str = "Once upon a midnight dreary";

/// A poem after a while; with `abort`, cancelling takes the call back.
fn get_poem(clock: &TestClock, after: Duration, story: &Story, abort: bool) -> Deferred<String> {
    let timer: Rc<RefCell<Option<Rc<dyn DelayedCall>>>> = Rc::default();
    let deferred = if abort {
        let timer = Rc::clone(&timer);
        Deferred::with_canceller(move |_| {
            if let Some(timer) = timer.borrow_mut().take() {
                // Called before means fired before, and then no canceller is called.
                let _ended = timer.cancel();
            }
        })
    } else {
        Deferred::new()
    };
    let (fire, say) = (deferred.clone(), story.clone());
    let send = Box::new(move || {
        say.add("Sending poem");
        // If it was cancelled, nobody wants it any more.
        let _late = fire.callback(POEM.to_owned());
    });
    *timer.borrow_mut() = Some(clock.call_later(after, send));
    deferred
}

/// The poem comes after so many seconds; ten seconds on, it is over. Cancelled after two, if at all.
fn wait(args: &Args, cancel: bool, abort: bool) -> Outcome {
    let (clock, story) = (TestClock::new(), Story::default());
    let poem = get_poem(&clock, Duration::from_secs(args.number(0, 5)?), &story, abort);
    story.listen(&poem);
    if cancel {
        let poem = poem.clone();
        clock.call_later(Duration::from_secs(2), Box::new(move || poem.cancel()));
    }
    while let Some(next) = clock.next_due().filter(|next| clock.seconds() + *next <= Duration::from_secs(10))
    {
        clock.advance(next);
    }
    story.last_line();
    Ok(())
}

fn cancel_9(args: &Args) -> Outcome {
    wait(args, false, false)
}

fn cancel_10(args: &Args) -> Outcome {
    wait(args, true, false)
}

fn cancel_11(args: &Args) -> Outcome {
    wait(args, true, true)
}

/// One within another, as deep as is asked for: the innermost is cancelled, the outermost hears of it.
fn cancel_12(args: &Args) -> Outcome {
    let depth = args.number(0, 1)?;
    let story = Story::default();
    let canceller = |name: String| {
        let say = story.clone();
        Deferred::<String>::with_canceller(move |_| say.add(format!("cancel callback of {name}")))
    };
    let outer = canceller("the outer one".to_owned());
    let mut holder = outer.clone();
    let mut fire = vec![outer.clone()];
    for level in 1..=depth {
        let inner = canceller(format!("inner {level}"));
        let returned = inner.clone();
        holder.add_callback(move |_| returned);
        fire.push(inner.clone());
        holder = inner;
    }
    // Fired, all but the innermost: each waits for the next.
    fire.pop();
    for deferred in fire {
        deferred.callback("result".to_owned())?;
    }
    story.listen(&outer);
    println!("cancelling the outer one");
    outer.cancel();
    story.last_line();
    Ok(())
}

/// What has happened at both servers of [`proxy_3`].
#[derive(Clone, Default)]
struct Seen {
    asked: Rc<Cell<u64>>,
    upstream_sends: Rc<Cell<bool>>,
    cancelled: Rc<Cell<u32>>,
}

/// The upstream sends ten bytes and then nothing for an hour. Once all clients wait for it they leave; the last one takes
/// the download along, and the upstream sees its client go.
fn proxy_3(args: &Args) -> Outcome {
    let clients = args.number(0, 2)?.max(1);
    let reactor = Reactor::new(PollerKind::default())?;
    let (seen, waiting) = (Seen::default(), Rc::new(RefCell::new(Vec::<TcpStream>::new())));

    let (told, stopping) = (seen.clone(), reactor.clone());
    let stuck = ServeOptions { pace: pace(10, 3_600_000), ..ServeOptions::default() };
    let upstream = serve_poem(&reactor, poems(1).remove(0), &stuck, move |event| match event {
        ServerEvent::Chunk(_) => told.upstream_sends.set(true),
        ServerEvent::Ended { .. } => {
            println!("upstream: its client has gone");
            // Running, and stopped by nobody else.
            let _ = stopping.stop();
        }
        _ => {}
    })?;

    let told = seen.clone();
    let options = ProxyOptions { version: ProxyVersion::Cancels, ..ProxyOptions::default() };
    let proxy = serve_proxy(&reactor, upstream.host(), &options, move |event| {
        println!("proxy: {event}");
        match event {
            ProxyEvent::Asked(_) => told.asked.set(told.asked.get() + 1),
            ProxyEvent::Cancelling => told.cancelled.set(told.cancelled.get() + 1),
            _ => {}
        }
    })?;
    for _ in 0..clients {
        waiting.borrow_mut().push(TcpStream::connect(proxy.host())?);
    }
    let (told, leaving) = (seen.clone(), Rc::clone(&waiting));
    let looking = LoopingCall::new(&reactor, move || {
        if told.asked.get() == clients && told.upstream_sends.get() {
            leaving.borrow_mut().clear();
        }
    });
    // It looks until the reactor stops.
    let _looking = looking.start(Duration::from_millis(5), true)?;
    reactor.run()?;
    println!("{clients} clients left, {} download cancelled", seen.cancelled.get());
    Ok(())
}

/// The servers send ten bytes and then nothing: what is cancelled after 50 ms would have taken an hour.
fn get_poetry(args: &Args) -> Outcome {
    let servers = Servers::stuck(args.number(0, 2)?)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let cancelled = Rc::new(Cell::new(0));
    for address in &servers.addresses {
        let poem = fetch_poetry(&reactor, *address, &GetOptions::default());
        let count = Rc::clone(&cancelled);
        let asked = poem.clone();
        reactor.call_later(Duration::from_millis(50), move || asked.cancel());
        poem.map(|poem| println!("{} bytes of poetry", poem.len())).add_errback(move |failure| {
            println!("get_poetry failed: {failure}");
            count.set(count.get() + u32::from(failure.check::<Cancelled>().is_some()));
        });
    }
    let (handle, all) = (reactor.clone(), servers.addresses.len());
    reactor.call_later(Duration::from_millis(100), move || handle.stop());
    reactor.run()?;
    println!("{} of {all} downloads cancelled", cancelled.get());
    Ok(())
}

/// The outer one fires after 60 ms and waits for the inner one, which fires after 120: cancelled before, the outer one is
/// cancelled itself; in between, the inner one; later, nobody.
fn outer_inner(args: &Args) -> Outcome {
    let at = Duration::from_millis(args.number(0, 90)?);
    let reactor = Reactor::new(PollerKind::default())?;
    let story = Story::default();
    let canceller = |name: &'static str| {
        let say = story.clone();
        Deferred::<String>::with_canceller(move |_| say.add(format!("cancelled {name}")))
    };
    let (outer, inner) = (canceller("outer"), canceller("inner"));
    let returned = inner.clone();
    outer.add_callback(move |_| returned);
    story.listen(&outer);
    for (millis, fire) in [(60, &outer), (120, &inner)] {
        let fire = fire.clone();
        // Already cancelled, it says so: this program wants to see that, not to fail by it.
        reactor
            .call_later(Duration::from_millis(millis), move || drop(fire.callback(format!("{millis} ms"))));
    }
    let cancel = outer.clone();
    reactor.call_later(at, move || cancel.cancel());
    let handle = reactor.clone();
    reactor.call_later(Duration::from_millis(180), move || handle.stop());
    reactor.run()?;
    story.last_line();
    Ok(())
}
