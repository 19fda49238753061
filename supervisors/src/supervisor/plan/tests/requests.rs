//! Claims about what callers ask of a supervisor (sections D, E and F).

use super::rig::{Mail, Rig, Script, boom, patient, workers};
use crate::exit::ExitReason;
use crate::pid::Pid;
use crate::supervisor::plan::Answer;
use crate::supervisor::{
    AutoShutdown, ChildError, ChildKind, ChildPolicy, Flags, Report, Restart, SpecError, Strategy,
};

fn pid(serial: u64) -> Pid {
    Pid::new(0, 0, serial)
}

fn start(id: &str) -> Mail {
    Mail::StartChild(ChildPolicy::worker(id))
}

fn temporary(id: &str) -> ChildPolicy {
    ChildPolicy::worker(id).restart(Restart::Temporary)
}

/// A supervisor whose child `g` waits for its next restart, with the retry still in the mailbox.
fn restarting(flags: Flags, ids: &str) -> Rig {
    let mut rig = Rig::start(patient(flags, 100), workers(ids));
    rig.fail("g", 1);
    rig.dies("g", boom());
    rig.step();
    rig.take();
    rig
}

#[test]
fn otp_036_a_child_started_by_request_is_the_youngest_and_takes_part_in_the_strategy() {
    let mut rig = Rig::start(patient(Flags::new(Strategy::OneForAll), 5), workers("a b"));
    assert_eq!(rig.ask(start("c")), Ok(Answer::Started(pid(3))));
    assert_eq!(rig.children(), "c=3 b=2 a=1");
    rig.take();
    rig.crash("a", boom());
    assert_eq!(rig.deeds(), ["stop c", "stop b", "start a", "start b", "start c"]);
}

#[test]
fn otp_037_the_name_of_a_running_child_is_answered_with_its_pid() {
    let mut rig = Rig::start(Flags::default(), workers("a"));
    rig.take();
    assert_eq!(rig.ask(start("a")), Err(ChildError::AlreadyStarted(pid(1))));
    assert_eq!((rig.take(), rig.children().as_str()), (vec![], "a=1"));
}

#[test]
fn otp_038_the_name_of_a_child_without_a_process_is_already_present() {
    let mut rig = Rig::prepare(Flags::default(), workers("ignored stopped"));
    rig.script("ignored", [Script::Ignore]);
    rig.begin();
    rig.ask(Mail::Terminate("stopped".into())).unwrap();
    assert_eq!(rig.ask(start("ignored")), Err(ChildError::AlreadyPresent));
    assert_eq!(rig.ask(start("stopped")), Err(ChildError::AlreadyPresent));
    let mut rig = restarting(Flags::default(), "g");
    rig.mailbox.push_front(start("g"));
    rig.step();
    assert_eq!(rig.replies, [Err(ChildError::AlreadyPresent)]);
}

#[test]
fn otp_039_a_requested_start_that_fails_is_answered_not_reported_and_forgotten() {
    let mut rig = Rig::start(Flags::default(), workers("a"));
    rig.take();
    rig.fail("b", 1);
    assert_eq!(rig.ask(start("b")), Err(ChildError::Failed(boom())));
    assert_eq!((rig.take(), rig.children().as_str()), (vec!["start b".to_owned()], "a=1"));
    assert_eq!(rig.ask(start("b")), Ok(Answer::Started(pid(2))));
}

#[test]
fn otp_040_a_name_held_by_an_outside_process_is_told_bare() {
    let mut rig = Rig::start(Flags::default(), []);
    let outside = pid(77);
    rig.script("b", [Script::Fail(ExitReason::AlreadyStarted(outside))]);
    assert_eq!(rig.ask(start("b")), Err(ChildError::AlreadyStarted(outside)));
    assert_eq!(rig.children(), "");
}

#[test]
fn otp_041_otp_127_a_significant_child_is_refused_where_nothing_shuts_down_and_nothing_changes() {
    let mut rig = Rig::start(Flags::default(), workers("a"));
    rig.take();
    let child = temporary("s").significant();
    let refused = ChildError::Spec(SpecError::SignificantNeverShutsDown("s".into()));
    assert_eq!(rig.ask(Mail::StartChild(child)), Err(refused));
    assert_eq!((rig.take(), rig.children().as_str()), (vec![], "a=1"));
}

#[test]
fn otp_042_the_name_of_an_ended_temporary_child_is_free_at_once() {
    let mut rig = Rig::start(Flags::default(), []);
    for reason in [ExitReason::Normal, boom()] {
        assert!(matches!(rig.ask(Mail::StartChild(temporary("t"))), Ok(Answer::Started(_))));
        rig.crash("t", reason);
    }
    assert!(matches!(rig.ask(Mail::StartChild(temporary("t"))), Ok(Answer::Started(_))));
    assert_eq!(rig.ask(Mail::Terminate("t".into())), Ok(Answer::Done));
    assert!(matches!(rig.ask(Mail::StartChild(temporary("t"))), Ok(Answer::Started(_))));
    // One the supervisor restarted holds its name.
    rig.ask(start("p")).unwrap();
    rig.crash("p", boom());
    assert!(matches!(rig.ask(start("p")), Err(ChildError::AlreadyStarted(_))));
}

