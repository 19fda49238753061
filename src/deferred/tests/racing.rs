//! Section F: races.

use super::super::*;
use super::{Log, Oops, failure_of, oops, reports_of, value_of};

#[test]
fn tw_043_the_first_success_wins_and_the_others_are_cancelled_before_the_result_is_delivered() {
    let log = Log::default();
    let say = log.clone();
    let slow = Deferred::<i32>::with_canceller(move |_| say.add("slow cancelled"));
    let fast = Deferred::<i32>::new();
    let say = log.clone();
    let _told = race([slow.clone(), fast.clone()])
        .map(move |(index, value)| say.add(format!("{index} won with {value}")));
    fast.callback(1).unwrap();
    assert_eq!(log.lines(), ["slow cancelled", "1 won with 1"]);
}

#[test]
fn tw_043_late_results_vanish() {
    let log = Log::default();
    let reports = reports_of(|| {
        let stubborn = Deferred::<i32>::with_canceller(|deferred| deferred.callback(9).unwrap());
        let plain = Deferred::<i32>::new();
        let fast = Deferred::<i32>::new();
        let say = log.clone();
        let _told =
            race([stubborn, plain.clone(), fast.clone()]).map(move |(index, _)| say.add(format!("{index}")));
        fast.callback(1).unwrap();
        plain.callback(2).unwrap();
    });
    assert_eq!(log.lines(), ["2"]);
    assert!(reports.is_empty(), "{reports:?}");
}

#[test]
fn tw_044_a_failure_ends_nothing_and_if_all_fail_they_come_in_order_and_count_as_handled() {
    let reports = reports_of(|| {
        let (a, b) = (Deferred::<i32>::new(), Deferred::<i32>::new());
        let outcome = race([a.clone(), b.clone()]);
        b.errback(oops(2)).unwrap();
        assert!(!a.called() && !outcome.called());
        a.errback(oops(1)).unwrap();
        let failure = failure_of(&outcome);
        let group = failure.check::<FailureGroup>().unwrap();
        let errors: Vec<_> =
            group.failures.iter().map(|failure| failure.check::<Oops>().unwrap().0).collect();
        assert_eq!(errors, [1, 2]);
        assert_eq!(group.to_string(), "racing 2 deferreds: all failed, the first with: oops 1");
    });
    assert!(reports.is_empty());
}

#[test]
fn tw_045_cancelling_the_race_cancels_all_and_ends_in_a_group_not_in_a_cancel() {
    let (a, b) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    let outcome = race([a.clone(), b.clone()]);
    outcome.cancel();
    assert!(a.called() && b.called());
    let failure = failure_of(&outcome);
    let group = failure.check::<FailureGroup>().unwrap();
    assert!(group.failures.iter().all(|one| one.check::<Cancelled>().is_some()));
}

#[test]
fn a_value_need_not_be_cloneable_to_race() {
    struct Socket;
    let runner = Deferred::<Socket>::new();
    let outcome = race([runner.clone()]);
    runner.callback(Socket).unwrap();
    let (index, Socket) = value_of(&outcome);
    assert_eq!(index, 0);
}
