//! Section P, in spirit.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::super::trial::{LIMIT, Trial, Verdict};
use super::super::*;
use super::{Oops, failure_of, oops, value_of};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn tw_149_the_test_waits_for_the_deferred_that_was_returned() {
    let clock = TestClock::new();
    let value = Trial::new().run(&clock, || defer_later(&clock, 100 * SECOND, || 5)).unwrap();
    assert_eq!((value, clock.seconds()), (5, 100 * SECOND));
    let failed = Trial::new().run(&clock, || defer_later::<i32, _>(&clock, SECOND, || Err(oops(1))));
    assert!(matches!(failed, Err(Verdict::Failed(failure)) if failure.check::<Oops>().is_some()));
    let panicked = Trial::new().run(&clock, || -> Deferred<i32> { panic!("an assertion") });
    assert!(matches!(panicked, Err(Verdict::Failed(failure)) if failure.is_panic()));
}

/// Notes that it ran, a second later, and fails if it is told to.
fn noting<'a>(
    clock: &'a TestClock,
    trace: &Rc<RefCell<Vec<&'static str>>>,
    name: &'static str,
    fails: bool,
) -> impl Fn() -> Deferred<()> + use<'a> {
    let trace = Rc::clone(trace);
    move || {
        let trace = Rc::clone(&trace);
        defer_later(clock, SECOND, move || {
            trace.borrow_mut().push(name);
            if fails { Err(oops(7)) } else { Ok(()) }
        })
    }
}

#[test]
fn tw_150_set_up_body_cleanups_in_reverse_and_then_tear_down_each_waited_for() {
    let (clock, trace) = (TestClock::new(), Rc::default());
    let step = |name, fails| noting(&clock, &trace, name, fails);
    let trial = Trial::new()
        .set_up(step("set-up", false))
        .cleanup(step("first cleanup", false))
        .cleanup(step("second cleanup", false))
        .tear_down(step("tear-down", false));
    trial.run(&clock, step("body", false)).unwrap();
    let all = ["set-up", "body", "second cleanup", "first cleanup", "tear-down"];
    assert_eq!(trace.take(), all);
    let verdict = trial.run(&clock, step("body", true)).unwrap_err();
    assert!(matches!(verdict, Verdict::Failed(_)), "{verdict}");
    assert_eq!(trace.take(), all, "a body that fails keeps none of them");
}

#[test]
fn tw_150_without_a_set_up_there_is_neither_body_nor_tear_down_but_the_cleanups_run() {
    let (clock, trace) = (TestClock::new(), Rc::default());
    let step = |name, fails| noting(&clock, &trace, name, fails);
    let trial = Trial::new()
        .set_up(step("set-up", true))
        .set_up(step("a later one", false))
        .cleanup(step("cleanup", false))
        .tear_down(step("tear-down", false));
    let verdict = trial.run(&clock, step("body", false)).unwrap_err();
    assert!(matches!(verdict, Verdict::Failed(_)), "{verdict}");
    assert_eq!(trace.take(), ["set-up", "cleanup"]);
}

#[test]
fn tw_150_a_cleanup_that_fails_keeps_none_of_the_others_and_each_error_is_told() {
    let (clock, trace) = (TestClock::new(), Rc::default());
    let step = |name, fails| noting(&clock, &trace, name, fails);
    let trial = Trial::new()
        .cleanup(step("first cleanup", true))
        .cleanup(step("second cleanup", true))
        .tear_down(step("tear-down", false));
    let verdict = trial.run(&clock, step("body", true)).unwrap_err();
    assert!(matches!(&verdict, Verdict::Several(all) if all.len() == 3), "{verdict}");
    assert!(verdict.to_string().starts_with("3 things went wrong; the test failed: "), "{verdict}");
    assert_eq!(trace.take(), ["body", "second cleanup", "first cleanup", "tear-down"]);
}

#[test]
fn tw_151_after_120_seconds_it_is_too_slow_unless_told_otherwise() {
    assert_eq!(LIMIT, 120 * SECOND);
    let clock = TestClock::new();
    let slow = || defer_later(&clock, 121 * SECOND, || 5);
    let verdict = Trial::new().run(&clock, slow).unwrap_err();
    assert!(matches!(verdict, Verdict::TooSlow(LIMIT)), "{verdict}");
    assert_eq!(clock.seconds(), LIMIT);
    assert!(Trial::new().limit(200 * SECOND).run(&clock, slow).is_ok());
    let stuck = Trial::new().run(&clock, Deferred::<i32>::new);
    assert!(matches!(stuck, Err(Verdict::Stuck)));
}

#[test]
fn tw_152_what_is_left_behind_fails_the_test_but_what_is_due_now_may_still_run() {
    let clock = TestClock::new();
    let dirty = Trial::new().run(&clock, || {
        clock.call_later(SECOND, Box::new(|| ()));
        succeed(1)
    });
    assert!(matches!(dirty, Err(Verdict::Dirty { timers: 1, .. })));
    let clock = TestClock::new();
    let tidy = Trial::new().run(&clock, || {
        clock.call_later(Duration::ZERO, Box::new(|| ()));
        succeed(1)
    });
    assert_eq!(tidy.unwrap(), 1);
    let open = Trial::new().leftovers(|| vec!["a socket".to_owned()]).run(&clock, || succeed(1));
    assert!(matches!(open, Err(Verdict::Dirty { timers: 0, others }) if others == ["a socket"]));
}

#[test]
fn tw_153_an_unhandled_failure_fails_a_test_that_succeeded() {
    let clock = TestClock::new();
    let verdict = Trial::new().run(&clock, || {
        drop(fail::<i32>(oops(3)));
        succeed(1)
    });
    let Err(Verdict::Unhandled(reports)) = verdict else { panic!("unhandled") };
    assert_eq!(reports.len(), 1);
    assert!(Trial::new().run(&clock, || succeed(1)).is_ok(), "and is forgotten by the next");
}

#[test]
fn tw_155_a_result_is_looked_at_without_waiting() {
    assert_eq!(value_of(&succeed(1)), 1);
    assert!(failure_of(&fail::<i32>(oops(1))).check::<Oops>().is_some());
    let later = Deferred::<i32>::new();
    assert!(later.take_result().is_none());
    later.callback(2).unwrap();
    assert_eq!(value_of(&later), 2, "looking too early has taken nothing");
}

#[test]
fn a_verdict_says_what_is_wrong() {
    let dirty = Verdict::Dirty { timers: 2, others: vec!["a port".to_owned()] };
    assert_eq!(dirty.to_string(), "the test left 2 timers, a port");
    let error: Rc<dyn std::error::Error> = Rc::new(Verdict::TooSlow(SECOND));
    assert_eq!(error.to_string(), "the test had no result after 1 s");
}
