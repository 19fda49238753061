//! Claims about how children and supervisors are stopped, and what is reported of it (sections K, N and O).

use std::time::Duration;

use super::rig::{Mail, Rig, boom, patient, workers};
use crate::exit::{ExitReason, ShutdownCause};
use crate::supervisor::plan::{Action, Answer, stop_rule};
use crate::supervisor::{ChildPolicy, Flags, Report, Restart, Shutdown, Strategy};

fn bye() -> ExitReason {
    ExitReason::ShutdownWith(ShutdownCause::Other("bye".into()))
}

fn stop(rig: &mut Rig, reason: ExitReason) -> Vec<String> {
    rig.take();
    rig.mailbox.push_back(Mail::Parent(reason));
    rig.run();
    rig.take()
}

/// OTP-096 to OTP-101: who ended how, and is it worth a report? 3 restart types x 3 shutdown values x 6 reasons.
#[test]
fn otp_096_otp_097_otp_100_otp_101_a_stop_is_reported_if_the_child_ended_otherwise_than_asked() {
    let timeout = Shutdown::Timeout(Duration::from_secs(5));
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        let permanent = restart == Restart::Permanent;
        for shutdown in [Shutdown::Brutal, timeout, Shutdown::Infinity] {
            let brutal = shutdown == Shutdown::Brutal;
            let policy = ChildPolicy::worker("a").restart(restart).shutdown(shutdown);
            for (reason, reported) in [
                (ExitReason::Killed, !brutal),
                (ExitReason::Shutdown, brutal && permanent),
                (ExitReason::Normal, permanent),
                (bye(), permanent),
                (boom(), true),
                (ExitReason::NoProc, true),
            ] {
                let told = stop_rule::otp_reports(&policy, &reason);
                assert_eq!(told, reported, "{restart:?} {shutdown:?} {reason}");
                let mut rig = Rig::start(Flags::default(), [policy.clone()]);
                rig.stubborn.insert("a".into(), reason.clone());
                let trace = stop(&mut rig, ExitReason::Shutdown);
                let report = format!("shutdown_error a: {reason}");
                assert_eq!(trace.contains(&report), reported, "{restart:?} {shutdown:?} {trace:?}");
            }
        }
    }
}

/// OTP-008, OTP-098, OTP-099: the value goes to the actor as it is, 0 included.
#[test]
fn otp_098_otp_099_the_shutdown_value_of_each_child_goes_with_its_stop() {
    let values = [Shutdown::Timeout(Duration::ZERO), Shutdown::Infinity, Shutdown::Brutal];
    for value in values {
        let mut rig = Rig::start(Flags::default(), [ChildPolicy::worker("a").shutdown(value)]);
        let pid = rig.pid("a").unwrap();
        let key = rig.plan.keys().next().unwrap();
        let mut actions = Vec::new();
        rig.plan.terminate_child(&"a".into(), &mut actions);
        assert_eq!(actions, [Action::Stop { key, pid, shutdown: value }]);
    }
}

#[test]
fn otp_102_a_child_that_ended_on_its_own_while_its_supervisor_stops_does_not_disturb() {
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        for reason in [ExitReason::Normal, ExitReason::Shutdown, bye(), boom()] {
            let child = ChildPolicy::worker("b").restart(restart);
            let mut rig = Rig::start(Flags::default(), [ChildPolicy::worker("a"), child]);
            rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown));
            rig.dies("b", reason.clone());
            rig.take();
            rig.run();
            let mut trace = vec!["stop b".to_owned()];
            if reason == boom() || (restart == Restart::Permanent && reason != ExitReason::Shutdown) {
                trace.push(format!("shutdown_error b: {reason}"));
            }
            trace.extend(["stop a".to_owned(), "exit: shutdown".to_owned()]);
            assert_eq!(rig.take(), trace);
        }
    }
}

/// OTP-103, the plan's half: a death nobody can tell the reason of is reported, and the request succeeds.
#[test]
fn otp_103_one_that_had_died_unnoticed_is_a_shutdown_error_and_an_ok() {
    let mut rig = Rig::start(Flags::default(), workers("a"));
    let pid = rig.pid("a").unwrap();
    rig.alive.remove(&pid);
    rig.take();
    assert_eq!(rig.ask(Mail::Terminate("a".into())), Ok(Answer::Done));
    assert_eq!(rig.take(), ["stop a", "shutdown_error a: no such process"]);
}

