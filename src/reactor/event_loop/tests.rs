use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use crate::reactor::poller::Fd;
use crate::reactor::testing::{Trace, reactor, reporting, stop_later};
use crate::reactor::{
    Descriptor, Hold, Lifecycle, Outcome, Phase, PollerKind, Raised, Reactor, ReactorError, ReadDescriptor,
    Reason, SystemEvent,
};

#[test]
fn tw_076_a_call_made_from_a_due_call_runs_in_a_later_turn_after_its_peers() {
    let (reactor, trace) = (reactor(), Trace::default());
    let (handle, inner) = (reactor.clone(), trace.clone());
    reactor.call_later(Duration::ZERO, move || {
        inner.push("first");
        handle.call_later(Duration::ZERO, inner.call("child"));
        let last = handle.clone();
        handle.call_later(Duration::ZERO, move || last.stop());
    });
    reactor.call_later(Duration::ZERO, trace.call("second"));
    reactor.run().unwrap();
    assert_eq!(trace.take(), ["first", "second", "child"]);
}

#[test]
fn tw_076_a_peer_due_in_the_same_turn_can_still_be_cancelled() {
    let (reactor, trace) = (reactor(), Trace::default());
    let victim = Rc::new(RefCell::new(None::<crate::reactor::DelayedCall>));
    let handle = Rc::clone(&victim);
    reactor.call_later(Duration::ZERO, move || handle.borrow().as_ref().unwrap().cancel());
    *victim.borrow_mut() = Some(reactor.call_later(Duration::ZERO, trace.call("cancelled")));
    stop_later(&reactor, 1);
    reactor.run().unwrap();
    assert!(trace.take().is_empty());
}

fn cannot_hear() {
    panic!("the falcon cannot hear the falconer");
}

#[test]
fn tw_077_a_call_that_raises_is_reported_and_the_loop_goes_on() {
    let (reactor, trace) = reporting();
    reactor.call_when_running(|| Err::<(), _>("in a startup call"));
    reactor.call_later(Duration::ZERO, cannot_hear);
    reactor.call_later(Duration::ZERO, || Err::<(), _>("the centre cannot hold"));
    reactor.call_later(Duration::ZERO, trace.call("still here"));
    stop_later(&reactor, 1);
    reactor.run().unwrap();
    assert_eq!(
        trace.take(),
        [
            "unhandled error in a trigger of Startup, After: in a startup call",
            "unhandled error in a delayed call: panicked: the falcon cannot hear the falconer",
            "unhandled error in a delayed call: the centre cannot hold",
            "still here",
        ]
    );
}

#[test]
fn tw_077_calls_from_a_thread_wake_the_loop_keep_their_order_and_may_raise() {
    for kind in PollerKind::ALL {
        let reactor = Reactor::new(kind).unwrap();
        let trace = Trace::default();
        let reports = trace.clone();
        reactor.set_reporter(move |report| reports.push(report.to_string()));
        let remote = reactor.remote();
        let seen = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
        let from_thread = std::sync::Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            for n in 0..100 {
                let seen = std::sync::Arc::clone(&from_thread);
                remote.call(move |_| seen.lock().push(n)).unwrap();
            }
            remote.call(|_| Err::<(), _>("raised in the loop")).unwrap();
            // Items added while the queue is worked off belong to the next turn, before which the loop does not end.
            let again = remote.clone();
            remote.call(move |_| again.call(Reactor::stop)).unwrap();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
        assert_eq!(*seen.lock(), (0..100).collect::<Vec<_>>(), "{kind}");
        assert_eq!(
            trace.take(),
            ["unhandled error in a call from another thread: raised in the loop"],
            "{kind}"
        );
    }
}

#[test]
fn a_call_from_a_thread_is_refused_when_the_reactor_is_gone_or_too_many_wait() {
    use crate::reactor::{MAX_REMOTE_CALLS, RemoteError};
    let reactor = reactor();
    let remote = reactor.remote();
    for _ in 0..MAX_REMOTE_CALLS {
        remote.call(|_| ()).unwrap();
    }
    assert_eq!(remote.call(|_| ()), Err(RemoteError::Full));
    drop(reactor);
    assert_eq!(remote.call(|_| ()), Err(RemoteError::Gone));
}

