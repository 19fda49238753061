//! Deferreds as futures on a runtime, and made from futures.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::super::*;
use super::{Log, Oops, failure_of, oops, reports_of, value_of};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_waiting_task_is_woken_once_with_the_result() {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut cx = Context::from_waker(&waker);
    let source = Deferred::<i32>::new();
    let mut task = pin!(source.clone());
    assert!(task.as_mut().poll(&mut cx).is_pending());
    assert!(task.as_mut().poll(&mut cx).is_pending());
    source.callback(1).unwrap();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(matches!(task.as_mut().poll(&mut cx), Poll::Ready(Ok(1))));
    assert!(failure_of(&source).check::<Spent>().is_some(), "the task has taken it");
}

#[test]
fn dropping_the_future_in_mid_wait_cancels_and_dropping_an_unpolled_one_does_not() {
    let log = Log::default();
    let reports = reports_of(|| {
        let say = log.clone();
        let source = Deferred::<i32>::with_canceller(move |_| say.add("cancelled"));
        drop(source.clone());
        assert!(!source.called());
        let mut task = Box::pin(source);
        assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(task);
    });
    assert_eq!(log.lines(), ["cancelled"]);
    assert!(reports.is_empty(), "nobody wants to hear of it: {reports:?}");
}

#[test]
fn dropping_an_async_block_cancels_what_it_waits_for() {
    let source = Deferred::<i32>::new();
    let waited = source.clone();
    let mut task = Box::pin(async move { waited.map(|n| n + 1).await });
    assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(task);
    assert!(source.called());
    assert!(source.callback(1).is_ok(), "the late result is swallowed");
}

#[test]
fn on_a_real_runtime_a_time_out_cancels() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let never = Deferred::<i32>::new();
        let outcome = tokio::time::timeout(std::time::Duration::from_millis(1), never.clone()).await;
        assert!(outcome.is_err());
        assert!(never.called(), "cancelled by the drop");
        let (slow, driver) = Deferred::from_future(async {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            Ok(7)
        });
        let ((), seven) = tokio::join!(driver, slow);
        assert_eq!(seven.unwrap(), 7);
    });
}

#[test]
fn a_deferred_from_a_future_fires_when_its_driver_is_polled() {
    let (deferred, driver) = Deferred::from_future(async { Err::<i32, _>(oops(1)) });
    assert!(!deferred.called());
    assert!(pin!(driver).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    assert_eq!(failure_of(&deferred).check::<Oops>(), Some(&Oops(1)));
}

#[test]
fn cancelling_it_drops_the_future_and_wakes_the_driver_to_end() {
    struct Inside(Log);
    impl Drop for Inside {
        fn drop(&mut self) {
            self.0.add("dropped");
        }
    }
    let log = Log::default();
    let inside = Inside(log.clone());
    let (deferred, driver) = Deferred::<i32>::from_future(async move {
        let _inside = inside;
        std::future::pending().await
    });
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut driver = pin!(driver);
    assert!(driver.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    deferred.cancel();
    assert_eq!(log.lines(), ["dropped"]);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(driver.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    assert!(failure_of(&deferred).check::<Cancelled>().is_some());
}

#[test]
fn a_future_that_cancels_its_own_deferred_is_dropped_after_its_poll() {
    let own: std::rc::Rc<std::cell::RefCell<Option<Deferred<i32>>>> = std::rc::Rc::default();
    let inside = std::rc::Rc::clone(&own);
    let (deferred, driver) = Deferred::from_future(async move {
        let own = inside.borrow_mut().take();
        own.unwrap().cancel();
        std::future::pending().await
    });
    *own.borrow_mut() = Some(deferred.clone());
    assert!(pin!(driver).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    assert!(failure_of(&deferred).check::<Cancelled>().is_some());
}

#[test]
fn dropping_the_driver_fails_the_deferred() {
    let (deferred, driver) = Deferred::<i32>::from_future(std::future::pending());
    drop(driver);
    assert!(failure_of(&deferred).check::<Cancelled>().is_some());
    let (done, driver) = Deferred::from_future(async { Ok(3) });
    let mut driver = Box::pin(driver);
    assert!(driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    drop(driver);
    assert_eq!(value_of(&done), 3);
}
