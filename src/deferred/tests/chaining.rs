//! Section B: chaining and pause.

use super::super::*;
use super::{Log, Oops, failure_of, oops, reports_of, value_of};

/// As in Twisted: `None` is what is left of a result that was passed on.
fn nullable() -> Deferred<Option<i32>> {
    Deferred::new().leaving(|| None)
}

#[test]
fn tw_011_the_outer_one_waits_for_the_inner_one_and_goes_on_with_its_result() {
    let log = Log::default();
    let (outer, inner) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    let to_inner = inner.clone();
    outer.add_callback(move |_| to_inner).add_both(log.both("outer"));
    outer.callback(1).unwrap();
    log.add("waiting");
    assert!(outer.is_waiting());
    inner.callback(2).unwrap();
    assert_eq!(log.lines(), ["waiting", "outer 2"]);
}

#[test]
fn tw_011_an_errback_may_return_one_too_and_a_failure_of_it_goes_on_as_failure() {
    let log = Log::default();
    let (outer, inner) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    let to_inner = inner.clone();
    outer.add_errback(move |_| to_inner).add_both(log.both("outer")).add_errback(|_| 0);
    outer.errback(oops(1)).unwrap();
    inner.errback(oops(2)).unwrap();
    assert_eq!(log.lines(), ["outer ! oops 2"]);
}

#[test]
fn tw_012_what_was_passed_on_is_gone_from_the_inner_one() {
    let inner = nullable();
    inner.callback(Some(5)).unwrap();
    let to_inner = inner.clone();
    let outer = nullable();
    outer.add_callback(move |_| to_inner);
    outer.callback(None).unwrap();
    assert_eq!(value_of(&outer), Some(5));
    assert_eq!(value_of(&inner), None);
}

#[test]
fn tw_012_without_something_to_leave_it_is_a_failure_that_says_so() {
    let inner = succeed(5);
    let to_inner = inner.clone();
    let outer = succeed(0).add_callback(move |_| to_inner);
    assert_eq!(value_of(&outer), 5);
    assert!(failure_of(&inner).check::<Spent>().is_some());
    assert!(reports_of(|| drop(inner)).is_empty(), "nobody asked it for anything: silent");
}

#[test]
fn tw_012_a_failure_passed_on_counts_as_handled_for_the_inner_one() {
    for fired_before in [true, false] {
        let reports = reports_of(|| {
            let inner = Deferred::<i32>::new();
            if fired_before {
                inner.errback(oops(1)).unwrap();
            }
            let to_inner = inner.clone();
            let outer = succeed(0).add_callback(move |_| to_inner);
            if !fired_before {
                inner.errback(oops(1)).unwrap();
            }
            outer.add_errback(|_| 0);
        });
        assert!(reports.is_empty(), "fired before: {fired_before}: {reports:?}");
    }
}

#[test]
fn tw_013_callbacks_of_the_inner_one_come_first_if_they_were_there_first() {
    let log = Log::default();
    let (outer, inner) = (nullable(), nullable());
    inner.add_both(log.both("early"));
    let to_inner = inner.clone();
    outer.add_callback(move |_| to_inner).add_both(log.both("outer"));
    outer.callback(None).unwrap();
    inner.add_both(log.both("late"));
    outer.add_both(log.both("outer again"));
    inner.callback(Some(1)).unwrap();
    assert_eq!(log.lines(), ["early Some(1)", "outer Some(1)", "outer again Some(1)", "late None"]);
}

#[test]
fn tw_013_three_deep_in_any_order_of_building() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let deferreds = [Deferred::<i32>::new(), Deferred::new(), Deferred::new()];
        for (outer, inner) in deferreds.iter().zip(&deferreds[1..]) {
            let inner = inner.clone();
            outer.add_callback(move |n| inner.add_callback(move |m| m + n));
        }
        let log = Log::default();
        deferreds[0].add_both(log.both("end"));
        for at in order {
            deferreds[at].callback(10_i32.pow(u32::try_from(at).unwrap())).unwrap();
        }
        assert_eq!(log.lines(), ["end 111"], "{order:?}");
    }
}

