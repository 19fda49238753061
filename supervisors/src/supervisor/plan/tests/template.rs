//! Claims about children made from a template (section L).

use std::time::Duration;

use super::rig::{Mail, Rig, Script, Subject, boom, patient};
use crate::exit::ExitReason;
use crate::pid::Pid;
use crate::supervisor::plan::{Action, Answer, Key, TemplatePlan};
use crate::supervisor::{
    AutoShutdown, ChildError, ChildId, ChildPid, ChildPolicy, ChildRef, Flags, Report, Restart, Shutdown,
    SpecError, Strategy, Who,
};

impl Subject for TemplatePlan {
    fn name(&self, key: Key) -> ChildId {
        self.pool.policy(key).id.clone()
    }

    fn is_busy(&self) -> bool {
        self.pool.is_busy()
    }

    fn receive(&mut self, mail: Mail, now: Duration, alive: &dyn Fn(Pid) -> bool, actions: &mut Vec<Action>) {
        match mail {
            Mail::Exit(pid, reason) => self.pool.exited(pid, reason, now, actions),
            Mail::Retry(child) => self.pool.retry(&child, now, actions),
            Mail::PauseOver(child, number) => self.pool.retry_after_pause(&child, number, now, actions),
            Mail::Parent(reason) => self.pool.parent_exited(reason, actions),
            Mail::StartChild(_) => self.start_child(actions),
            Mail::Terminate(child) => {
                let alive = matches!(child, ChildRef::Pid(pid) if alive(pid));
                self.terminate_child(&child, alive, actions);
            }
            Mail::Restart(_) | Mail::Delete(_) => self.restart_or_delete_child(actions),
        }
    }

    fn started(&mut self, key: Key, pid: Pid, actions: &mut Vec<Action>) {
        self.pool.started(key, pid, actions);
    }

    fn ignored(&mut self, key: Key, actions: &mut Vec<Action>) {
        self.pool.ignored(key, actions);
    }

    fn start_failed(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        self.pool.start_failed(key, reason, actions);
    }

    fn stopped(&mut self, key: Key, reason: ExitReason, actions: &mut Vec<Action>) {
        self.pool.stopped(key, reason, actions);
    }
}

fn pid(serial: u64) -> Pid {
    Pid::new(0, 0, serial)
}

fn another() -> Mail {
    Mail::StartChild(ChildPolicy::worker("ignored by a template"))
}

/// A supervisor with `n` children of this template.
fn start(flags: Flags, template: ChildPolicy, n: usize) -> Rig<TemplatePlan> {
    let mut rig = Rig::around(TemplatePlan::new(&flags, template).unwrap());
    rig.plan.pool.begin(&mut Vec::new());
    for _ in 0..n {
        rig.ask(another()).unwrap();
    }
    rig.take();
    rig
}

fn stop(rig: &mut Rig<TemplatePlan>) -> Vec<String> {
    rig.take();
    rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown));
    rig.run();
    rig.take()
}

fn counts(rig: &Rig<TemplatePlan>) -> [usize; 4] {
    let counts = rig.plan.count_children();
    [counts.specs, counts.active, counts.supervisors, counts.workers]
}

fn c() -> ChildPolicy {
    ChildPolicy::worker("c")
}

fn five() -> Flags {
    patient(Flags::default(), 5)
}

#[test]
fn otp_009_otp_016_a_template_is_not_significant_its_supervisor_neither_shuts_down_nor_restarts_groups() {
    let refused = |flags: Flags, template| TemplatePlan::new(&flags, template).unwrap_err();
    for auto in [AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
        assert_eq!(refused(Flags::default().auto_shutdown(auto), c()), SpecError::TemplateShutsDown);
    }
    let significant = c().restart(Restart::Transient).significant();
    assert_eq!(refused(Flags::default(), significant), SpecError::SignificantNeverShutsDown("c".into()));
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        assert_eq!(refused(Flags::new(strategy), c()), SpecError::InvalidStrategy(strategy));
    }
}

#[test]
fn otp_107_there_is_no_child_at_first_and_no_child_has_an_id() {
    let mut rig = start(Flags::default(), c(), 0);
    assert_eq!(counts(&rig), [1, 0, 0, 0]);
    assert_eq!(rig.ask(another()), Ok(Answer::Started(pid(1))));
    let ids: Vec<_> = rig.plan.pool.which_children().map(|child| child.id).collect();
    assert_eq!(ids, [None]);
}

