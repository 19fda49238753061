//! Claims about restarts: types, strategies, retries (sections G, H and J).

use std::time::Duration;

use super::rig::{Mail, Rig, Script, boom, patient, workers};
use crate::exit::{ExitReason, ShutdownCause};
use crate::supervisor::plan::Answer;
use crate::supervisor::{ChildError, ChildPid, ChildPolicy, Flags, Report, Restart, Shutdown, Strategy, Who};

const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];

fn clean() -> [ExitReason; 3] {
    let other = ExitReason::ShutdownWith(ShutdownCause::Other("bye".into()));
    [ExitReason::Normal, ExitReason::Shutdown, other]
}

fn abnormal() -> [ExitReason; 4] {
    [boom(), ExitReason::Killed, ExitReason::NoProc, ExitReason::Stuck]
}

fn strategy(strategy: Strategy) -> Flags {
    patient(Flags::new(strategy), 100)
}

fn one(restart: Restart) -> Rig {
    let mut rig = Rig::start(strategy(Strategy::OneForOne), [ChildPolicy::worker("a").restart(restart)]);
    rig.take();
    rig
}

#[test]
fn otp_062_a_permanent_child_is_reported_and_restarted_whatever_the_reason() {
    for reason in clean().into_iter().chain(abnormal()) {
        let mut rig = one(Restart::Permanent);
        rig.crash("a", reason.clone());
        assert_eq!(rig.take(), [format!("terminated a: {reason}"), "start a".to_owned()]);
    }
}

#[test]
fn otp_063_otp_144_a_transient_child_that_ends_well_stays_known_without_a_report() {
    for reason in clean() {
        let mut rig = one(Restart::Transient);
        rig.crash("a", reason);
        assert_eq!((rig.take(), rig.children().as_str()), (vec![], "a=undefined"));
        assert!(matches!(rig.ask(Mail::Restart("a".into())), Ok(Answer::Started(_))));
    }
}

#[test]
fn otp_064_a_transient_child_that_fails_is_reported_and_restarted() {
    for reason in abnormal() {
        let mut rig = one(Restart::Transient);
        rig.crash("a", reason.clone());
        assert_eq!(rig.take(), [format!("terminated a: {reason}"), "start a".to_owned()]);
    }
}

#[test]
fn otp_065_otp_144_a_temporary_child_is_forgotten_and_reported_only_if_it_fails() {
    for reason in clean() {
        let mut rig = one(Restart::Temporary);
        rig.crash("a", reason);
        assert_eq!((rig.take(), rig.children().as_str()), (vec![], ""));
    }
    for reason in abnormal() {
        let mut rig = one(Restart::Temporary);
        rig.crash("a", reason.clone());
        assert_eq!(rig.take(), [format!("terminated a: {reason}")]);
        assert_eq!(rig.children(), "");
    }
}

#[test]
fn otp_067_a_hundred_thousand_children_start_crash_and_stop_in_linear_time() {
    let n = 100_000;
    let children = (0..n).map(|i| ChildPolicy::worker(format!("{i:06}")));
    let mut rig = Rig::start(strategy(Strategy::OneForOne), children);
    rig.crash("050000", boom());
    for i in (0..n).step_by(2) {
        let child = format!("{i:06}");
        assert_eq!(rig.ask(Mail::Terminate(child.as_str().into())), Ok(Answer::Done));
        assert_eq!(rig.ask(Mail::Delete(child.as_str().into())), Ok(Answer::Done));
    }
    assert_eq!(rig.counts(), [n / 2, n / 2, 0, n / 2]);
    rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown));
    rig.run();
    assert_eq!(rig.exit, Some(ExitReason::Shutdown));
    let stops = rig.trace.iter().filter(|line| line.starts_with("stop ")).count();
    assert_eq!(stops, n);
}

#[test]
fn otp_068_one_for_one_restarts_only_the_dead_child() {
    let mut rig = Rig::start(strategy(Strategy::OneForOne), workers("a b c"));
    rig.take();
    rig.crash("b", boom());
    assert_eq!(rig.take(), ["terminated b: boom", "start b"]);
    assert_eq!(rig.children(), "c=3 b=4 a=1");
}

#[test]
fn otp_069_one_for_all_stops_in_reverse_and_starts_in_order() {
    let mut rig = Rig::start(strategy(Strategy::OneForAll), workers("a b c d"));
    rig.take();
    rig.crash("b", boom());
    let deeds = ["stop d", "stop c", "stop a", "start a", "start b", "start c", "start d"];
    assert_eq!(rig.deeds(), deeds);
    assert_eq!(rig.children(), "d=8 c=7 b=6 a=5");
}

