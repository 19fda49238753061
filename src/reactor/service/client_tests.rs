use std::cell::{Cell, RefCell};
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use super::{ClientService, Service, backoff};
use crate::deferred::{Cancelled, Deferred, Failure, TestClock, defer_later, fail};
use crate::reactor::testing::{Script, Trace, reactor, settle, until};
use crate::reactor::{ListenOptions, Reactor, Transport};

/// A service that waits 5 ms each time, and notes which wait it is.
fn service(reactor: &Reactor, to: SocketAddr, waits: &Trace) -> ClientService {
    let waits = waits.clone();
    ClientService::new(reactor, to, Rc::new(Script::new()), move |n| {
        waits.push(n.to_string());
        Duration::from_millis(5)
    })
}

/// A server that keeps its connections, whose addresses are counted.
fn server(reactor: &Reactor) -> (crate::reactor::Port, Rc<RefCell<Vec<Transport>>>) {
    let open = Rc::new(RefCell::new(Vec::new()));
    let keep = Rc::clone(&open);
    (Script::new().made(move |transport| keep.borrow_mut().push(transport.clone())).serve(reactor), open)
}

fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn is_cancelled<T: 'static>(deferred: &Deferred<T>) -> bool {
    matches!(deferred.take_result(), Some(Err(failure)) if failure.check::<Cancelled>().is_some())
}

#[test]
fn tw_124_a_lost_connection_is_made_again_and_the_waits_count_from_the_last_good_one() {
    let (reactor, waits) = (reactor(), Trace::default());
    let (port, open) = server(&reactor);
    let kept = service(&reactor, port.host(), &waits);
    kept.start().unwrap();
    for time in 1..=3 {
        until(&reactor, || open.borrow().len() == time);
        settle(&reactor, &kept.when_connected(None)).unwrap();
        open.borrow()[time - 1].abort_connection();
        // Else it would still be the old connection that is there at once.
        until(&reactor, || waits.len() == time);
    }
    assert_eq!(waits.take(), ["1", "1", "1"]);
    settle(&reactor, &kept.stop()).unwrap();
}

#[test]
fn tw_124_attempts_that_fail_wait_longer_and_so_does_a_connection_that_is_not_prepared() {
    let (reactor, waits) = (reactor(), Trace::default());
    let address = nobody();
    let kept = service(&reactor, address, &waits);
    kept.start().unwrap();
    until(&reactor, || waits.len() >= 3);
    assert_eq!(waits.take()[..3], ["1", "2", "3"]);
    // Somebody comes: then it is connected, and counts from the beginning.
    let (keep, listen) = (Rc::new(RefCell::new(None)), ListenOptions::default());
    let slot = Rc::clone(&keep);
    let factory = Script::new().made(move |transport| *slot.borrow_mut() = Some(transport.clone()));
    let _port = reactor.listen_tcp(address, Rc::new(factory), &listen).unwrap();
    settle(&reactor, &kept.when_connected(None)).unwrap();
    until(&reactor, || keep.borrow().is_some());
    waits.take();
    keep.take().unwrap().abort_connection();
    until(&reactor, || waits.len() == 1);
    assert_eq!(waits.take(), ["1"]);
    settle(&reactor, &kept.stop()).unwrap();

    let (port, open) = server(&reactor);
    let left = Rc::new(Cell::new(2));
    let count = Rc::clone(&left);
    let picky = service(&reactor, port.host(), &waits).prepare(move |_| match count.get() {
        0 => crate::deferred::succeed(()),
        n => {
            count.set(n - 1);
            fail(Failure::new("not good enough"))
        }
    });
    picky.start().unwrap();
    settle(&reactor, &picky.when_connected(None)).unwrap();
    assert_eq!((waits.take(), left.get()), (vec!["1".to_owned(), "2".to_owned()], 0));
    until(&reactor, || open.borrow().len() == 3);
    settle(&reactor, &picky.stop()).unwrap();
}

