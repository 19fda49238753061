//! What nobody can reach any more is let go, and its failures are reported, though its members hold each other.

use std::rc::Rc;

use super::super::*;
use super::{Log, oops, reports_of};

/// A deferred whose canceller holds `token`: while the token is shared, the deferred lives.
fn holding(token: &Rc<()>) -> Deferred<i32> {
    let token = Rc::clone(token);
    Deferred::with_canceller(move |_| drop(Rc::clone(&token)))
}

#[test]
fn an_outer_and_an_inner_one_go_together_whichever_handle_goes_first() {
    for outer_first in [true, false] {
        let token = Rc::new(());
        let inner = holding(&token);
        let to_inner = inner.clone();
        let outer = succeed(0).add_callback(move |_| to_inner);
        let (first, last) = if outer_first { (outer, inner) } else { (inner, outer) };
        drop(first);
        assert_eq!(Rc::strong_count(&token), 2, "one of them can still be reached");
        drop(last);
        assert_eq!(Rc::strong_count(&token), 1, "outer first: {outer_first}");
    }
}

#[test]
fn an_inner_one_that_only_its_outer_one_holds_can_still_be_cancelled() {
    let inner = Deferred::<i32>::with_canceller(|deferred| deferred.callback(5).unwrap());
    let outer = succeed(0).add_callback(move |_| inner);
    outer.cancel();
    assert_eq!(super::value_of(&outer), 5);
}

#[test]
fn of_two_that_wait_for_one_the_other_runs_though_nobody_holds_it() {
    let log = Log::default();
    let inner = Deferred::<Option<i32>>::new().leaving(|| None);
    let outers = [(); 2].map(|()| {
        let inner = inner.clone();
        let outer = succeed(None).leaving(|| None);
        outer.add_callback(move |_| inner).add_both(log.both("outer"))
    });
    let [first, second] = outers;
    drop(inner);
    drop(second);
    first.cancel();
    let _handled = first.take_result();
    assert_eq!(log.lines(), ["outer ! the deferred was cancelled", "outer None"]);
}

#[test]
fn a_list_and_its_members_go_together_and_the_failures_among_them_are_reported() {
    let token = Rc::new(());
    let reports = reports_of(|| {
        let (failed, pending) = (Deferred::<i32>::new(), holding(&token));
        let list = DeferredList::new([failed.clone(), pending.clone()]).watch();
        failed.errback(oops(1)).unwrap();
        drop(failed);
        drop(list);
        assert_eq!(Rc::strong_count(&token), 2, "the pending member is still held here");
        drop(pending);
    });
    assert_eq!(reports, ["oops 1"]);
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn a_list_alone_keeps_its_members_and_one_member_alone_keeps_the_list() {
    let log = Log::default();
    let token = Rc::new(());
    let list = DeferredList::new([holding(&token)]).watch();
    assert_eq!(Rc::strong_count(&token), 2);
    drop(list);
    assert_eq!(Rc::strong_count(&token), 1);
    let member = holding(&token);
    let say = log.clone();
    drop(DeferredList::new([member.clone()]).watch().map(move |_| say.add("fired")));
    member.callback(1).unwrap();
    assert_eq!(log.lines(), ["fired"]);
}

#[test]
fn a_list_whose_last_reachable_member_fired_does_not_stay_behind_with_the_others() {
    let token = Rc::new(());
    let (live, lost) = (Deferred::<i32>::new(), holding(&token));
    drop(DeferredList::new([live.clone(), lost]).watch());
    assert_eq!(Rc::strong_count(&token), 2);
    live.callback(1).unwrap();
    assert_eq!(Rc::strong_count(&token), 1, "only the list held it, and only the fired member the list");
}

#[test]
fn a_race_and_its_runners_go_together() {
    let token = Rc::new(());
    let runner = holding(&token);
    let outcome = race([runner.clone(), Deferred::new()]);
    drop(runner);
    assert_eq!(Rc::strong_count(&token), 2);
    drop(outcome);
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn what_runs_is_not_let_go_though_its_last_handle_goes_meanwhile() {
    let log = Log::default();
    let (outer, inner) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    let to_inner = inner.clone();
    let mut last_handle = Some(outer.clone());
    let say = log.clone();
    outer.add_callback(move |_| to_inner);
    outer.add_callback(move |n| {
        drop(last_handle.take());
        say.add("dropped");
        n
    });
    outer.add_callback(log.value("still running"));
    outer.callback(0).unwrap();
    drop(outer);
    inner.callback(1).unwrap();
    assert_eq!(log.lines(), ["dropped", "still running 1"]);
}

#[test]
fn a_member_that_only_a_cancelled_list_held_is_reported_at_once() {
    let list_alone = reports_of(|| {
        let kept = Deferred::<i32>::new();
        let all = gather_results([kept.clone(), Deferred::new()], false).map(|_| 0);
        let reports = reports_of(|| all.cancel());
        assert_eq!(reports, ["the deferred was cancelled"]);
        let _handled = (kept.take_result(), all.take_result());
    });
    assert!(list_alone.is_empty(), "{list_alone:?}");
}

#[test]
fn a_target_that_only_a_chain_held_is_looked_at_when_the_chain_goes() {
    let reports = reports_of(|| {
        let (source, target, failed) = (Deferred::<i32>::new(), Deferred::new(), fail(oops(1)));
        drop(DeferredList::new([failed, target.clone()]).watch());
        source.chain_deferred(&target);
        drop(target);
        let before = reports_of(|| ());
        assert!(before.is_empty());
    });
    assert_eq!(reports, ["oops 1"]);
}
