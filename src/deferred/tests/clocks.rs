//! Section I, the part without a reactor: the test clock and `defer_later`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::super::*;
use super::{Log, Oops, failure_of, oops, value_of};

const SECOND: Duration = Duration::from_secs(1);

fn later(clock: &TestClock, delay: Duration, log: &Log, name: &'static str) -> std::rc::Rc<dyn DelayedCall> {
    let log = log.clone();
    clock.call_later(delay, Box::new(move || log.add(name)))
}

#[test]
fn tw_064_due_calls_come_in_the_order_of_their_times_and_equal_times_in_the_order_asked_for() {
    let (clock, log) = (TestClock::new(), Log::default());
    for (seconds, name) in [(2, "c"), (1, "a"), (2, "d"), (1, "b")] {
        later(&clock, seconds * SECOND, &log, name);
    }
    clock.advance(3 * SECOND);
    assert_eq!(log.lines(), ["a", "b", "c", "d"]);
}

#[test]
fn tw_065_all_see_the_final_time_and_what_they_ask_for_now_comes_in_the_same_advance() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (inner, say) = (clock.clone(), log.clone());
    clock.call_later(
        SECOND,
        Box::new(move || {
            say.add(format!("at {}", inner.seconds().as_secs()));
            later(&inner, Duration::ZERO, &say, "same advance");
        }),
    );
    clock.advance(5 * SECOND);
    assert_eq!(log.lines(), ["at 5", "same advance"]);
}

#[test]
fn tw_065_a_call_that_panics_leaves_the_later_ones_in_place() {
    let (clock, log) = (TestClock::new(), Log::default());
    clock.call_later(SECOND, Box::new(|| panic!("no")));
    later(&clock, 2 * SECOND, &log, "after");
    assert!(catch_unwind(AssertUnwindSafe(|| clock.advance(3 * SECOND))).is_err());
    assert_eq!((log.lines().len(), clock.pending()), (0, 1));
    clock.advance(Duration::ZERO);
    assert_eq!(log.lines(), ["after"]);
}

#[test]
fn tw_066_a_cancelled_call_is_gone_and_says_so_and_so_does_one_that_was_made() {
    let (clock, log) = (TestClock::new(), Log::default());
    let call = later(&clock, SECOND, &log, "never");
    assert!(call.active());
    call.cancel().unwrap();
    assert!(!call.active());
    assert_eq!((call.cancel(), call.reset(SECOND)), (Err(NotActive::Cancelled), Err(NotActive::Cancelled)));
    let made = later(&clock, SECOND, &log, "made");
    clock.advance(SECOND);
    assert_eq!((made.cancel(), made.delay(SECOND)), (Err(NotActive::Called), Err(NotActive::Called)));
    assert_eq!(log.lines(), ["made"]);
}

#[test]
fn tw_067_reset_counts_from_now_and_delay_from_when_it_was_due() {
    let (clock, log) = (TestClock::new(), Log::default());
    let sooner = later(&clock, 10 * SECOND, &log, "sooner");
    let latest = later(&clock, SECOND, &log, "latest");
    let delayed = later(&clock, 3 * SECOND, &log, "delayed");
    clock.advance(SECOND / 2);
    sooner.reset(SECOND).unwrap();
    latest.reset(9 * SECOND).unwrap();
    delayed.delay(2 * SECOND).unwrap();
    clock.advance(SECOND);
    assert_eq!(log.lines(), ["sooner"]);
    clock.advance(3 * SECOND);
    assert_eq!(log.lines().len(), 1, "4.5 s, due at 5");
    delayed.hasten(SECOND).unwrap();
    clock.advance(Duration::ZERO);
    assert_eq!(log.lines(), ["sooner", "delayed"]);
    clock.advance(5 * SECOND);
    assert_eq!(log.lines(), ["sooner", "delayed", "latest"]);
}

#[test]
fn tw_074_defer_later_fires_with_what_the_call_returns_and_cancelling_takes_the_call_back() {
    let clock = TestClock::new();
    let value = defer_later(&clock, SECOND, || 5);
    let failure = defer_later::<i32, _>(&clock, SECOND, || Err(oops(5)));
    let wait = defer_later(&clock, SECOND, || ());
    assert!(value.is_waiting());
    clock.advance(SECOND);
    assert_eq!(value_of(&value), 5);
    assert_eq!(failure_of(&failure).check::<Oops>(), Some(&Oops(5)));
    value_of(&wait);
    let cancelled = defer_later(&clock, SECOND, || 5);
    cancelled.cancel();
    assert_eq!(clock.pending(), 0);
    assert!(failure_of(&cancelled).check::<Cancelled>().is_some());
}
