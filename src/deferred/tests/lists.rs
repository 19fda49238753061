//! Section F: lists, gathered results, dictionaries.

use std::collections::BTreeMap;

use super::super::unhandled::{Cause, Collected as Reports};
use super::super::*;
use super::{Log, Oops, failure_of, oops, reports_of, value_of};

fn three() -> [Deferred<i32>; 3] {
    [Deferred::new(), Deferred::new(), Deferred::new()]
}

fn text(results: Vec<Result<i32, Failure>>) -> Vec<String> {
    results
        .into_iter()
        .map(|one| one.map_or_else(|failure| format!("! {failure}"), |n| n.to_string()))
        .collect()
}

#[test]
fn tw_035_one_result_a_member_in_the_order_given_once_all_have_fired() {
    let [a, b, c] = three();
    let list = DeferredList::new([a.clone(), b.clone(), c.clone()]).consume_errors().watch();
    c.callback(3).unwrap();
    b.errback(oops(2)).unwrap();
    assert!(!list.called());
    a.callback(1).unwrap();
    assert_eq!(text(value_of(&list).into_results()), ["1", "! oops 2", "3"]);
    assert_eq!(value_of(&a), 1, "a value stays on its member too");
}

#[test]
fn tw_035_members_that_have_fired_count_at_once() {
    let list = DeferredList::new([succeed(1), fail(oops(2))]).consume_errors().watch();
    assert_eq!(text(value_of(&list).into_results()), ["1", "! oops 2"]);
    let first = DeferredList::new([succeed(1), fail(oops(2))]).fire_on_one_errback().consume_errors().watch();
    assert_eq!(failure_of(&first).check::<FirstError>().unwrap().index, 1);
}

#[test]
fn tw_036_an_empty_list_fires_at_once_unless_it_waits_for_a_success() {
    let none = || std::iter::empty::<Deferred<i32>>();
    assert!(value_of(&DeferredList::new(none()).watch()).into_results().is_empty());
    assert!(value_of(&DeferredList::new(none()).fire_on_one_errback().watch()).into_results().is_empty());
    assert!(!DeferredList::new(none()).fire_on_one_callback().watch().called());
    assert!(value_of(&gather_results(none(), false)).is_empty());
    assert!(!race(none()).called());
}

#[test]
fn tw_037_with_fire_on_one_callback_the_first_success_alone() {
    let [a, b, c] = three();
    let list = DeferredList::new([a.clone(), b.clone(), c]).fire_on_one_callback().consume_errors().watch();
    a.errback(oops(1)).unwrap();
    assert!(!list.called());
    b.callback(7).unwrap();
    assert!(matches!(value_of(&list), Collected::First { index: 1, value: 7 }));
}

#[test]
fn tw_037_if_all_fail_the_list_of_failures_is_a_success() {
    let [a, b, _] = three();
    let list = DeferredList::new([a.clone(), b.clone()]).fire_on_one_callback().consume_errors().watch();
    b.errback(oops(2)).unwrap();
    a.errback(oops(1)).unwrap();
    assert_eq!(text(value_of(&list).into_results()), ["! oops 1", "! oops 2"]);
}

#[test]
fn tw_038_with_fire_on_one_errback_the_first_failure_with_its_index() {
    let [a, b, c] = three();
    let list =
        DeferredList::new([a.clone(), b.clone(), c.clone()]).fire_on_one_errback().consume_errors().watch();
    a.callback(1).unwrap();
    c.errback(oops(3)).unwrap();
    let failure = failure_of(&list);
    let first = failure.check::<FirstError>().unwrap();
    assert_eq!((first.index, first.failure.check::<Oops>()), (2, Some(&Oops(3))));
    assert!(std::error::Error::source(first).is_some());
    b.callback(2).unwrap();
}

#[test]
fn tw_039_without_consume_errors_a_failure_stays_on_its_member_also_after_the_list_has_fired() {
    let reports = reports_of(|| {
        let [a, b, _] = three();
        let list = DeferredList::new([a.clone(), b.clone()]).fire_on_one_callback().watch();
        b.callback(1).unwrap();
        assert!(list.called());
        a.errback(oops(1)).unwrap();
    });
    assert_eq!(reports, ["oops 1"]);
    let [a, b, _] = three();
    let _list = DeferredList::new([a.clone(), b]).watch();
    a.errback(oops(1)).unwrap();
    assert_eq!(failure_of(&a).check::<Oops>(), Some(&Oops(1)));
}

#[test]
fn tw_039_with_it_nothing_is_left_on_the_member() {
    let reports = reports_of(|| {
        let a = Deferred::<Option<i32>>::new().leaving(|| None);
        let _list = DeferredList::new([a.clone()]).consume_errors().watch();
        a.errback(oops(1)).unwrap();
        assert_eq!(value_of(&a), None);
    });
    assert!(reports.is_empty());
}

#[test]
fn tw_040_cancelling_an_unfired_list_cancels_every_member_and_it_fires_by_its_own_rule() {
    let cancelled = "! the deferred was cancelled";
    let list = DeferredList::new(three()).consume_errors().watch();
    list.cancel();
    assert_eq!(text(value_of(&list).into_results()), [cancelled; 3]);

    let list = DeferredList::new(three()).fire_on_one_errback().consume_errors().watch();
    list.cancel();
    let failure = failure_of(&list);
    let first = failure.check::<FirstError>().unwrap();
    assert!(first.index == 0 && first.failure.check::<Cancelled>().is_some());

    let supplied = Deferred::<i32>::with_canceller(|deferred| deferred.callback(8).unwrap());
    let list = DeferredList::new([Deferred::new(), supplied]).fire_on_one_callback().consume_errors().watch();
    list.cancel();
    assert!(matches!(value_of(&list), Collected::First { index: 1, value: 8 }));
}