#[test]
fn otp_046_a_terminated_child_keeps_its_spec_and_can_be_terminated_again_without_a_report() {
    let mut rig = Rig::start(Flags::default(), workers("a b"));
    rig.take();
    assert_eq!(rig.ask(Mail::Terminate("a".into())), Ok(Answer::Done));
    assert_eq!(rig.ask(Mail::Terminate("a".into())), Ok(Answer::Done));
    assert_eq!((rig.take(), rig.children().as_str()), (vec!["stop a".to_owned()], "b=2 a=undefined"));
}

#[test]
fn otp_047_an_unknown_id_or_a_pid_is_not_found() {
    let mut rig = Rig::start(Flags::default(), workers("a"));
    for unknown in ["b".into(), pid(1).into()] {
        assert_eq!(rig.ask(Mail::Terminate(unknown)), Err(ChildError::NotFound));
    }
    assert_eq!(rig.children(), "a=1");
}

#[test]
fn otp_048_a_terminated_temporary_child_is_gone() {
    let mut rig = Rig::start(Flags::default(), [temporary("t")]);
    assert_eq!(rig.ask(Mail::Terminate("t".into())), Ok(Answer::Done));
    for request in [Mail::Restart("t".into()), Mail::Delete("t".into()), Mail::Terminate("t".into())] {
        assert_eq!(rig.ask(request), Err(ChildError::NotFound));
    }
}

#[test]
fn otp_049_terminating_a_restarting_child_drops_its_retries() {
    let mut rig = restarting(Flags::default(), "a g");
    rig.mailbox.push_front(Mail::Terminate("g".into()));
    rig.run();
    assert_eq!(rig.replies, [Ok(Answer::Done)]);
    assert_eq!((rig.take(), rig.children().as_str()), (vec![], "g=undefined a=1"));
}

#[test]
fn otp_050_otp_085_stops_and_restarts_by_request_count_nothing_and_touch_no_sibling() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        let mut rig = Rig::start(patient(Flags::new(strategy), 0), workers("a b c"));
        rig.take();
        for _ in 0..3 {
            assert_eq!(rig.ask(Mail::Terminate("b".into())), Ok(Answer::Done));
            assert!(matches!(rig.ask(Mail::Restart("b".into())), Ok(Answer::Started(_))));
        }
        assert_eq!(rig.deeds(), ["stop b", "start b"].repeat(3));
        assert_eq!(rig.exit, None);
    }
}

#[test]
fn otp_051_otp_078_a_restarted_child_keeps_its_place_in_the_order() {
    let mut rig = Rig::start(Flags::default(), workers("a b c"));
    rig.ask(Mail::Terminate("b".into())).unwrap();
    assert_eq!(rig.ask(Mail::Restart("b".into())), Ok(Answer::Started(pid(4))));
    assert_eq!(rig.children(), "c=3 b=4 a=1");
    rig.crash("a", boom());
    rig.take();
    rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown));
    rig.run();
    assert_eq!(rig.take(), ["stop c", "stop b", "stop a", "exit: shutdown"]);
}

#[test]
fn otp_052_a_requested_restart_that_fails_leaves_the_child_at_rest_uncounted_and_unreported() {
    let mut rig = Rig::start(patient(Flags::default(), 0), workers("a"));
    rig.ask(Mail::Terminate("a".into())).unwrap();
    rig.take();
    rig.fail("a", 2);
    for _ in 0..2 {
        assert_eq!(rig.ask(Mail::Restart("a".into())), Err(ChildError::Failed(boom())));
        assert_eq!((rig.take(), rig.children().as_str()), (vec!["start a".to_owned()], "a=undefined"));
    }
    rig.script("a", [Script::Fail(ExitReason::AlreadyStarted(pid(9)))]);
    let held = ChildError::Failed(ExitReason::AlreadyStarted(pid(9)));
    assert_eq!(rig.ask(Mail::Restart("a".into())), Err(held));
}

#[test]
fn otp_053_otp_078_a_deleted_child_is_gone_and_comes_back_as_the_youngest() {
    let mut rig = Rig::start(Flags::default(), workers("a b c"));
    rig.ask(Mail::Terminate("b".into())).unwrap();
    assert_eq!(rig.ask(Mail::Delete("b".into())), Ok(Answer::Done));
    assert_eq!(rig.ask(Mail::Delete("b".into())), Err(ChildError::NotFound));
    assert_eq!(rig.ask(start("b")), Ok(Answer::Started(pid(4))));
    assert_eq!(rig.children(), "b=4 c=3 a=1");
    rig.take();
    rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown));
    rig.run();
    assert_eq!(rig.take(), ["stop b", "stop c", "stop a", "exit: shutdown"]);
}

