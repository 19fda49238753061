//! Pauses before restarts. Beyond OTP; without a backoff in the spec the other tests hold, which know of none.

use std::time::Duration;

use proptest::prelude::*;

use super::laws::Before;
use super::rig::{Mail, Rig, Script, boom, patient, workers};
use crate::exit::ExitReason;
use crate::supervisor::plan::{Answer, DynamicPlan};
use crate::supervisor::{
    Backoff, ChildError, ChildPid, ChildPolicy, DynamicFlags, Flags, SpecError, Strategy as Who,
};

/// 1 s, 2 s, 4 s, at most 5 s; healthy after 10 s.
fn backoff() -> Backoff {
    let delays = Backoff::new().delays(Duration::from_secs(1), Duration::from_secs(5));
    delays.jitter(0).reset_after(Duration::from_secs(10))
}

fn pausing(ids: &str) -> Vec<ChildPolicy> {
    workers(ids).into_iter().map(|child| child.backoff(backoff())).collect()
}

fn one(strategy: Who) -> Rig {
    Rig::start(patient(Flags::new(strategy), 10), pausing("a b c"))
}

/// Seconds until the pause that is next is over.
fn next_pause(rig: &Rig) -> Option<u64> {
    rig.pauses.values().map(|(due, ..)| (*due - rig.now).as_secs()).min()
}

#[test]
fn each_crash_is_paused_for_longer_and_a_healthy_run_begins_anew() {
    let mut rig = one(Who::OneForOne);
    for delay in [1, 2, 4, 5, 5] {
        rig.crash("a", boom());
        assert_eq!(next_pause(&rig), Some(delay));
        assert!(rig.children().ends_with("a=restarting"), "{}", rig.children());
        rig.pause_ends();
        rig.run();
        assert!(rig.pid("a").is_some());
    }
    rig.now += Duration::from_secs(10);
    rig.crash("a", boom());
    assert_eq!(next_pause(&rig), Some(1));
}

#[test]
fn a_restart_is_counted_and_said_when_it_is_decided_and_once() {
    let mut rig = Rig::start(patient(Flags::default(), 2), pausing("a"));
    for number in [1, 2] {
        rig.trace.clear();
        rig.crash("a", boom());
        rig.pause_ends();
        rig.run();
        let said: Vec<_> = rig.trace.iter().filter(|line| line.starts_with("restarting")).cloned().collect();
        assert_eq!(said, [format!("restarting a after {number}s: attempt {number} of 2 in 3600s")]);
    }
    rig.crash("a", boom());
    assert_eq!(rig.exit, Some(ExitReason::Shutdown), "it gives up at once, not after a pause");
}

#[test]
fn a_failed_start_is_paused_for_like_a_crash() {
    let mut rig = one(Who::OneForOne);
    rig.fail("b", 2);
    rig.crash("b", boom());
    for delay in [1, 2, 4] {
        assert_eq!(next_pause(&rig), Some(delay));
        rig.pause_ends();
        rig.run();
    }
    assert!(rig.pid("b").is_some() && rig.pauses.is_empty());
}

#[test]
fn requests_find_a_restarting_child_and_a_terminated_one_does_not_come_back() {
    let mut rig = one(Who::OneForOne);
    rig.crash("a", boom());
    assert_eq!(rig.ask(Mail::Restart("a".into())), Err(ChildError::Restarting));
    assert_eq!(rig.ask(Mail::Delete("a".into())), Err(ChildError::Restarting));
    assert_eq!(rig.ask(Mail::StartChild(ChildPolicy::worker("a"))), Err(ChildError::AlreadyPresent));
    let info = rig.plan.which_children().find(|child| child.due.is_some()).expect("one waits");
    assert_eq!((info.due, info.id), (Some(rig.now + Duration::from_secs(1)), Some("a".into())));
    // Its pause is over just when it is terminated.
    rig.mailbox.push_back(Mail::Terminate("a".into()));
    rig.pause_ends();
    rig.run();
    assert_eq!((rig.pid("a"), rig.plan.which_children().find(|child| child.due.is_some())), (None, None));
    assert!(rig.ask(Mail::Restart("a".into())).is_ok());
    rig.crash("a", boom());
    assert_eq!(next_pause(&rig), Some(1), "what a caller started begins anew");
    assert_eq!(rig.ask(Mail::Terminate("a".into())), Ok(Answer::Done));
    assert!(rig.pauses.is_empty(), "nothing goes on waiting");
}

/// What was meant for a pause that was given up does not end a later one.
#[test]
fn the_end_of_an_earlier_pause_is_not_taken_for_that_of_a_later() {
    let mut rig = one(Who::OneForOne);
    rig.crash("a", boom());
    let (_, child, number) = rig.pauses.values().next().cloned().expect("it waits");
    rig.ask(Mail::Terminate("a".into())).unwrap();
    rig.ask(Mail::Restart("a".into())).unwrap();
    rig.crash("a", boom());
    rig.mailbox.push_back(Mail::PauseOver(child, number));
    rig.run();
    assert_eq!(rig.pid("a"), None, "it still waits");
    rig.pause_ends();
    rig.run();
    assert!(rig.pid("a").is_some());
}

#[test]
fn one_for_all_stops_the_others_at_once_and_starts_all_after_the_pause() {
    let mut rig = one(Who::OneForAll);
    rig.deeds();
    rig.crash("b", boom());
    assert_eq!(rig.deeds(), ["stop c", "stop a"]);
    assert_eq!(rig.children(), "c=undefined b=restarting a=undefined");
    // Started by request in the gap, it goes with the others again: there are never two of it.
    rig.ask(Mail::Restart("c".into())).unwrap();
    rig.pause_ends();
    rig.run();
    assert_eq!(rig.deeds(), ["start c", "stop c", "start a", "start b", "start c"]);
}

