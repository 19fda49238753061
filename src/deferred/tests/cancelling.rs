//! Section C: cancellation.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::super::*;
use super::{Log, Oops, failure_of, oops, value_of};

fn counted(log: &Log, name: &'static str) -> Deferred<i32> {
    let log = log.clone();
    Deferred::with_canceller(move |_| log.add(name))
}

#[test]
fn tw_019_without_a_canceller_it_fails_at_once_and_one_late_result_is_swallowed() {
    for late_failure in [false, true] {
        let log = Log::default();
        let deferred = Deferred::<i32>::new();
        deferred.add_both(log.both("got")).add_errback(|_| 0);
        deferred.cancel();
        assert_eq!(log.lines(), ["got ! the deferred was cancelled"]);
        let late = if late_failure { deferred.errback(oops(1)) } else { deferred.callback(1) };
        assert!(late.is_ok());
        assert!(deferred.callback(2).is_err(), "only one is swallowed");
        assert_eq!(value_of(&deferred), 0);
    }
}

#[test]
fn tw_020_a_canceller_is_called_once_with_the_deferred_and_a_late_result_is_an_error() {
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    let given = Rc::new(Cell::new(None));
    let give = Rc::clone(&given);
    let deferred = Deferred::<i32>::with_canceller(move |deferred| {
        count.set(count.get() + 1);
        give.set(Some(deferred.clone()));
    });
    deferred.cancel();
    deferred.cancel();
    assert_eq!(calls.get(), 1);
    assert!(given.take().unwrap().same(&deferred));
    assert!(deferred.callback(1).is_err());
    assert!(failure_of(&deferred).check::<Cancelled>().is_some());
}

#[test]
fn tw_020_the_failure_names_the_line_of_the_cancel() {
    let deferred = Deferred::<i32>::with_canceller(|_| ());
    let line = line!() + 1;
    deferred.cancel();
    assert_eq!(failure_of(&deferred).place().line(), line);
}

#[test]
fn tw_021_a_canceller_may_fire_it_itself_with_a_value_or_a_failure() {
    let value = Deferred::<i32>::with_canceller(|deferred| deferred.callback(3).unwrap());
    value.cancel();
    assert_eq!(value_of(&value), 3);
    let failure = Deferred::<i32>::with_canceller(|deferred| deferred.errback(oops(3)).unwrap());
    failure.cancel();
    assert_eq!(failure_of(&failure).check::<Oops>(), Some(&Oops(3)));
}

#[test]
fn tw_021_a_canceller_that_panics_leaves_it_unfired_and_is_asked_again() {
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    let deferred = Deferred::<i32>::with_canceller(move |_| {
        count.set(count.get() + 1);
        panic!("no");
    });
    for _ in 0..2 {
        assert!(catch_unwind(AssertUnwindSafe(|| deferred.cancel())).is_err());
        assert!(!deferred.called());
    }
    assert_eq!(calls.get(), 2);
}

#[test]
fn tw_022_a_fired_one_is_not_cancelled_and_its_canceller_is_dropped() {
    let alive = Rc::new(());
    let held = Rc::clone(&alive);
    let log = Log::default();
    let say = log.clone();
    let deferred = Deferred::<i32>::with_canceller(move |_| say.add(format!("{held:?}")));
    deferred.callback(1).unwrap();
    assert_eq!(Rc::strong_count(&alive), 1);
    deferred.cancel();
    assert!(log.lines().is_empty());
    assert_eq!(value_of(&deferred), 1);
    let failed = fail::<i32>(oops(1));
    failed.cancel();
    assert!(failure_of(&failed).check::<Oops>().is_some());
}

#[test]
fn tw_022_cancelling_again_makes_no_second_failure() {
    let log = Log::default();
    let deferred = Deferred::<i32>::new();
    deferred.add_both(log.both("got"));
    deferred.cancel();
    deferred.cancel();
    assert_eq!(log.lines().len(), 1);
    let _handled = deferred.take_result();
}

#[test]
fn tw_023_the_innermost_of_three_levels_is_cancelled_and_the_failure_travels_outwards() {
    let log = Log::default();
    let deferreds = [counted(&log, "outer"), counted(&log, "middle"), counted(&log, "inner")];
    for (outer, inner) in deferreds.iter().zip(&deferreds[1..]) {
        let inner = inner.clone();
        outer.add_callback(move |_| inner);
    }
    deferreds[0].callback(0).unwrap();
    deferreds[1].callback(0).unwrap();
    deferreds[0].cancel();
    assert_eq!(log.lines(), ["inner"]);
    assert!(failure_of(&deferreds[0]).check::<Cancelled>().is_some());
}

#[test]
fn tw_023_an_outer_one_that_has_not_fired_is_cancelled_itself() {
    let log = Log::default();
    let (outer, inner) = (counted(&log, "outer"), counted(&log, "inner"));
    let to_inner = inner.clone();
    outer.add_callback(move |_| to_inner);
    outer.cancel();
    assert_eq!(log.lines(), ["outer"]);
    assert!(!inner.called());
    let _handled = outer.take_result();
}

#[test]
fn tw_023_cancelling_what_then_returned_reaches_the_source() {
    let log = Log::default();
    let mapped = counted(&log, "source").map(|n| n + 1);
    mapped.cancel();
    assert_eq!(log.lines(), ["source"]);
    assert!(failure_of(&mapped).check::<Cancelled>().is_some());
}

#[test]
fn tw_024_cancelled_while_paused_it_is_fired_but_its_callbacks_wait() {
    let log = Log::default();
    let deferred = Deferred::<i32>::new();
    deferred.add_both(log.both("got")).add_errback(|_| 0);
    deferred.pause();
    deferred.cancel();
    assert!(deferred.called() && log.lines().is_empty());
    deferred.unpause();
    assert_eq!(log.lines(), ["got ! the deferred was cancelled"]);
    let fired = succeed(1);
    fired.pause();
    fired.cancel();
    fired.unpause();
    assert_eq!(value_of(&fired), 1);
}

#[test]
fn tw_025_cancelling_the_target_of_chain_deferred_does_not_reach_the_source() {
    let (source, target) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    source.chain_deferred(&target);
    target.cancel();
    assert!(!source.called());
    source.callback(1).unwrap();
    assert!(failure_of(&source).check::<Spent>().is_some(), "swallowed by the target: nothing is left");
    let _handled = target.take_result();
}

#[test]
fn tw_025_with_a_canceller_on_the_target_the_source_meets_already_called() {
    let source = Deferred::<i32>::new();
    let target = Deferred::<i32>::with_canceller(|_| ());
    source.chain_deferred(&target);
    target.cancel();
    source.callback(1).unwrap();
    assert!(failure_of(&source).check::<AlreadyCalled>().is_some());
    let _handled = target.take_result();
}