#[test]
fn otp_108_otp_109_a_failed_or_ignored_start_is_answered_and_stores_nothing() {
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        let mut rig = start(Flags::default(), c().restart(restart), 0);
        rig.script("c", [Script::Fail(boom()), Script::Ignore]);
        assert_eq!(rig.ask(another()), Err(ChildError::Failed(boom())));
        assert_eq!(rig.ask(another()), Ok(Answer::Ignored));
        assert_eq!((rig.take(), counts(&rig)), (vec!["start c".to_owned(); 2], [1, 0, 0, 0]));
        assert_eq!(stop(&mut rig), ["exit: shutdown"]);
    }
}

/// OTP-110, the plan's half: it is the same child, so that the actor has its arguments.
#[test]
fn otp_110_a_crashed_child_restarts_as_itself_and_its_siblings_are_untouched() {
    let mut rig = start(five(), c(), 3);
    let key = rig.plan.pool.find(pid(2)).unwrap();
    rig.ends(pid(2), boom());
    rig.run();
    assert_eq!(rig.plan.pool.find(pid(4)), Some(key));
    let pids: Vec<_> = rig.plan.pool.which_children().map(|child| child.pid).collect();
    assert_eq!(pids, [1, 3, 4].map(|serial| ChildPid::Running(pid(serial))));
}

#[test]
fn otp_111_a_restart_that_is_ignored_forgets_the_child_and_the_supervisor_stops_well() {
    let mut rig = start(five(), c(), 2);
    rig.script("c", [Script::Ignore]);
    rig.ends(pid(1), boom());
    rig.run();
    assert_eq!(counts(&rig), [1, 1, 0, 1]);
    assert_eq!(stop(&mut rig), ["stop c", "exit: shutdown"]);
}

#[test]
fn otp_112_intensity_is_shared_by_all_children() {
    let mut rig = start(patient(Flags::default(), 2), c(), 5);
    for serial in [1, 2] {
        rig.ends(pid(serial), boom());
        rig.run();
        assert_eq!(rig.exit, None);
    }
    rig.ends(pid(3), boom());
    rig.run();
    assert_eq!(rig.exit, Some(ExitReason::Shutdown));
}

#[test]
fn otp_113_terminate_is_by_pid_and_a_dead_process_is_as_good_as_a_stopped_one() {
    let mut rig = start(five(), c(), 2);
    assert_eq!(rig.ask(Mail::Terminate("c".into())), Err(ChildError::SimpleOneForOne));
    assert_eq!(rig.ask(Mail::Terminate(pid(1).into())), Ok(Answer::Done));
    assert_eq!(rig.ask(Mail::Terminate(pid(1).into())), Ok(Answer::Done), "a former child");
    assert_eq!(rig.ask(Mail::Terminate(pid(99).into())), Ok(Answer::Done), "a dead stranger");
    rig.alive.insert(pid(98), "stranger".into());
    assert_eq!(rig.ask(Mail::Terminate(pid(98).into())), Err(ChildError::NotFound));
    assert!(rig.alive.remove(&pid(98)).is_some(), "it is unharmed");
    rig.fail("c", 1);
    rig.ends(pid(2), boom());
    rig.step();
    rig.mailbox.push_front(Mail::Terminate(pid(2).into()));
    rig.take();
    rig.run();
    assert_eq!(rig.replies.last(), Some(&Ok(Answer::Done)));
    assert_eq!((rig.take(), counts(&rig)), (vec![], [1, 0, 0, 0]), "no more retries");
}

#[test]
fn otp_114_restart_and_delete_are_always_refused() {
    let mut rig = start(Flags::default(), c(), 1);
    for child in ["c".into(), "x".into(), pid(1).into(), pid(9).into()] {
        let child: ChildRef = child;
        assert_eq!(rig.ask(Mail::Restart(child.clone())), Err(ChildError::SimpleOneForOne));
        assert_eq!(rig.ask(Mail::Delete(child)), Err(ChildError::SimpleOneForOne));
    }
}

#[test]
fn otp_115_otp_116_all_children_are_asked_in_one_batch_with_one_shutdown_value() {
    for value in [Shutdown::Brutal, Shutdown::Timeout(Duration::from_millis(200)), Shutdown::Infinity] {
        let mut rig = start(Flags::default(), c().shutdown(value), 3);
        let mut actions = Vec::new();
        rig.plan.pool.parent_exited(ExitReason::Shutdown, &mut actions);
        let stops = actions.iter().map(|action| match action {
            Action::Stop { pid, shutdown, .. } => (*pid, *shutdown),
            other => panic!("{other:?}"),
        });
        assert_eq!(stops.collect::<Vec<_>>(), [1, 2, 3].map(|serial| (pid(serial), value)));
    }
}

