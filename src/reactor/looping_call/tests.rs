use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::{LoopError, LoopingCall};
use crate::deferred::{Deferred, unhandled::Collected};
use crate::reactor::testing::{Trace, reactor, run, stop_later};
use crate::reactor::{Clock, Outcome};

type Failing = Box<dyn FnMut() -> Result<(), &'static str>>;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A loop that notes the time of each call.
fn noting(clock: &Clock, trace: &Trace) -> LoopingCall {
    let (clock_inside, trace) = (clock.clone(), trace.clone());
    LoopingCall::new(clock, move || trace.push(format!("{:?}", clock_inside.now())))
}

fn advance(clock: &Clock, steps: &[u64]) {
    steps.iter().for_each(|step| clock.advance(millis(*step)).unwrap());
}

#[test]
fn tw_068_it_runs_at_once_or_after_an_interval_and_then_at_multiples_of_it() {
    let (clock, trace) = (Clock::new(), Trace::default());
    let looping = noting(&clock, &trace);
    let ended = looping.start(millis(1000), true).unwrap();
    assert_eq!(trace.take(), ["0ns"]);
    advance(&clock, &[999, 1, 500, 500]);
    assert_eq!(trace.take(), ["1s", "2s"]);
    assert!(matches!(looping.start(millis(1), true), Err(LoopError::AlreadyRunning)));
    looping.stop().unwrap();
    assert!(ended.called());

    let later = looping.start(millis(1000), false).unwrap();
    assert!(trace.take().is_empty());
    advance(&clock, &[1000]);
    assert_eq!(trace.take(), ["3s"]);
    drop(later);
}

#[test]
fn tw_069_ticks_that_are_missed_are_skipped_and_not_made_up() {
    let (clock, trace) = (Clock::new(), Trace::default());
    let looping = noting(&clock, &trace);
    let _ended = looping.start(millis(1000), true).unwrap();
    advance(&clock, &[1000, 3700, 299, 1]);
    assert_eq!(trace.take(), ["0ns", "1s", "4.7s", "5s"]);
}

#[test]
fn tw_070_the_count_is_the_number_of_intervals_since_the_last_call() {
    let clock = Clock::new();
    let counts = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&counts);
    let looping = LoopingCall::with_count(&clock, move |count| seen.borrow_mut().push(count));
    let _ended = looping.start(millis(1000), true).unwrap();
    advance(&clock, &[1000, 5500, 500, 1000]);
    // At 0, 1, 6.5 and then 7 and 8: the boundaries are exact.
    assert_eq!(*counts.borrow(), [1, 1, 5, 1, 1]);

    let counts = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&counts);
    let tenth = LoopingCall::with_count(&clock, move |count| seen.borrow_mut().push(count));
    let _ended = tenth.start(millis(100), false).unwrap();
    (0..1000).for_each(|_| advance(&clock, &[100]));
    assert_eq!(*counts.borrow(), [1; 1000]);
}

#[test]
fn tw_070_with_an_interval_of_zero_the_count_is_always_one() {
    let reactor = reactor();
    let counts = Rc::new(RefCell::new(Vec::new()));
    let (seen, handle) = (Rc::clone(&counts), reactor.clone());
    let looping = LoopingCall::with_count(&reactor, move |count| {
        seen.borrow_mut().push(count);
        if seen.borrow().len() == 5 { handle.stop() } else { Ok(()) }
    });
    let _ended = looping.start(Duration::ZERO, true).unwrap();
    run(&reactor);
    assert_eq!(counts.borrow()[..5], [1; 5]);
}

