//! Part 3: our eye-beams begin to twist. The reactor by itself: calls, time, and callbacks that fail.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use verse::reactor::{LoopingCall, PollerKind, Reactor};

mod series;
use series::{Args, Outcome, Program, print_stack};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "nothing",
            about: "a loop with nothing to do uses no CPU; stops after [MILLIS]",
            run: nothing,
        },
        Program {
            name: "poll",
            about: "the same loop on poll(2), and on select(2); stops after [MILLIS]",
            run: poll,
        },
        Program { name: "hello", about: "called by the loop, once it runs: [TIMES]", run: hello },
        Program {
            name: "stack",
            about: "who calls a callback, and who calls one from it: [DEPTH]",
            run: stack,
        },
        Program { name: "countdown", about: "call_later, and stop: [FROM]", run: countdown },
        Program {
            name: "exception",
            about: "callbacks fail, and the loop goes on: [CALLBACKS]",
            run: exception,
        },
        Program {
            name: "three-countdowns",
            about: "exercise: three rates, stop when all are done: [FROM]",
            run: three_countdowns,
        },
        Program {
            name: "looping-countdown",
            about: "exercise: the countdown as a LoopingCall: [FROM]",
            run: looping_countdown,
        },
    ])
}

/// In the series it runs for ever; here for a second, or as long as is said.
fn nothing(args: &Args) -> Outcome {
    run_idle(PollerKind::default(), args.number(0, 1000)?)
}

fn poll(args: &Args) -> Outcome {
    run_idle(PollerKind::Poll, args.number(0, 500)?)?;
    run_idle(PollerKind::Select, args.number(0, 500)?)
}

fn run_idle(kind: PollerKind, millis: u64) -> Outcome {
    let reactor = Reactor::new(kind)?;
    let handle = reactor.clone();
    reactor.call_later(Duration::from_millis(millis), move || handle.stop());
    let before = cpu();
    reactor.run()?;
    println!("{} us of CPU", (cpu() - before).as_micros());
    println!("did nothing with {kind} for {millis} ms");
    Ok(())
}

/// What this program has used of the processor, as the kernel counts it.
fn cpu() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    // Neither is ever negative, and nanoseconds are fewer than a second's.
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or_default())
}

fn hello(args: &Args) -> Outcome {
    let times = args.number(0, 1)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let (handle, said) = (reactor.clone(), Rc::new(Cell::new(0)));
    let saying = Rc::clone(&said);
    reactor.call_when_running(move || {
        for _ in 0..times {
            println!("Hello from the reactor loop!");
            saying.set(saying.get() + 1);
        }
        println!("Lately I feel like I'm stuck in a rut.");
        handle.stop()
    });
    println!("Starting the reactor.");
    reactor.run()?;
    println!("Back again after {}.", said.get());
    Ok(())
}

fn stack(args: &Args) -> Outcome {
    let depth = args.number(0, 1)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let (handle, calls) = (reactor.clone(), Rc::new(Cell::new(0)));
    let counting = Rc::clone(&calls);
    reactor.call_when_running(move || deeper(&handle, depth, &counting));
    reactor.run()?;
    println!("the reactor called us {} times, not we the reactor", calls.get());
    Ok(())
}

/// However long the chain of calls, the stack is as deep as for the first: each is the reactor's.
fn deeper(reactor: &Reactor, left: u64, calls: &Rc<Cell<u64>>) {
    calls.set(calls.get() + 1);
    println!("The stack:");
    print_stack();
    let (handle, calls) = (reactor.clone(), Rc::clone(calls));
    if left > 1 {
        reactor.call_later(Duration::ZERO, move || deeper(&handle, left - 1, &calls));
    } else {
        // Running, and nobody else stops it.
        let _ = reactor.stop();
    }
}

/// Counts `left` down, a number each `every`, then calls `done` with how many there were.
fn count(
    reactor: &Reactor,
    (left, said): (u64, u64),
    every: Duration,
    name: &'static str,
    done: Rc<dyn Fn(u64)>,
) {
    if left == 0 {
        return done(said);
    }
    println!("{name}{left} ...");
    let handle = reactor.clone();
    reactor.call_later(every, move || count(&handle, (left - 1, said + 1), every, name, done));
}

fn countdown(args: &Args) -> Outcome {
    let from = args.number(0, 5)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let (handle, stopping) = (reactor.clone(), reactor.clone());
    let said = Rc::new(Cell::new(0));
    let noted = Rc::clone(&said);
    let done: Rc<dyn Fn(u64)> = Rc::new(move |said| {
        noted.set(said);
        // Running, and nobody else stops it.
        let _ = stopping.stop();
    });
    reactor.call_when_running(move || count(&handle, (from, 0), Duration::from_millis(100), "", done));
    println!("Start!");
    reactor.run()?;
    println!("Stop after {}!", said.get());
    Ok(())
}

fn exception(args: &Args) -> Outcome {
    let falls = args.number(0, 1)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let fallen = Rc::new(Cell::new(0));
    let count = Rc::clone(&fallen);
    reactor.set_reporter(move |report| {
        println!("{report}");
        count.set(count.get() + 1);
    });
    for _ in 0..falls {
        reactor.call_when_running(|| Err::<(), _>("I fall down."));
    }
    let handle = reactor.clone();
    reactor.call_when_running(move || {
        println!("But I get up again.");
        handle.stop()
    });
    println!("Starting the reactor.");
    reactor.run()?;
    println!("The loop has outlived {} of its callbacks.", fallen.get());
    Ok(())
}

fn three_countdowns(args: &Args) -> Outcome {
    let from = args.number(0, 3)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let (running, said) = (Rc::new(Cell::new(3)), Rc::new(Cell::new(0)));
    for (name, millis) in [("slow ", 70), ("", 50), ("fast ", 20)] {
        let (handle, stopping) = (reactor.clone(), reactor.clone());
        let (running, all) = (Rc::clone(&running), Rc::clone(&said));
        let done: Rc<dyn Fn(u64)> = Rc::new(move |said| {
            println!("{name}done");
            all.set(all.get() + said);
            running.set(running.get() - 1);
            if running.get() == 0 {
                // Running, and nobody else stops it.
                let _ = stopping.stop();
            }
        });
        reactor
            .call_when_running(move || count(&handle, (from, 0), Duration::from_millis(millis), name, done));
    }
    reactor.run()?;
    println!("{} of three have counted, {} numbers in all", 3 - running.get(), said.get());
    Ok(())
}

fn looping_countdown(args: &Args) -> Outcome {
    let from = args.number(0, 5)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let (left, said) = (Cell::new(from), Rc::new(Cell::new(0)));
    let saying = Rc::clone(&said);
    let slot = Rc::new(RefCell::new(None::<LoopingCall>));
    let (inside, handle) = (Rc::clone(&slot), reactor.clone());
    let looping = LoopingCall::new(&reactor, move || {
        if left.get() > 0 {
            println!("{} ...", left.get());
            left.set(left.get() - 1);
            saying.set(saying.get() + 1);
            return Ok(());
        }
        if let Some(looping) = inside.take() {
            looping.stop()?;
        }
        handle.stop().map_err(verse::reactor::BoxError::from)
    });
    *slot.borrow_mut() = Some(looping.clone());
    reactor.call_when_running(move || looping.start(Duration::from_millis(100), true).map(drop));
    println!("Start!");
    reactor.run()?;
    println!("Stop after {}!", said.get());
    Ok(())
}