#[test]
fn otp_070_rest_for_one_restarts_the_dead_child_and_the_younger_ones() {
    let mut rig = Rig::start(strategy(Strategy::RestForOne), workers("a b c d"));
    rig.take();
    rig.crash("b", boom());
    assert_eq!(rig.deeds(), ["stop d", "stop c", "start b", "start c", "start d"]);
    assert_eq!(rig.children(), "d=7 c=6 b=5 a=1");
}

#[test]
fn otp_071_the_end_of_a_temporary_or_the_clean_end_of_a_transient_restarts_no_sibling() {
    for flags in STRATEGIES.map(strategy) {
        let temporary = ChildPolicy::worker("t").restart(Restart::Temporary);
        let transient = ChildPolicy::worker("u").restart(Restart::Transient);
        let mut rig = Rig::start(flags, [temporary, transient, ChildPolicy::worker("z")]);
        rig.take();
        rig.crash("t", boom());
        rig.crash("u", ExitReason::Normal);
        assert_eq!(rig.deeds(), Vec::<String>::new());
        assert_eq!(rig.children(), "z=3 u=undefined");
    }
}

#[test]
fn otp_072_a_temporary_bystander_is_stopped_with_the_group_and_vanishes() {
    for (flags, deeds) in [
        (Strategy::OneForAll, vec!["stop t", "stop z", "start z", "start a"]),
        (Strategy::RestForOne, vec!["stop t", "start a"]),
    ] {
        let temporary = ChildPolicy::worker("t").restart(Restart::Temporary);
        let children = [ChildPolicy::worker("z"), ChildPolicy::worker("a"), temporary];
        let mut rig = Rig::start(strategy(flags), children);
        rig.take();
        rig.crash("a", boom());
        assert_eq!(rig.deeds(), deeds);
        assert_eq!(rig.plan.child_spec(&"t".into()).unwrap_err(), ChildError::NotFound);
    }
}

#[test]
fn otp_073_a_group_restart_revives_the_ended_the_terminated_and_the_ignored() {
    for (flags, restarted) in [
        (Strategy::OneForAll, ["start ignored", "start a", "start ended", "start stopped"].as_slice()),
        (Strategy::RestForOne, &["start a", "start ended", "start stopped"]),
    ] {
        let children = ["ignored", "a", "ended", "stopped"];
        let children = children.map(|id| ChildPolicy::worker(id).restart(Restart::Transient));
        let mut rig = Rig::prepare(strategy(flags), children);
        rig.script("ignored", [Script::Ignore]);
        rig.begin();
        rig.crash("ended", ExitReason::Normal);
        rig.ask(Mail::Terminate("stopped".into())).unwrap();
        rig.take();
        rig.crash("a", boom());
        assert_eq!(rig.deeds(), restarted);
    }
}

#[test]
fn otp_074_a_fresh_plan_knows_only_the_init_children() {
    let mut rig = Rig::start(strategy(Strategy::OneForAll), workers("a"));
    rig.ask(Mail::StartChild(ChildPolicy::worker("added"))).unwrap();
    assert_eq!(rig.children(), "added=2 a=1");
    // The outer supervisor restarts this one by making it anew from its flags and children.
    let again = Rig::start(strategy(Strategy::OneForAll), workers("a"));
    assert_eq!(again.children(), "a=1");
}

#[test]
fn otp_075_a_burst_under_one_for_all_is_one_restart_and_the_others_are_shutdown_errors() {
    let mut rig = Rig::start(patient(Flags::new(Strategy::OneForAll), 1), workers("a b c"));
    rig.take();
    for id in ["a", "b", "c"] {
        rig.dies(id, ExitReason::failed(format!("boom {id}")));
    }
    rig.run();
    assert_eq!(
        rig.take(),
        [
            "terminated a: boom a",
            "stop c",
            "shutdown_error c: boom c",
            "stop b",
            "shutdown_error b: boom b",
            "start a",
            "start b",
            "start c"
        ]
    );
    assert_eq!(rig.exit, None);
}

/// OTP-075 again, for an actor that could not take the exits out of the mailbox: they are stale by then.
#[test]
fn otp_075_an_exit_of_a_process_that_was_replaced_is_stale() {
    let mut rig = Rig::start(patient(Flags::new(Strategy::OneForAll), 1), workers("a b"));
    let b = rig.pid("b").unwrap();
    rig.crash("a", boom());
    rig.take();
    rig.mailbox.push_back(Mail::Exit(b, boom()));
    rig.run();
    assert_eq!((rig.take(), rig.exit), (vec![], None));
}

