//! Claims about dynamic supervisors as Elixir has them (section V).

use std::time::Duration;

use super::rig::{Mail, Rig, Script, Subject, boom, workers};
use crate::exit::{ExitReason, ShutdownCause};
use crate::pid::Pid;
use crate::supervisor::plan::{Action, Answer, DynamicPlan, Key};
use crate::supervisor::{
    ChildError, ChildId, ChildPid, ChildPolicy, DynamicFlags, Report, Restart, Shutdown, SpecError, Who,
};

impl Subject for DynamicPlan {
    fn name(&self, key: Key) -> ChildId {
        self.pool.policy(key).id.clone()
    }

    fn is_busy(&self) -> bool {
        self.pool.is_busy()
    }

    fn receive(&mut self, mail: Mail, now: Duration, _: &dyn Fn(Pid) -> bool, actions: &mut Vec<Action>) {
        match mail {
            Mail::Exit(pid, reason) => self.pool.exited(pid, reason, now, actions),
            Mail::Retry(child) => self.pool.retry(&child, now, actions),
            Mail::PauseOver(child, number) => self.pool.retry_after_pause(&child, number, now, actions),
            Mail::Parent(reason) => self.pool.parent_exited(reason, actions),
            Mail::StartChild(policy) => self.start_child(policy, actions),
            Mail::Terminate(child) => self.terminate_child(&child, actions),
            Mail::Restart(_) | Mail::Delete(_) => unreachable!("a dynamic supervisor has no such request"),
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

/// A dynamic supervisor with these children.
fn start(flags: DynamicFlags, children: impl IntoIterator<Item = ChildPolicy>) -> Rig<DynamicPlan> {
    let mut rig = Rig::around(DynamicPlan::new(&flags).unwrap());
    let mut actions = Vec::new();
    rig.plan.pool.begin(&mut actions);
    assert_eq!(actions, [Action::Ready]);
    for child in children {
        rig.ask(Mail::StartChild(child)).unwrap();
    }
    rig.take();
    rig
}

fn pids(rig: &Rig<DynamicPlan>) -> Vec<ChildPid> {
    rig.plan.pool.which_children().map(|child| child.pid).collect()
}

fn counts(rig: &Rig<DynamicPlan>) -> [usize; 4] {
    let counts = rig.plan.pool.count_children();
    [counts.specs, counts.active, counts.supervisors, counts.workers]
}

#[test]
fn otp_191_the_fourth_crash_within_five_seconds_is_the_end() {
    let mut rig = start(DynamicFlags::default(), workers("a b"));
    for id in ["a", "b", "a"] {
        rig.crash(id, boom());
        assert_eq!(rig.exit, None);
    }
    rig.take();
    rig.crash("a", boom());
    assert_eq!(rig.take(), ["terminated a: boom", "gives up: a", "stop b", "exit: shutdown"]);
}

#[test]
fn otp_192_ids_may_repeat_and_significant_children_are_refused() {
    let mut rig = start(DynamicFlags::default(), workers("a a a"));
    assert_eq!(pids(&rig), [1, 2, 3].map(|serial| ChildPid::Running(pid(serial))));
    assert!(rig.plan.pool.which_children().all(|child| child.id.is_none()));
    let significant = ChildPolicy::worker("s").restart(Restart::Transient).significant();
    let refused = ChildError::Spec(SpecError::SignificantNeverShutsDown("s".into()));
    assert_eq!(rig.ask(Mail::StartChild(significant)), Err(refused));
}

#[test]
fn otp_193_restarting_children_count_towards_max_children_and_0_refuses_all() {
    let worker = || Mail::StartChild(ChildPolicy::worker("x"));
    let mut rig = start(DynamicFlags::default().max_children(2), workers("a b"));
    assert_eq!(rig.ask(worker()), Err(ChildError::MaxChildren));
    rig.fail("b", 1);
    rig.dies("b", boom());
    rig.step();
    let retry = rig.mailbox.pop_front().unwrap();
    assert_eq!(rig.ask(worker()), Err(ChildError::MaxChildren));
    rig.ask(Mail::Terminate(pid(2).into())).unwrap();
    assert_eq!(rig.ask(worker()), Ok(Answer::Started(pid(3))));
    rig.mailbox.push_back(retry);
    rig.run();
    assert_eq!(rig.plan.pool.len(), 2);
    let mut none = start(DynamicFlags::default().max_children(0), []);
    assert_eq!(none.ask(worker()), Err(ChildError::MaxChildren));
}

#[test]
fn otp_194_an_ignored_or_failed_start_is_answered_and_stores_nothing() {
    let mut rig = start(DynamicFlags::default().max_children(1), []);
    rig.script("a", [Script::Ignore, Script::Fail(boom())]);
    let worker = || Mail::StartChild(ChildPolicy::worker("a"));
    assert_eq!(rig.ask(worker()), Ok(Answer::Ignored));
    assert_eq!(rig.ask(worker()), Err(ChildError::Failed(boom())));
    assert_eq!(rig.take(), ["start a", "start a"]);
    assert_eq!((counts(&rig), pids(&rig)), ([0; 4], vec![]));
    assert_eq!(rig.ask(worker()), Ok(Answer::Started(pid(1))));
}

#[test]
fn otp_196_a_child_is_terminated_by_pid_once_and_a_restarting_one_is_removed() {
    let mut rig = start(DynamicFlags::default(), workers("a b"));
    assert_eq!(rig.ask(Mail::Terminate(pid(1).into())), Ok(Answer::Done));
    assert_eq!(rig.ask(Mail::Terminate(pid(1).into())), Err(ChildError::NotFound));
    assert_eq!(rig.ask(Mail::Terminate("b".into())), Err(ChildError::NotFound));
    rig.fail("b", 1);
    rig.dies("b", boom());
    rig.step();
    assert_eq!(pids(&rig), [ChildPid::Restarting(Some(pid(2)))]);
    assert_eq!(counts(&rig), [1, 0, 0, 1]);
    rig.mailbox.push_front(Mail::Terminate(pid(2).into()));
    rig.take();
    rig.run();
    assert_eq!(rig.replies.last(), Some(&Ok(Answer::Done)));
    assert_eq!((rig.take(), counts(&rig)), (vec![], [0; 4]));
}

#[test]
fn otp_196_there_are_as_many_specs_as_children() {
    let children = [ChildPolicy::worker("a"), ChildPolicy::supervisor("s"), ChildPolicy::worker("b")];
    assert_eq!(counts(&start(DynamicFlags::default(), children)), [3, 3, 1, 2]);
}

#[test]
fn otp_197_all_children_are_stopped_at_once_each_with_its_own_shutdown_value() {
    let values = [Shutdown::Brutal, Shutdown::Timeout(Duration::from_secs(1)), Shutdown::Infinity];
    let children = values.map(|value| ChildPolicy::worker("a").shutdown(value));
    let mut rig = start(DynamicFlags::default(), children);
    let mut actions = Vec::new();
    rig.plan.pool.parent_exited(ExitReason::Shutdown, &mut actions);
    let stops: Vec<_> = actions
        .drain(..)
        .map(|action| match action {
            Action::Stop { key, shutdown, .. } => (key, shutdown),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(stops.iter().map(|stop| stop.1).collect::<Vec<_>>(), values);
    // They end in whatever order.
    for (number, at) in [2, 0, 1].into_iter().enumerate() {
        assert!(rig.plan.pool.is_busy());
        let reason = if at == 0 { ExitReason::Killed } else { ExitReason::Shutdown };
        rig.plan.pool.stopped(stops[at].0, reason, &mut actions);
        assert_eq!(actions.is_empty(), number < 2);
    }
    assert_eq!(actions, [Action::Exit(ExitReason::Shutdown)]);
}

/// OTP-197: the rule for what is worth a report is Elixir's; each child is reported by itself, after all are dead.
#[test]
fn otp_197_children_that_ended_otherwise_than_asked_are_reported_each_when_all_are_dead() {
    let bye = ExitReason::ShutdownWith(ShutdownCause::Other("bye".into()));
    let brutal = |id: &str| ChildPolicy::worker(id).shutdown(Shutdown::Brutal);
    let children = [
        ChildPolicy::worker("boom"),
        ChildPolicy::worker("normal"),
        ChildPolicy::worker("transient").restart(Restart::Transient),
        ChildPolicy::worker("bye"),
        ChildPolicy::worker("killed"),
        brutal("brutal"),
        brutal("dead").restart(Restart::Transient),
    ];
    let mut rig = start(DynamicFlags::default(), children);
    for (id, reason) in [
        ("boom", boom()),
        ("normal", ExitReason::Normal),
        ("transient", ExitReason::Normal),
        ("bye", bye),
        ("killed", ExitReason::Killed),
        ("dead", ExitReason::Shutdown),
    ] {
        rig.stubborn.insert(id.into(), reason);
    }
    rig.mailbox.push_back(Mail::Parent(ExitReason::Normal));
    rig.run();
    assert_eq!(
        rig.take().split_off(7),
        [
            "shutdown_error boom: boom",
            "shutdown_error normal: normal",
            "shutdown_error killed: killed",
            "shutdown_error dead: shutdown",
            "exit: normal"
        ]
    );
}

#[test]
fn otp_197_a_restart_that_is_ignored_forgets_the_child() {
    let mut rig = start(DynamicFlags::default(), workers("a"));
    rig.script("a", [Script::Ignore]);
    rig.crash("a", boom());
    assert_eq!(counts(&rig), [0; 4]);
    rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown));
    rig.run();
    assert_eq!(rig.exit, Some(ExitReason::Shutdown));
}

#[test]
fn otp_062_to_otp_065_restart_types_hold_for_dynamic_children_but_a_clean_end_is_forgotten() {
    for (restart, reason, restarted, reported) in [
        (Restart::Permanent, ExitReason::Normal, true, true),
        (Restart::Permanent, boom(), true, true),
        (Restart::Transient, ExitReason::Shutdown, false, false),
        (Restart::Transient, ExitReason::Killed, true, true),
        (Restart::Temporary, ExitReason::Normal, false, false),
        (Restart::Temporary, boom(), false, true),
    ] {
        let mut rig = start(DynamicFlags::default(), [ChildPolicy::worker("a").restart(restart)]);
        rig.crash("a", reason.clone());
        let trace = rig.take();
        assert_eq!(trace.contains(&"start a".to_owned()), restarted, "{restart:?} {reason}");
        assert_eq!(trace.contains(&format!("terminated a: {reason}")), reported, "{restart:?} {reason}");
        assert_eq!(rig.plan.pool.len(), usize::from(restarted));
    }
}

#[test]
fn otp_088_otp_086_a_dynamic_restart_that_fails_is_retried_through_the_mailbox_and_counts() {
    let mut rig = start(DynamicFlags::default(), workers("a b"));
    rig.fail("a", 50);
    rig.crash("a", boom());
    let retries = ["start a", "start_error a: boom"].repeat(3);
    let trace = ["terminated a: boom"].into_iter().chain(retries);
    let trace: Vec<_> = trace.chain(["gives up: a", "stop b", "exit: shutdown"]).collect();
    assert_eq!(rig.take(), trace);
    let who = rig.reports.iter().find_map(|report| match report {
        Report::StartError { child, .. } => Some(child.who),
        _ => None,
    });
    assert_eq!(who, Some(Who::Child(ChildPid::Restarting(Some(pid(1))))));
}

#[test]
fn otp_067_a_hundred_thousand_dynamic_children_come_and_go_in_linear_time() {
    let n = 100_000;
    let temporary = |_| ChildPolicy::worker("t").restart(Restart::Temporary);
    let mut rig = start(DynamicFlags::default(), (0..n).map(temporary));
    assert_eq!(counts(&rig), [n, n, 0, n]);
    for serial in 1..=n as u64 / 2 {
        rig.ends(pid(serial * 2), ExitReason::Normal);
        rig.run();
    }
    assert_eq!(rig.plan.pool.len(), n / 2);
    rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown));
    rig.run();
    assert_eq!(rig.take().len(), n / 2 + 1);
}