#[test]
fn tw_124_the_usual_policy_grows_by_half_up_to_a_minute_and_jitters_by_a_second() {
    let mut policy = backoff(fastrand::Rng::with_seed(1));
    for (n, expected) in [(1, 1.5), (2, 2.25), (3, 3.375), (10, 57.665_039), (11, 60.0), (u32::MAX, 60.0)] {
        let wait = policy(n).as_secs_f64() - expected;
        assert!((-0.001..1.001).contains(&wait), "the wait {n} is {wait} s beyond {expected} s");
    }
    let waits: std::collections::BTreeSet<_> = (0..20).map(|_| policy(1)).collect();
    assert!(waits.len() > 10, "they differ");
}

#[test]
fn tw_125_whoever_waits_gets_the_connection_that_is_or_the_next_or_the_failure_it_waited_for() {
    let (reactor, waits) = (reactor(), Trace::default());
    let (port, _open) = server(&reactor);
    let kept = service(&reactor, port.host(), &waits);
    assert!(is_cancelled(&kept.when_connected(None)), "a stopped service fails at once");
    kept.start().unwrap();
    let next = kept.when_connected(Some(1));
    assert!(!next.called());
    let transport = settle(&reactor, &next).unwrap();
    assert_eq!(transport.peer(), port.host());
    assert!(kept.when_connected(None).called(), "the current one, at once");
    settle(&reactor, &kept.stop()).unwrap();

    let hopeless = service(&reactor, nobody(), &waits);
    hopeless.start().unwrap();
    let (first, third, patient) =
        (hopeless.when_connected(Some(1)), hopeless.when_connected(Some(3)), hopeless.when_connected(None));
    settle(&reactor, &first).unwrap_err();
    assert_eq!((waits.len(), third.called()), (1, false));
    let failure = settle(&reactor, &third).unwrap_err();
    assert!(failure.to_string().contains("refused"), "{failure}");
    assert_eq!(waits.len(), 3);
    assert!(!patient.called());
    settle(&reactor, &hopeless.stop()).unwrap();
    assert!(is_cancelled(&patient), "a stop tells those who wait");
}

#[test]
fn tw_126_a_stop_ends_whatever_is_under_way_and_waits_for_the_connection_to_end() {
    let (reactor, waits) = (reactor(), Trace::default());
    let (port, _open) = server(&reactor);
    let connected = service(&reactor, port.host(), &waits);
    connected.start().unwrap();
    settle(&reactor, &connected.when_connected(None)).unwrap();
    let (stopped, again) = (connected.stop(), connected.stop());
    assert!(!stopped.called(), "the connection is not closed yet");
    settle(&reactor, &stopped).unwrap();
    settle(&reactor, &again).unwrap();
    assert!(connected.stop().called(), "there is nothing left to stop");

    let connecting = service(&reactor, port.host(), &waits);
    connecting.start().unwrap();
    assert!(connecting.stop().called());
    let waiting = service(&reactor, nobody(), &waits);
    waiting.start().unwrap();
    until(&reactor, || waits.len() == 1);
    assert!(waiting.stop().called());
    let kept_waiting = TestClock::new();
    let clock = kept_waiting.clone();
    let preparing = service(&reactor, port.host(), &waits)
        .prepare(move |_| defer_later(&clock, Duration::from_secs(1), || ()));
    preparing.start().unwrap();
    until(&reactor, || kept_waiting.pending() == 1);
    let stopped = preparing.stop();
    assert_eq!(kept_waiting.pending(), 0, "what prepares is cancelled");
    settle(&reactor, &stopped).unwrap();
    // Nothing of them comes back.
    waits.take();
    until(&reactor, || port.connections() == 0 && reactor.delayed_calls().is_empty());
    assert_eq!(waits.len(), 0);
}

#[test]
fn tw_126_started_while_it_disconnects_it_connects_again_after_that() {
    let (reactor, waits) = (reactor(), Trace::default());
    let (port, open) = server(&reactor);
    let kept = service(&reactor, port.host(), &waits);
    kept.start().unwrap();
    settle(&reactor, &kept.when_connected(None)).unwrap();
    let stopped = kept.stop();
    kept.start().unwrap();
    let next = kept.when_connected(None);
    assert!(!stopped.called() && !next.called());
    settle(&reactor, &next).unwrap();
    settle(&reactor, &stopped).unwrap();
    until(&reactor, || open.borrow().len() == 2);
    assert_eq!(waits.len(), 0, "it did not wait for that");
    settle(&reactor, &kept.stop()).unwrap();
}
