//! Section E: time-outs and helpers.

use std::time::Duration;

use super::super::*;
use super::{Log, Oops, failure_of, oops, value_of};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn tw_029_at_exactly_the_time_it_is_cancelled_and_says_so_and_the_late_result_is_swallowed() {
    let clock = TestClock::new();
    let deferred = Deferred::<i32>::new().add_timeout(3 * SECOND, &clock);
    clock.advance(3 * SECOND - Duration::from_nanos(1));
    assert!(!deferred.called());
    clock.advance(Duration::from_nanos(1));
    assert!(deferred.callback(1).is_ok());
    let failure = failure_of(&deferred);
    assert_eq!(failure.check::<TimedOut>(), Some(&TimedOut { after: 3 * SECOND }));
    assert_eq!(failure.to_string(), "waiting for a deferred: no result after 3 s");
}

#[test]
fn tw_030_a_result_before_that_takes_the_timer_back_at_once() {
    for well in [true, false] {
        let clock = TestClock::new();
        let deferred = Deferred::<i32>::new().add_timeout(3 * SECOND, &clock);
        clock.advance(SECOND);
        deferred.fire(if well { Ok(1) } else { Err(oops(1)) }).unwrap();
        assert_eq!(clock.pending(), 0);
        assert_eq!(deferred.take_result().unwrap().is_ok(), well);
    }
}

#[test]
fn tw_030_it_covers_what_was_added_before_and_what_that_waits_for_but_nothing_added_later() {
    let clock = TestClock::new();
    let (slow, later) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    let (to_slow, to_later) = (slow.clone(), later.clone());
    let covered = succeed(0).add_callback(move |_| to_slow).add_timeout(SECOND, &clock);
    clock.advance(SECOND);
    assert!(slow.called(), "the inner one was cancelled");
    assert!(failure_of(&covered).check::<TimedOut>().is_some());
    let not_covered = succeed(0).add_timeout(SECOND, &clock).add_callback(move |_| to_later);
    clock.advance(10 * SECOND);
    assert!(not_covered.is_waiting() && !later.called());
}

#[test]
fn tw_031_a_cancel_by_hand_stays_a_cancel() {
    let clock = TestClock::new();
    let log = Log::default();
    let say = log.clone();
    let deferred = Deferred::<i32>::new().add_timeout_with(SECOND, &clock, move |result, _| {
        say.add("handler");
        result
    });
    deferred.cancel();
    assert!(failure_of(&deferred).check::<Cancelled>().is_some());
    assert_eq!((clock.pending(), log.lines().len()), (0, 0));
}

#[test]
fn tw_032_a_handler_runs_on_a_real_time_out_only_and_decides_the_result() {
    let clock = TestClock::new();
    let deferred = Deferred::<i32>::new().add_timeout_with(SECOND, &clock, |result, after| {
        assert!(result.unwrap_err().check::<Cancelled>().is_some());
        i32::try_from(after.as_secs()).unwrap()
    });
    clock.advance(SECOND);
    assert_eq!(value_of(&deferred), 1);
    let own = Deferred::<i32>::with_canceller(|deferred| deferred.callback(5).unwrap());
    let own = own.add_timeout_with(SECOND, &clock, |result, _| result.map(|n| n + 1));
    clock.advance(SECOND);
    assert_eq!(value_of(&own), 6);
}

#[test]
fn tw_032_of_two_time_outs_the_shorter_one_fires_and_the_other_timer_is_taken_back() {
    for order in [[1, 2], [2, 1]] {
        let clock = TestClock::new();
        let deferred = Deferred::<i32>::new();
        for seconds in order {
            deferred.add_timeout(seconds * SECOND, &clock);
        }
        clock.advance(SECOND);
        assert_eq!(failure_of(&deferred).check::<TimedOut>(), Some(&TimedOut { after: SECOND }));
        assert_eq!(clock.pending(), 0);
    }
}

#[test]
fn tw_033_what_the_canceller_or_an_earlier_errback_makes_of_it_decides() {
    let clock = TestClock::new();
    let value =
        Deferred::<i32>::with_canceller(|deferred| deferred.callback(5).unwrap()).add_timeout(SECOND, &clock);
    let failure = Deferred::<i32>::with_canceller(|deferred| deferred.errback(oops(5)).unwrap());
    let failure = failure.add_timeout(SECOND, &clock);
    let handled = Deferred::<i32>::new().add_errback(|_| 7).add_timeout(SECOND, &clock);
    clock.advance(SECOND);
    assert_eq!(value_of(&value), 5);
    assert_eq!(failure_of(&failure).check::<Oops>(), Some(&Oops(5)));
    assert_eq!(value_of(&handled), 7);
}

#[test]
fn tw_034_maybe_deferred_takes_values_errors_panics_and_deferreds() {
    assert_eq!(value_of(&maybe_deferred(|| 5)), 5);
    let error = maybe_deferred::<i32, _>(|| Err::<i32, _>(oops(1)));
    assert!(failure_of(&error).check::<Oops>().is_some());
    let panicked = maybe_deferred::<i32, _>(|| -> i32 { panic!("no") });
    assert!(failure_of(&panicked).is_panic());
    let inner = Deferred::<i32>::new();
    let returned = inner.clone();
    assert!(maybe_deferred(move || returned).same(&inner));
}

#[test]
fn tw_034_succeed_and_fail_are_fired_deferreds() {
    assert!(succeed(1).called());
    assert!(succeed(1).callback(2).is_err());
    let failed = fail::<i32>(Oops(1));
    assert!(failed.callback(2).is_err());
    assert_eq!(failure_of(&failed).check::<Oops>(), Some(&Oops(1)));
}