#[test]
fn otp_104_otp_077_static_children_are_stopped_one_at_a_time_in_reverse_start_order() {
    let mut rig = Rig::start(Flags::default(), workers("a b c"));
    let keys: Vec<_> = rig.plan.keys().collect();
    let mut actions = Vec::new();
    rig.plan.parent_exited(ExitReason::Shutdown, &mut actions);
    for &key in keys.iter().rev() {
        assert!(matches!(actions.as_slice(), [Action::Stop { key: asked, .. }] if *asked == key));
        actions.clear();
        rig.plan.stopped(key, ExitReason::Shutdown, &mut actions);
    }
    assert_eq!(actions, [Action::Exit(ExitReason::Shutdown)]);
}

#[test]
fn otp_131_otp_140_the_parents_reason_whatever_it_is_becomes_the_supervisors() {
    for reason in [ExitReason::Normal, ExitReason::Shutdown, bye(), boom(), ExitReason::Killed] {
        let mut rig = Rig::start(Flags::default(), workers("a b"));
        let trace = stop(&mut rig, reason.clone());
        assert_eq!(trace, ["stop b", "stop a", &format!("exit: {reason}")]);
        assert_eq!(rig.exit, Some(reason));
    }
}

#[test]
fn otp_136_an_inner_supervisor_that_gave_up_is_restarted_forgotten_or_left_by_its_restart_type() {
    for (restart, trace, children) in [
        (Restart::Permanent, vec!["terminated s: shutdown", "start s"], "s=2"),
        (Restart::Transient, vec![], "s=undefined"),
        (Restart::Temporary, vec![], ""),
    ] {
        let mut inner = Rig::start(patient(Flags::default(), 0), workers("w"));
        inner.crash("w", boom());
        let mut outer = Rig::start(Flags::default(), [ChildPolicy::supervisor("s").restart(restart)]);
        outer.take();
        outer.crash("s", inner.exit.unwrap());
        assert_eq!(outer.take(), trace);
        assert_eq!(outer.children(), children);
    }
}

#[test]
fn otp_137_one_inner_supervisor_that_gives_up_takes_the_others_with_it_only_under_one_for_all() {
    let inner = || [ChildPolicy::supervisor("s"), ChildPolicy::supervisor("t")];
    let mut rig = Rig::start(Flags::default(), inner());
    rig.crash("s", ExitReason::Shutdown);
    assert_eq!(rig.children(), "t=2 s=3");
    let mut rig = Rig::start(Flags::new(Strategy::OneForAll), inner());
    rig.crash("s", ExitReason::Shutdown);
    assert_eq!(rig.children(), "t=4 s=3");
}

#[test]
fn otp_138_a_supervisor_that_is_a_child_is_stopped_without_a_limit() {
    let mut rig = Rig::start(Flags::default(), [ChildPolicy::supervisor("s")]);
    let mut actions = Vec::new();
    rig.plan.parent_exited(ExitReason::Shutdown, &mut actions);
    assert!(matches!(actions.as_slice(), [Action::Stop { shutdown: Shutdown::Infinity, .. }]));
}

#[test]
fn otp_142_an_offender_carries_all_of_its_policy() {
    let policy = ChildPolicy::supervisor("s").restart(Restart::Transient).shutdown(Shutdown::Brutal);
    let mut rig = Rig::start(Flags::default(), [policy.clone()]);
    rig.crash("s", boom());
    let Some(Report::ChildTerminated { child, reason }) =
        rig.reports.iter().find(|report| matches!(report, Report::ChildTerminated { .. }))
    else {
        panic!("the crash is reported")
    };
    assert_eq!(
        (child.id.clone(), child.restart, child.shutdown),
        ("s".into(), policy.restart, policy.shutdown)
    );
    assert_eq!((child.kind, child.significant, reason), (policy.kind, false, &boom()));
}

#[test]
fn otp_144_the_shutdown_of_an_obedient_tree_is_silent() {
    let children = [Restart::Permanent, Restart::Transient, Restart::Temporary].map(|restart| {
        let id = format!("{restart:?}");
        ChildPolicy::worker(id).restart(restart)
    });
    let mut rig = Rig::start(Flags::default(), children);
    let before = rig.reports.len();
    stop(&mut rig, ExitReason::Shutdown);
    assert_eq!(rig.reports.len(), before);
}