#[test]
fn otp_116_brutal_kills_of_all_are_not_reported_and_killed_survivors_of_the_timer_are() {
    let mut rig = start(Flags::default(), c().shutdown(Shutdown::Brutal), 2);
    assert_eq!(stop(&mut rig), ["stop c", "stop c", "exit: shutdown"]);
    let mut rig = start(Flags::default(), c(), 2);
    rig.stubborn.insert("c".into(), ExitReason::Killed);
    assert_eq!(stop(&mut rig), ["stop c", "stop c", "shutdown_error 2 children: killed", "exit: shutdown"]);
}

#[test]
fn otp_117_shutdown_errors_are_grouped_by_reason_and_follow_the_exemptions() {
    let mut rig = start(Flags::default(), c(), 6);
    let reasons =
        [boom(), ExitReason::Normal, boom(), ExitReason::Shutdown, ExitReason::Killed, ExitReason::Normal];
    let mut actions = Vec::new();
    rig.plan.pool.parent_exited(ExitReason::Shutdown, &mut actions);
    let keys: Vec<_> = actions
        .drain(..)
        .map(|action| match action {
            Action::Stop { key, .. } => key,
            other => panic!("{other:?}"),
        })
        .collect();
    for (key, reason) in keys.into_iter().zip(reasons) {
        rig.plan.pool.stopped(key, reason, &mut actions);
    }
    let reports: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Report(Report::ShutdownError { child, reason }) => Some((child.who, reason.to_string())),
            _ => None,
        })
        .collect();
    // A permanent child that ends normal when asked to shut down is worth a report (OTP-101).
    let expected = [(1, "killed"), (2, "normal"), (2, "boom")];
    let mut expected: Vec<_> = expected.map(|(n, reason)| (Who::Count(n), reason.to_owned())).into();
    for report in reports {
        let place = expected.iter().position(|one| *one == report).expect("a report that is due");
        expected.remove(place);
    }
    assert_eq!(expected, []);
    assert_eq!(actions.last(), Some(&Action::Exit(ExitReason::Shutdown)));
}

#[test]
fn otp_101_the_stop_of_one_child_by_request_is_reported_with_its_pid() {
    let mut rig = start(Flags::default(), c(), 2);
    rig.stubborn.insert("c".into(), boom());
    assert_eq!(rig.ask(Mail::Terminate(pid(1).into())), Ok(Answer::Done));
    assert_eq!(rig.take(), ["stop c", "shutdown_error c: boom"]);
}

#[test]
fn otp_118_no_progress_is_reported() {
    let mut rig = start(five(), c(), 2);
    rig.ends(pid(1), boom());
    rig.run();
    assert!(!rig.reports.iter().any(|report| matches!(report, Report::Progress { .. })));
}

#[test]
fn otp_059_there_is_one_spec_and_restarting_children_are_present_but_not_active() {
    let mut rig = start(five(), ChildPolicy::supervisor("c"), 3);
    rig.fail("c", 1);
    rig.ends(pid(1), boom());
    rig.step();
    assert_eq!(counts(&rig), [1, 2, 3, 0]);
    rig.run();
    assert_eq!(counts(&rig), [1, 3, 3, 0]);
}

/// OTP keeps counting a restarting child that was terminated as missing; here it is simply gone.
#[test]
fn otp_059_a_terminated_restarting_child_leaves_the_count_of_active_children_right() {
    let mut rig = start(five(), c(), 2);
    rig.fail("c", 1);
    rig.ends(pid(1), boom());
    rig.step();
    rig.mailbox.push_front(Mail::Terminate(pid(1).into()));
    rig.run();
    assert_eq!(counts(&rig), [1, 1, 0, 1]);
}

#[test]
fn otp_061_the_template_is_given_for_its_id_a_childs_pid_or_a_dead_stranger() {
    let rig = start(Flags::default(), c(), 1);
    for (child, alive) in [(ChildRef::from("c"), false), (pid(1).into(), true), (pid(9).into(), false)] {
        assert_eq!(rig.plan.child_spec(&child, alive), Ok(&c()));
    }
    for (child, alive) in [(ChildRef::from("x"), false), (pid(9).into(), true)] {
        assert_eq!(rig.plan.child_spec(&child, alive), Err(ChildError::NotFound));
    }
}

#[test]
fn otp_089_a_parents_exit_ends_an_endless_retry_of_a_template_child() {
    let mut rig = start(patient(Flags::default(), 100), c(), 2);
    rig.fail("c", 50);
    rig.ends(pid(1), boom());
    for _ in 0..5 {
        rig.step();
    }
    rig.take();
    rig.mailbox.push_front(Mail::Parent(ExitReason::Shutdown));
    rig.run();
    assert_eq!(rig.take(), ["stop c", "exit: shutdown"]);
}