#[test]
fn tw_071_stop_fires_with_the_loop_itself_and_stopping_twice_is_an_error() {
    let (clock, trace) = (Clock::new(), Trace::default());
    let looping = noting(&clock, &trace);
    assert_eq!(looping.stop(), Err(LoopError::NotRunning));
    let ended = looping.start(millis(10), true).unwrap();
    looping.stop().unwrap();
    assert!(!ended.take_result().unwrap().unwrap().is_running());
    assert_eq!(looping.stop(), Err(LoopError::NotRunning));
    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn tw_071_a_stop_while_a_deferred_is_pending_fires_when_that_has_fired() {
    let clock = Clock::new();
    let pending = Deferred::<()>::new();
    let returned = pending.clone();
    let looping = LoopingCall::new(&clock, move || returned.clone());
    let ended = looping.start(millis(10), true).unwrap();
    looping.stop().unwrap();
    assert!(!ended.called());
    pending.callback(()).unwrap();
    assert!(ended.called());
    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn tw_071_a_function_may_stop_its_own_loop() {
    let clock = Clock::new();
    let slot = Rc::new(RefCell::new(None::<LoopingCall>));
    let (inside, calls) = (Rc::clone(&slot), Rc::new(Cell::new(0)));
    let counted = Rc::clone(&calls);
    let looping = LoopingCall::new(&clock, move || {
        counted.set(counted.get() + 1);
        inside.borrow().as_ref().unwrap().stop()
    });
    *slot.borrow_mut() = Some(looping.clone());
    let ended = looping.start(millis(10), true).unwrap();
    assert!(ended.called());
    advance(&clock, &[100]);
    assert_eq!(calls.get(), 1);
}

#[test]
fn tw_072_a_function_that_fails_ends_the_loop_and_fails_its_deferred() {
    let clock = Clock::new();
    let fails: [(&str, Failing); 2] = [
        ("out of ink", Box::new(|| Err("out of ink"))),
        ("panicked: out of ink", Box::new(|| panic!("out of ink"))),
    ];
    for (expected, function) in fails {
        let looping = LoopingCall::new(&clock, function);
        let ended = looping.start(millis(10), false).unwrap();
        advance(&clock, &[10]);
        assert_eq!(ended.take_result().unwrap().unwrap_err().to_string(), expected);
        assert!(!looping.is_running() && clock.delayed_calls().is_empty());
    }
    let pending = Deferred::<()>::new();
    let returned = pending.clone();
    let looping = LoopingCall::new(&clock, move || returned.clone());
    let ended = looping.start(millis(10), true).unwrap();
    pending.errback(std::fmt::Error).unwrap();
    assert!(ended.take_result().unwrap().is_err() && !looping.is_running());
}

#[test]
fn tw_073_a_returned_deferred_delays_the_next_call() {
    let (clock, trace) = (Clock::new(), Trace::default());
    let pending = Rc::new(RefCell::new(Deferred::<()>::new()));
    let (inside, notes, time) = (Rc::clone(&pending), trace.clone(), clock.clone());
    let looping = LoopingCall::new(&clock, move || {
        notes.push(format!("{:?}", time.now()));
        inside.replace(Deferred::new());
        inside.borrow().clone()
    });
    let _ended = looping.start(millis(1000), true).unwrap();
    advance(&clock, &[1000, 1500]);
    assert_eq!(trace.take(), ["0ns"]);
    let first = pending.borrow().clone();
    first.callback(()).unwrap();
    advance(&clock, &[499, 1]);
    assert_eq!(trace.take(), ["3s"]);
}

#[test]
fn tw_073_reset_begins_a_new_interval_now() {
    let (clock, trace) = (Clock::new(), Trace::default());
    let looping = noting(&clock, &trace);
    assert_eq!(looping.reset(), Err(LoopError::NotRunning));
    let _ended = looping.start(millis(1000), false).unwrap();
    advance(&clock, &[800]);
    looping.reset().unwrap();
    advance(&clock, &[900]);
    assert!(trace.take().is_empty());
    advance(&clock, &[100, 1000]);
    assert_eq!(trace.take(), ["1.8s", "2.8s"]);
}

#[test]
fn tw_073_an_interval_of_zero_is_one_call_a_turn_so_that_others_get_theirs() {
    let (reactor, trace) = (reactor(), Trace::default());
    let notes = trace.clone();
    let looping = LoopingCall::new(&reactor, move || notes.push("loop"));
    let _ended = looping.start(Duration::ZERO, true).unwrap();
    let (again, handle) = (reactor.clone(), trace.clone());
    reactor.call_later(Duration::ZERO, move || {
        handle.push("other");
        let inner = handle.clone();
        again.call_later(Duration::ZERO, move || inner.push("other"));
    });
    stop_later(&reactor, 20);
    run(&reactor);
    let trace = trace.take();
    assert_eq!(trace[..4], ["loop", "loop", "other", "loop"]);
    assert!(trace[4..].contains(&"other".to_owned()));
}

#[test]
fn a_callback_may_return_a_deferred_whose_failure_is_not_lost() {
    let reports = Collected::begin();
    let reactor = reactor();
    reactor.call_later(Duration::ZERO, || crate::deferred::fail::<()>(std::fmt::Error));
    stop_later(&reactor, 1);
    run(&reactor);
    assert_eq!(reports.take().len(), 1);
    assert!(().into_later().unwrap().is_none());
}
