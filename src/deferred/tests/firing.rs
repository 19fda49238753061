//! Section A: firing and the callback chain.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::super::unhandled::{debugging, set_debugging};
use super::super::*;
use super::{Log, Oops, Other, failure_of, oops, reports_of, value_of};

#[test]
fn tw_001_callbacks_run_inside_callback_in_order_each_with_the_result_of_the_one_before() {
    let log = Log::default();
    let deferred = Deferred::new();
    deferred.add_callback(log.value("first")).add_callback(|n: i32| n + 1).add_callback(log.value("second"));
    log.add("before");
    deferred.callback(1).unwrap();
    log.add("after");
    assert_eq!(log.lines(), ["before", "first 1", "second 2", "after"]);
}

#[test]
fn tw_001_callbacks_added_to_a_fired_one_run_at_once() {
    let log = Log::default();
    let done = succeed(5);
    done.add_callback(log.value("late"));
    log.add("after");
    assert_eq!(log.lines(), ["late 5", "after"]);
    let failed = fail::<i32>(oops(1));
    failed.add_errback(|_| 7);
    assert_eq!(value_of(&failed), 7);
}

#[test]
fn tw_002_further_arguments_are_captured_each_side_its_own() {
    let (more, less) = (10, 20);
    let deferred = Deferred::new();
    deferred.add_callbacks(move |n: i32| n + more, move |_| less);
    deferred.callback(1).unwrap();
    assert_eq!(value_of(&deferred), 11);
    let failing = Deferred::new();
    failing.add_callbacks(move |n: i32| n + more, move |_| less);
    failing.errback(Oops(1)).unwrap();
    assert_eq!(value_of(&failing), 20);
}

#[test]
fn tw_003_a_failing_callback_goes_to_the_next_errback_never_to_its_own() {
    let log = Log::default();
    let (own, next) = (log.clone(), log.clone());
    let deferred = Deferred::<i32>::new();
    deferred.add_callbacks(
        |_| -> Result<i32, Failure> { Err(oops(1)) },
        move |_| {
            own.add("its own");
            0
        },
    );
    deferred.add_errback(move |failure| {
        next.add(format!("next {failure}"));
        0
    });
    deferred.callback(1).unwrap();
    assert_eq!(log.lines(), ["next oops 1"]);
}

#[test]
fn tw_004_failures_go_to_errbacks_and_what_an_errback_returns_goes_back_to_callbacks() {
    let log = Log::default();
    let deferred = Deferred::<i32>::new();
    deferred
        .add_both(log.both("a"))
        .add_callback(log.value("not this"))
        .add_errback(|_| 3)
        .add_both(log.both("b"));
    deferred
        .add_errback(|_| -1)
        .add_callback(|_| -> Result<i32, Failure> { Err(oops(2)) })
        .add_both(log.both("c"));
    deferred.errback(oops(1)).unwrap();
    assert_eq!(log.lines(), ["a ! oops 1", "b 3", "c ! oops 2"]);
    assert_eq!(failure_of(&deferred).check::<Oops>(), Some(&Oops(2)));
}

#[test]
fn tw_004_an_errback_may_trap_one_error_and_pass_every_other_on() {
    let pick = |failure: Failure| failure.trap::<Oops>().map(|_| 1);
    let mine = fail::<i32>(oops(1)).add_errback(pick);
    assert_eq!(value_of(&mine), 1);
    let first = Failure::new(Other);
    let others = fail::<i32>(first.clone()).add_errback(pick);
    assert!(failure_of(&others).same(&first), "the same failure, its place untouched");
}

#[test]
fn tw_005_a_panic_in_a_callback_becomes_a_failure_and_does_not_leave_callback() {
    let deferred = Deferred::<i32>::new();
    let line = line!() + 1;
    deferred.add_callback(|n| if n > 0 { panic!("no poem {n}") } else { n });
    deferred.callback(1).unwrap();
    let failure = failure_of(&deferred);
    assert_eq!(failure.check::<Panicked>().unwrap().message, "no poem 1");
    assert!(failure.is_panic());
    assert_eq!(
        (failure.place().file(), failure.place().line()),
        (file!(), line),
        "where the callback was added"
    );
}

#[test]
fn tw_005_panics_of_any_kind_are_caught() {
    let deferred = Deferred::<i32>::new();
    deferred.add_callback(|n| if n > 0 { std::panic::panic_any(n) } else { n });
    deferred.callback(1).unwrap();
    assert_eq!(failure_of(&deferred).check::<Panicked>().unwrap().message, "something that is no text");
}

#[test]
fn tw_006_firing_takes_a_result_of_either_kind_and_errback_wraps_any_error() {
    let deferred = Deferred::<i32>::new();
    deferred.fire(Err(oops(1))).unwrap();
    assert_eq!(failure_of(&deferred).check::<Oops>(), Some(&Oops(1)));
    let wrapped = Deferred::<i32>::new();
    let line = line!() + 1;
    wrapped.errback(Other).unwrap();
    let failure = failure_of(&wrapped);
    assert!(failure.check::<Other>().is_some() && failure.check::<Oops>().is_none());
    assert_eq!(failure.place().line(), line);
}