#[test]
fn tw_078_calls_when_running_wait_for_the_start_in_order_and_are_made_at_once_later() {
    let (reactor, trace) = (reactor(), Trace::default());
    reactor.call_when_running(trace.call("one"));
    let (handle, inner) = (reactor.clone(), trace.clone());
    reactor.call_when_running(move || {
        inner.push("two");
        handle.call_when_running(inner.call("inside two"));
        inner.push("end of two");
        handle.stop()
    });
    assert_eq!(trace.len(), 0);
    reactor.run().unwrap();
    assert_eq!(trace.take(), ["one", "two", "inside two", "end of two"]);
}

fn watch_lifecycle(reactor: &Reactor, trace: &Trace, event: SystemEvent) {
    for phase in [Phase::After, Phase::During, Phase::Before] {
        let (handle, trace) = (reactor.clone(), trace.clone());
        reactor.add_system_event_trigger(phase, event, move |_: Hold| {
            trace.push(format!("{event:?} {phase:?} {}", handle.is_running()));
        });
    }
}

#[test]
fn tw_079_it_is_running_from_the_during_phase_of_the_startup_on() {
    let (reactor, trace) = (reactor(), Trace::default());
    watch_lifecycle(&reactor, &trace, SystemEvent::Startup);
    stop_later(&reactor, 0);
    reactor.run().unwrap();
    assert_eq!(trace.take(), ["Startup Before false", "Startup During true", "Startup After true"]);
}

#[test]
fn tw_080_stop_returns_at_once_and_the_shutdown_follows_the_turn() {
    let (reactor, trace) = (reactor(), Trace::default());
    assert!(matches!(reactor.stop(), Err(ReactorError::NotRunning)));
    let (handle, inner) = (reactor.clone(), trace.clone());
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, {
        let trace = trace.clone();
        move |_| trace.push("shutdown")
    });
    reactor.call_later(Duration::ZERO, move || {
        handle.stop().unwrap();
        inner.push("stop returned");
        assert!(matches!(handle.stop(), Err(ReactorError::NotRunning)));
    });
    reactor.call_later(Duration::ZERO, trace.call("peer of the same turn"));
    reactor.run().unwrap();
    assert_eq!(trace.take(), ["stop returned", "peer of the same turn", "shutdown"]);
    assert!(matches!(reactor.stop(), Err(ReactorError::NotRunning)));
}

#[test]
fn tw_081_shutdown_waits_for_every_hold_while_timers_go_on_and_then_runs_during_and_after() {
    let (reactor, trace) = (reactor(), Trace::default());
    watch_lifecycle(&reactor, &trace, SystemEvent::Shutdown);
    for (millis, name) in [(20u64, "slow"), (10, "quick")] {
        let (handle, trace) = (reactor.clone(), trace.clone());
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |hold| {
            handle.call_later(Duration::from_millis(millis), move || {
                trace.push(name);
                drop(hold);
            });
        });
    }
    stop_later(&reactor, 0);
    reactor.run().unwrap();
    let expected = ["Shutdown Before true", "quick", "slow", "Shutdown During false", "Shutdown After false"];
    assert_eq!(trace.take(), expected);
    assert_eq!(reactor.lifecycle(), Lifecycle::Stopped);
}

#[test]
fn tw_082_triggers_that_raise_stop_nobody_and_can_be_removed_from_within_earlier_ones() {
    let (reactor, trace) = reporting();
    let add = |phase, name: &'static str| {
        let trace = trace.clone();
        reactor.add_system_event_trigger(phase, SystemEvent::Shutdown, move |_: Hold| {
            trace.push(name);
            Err::<(), _>(format!("{name} raised"))
        })
    };
    let removed_early = add(Phase::Before, "removed before the run");
    assert!(reactor.remove_system_event_trigger(removed_early));
    assert!(!reactor.remove_system_event_trigger(removed_early));
    add(Phase::Before, "b");
    let victim = Rc::new(RefCell::new(None));
    let (handle, inner) = (reactor.clone(), Rc::clone(&victim));
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
        assert!(handle.remove_system_event_trigger(inner.take().unwrap()));
    });
    *victim.borrow_mut() = Some(add(Phase::Before, "removed by an earlier one"));
    add(Phase::During, "d");
    add(Phase::After, "a");
    stop_later(&reactor, 0);
    reactor.run().unwrap();
    let expected = [
        "b",
        "unhandled error in a trigger of Shutdown, Before: b raised",
        "d",
        "unhandled error in a trigger of Shutdown, During: d raised",
        "a",
        "unhandled error in a trigger of Shutdown, After: a raised",
    ];
    assert_eq!(trace.take(), expected);
}

