use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::{TimeSource, Timers};
use crate::reactor::{Clock, TimerError};

type Trace = Rc<RefCell<Vec<String>>>;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn note(trace: &Trace, what: &str) -> impl FnOnce() + 'static {
    let (trace, what) = (Rc::clone(trace), what.to_owned());
    move || trace.borrow_mut().push(what)
}

#[test]
fn tw_064_due_calls_run_in_the_order_of_their_time_and_then_of_scheduling() {
    let (clock, trace) = (Clock::new(), Trace::default());
    clock.call_later(secs(3), note(&trace, "c"));
    clock.call_later(secs(1), note(&trace, "a1"));
    clock.call_later(secs(1), note(&trace, "a2"));
    clock.call_later(secs(2), note(&trace, "b"));
    clock.advance(secs(5)).unwrap();
    assert_eq!(*trace.borrow(), ["a1", "a2", "b", "c"]);
}

#[test]
fn tw_065_advance_shows_the_final_time_to_all_and_runs_what_they_schedule_without_delay() {
    let (clock, trace) = (Clock::new(), Trace::default());
    let (inner_clock, inner_trace) = (clock.clone(), Rc::clone(&trace));
    clock.call_later(secs(1), move || {
        inner_trace.borrow_mut().push(format!("at {:?}", inner_clock.now()));
        inner_clock.call_later(Duration::ZERO, note(&inner_trace, "at once"));
        inner_clock.call_later(secs(1), note(&inner_trace, "too late"));
    });
    clock.advance(secs(7)).unwrap();
    assert_eq!(*trace.borrow(), ["at 7s", "at once"]);
}

#[test]
fn tw_065_a_call_that_raises_ends_the_advance_and_the_later_ones_stay_pending() {
    let (clock, trace) = (Clock::new(), Trace::default());
    clock.call_later(secs(1), || Err::<(), _>("no more ink"));
    clock.call_later(secs(2), note(&trace, "later"));
    assert_eq!(clock.advance(secs(3)).unwrap_err().to_string(), "no more ink");
    assert!(trace.borrow().is_empty());
    assert_eq!(clock.delayed_calls().len(), 1);
    clock.advance(Duration::ZERO).unwrap();
    assert_eq!(*trace.borrow(), ["later"]);
}

#[test]
fn tw_066_a_cancelled_call_never_runs_and_says_so_when_touched_again() {
    let (clock, trace) = (Clock::new(), Trace::default());
    let call = clock.call_later(secs(1), note(&trace, "never"));
    assert!(call.is_active());
    call.cancel().unwrap();
    assert!(!call.is_active());
    clock.advance(secs(2)).unwrap();
    assert!(trace.borrow().is_empty());
    assert_eq!(call.cancel(), Err(TimerError::AlreadyCancelled));
    assert_eq!(call.reset(secs(1)), Err(TimerError::AlreadyCancelled));
    assert_eq!(call.delay(secs(1)), Err(TimerError::AlreadyCancelled));
}

#[test]
fn tw_066_a_call_that_was_made_cannot_be_changed_not_even_from_within_itself() {
    let clock = Clock::new();
    let handle = Rc::new(RefCell::new(None::<crate::reactor::DelayedCall>));
    let inside = Rc::clone(&handle);
    let call = clock.call_later(secs(1), move || {
        let call = inside.borrow().clone().unwrap();
        assert_eq!(call.cancel(), Err(TimerError::AlreadyCalled));
    });
    *handle.borrow_mut() = Some(call.clone());
    clock.advance(secs(1)).unwrap();
    assert_eq!(call.cancel(), Err(TimerError::AlreadyCalled));
    assert_eq!(call.hasten(secs(1)), Err(TimerError::AlreadyCalled));
}

#[test]
fn tw_067_reset_counts_from_now_and_delay_from_the_time_it_was_due() {
    let (clock, trace) = (Clock::new(), Trace::default());
    let later = clock.call_later(secs(2), note(&trace, "later"));
    let sooner = clock.call_later(secs(10), note(&trace, "sooner"));
    let delayed = clock.call_later(secs(2), note(&trace, "delayed"));
    let hastened = clock.call_later(secs(10), note(&trace, "hastened"));
    clock.advance(secs(1)).unwrap();
    later.reset(secs(5)).unwrap();
    sooner.reset(secs(2)).unwrap();
    delayed.delay(secs(3)).unwrap();
    hastened.hasten(secs(6)).unwrap();
    assert_eq!((later.due(), sooner.due()), (secs(6), secs(3)));
    assert_eq!((delayed.due(), hastened.due()), (secs(5), secs(4)));
    clock.advance(secs(9)).unwrap();
    assert_eq!(*trace.borrow(), ["sooner", "hastened", "delayed", "later"]);
}

#[test]
fn a_call_hastened_beyond_zero_is_due_at_once_instead_of_overflowing() {
    let (clock, trace) = (Clock::new(), Trace::default());
    clock.call_later(secs(2), note(&trace, "now")).hasten(secs(100)).unwrap();
    clock.call_later(Duration::MAX, note(&trace, "never")).delay(Duration::MAX).unwrap();
    clock.advance(Duration::ZERO).unwrap();
    assert_eq!(*trace.borrow(), ["now"]);
}

#[test]
fn ten_thousand_calls_run_in_order_and_half_of_them_can_be_cancelled() {
    let clock = Clock::new();
    let ran = Rc::new(RefCell::new(Vec::new()));
    // A generator step that visits every residue once, so the order of scheduling is not the order of time.
    let calls: Vec<_> = (0..10_000u64)
        .map(|n| {
            let (due, ran) = ((n * 7_919) % 10_000, Rc::clone(&ran));
            (due, clock.call_later(Duration::from_millis(due), move || ran.borrow_mut().push(due)))
        })
        .collect();
    for (_, call) in calls.iter().filter(|(due, _)| due % 2 == 0) {
        call.cancel().unwrap();
    }
    clock.advance(secs(10)).unwrap();
    let odd: Vec<u64> = (0..10_000).filter(|n| n % 2 == 1).collect();
    assert_eq!(*ran.borrow(), odd);
}

#[test]
fn a_call_scheduled_after_the_mark_is_left_for_the_next_turn_though_it_is_due() {
    let timers = Timers::new(TimeSource::Manual(Cell::new(secs(5))));
    timers.call_later(Duration::ZERO, || ());
    let mark = timers.mark();
    timers.call_later(Duration::ZERO, || ());
    assert!(timers.take_due(secs(5), mark).is_some());
    assert!(timers.take_due(secs(5), mark).is_none());
    assert!(timers.take_due(secs(5), timers.mark()).is_some());
}
