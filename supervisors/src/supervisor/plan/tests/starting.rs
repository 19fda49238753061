//! Claims about the start of a supervisor and of its children (sections B and C).

use super::rig::{Mail, Rig, Script, boom, workers};
use crate::exit::{ExitReason, ShutdownCause};
use crate::pid::Pid;
use crate::supervisor::plan::{Action, Answer, Plan};
use crate::supervisor::{ChildPid, ChildPolicy, Flags, Report, Restart, SpecError, Who};

#[test]
fn otp_005_otp_012_all_specs_are_checked_before_the_first_child_starts_and_flags_before_specs() {
    let broken = Flags::default().intensity(1, std::time::Duration::ZERO);
    assert_eq!(
        Plan::new(&broken, workers("a a")).unwrap_err(),
        SpecError::InvalidPeriod(std::time::Duration::ZERO)
    );
    assert_eq!(
        Plan::new(&Flags::default(), workers("a b a")).unwrap_err(),
        SpecError::DuplicateChildId("a".into())
    );
}

#[test]
fn otp_022_children_start_one_after_the_other_in_list_order() {
    let mut plan = Plan::new(&Flags::default(), workers("a b c")).unwrap();
    let keys: Vec<_> = plan.keys().collect();
    let mut actions = Vec::new();
    plan.begin(&mut actions);
    for (number, &key) in keys.iter().enumerate() {
        assert_eq!(
            actions.pop(),
            Some(Action::Start { key, last: false }),
            "the next start is the last action"
        );
        assert!(plan.is_busy());
        actions.clear();
        plan.started(key, Pid::new(0, 0, number as u64 + 1), &mut actions);
    }
    assert_eq!(actions.last(), Some(&Action::Ready));
    assert!(!plan.is_busy());
}

/// OTP-023, OTP-043: nothing is served while a child starts; the actor must not even try.
#[test]
#[should_panic(expected = "a message was taken from the mailbox while a child starts or stops")]
fn otp_023_otp_043_a_message_taken_while_a_child_starts_is_a_bug_that_is_said() {
    let mut plan = Plan::new(&Flags::default(), workers("a")).unwrap();
    plan.begin(&mut Vec::new());
    plan.terminate_child(&"a".into(), &mut Vec::new());
}

#[test]
fn otp_024_a_start_that_fails_stops_those_started_in_reverse_and_is_the_supervisors_end() {
    let mut rig = Rig::prepare(Flags::default(), workers("a b c d"));
    rig.fail("c", 1);
    rig.begin();
    let reason = "exit: shutdown: failed to start child c: boom";
    assert_eq!(
        rig.take(),
        ["start a", "start b", "start c", "start_error c: boom", "stop b", "stop a", reason]
    );
    assert!(!rig.ready);
    let cause = ShutdownCause::FailedToStartChild { child: "c".into(), reason: boom().into() };
    assert_eq!(rig.exit, Some(ExitReason::ShutdownWith(cause)));
    let error = rig.reports.iter().find(|report| matches!(report, Report::StartError { .. }));
    let Some(Report::StartError { child, .. }) = error else { panic!("the failed start is reported") };
    assert_eq!(child.who, Who::Child(ChildPid::Undefined));
}

#[test]
fn otp_025_a_failed_start_is_told_through_the_levels() {
    let mut inner = Rig::prepare(Flags::default(), workers("w"));
    inner.fail("w", 1);
    inner.begin();
    let mut outer = Rig::prepare(Flags::default(), [ChildPolicy::supervisor("inner")]);
    outer.script("inner", [Script::Fail(inner.exit.unwrap())]);
    outer.begin();
    let told = "shutdown: failed to start child inner: shutdown: failed to start child w: boom";
    assert_eq!(outer.exit.unwrap().to_string(), told);
}

#[test]
fn otp_026_a_child_that_dies_while_its_siblings_start_is_an_ordinary_crash_after_the_start() {
    let mut plan = Plan::new(&Flags::default(), workers("a b")).unwrap();
    let keys: Vec<_> = plan.keys().collect();
    let [first, second, third] = [1, 2, 3].map(|serial| Pid::new(0, 0, serial));
    let mut actions = Vec::new();
    plan.begin(&mut actions);
    plan.started(keys[0], first, &mut actions);
    // Here `a` ends; its exit waits in the mailbox.
    plan.started(keys[1], second, &mut actions);
    assert_eq!(actions.last(), Some(&Action::Ready));
    actions.clear();
    let now = std::time::Duration::ZERO;
    plan.exited(first, boom(), now, &mut actions);
    assert_eq!(actions.last(), Some(&Action::Start { key: keys[0], last: false }));
    plan.started(keys[0], third, &mut actions);
    actions.clear();
    plan.exited(third, boom(), now, &mut actions);
    assert!(
        matches!(actions[1], Action::Report(Report::ReachedMaxIntensity { .. })),
        "it counted: {actions:?}"
    );
}