#[test]
fn tw_084_a_reactor_runs_once_at_a_time_and_never_again_after_a_stop() {
    let reactor = reactor();
    let handle = reactor.clone();
    reactor.call_when_running(move || {
        assert!(matches!(handle.run(), Err(ReactorError::AlreadyRunning)));
        handle.stop()
    });
    reactor.run().unwrap();
    assert!(matches!(reactor.run(), Err(ReactorError::NotRestartable)));
}

#[test]
fn tw_084_after_a_crash_it_may_run_again_and_no_shutdown_trigger_has_fired() {
    let (reactor, trace) = (reactor(), Trace::default());
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, {
        let trace = trace.clone();
        move |_| trace.push("shutdown")
    });
    let handle = reactor.clone();
    reactor.call_later(Duration::ZERO, move || handle.crash());
    reactor.call_later(Duration::from_millis(1), trace.call("kept"));
    reactor.run().unwrap();
    assert!(trace.take().is_empty());
    stop_later(&reactor, 2);
    reactor.run().unwrap();
    assert_eq!(trace.take(), ["kept", "shutdown"]);
}

/// A socket given to the reactor by hand, as in Part 4.
struct Ear {
    socket: RefCell<Option<Rc<UnixStream>>>,
    trace: Trace,
    on_read: fn(&UnixStream) -> Result<(), Reason>,
}

impl Ear {
    fn new(trace: &Trace, on_read: fn(&UnixStream) -> Result<(), Reason>) -> (Rc<Ear>, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        (Rc::new(Ear { socket: RefCell::new(Some(Rc::new(near))), trace: trace.clone(), on_read }), far)
    }
}

impl Descriptor for Ear {
    fn fileno(&self) -> Option<Fd> {
        self.socket.borrow().clone().map(|socket| -> Fd { socket })
    }

    fn log_prefix(&self) -> String {
        "an ear".to_owned()
    }

    fn connection_lost(&self, reason: &Reason) {
        let raised = match reason {
            Reason::Raised(Raised::Panicked(text)) => format!(": {text}"),
            _ => String::new(),
        };
        self.trace.push(format!("lost: {reason}{raised}"));
        self.socket.take();
    }
}

impl ReadDescriptor for Ear {
    fn do_read(&self) -> Result<(), Reason> {
        self.trace.push("read");
        let socket = self.socket.borrow().clone().unwrap();
        (self.on_read)(&socket)
    }
}

fn read_some(mut socket: &UnixStream) -> Result<(), Reason> {
    match socket.read(&mut [0; 16]) {
        Ok(0) => Err(Reason::Done),
        Ok(_) => Ok(()),
        Err(error) => Err(Reason::lost(error)),
    }
}

#[test]
fn tw_085_adding_a_reader_twice_is_adding_it_once_and_removing_it_ends_its_events() {
    for kind in PollerKind::ALL {
        let (reactor, trace) = (Reactor::new(kind).unwrap(), Trace::default());
        let (ear, mut far) = Ear::new(&trace, read_some);
        reactor.add_reader(ear.clone()).unwrap();
        reactor.add_reader(ear.clone()).unwrap();
        assert_eq!(reactor.readers().len(), 1);
        far.write_all(b"hear").unwrap();
        let handle = reactor.clone();
        reactor.call_later(Duration::from_millis(5), move || {
            handle.remove_reader(ear.as_ref());
            far.write_all(b"deaf").unwrap();
            handle.call_later(Duration::from_millis(5), {
                let handle = handle.clone();
                move || {
                    drop(far);
                    handle.stop()
                }
            });
        });
        reactor.run().unwrap();
        assert_eq!(trace.take(), ["read"], "{kind}");
        assert!(reactor.readers().is_empty());
    }
}

