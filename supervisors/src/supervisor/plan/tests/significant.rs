//! Claims about significant children and automatic shutdown (section M).

use super::rig::{Mail, Rig, Script, boom, patient};
use crate::exit::{ExitReason, ShutdownCause};
use crate::supervisor::{AutoShutdown, ChildPolicy, Flags, Restart, Strategy};

fn clean() -> [ExitReason; 3] {
    let other = ExitReason::ShutdownWith(ShutdownCause::Other("bye".into()));
    [ExitReason::Normal, ExitReason::Shutdown, other]
}

fn significant(id: &str, restart: Restart) -> ChildPolicy {
    ChildPolicy::worker(id).restart(restart).significant()
}

fn transient(id: &str) -> ChildPolicy {
    significant(id, Restart::Transient)
}

fn any() -> Flags {
    patient(Flags::default().auto_shutdown(AutoShutdown::AnySignificant), 100)
}

fn all() -> Flags {
    patient(Flags::default().auto_shutdown(AutoShutdown::AllSignificant), 100)
}

#[test]
fn otp_119_no_end_of_an_insignificant_child_shuts_the_supervisor_down() {
    for flags in [Flags::default(), any(), all()] {
        for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            for reason in clean().into_iter().chain([boom(), ExitReason::Killed]) {
                let mut rig = Rig::start(flags, [ChildPolicy::worker("a").restart(restart)]);
                rig.crash("a", reason);
                assert_eq!(rig.exit, None);
            }
        }
    }
}

#[test]
fn otp_120_otp_122_any_shuts_down_on_a_transients_clean_end_and_on_every_end_of_a_temporary() {
    let children = |restart| [ChildPolicy::worker("a"), significant("s", restart), ChildPolicy::worker("b")];
    for reason in clean() {
        let mut rig = Rig::start(any(), children(Restart::Transient));
        rig.take();
        rig.crash("s", reason);
        assert_eq!(rig.take(), ["stop b", "stop a", "exit: shutdown"]);
    }
    for reason in [boom(), ExitReason::Killed] {
        let mut rig = Rig::start(any(), children(Restart::Transient));
        rig.crash("s", reason);
        assert_eq!((rig.exit, rig.plan.which_children().count()), (None, 3));
    }
    for reason in clean().into_iter().chain([boom(), ExitReason::Killed]) {
        let mut rig = Rig::start(any(), children(Restart::Temporary));
        rig.crash("s", reason);
        assert_eq!(rig.exit, Some(ExitReason::Shutdown));
    }
}

#[test]
fn otp_121_all_shuts_down_when_the_last_significant_child_has_ended() {
    for restart in [Restart::Transient, Restart::Temporary] {
        let children = [significant("s", restart), ChildPolicy::worker("a"), significant("t", restart)];
        let mut rig = Rig::start(all(), children);
        rig.crash("t", ExitReason::Normal);
        assert_eq!(rig.exit, None);
        rig.crash("s", ExitReason::Normal);
        assert_eq!(rig.exit, Some(ExitReason::Shutdown));
    }
}

#[test]
fn otp_123_a_terminated_significant_child_triggers_nothing_and_no_longer_counts() {
    for restart in [Restart::Transient, Restart::Temporary] {
        for flags in [any(), all()] {
            let mut rig = Rig::start(flags, [significant("s", restart)]);
            rig.ask(Mail::Terminate("s".into())).unwrap();
            assert_eq!(rig.exit, None, "not even the last one");
        }
        let mut rig = Rig::start(all(), [significant("s", restart), significant("t", restart)]);
        rig.ask(Mail::Terminate("t".into())).unwrap();
        rig.crash("s", ExitReason::Normal);
        assert_eq!(rig.exit, Some(ExitReason::Shutdown));
    }
}

#[test]
fn otp_124_an_ignored_significant_child_does_not_count_and_a_restarting_one_does() {
    let mut rig = Rig::prepare(all(), [transient("s"), transient("ignored")]);
    rig.script("ignored", [Script::Ignore]);
    rig.begin();
    rig.crash("s", ExitReason::Normal);
    assert_eq!(rig.exit, Some(ExitReason::Shutdown));

    let mut rig = Rig::start(all(), [transient("s"), transient("t")]);
    rig.fail("t", 1);
    rig.dies("t", boom());
    rig.step();
    rig.dies("s", ExitReason::Normal);
    let retry = rig.mailbox.pop_front().unwrap();
    rig.step();
    assert_eq!((rig.exit.as_ref(), rig.children().as_str()), (None, "t=restarting s=undefined"));
    rig.mailbox.push_front(retry);
    rig.run();
    rig.crash("t", ExitReason::Normal);
    assert_eq!(rig.exit, Some(ExitReason::Shutdown));
}

#[test]
fn otp_125_a_significant_child_stopped_with_its_group_does_not_trigger() {
    for restart in [Restart::Transient, Restart::Temporary] {
        for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
            for mode in [AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
                let flags = patient(Flags::new(strategy), 5).auto_shutdown(mode);
                let mut rig = Rig::start(flags, [ChildPolicy::worker("a"), significant("s", restart)]);
                rig.crash("a", boom());
                assert_eq!(rig.exit, None);
            }
        }
    }
}

#[test]
fn otp_126_a_significant_transients_clean_end_shuts_down_without_restarting_siblings() {
    let flags = patient(Flags::new(Strategy::OneForAll), 5).auto_shutdown(AutoShutdown::AnySignificant);
    let mut rig = Rig::start(flags, [ChildPolicy::worker("a"), transient("s")]);
    rig.take();
    rig.crash("s", ExitReason::Normal);
    assert_eq!(rig.take(), ["stop a", "exit: shutdown"]);
}

/// OTP-128 and OTP-129: an inner supervisor that shut down by itself, or gave up, ends with `shutdown`.
#[test]
fn otp_128_otp_129_the_end_of_an_inner_supervisor_shuts_the_outer_one_down_if_it_is_significant() {
    let mut shut_down = Rig::start(any(), [transient("w")]);
    shut_down.crash("w", ExitReason::Normal);
    let mut gave_up = Rig::start(patient(Flags::default(), 0), [ChildPolicy::worker("w")]);
    gave_up.crash("w", boom());
    for inner in [shut_down, gave_up] {
        for restart in [Restart::Transient, Restart::Temporary] {
            let supervisor = ChildPolicy::supervisor("s").restart(restart);
            let mut outer = Rig::start(any(), [supervisor.clone().significant()]);
            outer.crash("s", inner.exit.clone().unwrap());
            assert_eq!(outer.exit, Some(ExitReason::Shutdown));
            let mut outer = Rig::start(any(), [supervisor]);
            outer.crash("s", inner.exit.clone().unwrap());
            assert_eq!(outer.exit, None);
        }
    }
}

#[test]
fn otp_130_a_permanent_inner_supervisor_that_shuts_down_by_itself_eats_its_parents_intensity() {
    let mut outer = Rig::start(patient(Flags::default(), 2), [ChildPolicy::supervisor("s")]);
    for end in 1..=3 {
        let mut inner = Rig::start(any(), [transient("w")]);
        inner.crash("w", ExitReason::Normal);
        outer.crash("s", inner.exit.unwrap());
        assert_eq!(outer.exit.is_some(), end == 3);
    }
}
