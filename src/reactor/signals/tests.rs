use std::process::{Command, Stdio};

use crate::reactor::testing::{Trace, reporting, run};
use crate::reactor::{Phase, SystemEvent};

/// Names the half of a test that runs in a process of its own: signals are the whole process's.
const CHILD: &str = "VERSE_TEST_SIGNALS";

fn raise_later(reactor: &crate::reactor::Reactor, trace: &Trace, signal: i32) {
    let trace = trace.clone();
    reactor.call_when_running(move || {
        signal_hook::low_level::raise(signal).unwrap();
        trace.push("the handler has returned");
    });
}

fn in_a_process_of_its_own(name: &str, body: fn()) {
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("reactor::signals::tests::{name}"), "--nocapture"])
        .env(CHILD, "1")
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

#[test]
fn tw_087_a_signal_stops_the_reactor_from_the_loop_and_is_remembered() {
    in_a_process_of_its_own("tw_087_a_signal_stops_the_reactor_from_the_loop_and_is_remembered", || {
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let (reactor, trace) = reporting();
            let signals = reactor.handle_signals().unwrap();
            raise_later(&reactor, &trace, signal);
            let stopped = trace.clone();
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
                stopped.push("shutdown");
            });
            run(&reactor);
            assert_eq!(trace.take(), ["the handler has returned", "shutdown"]);
            assert_eq!((signals.first(), signals.second()), (Some(signal), false));
        }
    });
}

#[test]
fn tw_087_a_second_signal_during_the_shutdown_ends_the_loop_though_somebody_holds_it() {
    in_a_process_of_its_own(
        "tw_087_a_second_signal_during_the_shutdown_ends_the_loop_though_somebody_holds_it",
        || {
            let (reactor, trace) = reporting();
            let signals = reactor.handle_signals().unwrap();
            raise_later(&reactor, &trace, signal_hook::consts::SIGTERM);
            let (held, again) = (trace.clone(), reactor.clone());
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |hold| {
                held.push("holding the shutdown for ever");
                std::mem::forget(hold);
                again.call_later(std::time::Duration::ZERO, || {
                    signal_hook::low_level::raise(signal_hook::consts::SIGTERM)
                });
            });
            run(&reactor);
            assert_eq!((signals.first(), signals.second()), (Some(signal_hook::consts::SIGTERM), true));
            assert_eq!(
                trace.take().last().unwrap(),
                "unhandled error at signal 15: a second signal: not waiting any longer"
            );
        },
    );
}