#[test]
fn tw_006_the_question_mark_notes_its_own_place() {
    fn parse(text: &str) -> Result<i32, Failure> {
        let number = text.parse::<i32>()?;
        Ok(number)
    }
    let failure = parse("poem").unwrap_err();
    assert_eq!(failure.place().file(), file!());
    assert!(failure.check::<std::num::ParseIntError>().is_some());
    assert_eq!(format!("{failure}"), "invalid digit found in string");
}

#[test]
fn tw_007_firing_twice_is_an_error_in_every_combination() {
    for (first, second) in [(true, true), (true, false), (false, true), (false, false)] {
        let deferred = Deferred::<i32>::new();
        let fire = |well| if well { deferred.callback(1) } else { deferred.errback(oops(1)) };
        assert!(fire(first).is_ok());
        assert!(fire(second).is_err(), "{first} then {second}");
        let _handled = deferred.take_result();
    }
}

#[test]
fn tw_007_also_from_inside_a_callback_of_the_same_one() {
    let deferred = Deferred::<i32>::new();
    let again = deferred.clone();
    deferred.add_callback(move |n| again.callback(n).map_err(Failure::from).map(|()| n));
    deferred.callback(1).unwrap();
    assert!(failure_of(&deferred).check::<AlreadyCalled>().is_some());
}

#[test]
fn tw_007_with_debugging_the_error_says_where_it_was_made_and_first_fired() {
    let was = debugging();
    set_debugging(true);
    let (made, fired) = (line!() + 1, line!() + 2);
    let deferred = Deferred::<i32>::new();
    deferred.callback(1).unwrap();
    let error = deferred.callback(2).unwrap_err();
    assert_eq!(error.created.map(Location::line), Some(made));
    assert_eq!(error.fired.map(Location::line), Some(fired));
    assert!(error.to_string().contains(&format!("firing.rs:{fired}")), "{error}");
    set_debugging(false);
    let plain = succeed(1);
    assert_eq!(plain.callback(2), Err(AlreadyCalled { created: None, fired: None }));
    set_debugging(was);
}

#[test]
fn tw_008_a_callback_added_by_a_running_one_waits_until_that_returns_and_goes_to_the_end() {
    let log = Log::default();
    let deferred = Deferred::<i32>::new();
    let (inner, say) = (deferred.clone(), log.clone());
    deferred.add_callback(move |n| {
        inner.add_callback(say.value("added"));
        say.add("running");
        n + 1
    });
    deferred.add_callback(log.value("next"));
    deferred.callback(1).unwrap();
    assert_eq!(log.lines(), ["running", "next 2", "added 2"]);
}

#[test]
fn tw_009_one_that_returns_itself_stalls_for_good_and_can_be_cancelled_without_harm() {
    let reports = reports_of(|| {
        let log = Log::default();
        let deferred = Deferred::<i32>::new();
        let own = deferred.clone();
        deferred.add_callback(move |_| own).add_both(log.both("never"));
        deferred.callback(1).unwrap();
        deferred.cancel();
        deferred.pause();
        deferred.unpause();
        assert!(deferred.is_waiting());
        assert!(deferred.take_result().is_none());
        drop(deferred);
        assert!(log.lines().is_empty());
    });
    assert!(reports.is_empty(), "{reports:?}");
}

#[test]
fn tw_009_two_that_wait_for_each_other_stall_and_cancel_ends() {
    let (one, two) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    let (to_one, to_two) = (one.clone(), two.clone());
    one.add_callback(move |_| to_two);
    two.add_callback(move |_| to_one);
    one.callback(1).unwrap();
    two.callback(2).unwrap();
    one.cancel();
    assert!(one.is_waiting() && two.is_waiting());
}

#[test]
fn tw_010_a_deferred_as_value_is_handed_over_as_it_is() {
    let inner = Deferred::<i32>::new();
    let seen = Rc::new(Cell::new(false));
    let (expect, set) = (inner.clone(), Rc::clone(&seen));
    let outer = Deferred::<Deferred<i32>>::new();
    outer.add_callback(move |got| {
        set.set(got.same(&expect));
        Ok(got)
    });
    outer.callback(inner).unwrap();
    assert!(seen.get(), "the first callback ran at once, with the deferred itself");
}

#[test]
fn map_then_and_then_both_change_the_type() {
    let source = Deferred::<&str>::new();
    let end = source
        .clone()
        .map(str::len)
        .then(|n| if n > 3 { Ok(f64::from(u32::try_from(n).unwrap())) } else { Err(oops(1)) })
        .then_both(|result| result.map(|x| format!("{x:.1}")));
    source.callback("poem").unwrap();
    assert_eq!(value_of(&end), "4.0");
    let failing = succeed("abc").map(str::len).then(|_| Err::<i32, _>(oops(9))).map(|n| n + 1);
    assert_eq!(failure_of(&failing).check::<Oops>(), Some(&Oops(9)));
}

#[test]
fn a_panic_in_a_canceller_is_not_swallowed() {
    let deferred = Deferred::<i32>::with_canceller(|_| panic!("cannot stop it"));
    let outcome = catch_unwind(AssertUnwindSafe(|| deferred.cancel()));
    assert!(outcome.is_err());
    deferred.callback(1).unwrap();
    assert_eq!(value_of(&deferred), 1);
}