#[test]
fn otp_027_a_supervisor_without_children_is_ready_at_once_and_ends_with_shutdown() {
    let mut rig = Rig::start(Flags::default(), []);
    assert!(rig.ready);
    rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown));
    rig.run();
    assert_eq!(rig.take(), ["exit: shutdown"]);
}

#[test]
fn otp_029_an_ignored_child_stays_without_a_process_and_its_siblings_go_on() {
    for restart in [Restart::Permanent, Restart::Transient] {
        let mut rig =
            Rig::prepare(Flags::default(), workers("a b c").into_iter().map(|child| child.restart(restart)));
        rig.script("b", [Script::Ignore]);
        rig.begin();
        assert_eq!(rig.children(), "c=2 b=undefined a=1");
        rig.script("d", [Script::Ignore]);
        let d = ChildPolicy::worker("d").restart(restart);
        assert_eq!(rig.ask(Mail::StartChild(d)), Ok(Answer::Ignored));
        assert_eq!(rig.children(), "d=undefined c=2 b=undefined a=1");
    }
}

#[test]
fn otp_030_an_ignored_temporary_child_leaves_nothing_behind() {
    let temporary = |id: &str| ChildPolicy::worker(id).restart(Restart::Temporary);
    let mut rig = Rig::prepare(Flags::default(), [temporary("a"), temporary("b")]);
    rig.script("a", [Script::Ignore]);
    rig.begin();
    assert!(rig.ready);
    assert_eq!(rig.children(), "b=1");
    rig.script("c", [Script::Ignore]);
    assert_eq!(rig.ask(Mail::StartChild(temporary("c"))), Ok(Answer::Ignored));
    assert_eq!((rig.children().as_str(), rig.counts()), ("b=1", [1, 1, 0, 1]));
}

#[test]
fn otp_031_an_ignored_child_can_be_restarted_or_deleted_by_request() {
    let mut rig = Rig::prepare(Flags::default(), workers("a"));
    rig.script("a", [Script::Ignore, Script::Ignore]);
    rig.begin();
    assert_eq!(rig.ask(Mail::Restart("a".into())), Ok(Answer::Ignored));
    assert_eq!(rig.children(), "a=undefined");
    assert_eq!(rig.ask(Mail::Restart("a".into())), Ok(Answer::Started(Pid::new(0, 0, 1))));
    rig.ask(Mail::Terminate("a".into())).unwrap();
    assert_eq!(rig.ask(Mail::Delete("a".into())), Ok(Answer::Done));
    assert_eq!(rig.children(), "");
}

/// OTP-034, OTP-132: such an exit is neither reported nor answered by a restart.
#[test]
fn otp_034_otp_132_the_exit_of_a_linked_process_that_is_no_child_is_discarded() {
    let mut rig = Rig::start(Flags::default(), workers("a"));
    rig.take();
    rig.mailbox.push_back(Mail::Exit(Pid::new(0, 0, 999), ExitReason::Shutdown));
    rig.run();
    assert_eq!((rig.take(), rig.exit), (vec![], None));
}

/// OTP-066: told with the start, so that the actor gives the arguments away instead of lending them.
#[test]
fn otp_066_the_start_function_of_a_temporary_child_is_given_up_with_its_only_start() {
    let temporary = ChildPolicy::worker("t").restart(Restart::Temporary);
    let mut plan = Plan::new(&Flags::default(), [temporary, ChildPolicy::worker("p")]).unwrap();
    let keys: Vec<_> = plan.keys().collect();
    let mut actions = Vec::new();
    plan.begin(&mut actions);
    assert_eq!(actions, [Action::Start { key: keys[0], last: true }]);
    actions.clear();
    plan.started(keys[0], Pid::new(0, 0, 1), &mut actions);
    assert_eq!(actions.last(), Some(&Action::Start { key: keys[1], last: false }));
}