#[test]
fn tw_085_remove_all_returns_all_but_the_reactors_own() {
    let (reactor, trace) = (reactor(), Trace::default());
    let (one, _far_one) = Ear::new(&trace, read_some);
    let (two, _far_two) = Ear::new(&trace, read_some);
    reactor.add_reader(one).unwrap();
    reactor.add_reader(two).unwrap();
    assert_eq!(reactor.remove_all().len(), 2);
    assert!(reactor.remove_all().is_empty());
    // The waker is still there: a call from a thread ends the wait.
    let remote = reactor.remote();
    let thread = std::thread::spawn(move || remote.call(Reactor::stop).unwrap());
    reactor.run().unwrap();
    thread.join().unwrap();
}

#[test]
fn tw_085_a_descriptor_that_has_closed_itself_is_dropped_and_told() {
    let (reactor, trace) = (reactor(), Trace::default());
    let (ear, mut far) = Ear::new(&trace, read_some);
    reactor.add_reader(ear.clone()).unwrap();
    ear.socket.take();
    far.write_all(b"too late").unwrap();
    stop_later(&reactor, 5);
    reactor.run().unwrap();
    assert_eq!(trace.take(), ["lost: connection was lost"]);
    assert!(matches!(reactor.add_reader(ear), Err(ReactorError::Closed(_))));
}

#[test]
fn tw_086_a_descriptor_whose_do_read_fails_or_panics_is_removed_and_told_why() {
    for (on_read, expected) in [
        (read_some as fn(&UnixStream) -> Result<(), Reason>, "lost: connection was closed cleanly"),
        (|_| panic!("ear ache"), "lost: connection was closed because its protocol failed: ear ache"),
    ] {
        let (reactor, trace) = (reactor(), Trace::default());
        reactor.set_reporter(|_| ());
        let (ear, far) = Ear::new(&trace, on_read);
        reactor.add_reader(ear).unwrap();
        drop(far);
        stop_later(&reactor, 5);
        reactor.run().unwrap();
        assert_eq!(trace.take(), ["read", expected]);
    }
}

#[test]
fn tw_083_whatever_is_still_watched_at_the_end_is_told_that_the_reactor_stopped() {
    let (reactor, trace) = reporting();
    let (ear, _far) = Ear::new(&trace, read_some);
    reactor.add_reader(ear).unwrap();
    stop_later(&reactor, 0);
    reactor.run().unwrap();
    assert_eq!(trace.take(), ["lost: connection was lost because the reactor stopped"]);
}

#[test]
fn a_call_for_when_it_is_quiet_waits_for_the_last_connection_and_is_made_once() {
    let (reactor, trace) = (reactor(), Trace::default());
    reactor.when_quiet(trace.call("at once"));
    reactor.iterate(Duration::ZERO).unwrap();
    assert_eq!(trace.take(), ["at once"]);
    let (first, _far) = Ear::new(&trace, read_some);
    let (second, _further) = Ear::new(&trace, read_some);
    for ear in [&first, &second] {
        reactor.keep_connection(ear.clone());
    }
    reactor.count_drain(true);
    reactor.when_quiet(trace.call("quiet"));
    let turn = || reactor.iterate(Duration::ZERO).unwrap();
    turn();
    reactor.let_go(first.as_ref());
    turn();
    reactor.let_go(second.as_ref());
    turn();
    assert_eq!(trace.take(), [""; 0], "a connection that has ended is still being read empty");
    reactor.count_drain(false);
    turn();
    turn();
    assert_eq!(trace.take(), ["quiet"]);
}

#[test]
fn an_idle_loop_uses_no_cpu() {
    let reactor = reactor();
    stop_later(&reactor, 300);
    let before = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    reactor.run().unwrap();
    let after = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let nanos = (after.tv_sec - before.tv_sec) * 1_000_000_000 + (after.tv_nsec - before.tv_nsec);
    // A loop that spins for 300 ms uses 300 ms; one that waits, a few microseconds.
    assert!(nanos < 100_000_000, "{nanos} ns of CPU time in 300 ms of idling");
}

#[test]
fn pending_calls_are_dropped_when_the_reactor_has_stopped_so_that_nothing_leaks() {
    let reactor = reactor();
    let (handle, held) = (reactor.clone(), Rc::new(()));
    let watch = Rc::downgrade(&held);
    reactor.call_later(Duration::from_secs(3600), move || {
        drop(held);
        handle.stop().into_result()
    });
    stop_later(&reactor, 0);
    reactor.run().unwrap();
    assert!(watch.upgrade().is_none());
    assert!(reactor.delayed_calls().is_empty());
}
