//! Section G: `async` blocks, which inlineCallbacks became.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use super::super::*;
use super::{Log, Oops, Other, failure_of, oops, reports_of, value_of};

#[test]
fn tw_046_it_goes_on_with_the_value_or_the_failure_and_its_result_fires_the_outer_one() {
    let (first, second) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    let (a, b) = (first.clone(), second.clone());
    let outer = coroutine(async move {
        let value = a.await?;
        let caught = b.await.unwrap_err();
        assert_eq!(caught.check::<Oops>(), Some(&Oops(1)));
        Ok(value + 1)
    });
    first.callback(1).unwrap();
    assert!(outer.is_waiting());
    second.errback(oops(1)).unwrap();
    assert_eq!(value_of(&outer), 2);
    assert_eq!(value_of(&coroutine(async { Ok(3) })), 3, "one that waits for nothing");
}

#[test]
fn tw_046_an_error_that_leaves_it_fails_the_outer_one_and_so_does_a_panic() {
    let source = Deferred::<i32>::new();
    let inner = source.clone();
    let outer = coroutine(async move { Ok(inner.await? + 1) });
    source.errback(oops(4)).unwrap();
    assert_eq!(failure_of(&outer).check::<Oops>(), Some(&Oops(4)));
    let panicked = coroutine::<i32>(async { panic!("in the middle") });
    assert_eq!(failure_of(&panicked).check::<Panicked>().unwrap().message, "in the middle");
}

#[test]
fn tw_047_it_runs_at_once_up_to_the_first_that_has_no_result() {
    let log = Log::default();
    let (say, gate) = (log.clone(), Deferred::<i32>::new());
    let inner = gate.clone();
    let _outer = coroutine(async move {
        let ready = succeed(1).await?;
        say.add(format!("ready {ready}"));
        let nested = coroutine(async { Ok(2) }).await?;
        say.add(format!("nested {nested}"));
        let value = inner.await?;
        say.add(format!("gate {value}"));
        Ok(())
    });
    log.add("returned");
    gate.callback(3).unwrap();
    log.add("fired");
    assert_eq!(log.lines(), ["ready 1", "nested 2", "returned", "gate 3", "fired"]);
}

