use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use super::react;
use crate::deferred::trial::{Trial, Verdict};
use crate::deferred::{Deferred, TimedOut, defer_later, fail, succeed};
use crate::reactor::testing::{Script, Trace, reactor, reporting, run, stop_later};
use crate::reactor::{Phase, PollerKind, SystemEvent};

fn code(code: ExitCode) -> String {
    format!("{code:?}")
}

#[test]
fn tw_075_a_program_ends_when_its_deferred_has_fired_with_0_or_1() {
    for kind in PollerKind::ALL {
        let well = react(kind, |reactor| defer_later(reactor, Duration::from_millis(1), || ())).unwrap();
        assert_eq!(code(well), code(ExitCode::SUCCESS));
        let badly = react(kind, |reactor| {
            reactor.set_reporter(|report| {
                assert!(report.to_string().contains("in the main function"), "{report}");
            });
            fail(std::fmt::Error)
        });
        assert_eq!(code(badly.unwrap()), code(ExitCode::FAILURE));
        assert_eq!(code(react(kind, |_| succeed(())).unwrap()), code(ExitCode::SUCCESS));
    }
}

#[test]
fn tw_075_stopping_the_reactor_meanwhile_is_no_error() {
    let stopped = react(PollerKind::default(), |reactor| {
        stop_later(reactor, 0);
        let never = Deferred::new();
        let late = never.clone();
        // Fires during the shutdown, when the reactor is being stopped already.
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            late.callback(()).map_err(|e| e.to_string())
        });
        never
    });
    assert_eq!(code(stopped.unwrap()), code(ExitCode::SUCCESS));
}

#[test]
fn tw_074_on_a_reactor_too_defer_later_waits_its_time_and_can_be_cancelled() {
    let (reactor, trace) = (reactor(), Trace::default());
    let notes = trace.clone();
    let done = defer_later::<(), _>(&reactor, Duration::from_millis(1), move || notes.push("called"));
    let never = defer_later::<(), _>(&reactor, Duration::from_millis(1), || {
        assert!(Duration::ZERO > Duration::MAX, "called though it was cancelled");
    });
    never.cancel();
    assert!(never.take_result().unwrap().is_err());
    stop_later(&reactor, 5);
    run(&reactor);
    assert_eq!(trace.take(), ["called"]);
    assert!(done.take_result().unwrap().is_ok());
}

#[test]
fn tw_029_a_deferred_times_out_in_the_reactors_time() {
    let reactor = reactor();
    let never = Deferred::<()>::new();
    never.add_timeout(Duration::from_millis(5), &reactor);
    stop_later(&reactor, 20);
    run(&reactor);
    let failure = never.take_result().unwrap().unwrap_err();
    assert!(failure.check::<TimedOut>().is_some());
}

#[test]
fn tw_081_a_shutdown_waits_for_a_deferred_also_for_one_that_fails() {
    for fails in [false, true] {
        let reports = crate::deferred::unhandled::Collected::begin();
        let (reactor, trace) = reporting();
        let (handle, notes) = (reactor.clone(), trace.clone());
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |hold| {
            let waiting = defer_later::<(), _>(&handle, Duration::from_millis(5), move || {
                notes.push("waited for");
                if fails { Err(crate::deferred::Failure::from(std::fmt::Error)) } else { Ok(()) }
            });
            hold.until(&waiting);
        });
        let after = trace.clone();
        reactor.add_system_event_trigger(Phase::After, SystemEvent::Shutdown, move |_| after.push("after"));
        stop_later(&reactor, 0);
        run(&reactor);
        assert_eq!(trace.take(), ["waited for", "after"]);
        assert_eq!(reports.take().len(), usize::from(fails));
    }
}

#[test]
fn tw_152_a_trial_on_a_reactor_finds_the_timers_and_ports_a_test_leaves_behind() {
    let reactor = reactor();
    let trial = || Trial::new().leftovers(|| reactor.leftovers());
    let clean = trial().run(&reactor, || defer_later::<u8, _>(&reactor, Duration::from_millis(1), || 7));
    assert_eq!(clean.unwrap(), 7);

    let call = Rc::new(std::cell::RefCell::new(None));
    let keep = Rc::clone(&call);
    let timer = trial().run(&reactor, || {
        *keep.borrow_mut() = Some(reactor.call_later(Duration::from_secs(9), || ()));
        succeed(())
    });
    assert!(matches!(timer, Err(Verdict::Dirty { timers: 1, .. })), "{timer:?}");
    call.borrow().as_ref().unwrap().cancel().unwrap();

    let port = Script::new().serve(&reactor);
    let open = trial().run(&reactor, || succeed(()));
    let expected = format!("the port {}", port.host());
    assert!(matches!(&open, Err(Verdict::Dirty { others, .. }) if *others == [expected]), "{open:?}");
    port.stop_listening();
}

#[test]
fn tw_149_a_trial_waits_for_sockets_and_not_only_for_timers() {
    let reactor = reactor();
    let got = Deferred::<Vec<u8>>::new();
    let (fire, result) = (got.clone(), Trial::new().leftovers(|| reactor.leftovers()));
    let result = result.run(&reactor, || {
        let slot = Rc::new(std::cell::RefCell::new(None::<crate::reactor::Port>));
        let inside = Rc::clone(&slot);
        let port = Script::new()
            .made(move |transport| {
                transport.write("a line");
                transport.lose_connection();
                inside.borrow().as_ref().unwrap().stop_listening();
            })
            .serve(&reactor);
        *slot.borrow_mut() = Some(port.clone());
        let lines = Rc::new(std::cell::RefCell::new(Vec::new()));
        let keep = Rc::clone(&lines);
        Script::new()
            .data(move |_, data| keep.borrow_mut().extend_from_slice(data))
            .lost(move |_| {
                let (fire, lines) = (fire.clone(), lines.take());
                drop(fire.callback(lines));
            })
            .connect(&reactor, port.host());
        got
    });
    assert_eq!(result.unwrap(), b"a line");
}