#[test]
fn otp_076_the_same_burst_under_one_for_one_counts_each_death() {
    let mut rig = Rig::start(patient(Flags::default(), 1), workers("a b c"));
    rig.take();
    for id in ["a", "b", "c"] {
        rig.dies(id, boom());
    }
    rig.run();
    assert_eq!(
        rig.take(),
        [
            "terminated a: boom",
            "start a",
            "terminated b: boom",
            "gives up: b",
            "stop c",
            "shutdown_error c: boom",
            "stop a",
            "exit: shutdown"
        ]
    );
}

#[test]
fn otp_077_each_sibling_is_dead_before_the_next_is_asked_and_before_anything_starts() {
    let mut rig = Rig::start(strategy(Strategy::OneForAll), workers("a b c"));
    let mut actions = Vec::new();
    let dead = rig.pid("a").unwrap();
    rig.plan.exited(dead, boom(), Duration::ZERO, &mut actions);
    for key in rig.plan.keys().collect::<Vec<_>>().into_iter().rev().take(2) {
        let asked = actions.iter().filter(|action| {
            use crate::supervisor::plan::Action;
            matches!(action, Action::Stop { .. } | Action::Start { .. })
        });
        assert_eq!(asked.count(), 1, "one stop at a time: {actions:?}");
        actions.clear();
        rig.plan.stopped(key, ExitReason::Shutdown, &mut actions);
    }
}

#[test]
fn otp_088_otp_089_a_failed_restart_is_reported_and_retried_through_the_mailbox() {
    let mut rig = Rig::start(strategy(Strategy::OneForOne), workers("a g"));
    rig.take();
    rig.fail("g", 2);
    rig.dies("g", boom());
    rig.step();
    assert_eq!(rig.take(), ["terminated g: boom", "start g", "start_error g: boom"]);
    assert_eq!(rig.children(), "g=restarting a=1");
    // What was in the mailbox before the retry is served before it.
    rig.mailbox.push_front(Mail::Terminate("a".into()));
    rig.run();
    assert_eq!(rig.take(), ["stop a", "start g", "start_error g: boom", "start g"]);
    assert_eq!(rig.children(), "g=3 a=undefined");
}

#[test]
fn otp_088_a_start_error_carries_the_pid_the_child_had() {
    let mut rig = Rig::start(strategy(Strategy::OneForOne), workers("g"));
    let old = rig.pid("g").unwrap();
    rig.fail("g", 2);
    rig.crash("g", boom());
    let who: Vec<_> = rig
        .reports
        .iter()
        .filter_map(|report| match report {
            Report::StartError { child, .. } => Some(child.who),
            _ => None,
        })
        .collect();
    let expected = [ChildPid::Running(old), ChildPid::Restarting(Some(old))].map(Who::Child);
    assert_eq!(who, expected);
}

#[test]
fn otp_089_a_parents_exit_ends_an_endless_retry_promptly() {
    for flags in STRATEGIES.map(strategy) {
        let mut rig = Rig::start(flags, workers("a g z"));
        rig.fail("g", 50);
        rig.dies("g", boom());
        for _ in 0..5 {
            rig.step();
        }
        rig.take();
        rig.mailbox.push_front(Mail::Parent(ExitReason::Shutdown));
        rig.run();
        assert_eq!(rig.exit, Some(ExitReason::Shutdown));
        assert!(!rig.take().contains(&"start g".to_owned()));
    }
}

#[test]
fn otp_090_a_child_that_never_starts_again_ends_the_supervisor() {
    for flags in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne].map(Flags::new) {
        let mut rig = Rig::start(patient(flags, 4), workers("a g z"));
        rig.take();
        rig.fail("g", 50);
        rig.crash("g", boom());
        let trace = rig.take();
        assert_eq!(trace.iter().filter(|line| *line == "start g").count(), 4);
        assert_eq!(rig.exit, Some(ExitReason::Shutdown));
        assert!(rig.alive.is_empty());
    }
}

#[test]
fn otp_091_one_for_all_stops_again_what_it_had_restarted_when_a_later_start_fails() {
    let mut rig = Rig::start(strategy(Strategy::OneForAll), workers("a g z"));
    rig.take();
    rig.fail("g", 1);
    rig.crash("a", boom());
    assert_eq!(
        rig.deeds(),
        ["stop z", "stop g", "start a", "start g", "stop a", "start a", "start g", "start z"]
    );
}