#[test]
fn tw_047_many_ready_waits_cost_no_stack() {
    let thread = std::thread::Builder::new().stack_size(128 * 1024);
    let run = || {
        let sum = coroutine(async {
            let mut sum = 0;
            for n in 0..50_000_u64 {
                sum += succeed(n).await?;
            }
            Ok(sum)
        });
        assert_eq!(value_of(&sum), 50_000 * 49_999 / 2);
    };
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn tw_048_a_block_that_waits_for_no_deferred_is_refused_instead_of_hanging() {
    let endless = coroutine::<i32>(std::future::pending());
    assert!(failure_of(&endless).check::<NotADeferred>().is_some());
    // One that keeps the waker, as a timer of a runtime would.
    let keeper: Rc<RefCell<Option<std::task::Waker>>> = Rc::default();
    let keep = Rc::clone(&keeper);
    let foreign = std::future::poll_fn(move |cx| {
        *keep.borrow_mut() = Some(cx.waker().clone());
        std::task::Poll::<Result<i32, Failure>>::Pending
    });
    assert!(failure_of(&coroutine(foreign)).check::<NotADeferred>().is_some());
}

#[test]
fn tw_049_a_deferred_that_is_returned_is_the_result_itself() {
    let unfired = Deferred::<i32>::new();
    let expect = unfired.clone();
    let outer = coroutine(async move { Ok(unfired) });
    assert!(value_of(&outer).same(&expect));
}

#[test]
fn tw_050_cancelling_cancels_what_is_waited_for_through_stacked_blocks() {
    let log = Log::default();
    let say = log.clone();
    let innermost = Deferred::<i32>::with_canceller(move |_| say.add("innermost"));
    let say = log.clone();
    let outer = coroutine(async move {
        let nested = coroutine(async move {
            let result = innermost.await;
            say.add(format!("saw {}", result.as_ref().unwrap_err()));
            result
        });
        nested.await
    });
    outer.cancel();
    assert_eq!(log.lines(), ["innermost", "saw the deferred was cancelled"]);
    assert!(failure_of(&outer).check::<Cancelled>().is_some());
}

#[test]
fn tw_051_it_may_make_another_error_or_a_value_of_a_cancel() {
    let value = coroutine(async { Ok(Deferred::<i32>::new().await.unwrap_or(9)) });
    value.cancel();
    assert_eq!(value_of(&value), 9);
    let error = coroutine(async { Deferred::<i32>::new().await.map_err(|_| Failure::new(Other)) });
    error.cancel();
    assert!(failure_of(&error).check::<Other>().is_some());
}

#[test]
fn tw_052_while_the_cancelled_one_needs_time_there_is_no_result() {
    let tidy_up = Deferred::<i32>::new();
    let later = tidy_up.clone();
    let awaited = Deferred::<i32>::new();
    awaited.add_errback(move |_| later);
    let outer = coroutine(awaited);
    outer.cancel();
    assert!(outer.is_waiting());
    tidy_up.callback(3).unwrap();
    assert_eq!(value_of(&outer), 3);
}

#[test]
fn tw_053_one_that_swallows_the_cancel_goes_on_and_a_second_cancel_hits_what_is_waited_for_then() {
    let second = Deferred::<i32>::new();
    let then = second.clone();
    let outer = coroutine(async move {
        let first = Deferred::<i32>::new().await;
        assert!(first.is_err());
        then.await
    });
    outer.cancel();
    assert!(outer.is_waiting() && !second.called());
    outer.cancel();
    assert!(second.called());
    assert!(failure_of(&outer).check::<Cancelled>().is_some());
}

#[test]
fn tw_054_a_canceller_may_give_it_a_value_and_a_late_result_is_swallowed() {
    let giving = Deferred::<i32>::with_canceller(|deferred| deferred.callback(4).unwrap());
    let outer = coroutine(giving);
    outer.cancel();
    assert_eq!(value_of(&outer), 4);
    let plain = Deferred::<i32>::new();
    let waited = plain.clone();
    let outer = coroutine(async move { Ok(waited.await.unwrap_or(-1)) });
    outer.cancel();
    plain.callback(5).unwrap();
    assert_eq!(value_of(&outer), -1);
}

#[test]
fn tw_055_when_nobody_can_reach_it_any_more_the_block_is_dropped_and_nothing_is_reported() {
    struct Finally(Log);
    impl Drop for Finally {
        fn drop(&mut self) {
            self.0.add("finally");
        }
    }
    let log = Log::default();
    let reports = reports_of(|| {
        let say = log.clone();
        let never = Deferred::<i32>::with_canceller({
            let log = log.clone();
            move |_| log.add("cancelled")
        });
        let waited = never.clone();
        let outer = coroutine(async move {
            let _finally = Finally(say);
            waited.await
        });
        drop(never);
        assert!(log.lines().is_empty(), "it can still be cancelled");
        drop(outer);
        assert_eq!(log.lines(), ["finally"]);
    });
    assert!(reports.is_empty(), "{reports:?}");
}

#[test]
fn tw_055_with_the_firing_side_alive_it_finishes_though_nobody_waits_for_it() {
    let log = Log::default();
    let (say, source) = (log.clone(), Deferred::<i32>::new());
    let waited = source.clone();
    drop(coroutine(async move {
        say.add(format!("got {}", waited.await?));
        Ok(())
    }));
    source.callback(1).unwrap();
    assert_eq!(log.lines(), ["got 1"]);
}

#[test]
fn two_at_once_inside_one_block_both_wake_it() {
    let (a, b) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    let (mut x, mut y) = (Box::pin(a.clone()), Box::pin(b.clone()));
    let (mut got_x, mut got_y) = (None, None);
    let both = std::future::poll_fn(move |cx| {
        if got_x.is_none()
            && let std::task::Poll::Ready(value) = x.as_mut().poll(cx)
        {
            got_x = Some(value);
        }
        if got_y.is_none()
            && let std::task::Poll::Ready(value) = y.as_mut().poll(cx)
        {
            got_y = Some(value);
        }
        match (got_x.take(), got_y.take()) {
            (Some(x), Some(y)) => std::task::Poll::Ready((x, y)),
            (x, y) => {
                (got_x, got_y) = (x, y);
                std::task::Poll::Pending
            }
        }
    });
    let outer = coroutine(async move {
        let (x, y) = both.await;
        Ok(x? * 10 + y?)
    });
    b.callback(2).unwrap();
    a.callback(1).unwrap();
    assert_eq!(value_of(&outer), 12);
}

#[test]
fn one_that_fires_what_it_waits_for_while_it_runs_is_not_lost() {
    let gate = Deferred::<i32>::new();
    let (fire, mut waits) = (gate.clone(), Box::pin(gate));
    let mut first = true;
    let outer = coroutine(std::future::poll_fn(move |cx| {
        let polled = waits.as_mut().poll(cx);
        if std::mem::take(&mut first) {
            fire.callback(5).unwrap();
        }
        polled
    }));
    assert_eq!(value_of(&outer), 5);
}

#[test]
fn a_block_may_wait_on_a_clock() {
    let clock = TestClock::new();
    let wait = clock.clone();
    let outer = coroutine(async move {
        defer_later(&wait, Duration::from_secs(5), || ()).await?;
        defer_later(&wait, Duration::from_secs(5), || 7).await
    });
    clock.advance(Duration::from_secs(5));
    assert!(outer.is_waiting());
    clock.advance(Duration::from_secs(5));
    assert_eq!(value_of(&outer), 7);
}

#[test]
fn a_cancel_that_comes_back_round_to_the_block_changes_nothing() {
    let (first, second) = (Deferred::<i32>::new(), Deferred::<i32>::new());
    let (a, b) = (first.clone(), second.clone());
    let outer = coroutine(async move {
        let _cancelled = a.await;
        b.await
    });
    let again = outer.clone();
    first.add_both(move |result| {
        again.cancel();
        result
    });
    outer.cancel();
    assert!(outer.is_waiting() && !second.called());
    let _handled = first.take_result();
}

#[test]
fn a_canceller_that_panics_fails_the_outer_one_and_leaves_the_block_where_it_is() {
    let log = Log::default();
    let say = log.clone();
    let stubborn = Deferred::<i32>::with_canceller(|_| panic!("I stay"));
    let waited = stubborn.clone();
    let outer = coroutine(async move {
        say.add(format!("got {}", waited.await?));
        Ok(())
    });
    outer.cancel();
    assert_eq!(failure_of(&outer).check::<Panicked>().unwrap().message, "I stay");
    stubborn.callback(3).unwrap();
    assert_eq!(log.lines(), ["got 3"]);
}