#[test]
fn rest_for_one_stops_the_younger_at_once_and_starts_them_after_the_pause() {
    let mut rig = one(Who::RestForOne);
    rig.deeds();
    rig.crash("b", boom());
    assert_eq!(rig.deeds(), ["stop c"]);
    rig.pause_ends();
    rig.run();
    assert_eq!(rig.deeds(), ["start b", "start c"]);
}

#[test]
fn a_restart_of_all_takes_along_who_waited() {
    let mut rig = one(Who::OneForAll);
    rig.crash("a", boom());
    rig.ask(Mail::Restart("c".into())).unwrap();
    rig.crash("c", boom());
    assert_eq!(rig.pauses.len(), 1, "only the later one waits");
    assert_eq!(rig.children(), "c=restarting b=undefined a=undefined");
    rig.pause_ends();
    rig.run();
    assert_eq!(rig.alive.len(), 3);
}

#[test]
fn a_shutdown_does_not_wait_for_a_pause() {
    let mut rig = one(Who::OneForOne);
    rig.crash("a", boom());
    rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown));
    rig.run();
    assert_eq!(rig.exit, Some(ExitReason::Shutdown));
}

#[test]
fn dynamic_children_wait_one_by_one() {
    let plan = DynamicPlan::new(&DynamicFlags::default().intensity(10, Duration::from_secs(60))).unwrap();
    let mut rig = Rig::around(plan);
    let mut actions = Vec::new();
    rig.plan.pool.begin(&mut actions);
    for child in pausing("a b") {
        rig.ask(Mail::StartChild(child)).unwrap();
    }
    let before = rig.pid("a").expect("it runs");
    rig.crash("a", boom());
    assert_eq!(rig.pauses.len(), 1);
    let info = rig.plan.pool.which_child(before).expect("by the pid it had");
    assert_eq!(info.pid, ChildPid::Restarting(Some(before)));
    assert!(info.due.is_some() && rig.pid("b").is_some());
    rig.pause_ends();
    rig.run();
    let now = rig.pid("a").expect("it runs again");
    rig.crash("a", boom());
    assert_eq!(rig.ask(Mail::Terminate(now.into())), Ok(Answer::Done));
    assert!(rig.pauses.is_empty());
}

#[test]
fn a_backoff_out_of_its_range_is_refused() {
    let refused = |backoff: Backoff| {
        let plan = crate::supervisor::plan::Plan::new(
            &Flags::default(),
            [ChildPolicy::worker("a").backoff(backoff)],
        );
        plan.unwrap_err() == SpecError::InvalidBackoff("a".into())
    };
    let second = Duration::from_secs(1);
    assert!(refused(Backoff::new().delays(Duration::ZERO, second)));
    assert!(refused(Backoff::new().delays(second * 2, second)));
    assert!(refused(Backoff::new().factor(0)));
    assert!(refused(Backoff::new().jitter(101)));
}

#[derive(Clone, Debug)]
enum Step {
    Dies(usize),
    Fails(usize),
    Asks(usize, u8),
    Turn,
    Time(u64),
    PauseEnds,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..3).prop_map(Step::Dies),
        2 => (0_usize..3).prop_map(Step::Fails),
        3 => (0_usize..3, 0_u8..3).prop_map(|(child, request)| Step::Asks(child, request)),
        8 => Just(Step::Turn),
        2 => (0_u64..20_000).prop_map(Step::Time),
        5 => Just(Step::PauseEnds),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The laws of every static supervisor hold with pauses as well; and who waits is started in the end.
    #[test]
    fn the_laws_hold_whoever_waits(
        strategy in prop::sample::select(vec![Who::OneForOne, Who::OneForAll, Who::RestForOne]),
        paused in prop::collection::vec(any::<bool>(), 3),
        history in prop::collection::vec(steps(), 0..100),
    ) {
        let children = workers("a b c").into_iter().zip(paused).map(|(child, paused)| {
            if paused { child.backoff(backoff()) } else { child }
        });
        let mut rig = Rig::start(Flags::new(strategy).intensity(30, Duration::from_secs(60)), children);
        let ids = ["a", "b", "c"];
        for step in history {
            match step {
                Step::Dies(child) if rig.pid(ids[child]).is_some() => rig.dies(ids[child], boom()),
                Step::Fails(child) => rig.script(ids[child], [Script::Fail(boom())]),
                Step::Asks(child, 0) => rig.mailbox.push_back(Mail::Terminate(ids[child].into())),
                Step::Asks(child, 1) => rig.mailbox.push_back(Mail::Restart(ids[child].into())),
                Step::Asks(child, _) => rig.mailbox.push_back(Mail::Delete(ids[child].into())),
                Step::Time(millis) => rig.now += Duration::from_millis(millis),
                Step::PauseEnds => _ = rig.pause_ends(),
                Step::Dies(_) | Step::Turn => {}
            }
            let before = Before::new(&rig);
            rig.step();
            before.check(&rig);
        }
        while rig.step() || rig.pause_ends() {}
        let waits = rig.plan.which_children().any(|child| matches!(child.pid, ChildPid::Restarting(_)));
        prop_assert!(rig.exit.is_some() || !waits);
    }
}