#[test]
fn otp_092_rest_for_one_goes_on_from_the_child_that_failed() {
    let mut rig = Rig::start(strategy(Strategy::RestForOne), workers("a g z"));
    rig.take();
    rig.fail("g", 1);
    rig.crash("a", boom());
    assert_eq!(rig.deeds(), ["stop z", "stop g", "start a", "start g", "start g", "start z"]);
    assert_eq!(rig.children(), "z=6 g=5 a=4");
}

#[test]
fn otp_093_while_a_group_waits_for_a_retry_its_rest_is_down_and_terminate_calls_the_retry_off() {
    let mut rig = Rig::start(strategy(Strategy::RestForOne), workers("a g z"));
    rig.fail("g", 1);
    rig.dies("g", boom());
    rig.step();
    assert_eq!(rig.children(), "z=undefined g=restarting a=1");
    rig.mailbox.push_front(Mail::Terminate("g".into()));
    rig.take();
    rig.run();
    assert_eq!((rig.take(), rig.children().as_str()), (vec![], "z=undefined g=undefined a=1"));
}

/// OTP retries by id: a retry still in the mailbox also serves a child that took the id of the one it was for.
#[test]
fn otp_088_a_retry_is_for_whoever_waits_under_that_id() {
    let mut rig = Rig::start(strategy(Strategy::OneForAll), workers("a g"));
    rig.fail("g", 2);
    rig.dies("a", boom());
    rig.step();
    let retry = rig.mailbox.pop_back().unwrap();
    rig.ask(Mail::Terminate("g".into())).unwrap();
    rig.ask(Mail::Delete("g".into())).unwrap();
    rig.script("g", [Script::Succeed, Script::Fail(boom())]);
    rig.starts.get_mut("g").unwrap().pop_front();
    rig.ask(Mail::StartChild(ChildPolicy::worker("g"))).unwrap();
    rig.dies("a", boom());
    rig.step();
    rig.take();
    rig.mailbox.push_front(retry);
    rig.run();
    assert_eq!(rig.deeds(), ["stop a", "start a", "start g"], "the second retry finds it running");
}

#[test]
fn otp_093_a_sibling_that_waited_for_a_retry_is_taken_over_by_a_later_group_restart() {
    let mut rig = Rig::start(strategy(Strategy::OneForAll), workers("a b g"));
    rig.fail("g", 1);
    rig.dies("b", boom());
    rig.step();
    assert_eq!(rig.children(), "g=restarting b=5 a=4");
    let retry = rig.mailbox.pop_front().unwrap();
    rig.fail("a", 1);
    rig.dies("a", boom());
    rig.step();
    assert_eq!(rig.children(), "g=undefined b=undefined a=restarting");
    // Now the first retry finds nobody waiting; the second starts all.
    rig.mailbox.push_front(retry);
    rig.take();
    rig.run();
    assert_eq!(rig.deeds(), ["start a", "start b", "start g"]);
}

#[test]
fn otp_094_a_restart_that_is_ignored_leaves_the_child_without_a_process() {
    for flags in STRATEGIES.map(strategy) {
        let mut rig = Rig::start(flags, workers("a"));
        rig.take();
        rig.script("a", [Script::Ignore]);
        rig.crash("a", boom());
        assert_eq!(rig.take(), ["terminated a: boom", "start a"]);
        assert_eq!(rig.children(), "a=undefined");
    }
}

#[test]
fn otp_095_the_retry_of_a_sibling_counts_and_the_sibling_is_the_offender() {
    let mut rig = Rig::start(patient(Flags::new(Strategy::OneForAll), 1), workers("a g"));
    rig.take();
    rig.fail("g", 1);
    rig.crash("a", boom());
    assert_eq!(
        rig.take(),
        [
            "terminated a: boom",
            "stop g",
            "start a",
            "start g",
            "start_error g: boom",
            "gives up: g",
            "stop a",
            "exit: shutdown"
        ]
    );
    let last = rig.reports.last();
    let Some(Report::ReachedMaxIntensity { child }) = last else { panic!("the last report is the end") };
    assert_eq!(child.who, Who::Child(ChildPid::Restarting(None)), "it had no process of its own to lose");
}

#[test]
fn otp_101_a_stop_in_a_group_restart_is_reported_by_the_same_rule_as_any_other() {
    let children = workers("a b").into_iter().map(|child| child.shutdown(Shutdown::Infinity));
    let mut rig = Rig::start(strategy(Strategy::OneForAll), children);
    rig.take();
    rig.stubborn.insert("b".into(), ExitReason::Normal);
    rig.crash("a", boom());
    assert_eq!(
        rig.take(),
        ["terminated a: boom", "stop b", "shutdown_error b: normal", "start a", "start b"]
    );
}
