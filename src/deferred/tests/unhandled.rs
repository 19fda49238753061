//! Section D: failures nobody handled.

use super::super::unhandled::{Cause, Collected};
use super::super::*;
use super::{Log, oops, reports_of};

#[test]
fn tw_026_a_failure_is_reported_when_the_last_handle_goes_and_not_before() {
    let reports = Collected::begin();
    let line = line!() + 1;
    let deferred = Deferred::<i32>::new();
    deferred.errback(oops(1)).unwrap();
    let other = deferred.clone();
    drop(deferred);
    assert!(reports.take().is_empty());
    drop(other);
    let seen = reports.take();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].cause, Cause::Unhandled);
    assert_eq!(seen[0].created.map(Location::line), Some(line));
    assert_eq!(seen[0].fired.map(Location::line), Some(line + 1));
    let text = seen[0].to_string();
    assert!(text.starts_with("Unhandled error in Deferred: oops 1 (from "), "{text}");
}

#[test]
fn tw_026_a_chain_of_other_types_reports_once_at_its_end() {
    let reports = reports_of(|| {
        let source = Deferred::<i32>::new();
        let _end = source.clone().map(|n| n + 1).map(|n| n.to_string());
        source.errback(oops(1)).unwrap();
    });
    assert_eq!(reports, ["oops 1"]);
}

#[test]
fn tw_026_the_callbacks_outlive_the_handle_of_the_one_who_added_them() {
    let log = Log::default();
    let reports = reports_of(|| {
        let source = Deferred::<i32>::new();
        drop(source.clone().map(|n| n + 1).add_callback(log.value("run")));
        source.callback(1).unwrap();
    });
    assert_eq!(log.lines(), ["run 2"]);
    assert!(reports.is_empty());
}

#[test]
fn tw_027_an_errback_clears_it_however_late_and_raising_again_brings_it_back() {
    assert!(reports_of(|| drop(fail::<i32>(oops(1)).add_errback(|_| 0))).is_empty());
    let unfired = Deferred::<i32>::new();
    assert!(reports_of(|| drop(fail::<i32>(oops(1)).add_errback(move |_| unfired))).is_empty());
    assert_eq!(reports_of(|| drop(fail::<i32>(oops(1)).add_errback(Err::<i32, _>))), ["oops 1"]);
    let again = |_: Failure| Err::<i32, _>(oops(2));
    assert_eq!(reports_of(|| drop(fail::<i32>(oops(1)).add_errback(again))), ["oops 2"]);
}

#[test]
fn tw_028_a_cancelled_one_without_errback_is_reported_too() {
    assert_eq!(reports_of(|| Deferred::<i32>::new().cancel()), ["the deferred was cancelled"]);
}

#[test]
fn reporters_nest_and_each_guard_takes_only_its_own_away() {
    let outer = Collected::begin();
    let inner = Collected::begin();
    drop(fail::<i32>(oops(1)));
    assert_eq!((inner.take().len(), outer.take().len()), (1, 0));
    drop(inner);
    drop(fail::<i32>(oops(2)));
    assert_eq!(outer.take().len(), 1);
}