#[test]
fn tw_014_depth_costs_no_stack_whether_by_return_or_by_then() {
    const DEPTH: i32 = 100_000;
    // A small stack: 100,000 frames of any kind would not fit.
    let thread = std::thread::Builder::new().stack_size(128 * 1024);
    let run = || {
        let first = Deferred::<i32>::new();
        let mut last = first.clone();
        for _ in 0..DEPTH {
            let inner = last;
            last = Deferred::new();
            last.add_callback(move |_: i32| inner).add_callback(|n| n + 1);
            last.callback(0).unwrap();
        }
        first.callback(0).unwrap();
        assert_eq!(value_of(&last), DEPTH);

        let first = Deferred::<i32>::new();
        let last = (0..DEPTH).fold(first.clone(), |deferred, _| deferred.map(|n| n + 1));
        first.callback(0).unwrap();
        assert_eq!(value_of(&last), DEPTH);

        // Given up without ever being fired, and cancelled from the far end.
        let first = Deferred::<i32>::new();
        let last = (0..DEPTH).fold(first, |deferred, _| deferred.map(|n| n + 1));
        drop(last);
        let last = (0..DEPTH).fold(Deferred::<i32>::new(), |deferred, _| deferred.map(|n| n + 1));
        last.cancel();
        assert!(failure_of(&last).check::<Cancelled>().is_some());
    };
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn tw_015_chain_deferred_fires_the_other_and_keeps_nothing() {
    let (one, two) = (nullable(), nullable());
    one.chain_deferred(&two);
    one.callback(Some(1)).unwrap();
    assert_eq!(value_of(&two), Some(1));
    assert_eq!(value_of(&one), None);
    let failing = nullable();
    let target = nullable();
    failing.chain_deferred(&target);
    failing.errback(oops(1)).unwrap();
    assert_eq!(failure_of(&target).check::<Oops>(), Some(&Oops(1)));
    assert!(reports_of(|| drop(failing)).is_empty());
}

#[test]
fn tw_015_firing_the_target_does_not_touch_the_source_which_later_meets_already_called() {
    let (one, two) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    one.chain_deferred(&two);
    two.callback(7).unwrap();
    assert!(!one.called());
    one.callback(1).unwrap();
    assert!(failure_of(&one).check::<AlreadyCalled>().is_some());
    assert_eq!(value_of(&two), 7);
}

#[test]
fn tw_016_of_two_that_wait_for_one_the_first_gets_the_value() {
    let log = Log::default();
    let inner = nullable();
    let outers = [nullable(), nullable()];
    for (outer, name) in outers.iter().zip(["first", "second"]) {
        let inner = inner.clone();
        outer.add_callback(move |_| inner).add_both(log.both(name));
        outer.callback(None).unwrap();
    }
    inner.callback(Some(1)).unwrap();
    assert_eq!(log.lines(), ["first Some(1)", "second None"]);
}

#[test]
fn tw_017_callbacks_run_after_as_many_unpauses_as_pauses() {
    let log = Log::default();
    let deferred = Deferred::<i32>::new();
    deferred.add_both(log.both("run"));
    deferred.pause();
    deferred.pause();
    deferred.callback(1).unwrap();
    deferred.unpause();
    assert!(log.lines().is_empty());
    deferred.unpause();
    assert_eq!(log.lines(), ["run 1"]);
    deferred.unpause();
    deferred.pause();
    deferred.add_both(log.both("held back"));
    assert_eq!(log.lines(), ["run 1"], "an unpause too many has not been saved up");
}

#[test]
fn tw_017_a_failure_is_held_back_as_well() {
    let log = Log::default();
    let deferred = Deferred::<i32>::new();
    deferred.pause();
    deferred.errback(oops(1)).unwrap();
    deferred.add_both(log.both("run")).add_errback(|_| 0);
    assert!(log.lines().is_empty());
    deferred.unpause();
    assert_eq!(log.lines(), ["run ! oops 1"]);
}

#[test]
fn tw_017_pausing_inside_a_callback_does_not_stop_the_others_of_that_run() {
    let log = Log::default();
    let deferred = Deferred::<i32>::new();
    let own = deferred.clone();
    deferred.add_callback(move |n| {
        own.pause();
        n
    });
    deferred.add_both(log.both("same run"));
    deferred.callback(1).unwrap();
    deferred.add_both(log.both("later"));
    assert_eq!(log.lines(), ["same run 1"]);
    deferred.unpause();
    assert_eq!(log.lines(), ["same run 1", "later 1"]);
}

#[test]
fn tw_018_a_paused_inner_one_makes_the_outer_one_wait() {
    let log = Log::default();
    let inner = succeed(1);
    inner.pause();
    let to_inner = inner.clone();
    let outer = succeed(0).add_callback(move |_| to_inner).add_both(log.both("outer"));
    assert!(outer.is_waiting());
    inner.unpause();
    assert_eq!(log.lines(), ["outer 1"]);
}

#[test]
fn tw_018_a_paused_outer_one_does_not_hold_up_the_later_callbacks_of_the_inner_one() {
    let log = Log::default();
    let (outer, inner) = (nullable(), nullable());
    let to_inner = inner.clone();
    outer.add_callback(move |_| to_inner).add_both(log.both("outer"));
    outer.callback(None).unwrap();
    outer.pause();
    inner.callback(Some(1)).unwrap();
    inner.add_both(log.both("inner"));
    assert_eq!(log.lines(), ["inner None"]);
    outer.unpause();
    assert_eq!(log.lines(), ["inner None", "outer Some(1)"]);
}