#[test]
fn otp_054_running_restarting_and_unknown_children_are_neither_restarted_nor_deleted() {
    let mut rig = restarting(Flags::default(), "a g");
    let errors = [("a", ChildError::Running), ("g", ChildError::Restarting), ("x", ChildError::NotFound)];
    for (id, error) in errors {
        for request in [Mail::Restart(id.into()), Mail::Delete(id.into())] {
            rig.mailbox.push_front(request);
            rig.step();
            assert_eq!(rig.replies.pop(), Some(Err(error.clone())));
        }
    }
}

#[test]
fn otp_055_otp_056_children_are_listed_youngest_first_across_restarts() {
    let mut rig = Rig::start(patient(Flags::default(), 5), workers("a b c"));
    rig.ask(start("d")).unwrap();
    rig.crash("b", boom());
    assert_eq!(rig.children(), "d=4 c=3 b=5 a=1");
    let kinds: Vec<_> = rig.plan.which_children().map(|child| child.kind).collect();
    assert_eq!(kinds, [ChildKind::Worker; 4]);
}

#[test]
fn otp_058_only_children_with_a_live_process_are_active() {
    let children = [
        ChildPolicy::supervisor("s"),
        ChildPolicy::worker("w"),
        ChildPolicy::worker("g"),
        ChildPolicy::worker("ignored"),
    ];
    let mut rig = Rig::prepare(patient(Flags::default(), 5), children);
    rig.script("ignored", [Script::Ignore]);
    rig.begin();
    assert_eq!(rig.counts(), [4, 3, 1, 3]);
    rig.fail("g", 1);
    rig.dies("g", boom());
    rig.step();
    assert_eq!(rig.counts(), [4, 2, 1, 3], "restarting is not active");
    rig.dies("s", boom());
    assert_eq!(rig.counts(), [4, 1, 1, 3], "dead is not active, though its exit was not yet seen");
}

#[test]
fn otp_060_the_spec_of_a_child_is_given_by_id() {
    let policy = temporary("t");
    let rig = Rig::start(Flags::default(), [policy.clone()]);
    assert_eq!(rig.plan.child_spec(&"t".into()).unwrap().1, &policy);
    assert_eq!(rig.plan.child_spec(&"u".into()).unwrap_err(), ChildError::NotFound);
}

#[test]
fn otp_106_an_exit_ahead_of_a_terminate_is_answered_first_and_the_fresh_process_is_stopped() {
    let mut rig = Rig::start(Flags::default(), workers("a"));
    rig.take();
    rig.dies("a", boom());
    rig.mailbox.push_back(Mail::Terminate("a".into()));
    rig.run();
    assert_eq!(rig.take(), ["terminated a: boom", "start a", "stop a"]);
    assert_eq!((rig.children().as_str(), rig.replies), ("a=undefined", vec![Ok(Answer::Done)]));
}

#[test]
fn otp_145_progress_says_whether_a_caller_asked() {
    let mut rig = Rig::start(patient(Flags::default(), 5), workers("a"));
    rig.crash("a", boom());
    rig.ask(start("b")).unwrap();
    rig.ask(Mail::Terminate("a".into())).unwrap();
    rig.ask(Mail::Restart("a".into())).unwrap();
    let told: Vec<_> = rig
        .reports
        .iter()
        .filter_map(|report| match report {
            Report::Progress { child, requested } => Some((child.id.as_str(), *requested)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [("a", false), ("a", false), ("b", true), ("a", true)]);
}

/// A request that comes after the end has nobody to answer it; its caller hears of the end (OTP-045).
#[test]
fn otp_045_nothing_is_done_after_the_end() {
    let flags = Flags::default().auto_shutdown(AutoShutdown::AnySignificant);
    let mut rig = Rig::start(flags, [temporary("s").significant(), ChildPolicy::worker("a")]);
    rig.crash("s", ExitReason::Normal);
    assert_eq!(rig.exit, Some(ExitReason::Shutdown));
    rig.take();
    for mail in [
        start("b"),
        Mail::Terminate("a".into()),
        Mail::Restart("a".into()),
        Mail::Delete("a".into()),
        Mail::Retry("a".into()),
        Mail::Parent(ExitReason::Killed),
        Mail::Exit(pid(2), boom()),
    ] {
        rig.mailbox.push_back(mail);
    }
    rig.run();
    assert_eq!((rig.take(), rig.replies), (vec![], vec![]));
}
