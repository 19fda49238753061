//! Section H: locks, semaphores, queues.

use super::super::*;
use super::{Log, Oops, failure_of, oops, value_of};

#[test]
fn tw_057_a_free_lock_is_had_at_once_and_the_others_get_it_in_the_order_they_came() {
    let lock = DeferredLock::new();
    let log = Log::default();
    let first = lock.acquire();
    assert!(first.called() && lock.locked());
    let waiters: Vec<_> = ["second", "third"]
        .into_iter()
        .map(|name| {
            let say = log.clone();
            lock.acquire().map(move |lock| {
                say.add(format!("{name}, locked {}", lock.locked()));
                lock
            })
        })
        .collect();
    assert_eq!(lock.waiting(), 2);
    lock.release().unwrap();
    assert_eq!(log.lines(), ["second, locked true"], "handed over before release returned");
    lock.release().unwrap();
    lock.release().unwrap();
    assert_eq!(log.lines().len(), 2);
    assert!(!lock.locked());
    assert_eq!(lock.release(), Err(LockError::NotLocked));
    drop(waiters);
}

#[test]
fn tw_057_a_guard_releases_on_leaving_also_with_an_error() {
    let lock = DeferredLock::new();
    let held = lock.clone();
    let outer = coroutine::<i32>(async move {
        let _guard = held.hold().await?;
        assert!(held.locked());
        Err(oops(1))
    });
    assert_eq!(failure_of(&outer).check::<Oops>(), Some(&Oops(1)));
    assert!(!lock.locked());
}

#[test]
fn tw_058_a_cancelled_waiter_leaves_the_queue_and_one_that_has_it_keeps_it() {
    let lock = DeferredLock::new();
    let had = lock.acquire();
    let waiter = lock.acquire();
    let after = lock.acquire();
    waiter.cancel();
    assert!(failure_of(&waiter).check::<Cancelled>().is_some());
    assert_eq!(lock.waiting(), 1);
    had.cancel();
    assert!(lock.locked() && after.take_result().is_none());
    lock.release().unwrap();
    assert!(value_of(&after).locked());
}

#[test]
fn tw_059_run_holds_the_lock_until_what_it_ran_has_fired() {
    let lock = DeferredLock::new();
    let work = Deferred::<i32>::new();
    let returned = work.clone();
    let done = lock.run(move || returned);
    let next = lock.run(|| 2);
    assert!(lock.locked() && next.take_result().is_none());
    work.callback(1).unwrap();
    assert_eq!((value_of(&done), value_of(&next)), (1, 2));
    let failed = lock.run::<i32, _>(|| Err(oops(1)));
    assert!(failure_of(&failed).check::<Oops>().is_some());
    let panicked = lock.run::<i32, _>(|| -> i32 { panic!("no") });
    assert!(failure_of(&panicked).is_panic());
    assert!(!lock.locked());
}

#[test]
fn tw_059_cancelled_while_waiting_it_leaves_and_while_running_it_cancels_and_releases() {
    let lock = DeferredLock::new();
    let work = Deferred::<i32>::new();
    let returned = work.clone();
    let running = lock.run::<i32, _>(move || returned);
    let waiting = lock.run::<i32, _>(|| -> i32 { panic!("never runs") });
    waiting.cancel();
    assert!(failure_of(&waiting).check::<Cancelled>().is_some());
    assert_eq!(lock.waiting(), 0);
    running.cancel();
    assert!(work.called() && !lock.locked());
    assert!(failure_of(&running).check::<Cancelled>().is_some());
}

#[test]
fn tw_060_a_semaphore_has_so_many_tokens_and_counts_them() {
    assert!(matches!(DeferredSemaphore::new(0), Err(LockError::NoTokens)));
    let semaphore = DeferredSemaphore::new(2).unwrap();
    let (a, b, c) = (semaphore.acquire(), semaphore.acquire(), semaphore.acquire());
    assert!(a.called() && b.called() && !c.called());
    let d = semaphore.acquire();
    c.cancel();
    assert!(failure_of(&c).check::<Cancelled>().is_some());
    a.cancel();
    assert_eq!((semaphore.free(), semaphore.waiting()), (0, 1));
    for _ in 0..3 {
        semaphore.release().unwrap();
    }
    assert!(d.called());
    assert_eq!(semaphore.release(), Err(LockError::TooManyReleases));
    assert_eq!(semaphore.free(), 2);
}

#[test]
fn tw_060_its_guard_releases_too() {
    let semaphore = DeferredSemaphore::new(1).unwrap();
    let held = value_of(&semaphore.hold());
    assert_eq!(semaphore.free(), 0);
    drop(held);
    assert_eq!(semaphore.free(), 1);
}

#[test]
fn tw_061_a_queue_gives_to_the_first_waiter_else_stores_and_refuses_beyond_its_bounds() {
    let queue = DeferredQueue::new(1, 2);
    let (a, b) = (queue.get().unwrap(), queue.get().unwrap());
    assert_eq!(queue.get().unwrap_err(), QueueUnderflow { backlog: 2 });
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    assert_eq!((value_of(&a), value_of(&b)), (1, 2));
    queue.put(3).unwrap();
    assert_eq!(queue.put(4).unwrap_err().item, 4);
    assert_eq!(value_of(&queue.get().unwrap()), 3);
    assert!(DeferredQueue::new(0, 1).put(1).is_err());
    assert!(DeferredQueue::<i32>::new(1, 0).get().is_err());
}

#[test]
fn tw_062_a_cancelled_get_leaves_and_the_next_put_goes_to_the_next() {
    let queue = DeferredQueue::new(1, 2);
    let (a, b) = (queue.get().unwrap(), queue.get().unwrap());
    a.cancel();
    assert!(failure_of(&a).check::<Cancelled>().is_some());
    queue.put(1).unwrap();
    assert_eq!(value_of(&b), 1);
    let c = queue.get().unwrap();
    c.cancel();
    let _handled = c.take_result();
    queue.put(2).unwrap();
    assert_eq!((queue.len(), queue.waiting()), (1, 0));
    let d = queue.get().unwrap();
    d.cancel();
    assert_eq!(value_of(&d), 2, "it was had at once: nothing to cancel");
}