#[test]
fn tw_041_a_canceller_that_panics_is_reported_and_the_others_are_cancelled_all_the_same() {
    let reports = Reports::begin();
    let stubborn = Deferred::<i32>::with_canceller(|_| panic!("I stay"));
    let other = Deferred::<i32>::new();
    let list = DeferredList::new([stubborn.clone(), other.clone()]).consume_errors().watch();
    list.cancel();
    assert!(other.called() && !stubborn.called() && !list.called());
    let seen = reports.take();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].cause, Cause::Canceller);
    assert!(seen[0].to_string().contains("I stay"));
    stubborn.callback(1).unwrap();
    assert_eq!(text(value_of(&list).into_results()), ["1", "! the deferred was cancelled"]);
}

#[test]
fn tw_041_cancelling_a_list_that_has_fired_leaves_its_members_running() {
    let [a, b, _] = three();
    let list = DeferredList::new([a.clone(), b.clone()]).fire_on_one_callback().watch();
    a.callback(1).unwrap();
    list.cancel();
    assert!(!b.called());
    let [a, b, _] = three();
    let list = DeferredList::new([a.clone(), b.clone()]).fire_on_one_errback().consume_errors().watch();
    a.errback(oops(1)).unwrap();
    list.cancel();
    assert!(!b.called());
    let _handled = list.take_result();
}

#[test]
fn tw_042_gathered_results_are_the_plain_values_or_the_first_failure() {
    let [a, b, _] = three();
    let both = gather_results([a.clone(), b.clone()], false);
    b.callback(2).unwrap();
    a.callback(1).unwrap();
    assert_eq!(value_of(&both), [1, 2]);
    let reports = reports_of(|| {
        let [a, b, _] = three();
        let both = gather_results([a.clone(), b], true);
        a.errback(oops(1)).unwrap();
        assert_eq!(failure_of(&both).check::<FirstError>().unwrap().index, 0);
    });
    assert!(reports.is_empty());
}

#[test]
fn tw_042_cancelling_the_gathering_cancels_all() {
    let members = three();
    let all = gather_results(members.clone(), true);
    all.cancel();
    assert!(members.iter().all(Deferred::called));
    let failure = failure_of(&all);
    assert!(failure.check::<FirstError>().unwrap().failure.check::<Cancelled>().is_some());
}

#[test]
fn a_list_of_lists_gives_lists_in_a_list() {
    let [a, b, c] = three();
    let inner = DeferredList::new([a.clone(), b.clone()]).watch();
    let other = DeferredList::new([c.clone()]).watch();
    let outer = DeferredList::new([inner, other]).watch();
    for (deferred, value) in [(a, 1), (b, 2), (c, 3)] {
        deferred.callback(value).unwrap();
    }
    let lists: Vec<_> =
        value_of(&outer).into_results().into_iter().map(|one| text(one.unwrap().into_results())).collect();
    assert_eq!(lists, [vec!["1", "2"], vec!["3"]]);
}

#[test]
fn a_dictionary_gives_one_result_a_name() {
    let [a, b, _] = three();
    let dict = DeferredDict::new(BTreeMap::from([("science", a.clone()), ("ecstasy", b.clone())]))
        .consume_errors()
        .watch();
    a.callback(1).unwrap();
    assert!(!dict.called());
    b.errback(oops(2)).unwrap();
    let CollectedDict::All(results) = value_of(&dict) else { panic!("all of them") };
    assert_eq!(results.keys().copied().collect::<Vec<_>>(), ["ecstasy", "science"]);
    assert_eq!(text(results.into_values().collect()), ["! oops 2", "1"]);
}

#[test]
fn a_dictionary_has_the_options_of_a_list() {
    let [a, b, _] = three();
    let members = BTreeMap::from([("x", a.clone()), ("y", b.clone())]);
    let first = DeferredDict::new(members.clone()).fire_on_one_callback().consume_errors().watch();
    let failing = DeferredDict::new(members).fire_on_one_errback().consume_errors().watch();
    b.callback(4).unwrap();
    assert!(matches!(value_of(&first), CollectedDict::First { key: "y", value: 4 }));
    a.errback(oops(1)).unwrap();
    assert_eq!(failure_of(&failing).check::<FirstError>().unwrap().index, 0);
    let empty = DeferredDict::new(BTreeMap::<&str, Deferred<i32>>::new()).watch();
    assert!(matches!(value_of(&empty), CollectedDict::All(all) if all.is_empty()));
}

#[test]
fn a_list_fires_its_callbacks_inside_the_callback_of_its_last_member() {
    let log = Log::default();
    let [a, _, _] = three();
    let say = log.clone();
    let _count = DeferredList::new([a.clone()])
        .watch()
        .map(move |all| say.add(format!("{} results", all.into_results().len())));
    a.add_callback(log.value("after the list"));
    a.callback(1).unwrap();
    assert_eq!(log.lines(), ["1 results", "after the list 1"]);
}
