//! Claims about the intensity of restarts (section I), and a naive window beside the real one.

use std::time::Duration;

use proptest::prelude::*;

use super::rig::{Rig, boom, patient, workers};
use crate::exit::ExitReason;
use crate::supervisor::plan::intensity::Window;
use crate::supervisor::{Attempt, ChildPolicy, Flags, Report, Restart, Strategy};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The rule as it is written, in the plainest way: all restarts are kept, each time all are looked at.
struct Naive {
    intensity: usize,
    period: u64,
    restarts: Vec<u64>,
}

impl Naive {
    fn add(&mut self, now: Duration) -> Option<u32> {
        let now = now.as_secs();
        self.restarts.push(now);
        let inside = self.restarts.iter().filter(|&&restart| restart + self.period >= now).count();
        (inside <= self.intensity).then_some(inside as u32)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn otp_081_otp_084_the_window_counts_as_the_naive_one_does(
        intensity in 0_u32..6,
        period in 1_u64..5,
        gaps in prop::collection::vec(0_u64..2500, 1..80),
    ) {
        let mut window = Window::new(intensity, secs(period));
        let mut naive = Naive { intensity: intensity as usize, period, restarts: Vec::new() };
        let mut now = Duration::ZERO;
        for gap in gaps {
            now += millis(gap);
            let number = window.add(now).map(|attempt| attempt.number);
            prop_assert_eq!(number, naive.add(now));
            prop_assert!(window.seconds().len() <= intensity.min(period as u32 + 1) as usize);
            if number.is_none() {
                break;
            }
        }
    }
}

#[test]
fn a_hundred_thousand_restarts_in_one_window_take_as_many_entries_as_seconds() {
    let mut window = Window::new(u32::MAX, secs(10));
    for restart in 0..100_000 {
        assert!(window.add(millis(restart)).is_some());
    }
    assert_eq!(window.seconds().len(), 11);
    assert_eq!(window.seconds().next(), Some((89, 1000)));
}

#[test]
fn a_clock_that_goes_back_is_read_as_standing_still() {
    let mut window = Window::new(2, secs(5));
    assert_eq!(window.add(secs(9)).map(|attempt| attempt.number), Some(1));
    assert_eq!(window.add(secs(2)).map(|attempt| attempt.number), Some(2));
    assert_eq!(window.add(secs(14)), None);
}

/// A supervisor with one child that crashes at these milliseconds; whether it survives.
fn survives(intensity: u32, period: u64, crashes: impl IntoIterator<Item = u64>) -> bool {
    let mut rig = Rig::start(Flags::default().intensity(intensity, secs(period)), workers("a"));
    for crash in crashes {
        rig.now = millis(crash);
        rig.crash("a", boom());
        if rig.exit.is_some() {
            return false;
        }
    }
    true
}

#[test]
fn otp_079_as_many_restarts_as_the_intensity_are_allowed_and_one_more_is_the_end() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        for intensity in 0..4 {
            let mut rig = Rig::start(patient(Flags::new(strategy), intensity), workers("a b"));
            for _ in 0..intensity {
                rig.crash("b", boom());
                assert_eq!(rig.exit, None);
            }
            rig.crash("b", boom());
            assert_eq!(rig.exit, Some(ExitReason::Shutdown));
        }
    }
}

#[test]
fn otp_080_otp_143_the_end_is_reported_after_the_crash_and_the_others_stop_in_reverse() {
    let mut rig = Rig::start(patient(Flags::default(), 0), workers("a b c d"));
    rig.take();
    rig.stubborn.insert("a".into(), ExitReason::Killed);
    rig.crash("b", boom());
    assert_eq!(
        rig.take(),
        [
            "terminated b: boom",
            "gives up: b",
            "stop d",
            "stop c",
            "stop a",
            "shutdown_error a: killed",
            "exit: shutdown"
        ]
    );
}

#[test]
fn otp_081_a_restart_exactly_one_period_old_is_in_the_window() {
    assert!(!survives(1, 5, [10_000, 15_999]));
    assert!(survives(1, 5, [10_000, 16_000]));
}

#[test]
fn otp_082_between_one_period_and_one_second_more_the_phase_of_the_seconds_decides() {
    assert!(!survives(1, 1, [10_100, 11_970]), "1.87 s apart inside adjacent seconds");
    assert!(survives(1, 1, [10_900, 12_080]), "1.18 s apart across two seconds");
}

#[test]
fn otp_083_crashes_further_apart_than_the_window_go_on_forever() {
    assert!(survives(1, 1, (0..2_000).map(|crash| crash * 2_100)));
}

#[test]
fn otp_085_what_is_no_restart_is_not_counted_and_an_event_counts_once_for_all_siblings() {
    let children = [
        ChildPolicy::worker("t").restart(Restart::Temporary),
        ChildPolicy::worker("u").restart(Restart::Transient),
        ChildPolicy::worker("a"),
        ChildPolicy::worker("b"),
    ];
    let mut rig = Rig::start(patient(Flags::new(Strategy::OneForAll), 1), children);
    rig.crash("t", boom());
    rig.crash("u", ExitReason::Normal);
    rig.crash("a", boom());
    assert_eq!(rig.exit, None, "the first that counts, though three restart");
    rig.crash("u", boom());
    assert_eq!(rig.exit, Some(ExitReason::Shutdown));
}

#[test]
fn otp_086_a_start_that_keeps_failing_gets_exactly_as_many_attempts_as_the_intensity() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        for intensity in [0, 1, 7] {
            let mut rig = Rig::start(patient(Flags::new(strategy), intensity), workers("a"));
            rig.take();
            rig.fail("a", 100);
            rig.crash("a", boom());
            let attempts = rig.deeds().iter().filter(|deed| *deed == "start a").count();
            assert_eq!(attempts, intensity as usize);
            assert_eq!(rig.exit, Some(ExitReason::Shutdown));
        }
    }
}

#[test]
fn otp_087_two_levels_with_intensity_1_survive_3_crashes_and_end_at_the_4th() {
    let inner = || Rig::start(patient(Flags::default(), 1), workers("w"));
    let mut outer = Rig::start(patient(Flags::default(), 1), [ChildPolicy::supervisor("s")]);
    let mut tree = inner();
    for crash in 1..=4 {
        assert_eq!(outer.exit, None);
        tree.crash("w", boom());
        if let Some(reason) = tree.exit.take() {
            assert_eq!(reason, ExitReason::Shutdown);
            outer.crash("s", reason);
            tree = inner();
        }
        assert_eq!(outer.exit.is_some(), crash == 4);
    }
}

#[test]
fn a_restart_is_announced_with_its_number_among_the_allowed() {
    let mut rig = Rig::start(Flags::default().intensity(3, secs(10)), workers("a"));
    rig.fail("a", 1);
    rig.crash("a", boom());
    rig.now += secs(11);
    rig.crash("a", boom());
    let attempts = rig.reports.iter().filter_map(|report| match report {
        Report::Restarting { attempt, .. } => Some(*attempt),
        _ => None,
    });
    let number = |number| Attempt { number, intensity: 3, period: secs(10) };
    assert_eq!(attempts.collect::<Vec<_>>(), [number(1), number(2), number(1)]);
    assert_eq!(number(2).to_string(), "attempt 2 of 3 in 10s");
}

#[test]
fn the_restart_of_an_innocent_child_is_not_counted_and_that_of_the_culprit_is() {
    let mut window = Window::new(1, secs(5));
    let innocent = ExitReason::Abandoned { stuck: None };
    for _ in 0..10 {
        assert_eq!(window.answer(&innocent, secs(1)).map(|attempt| attempt.number), Some(0));
    }
    assert_eq!(window.answer(&ExitReason::Stuck, secs(1)).map(|attempt| attempt.number), Some(1));
    assert_eq!(window.answer(&innocent, secs(1)).map(|attempt| attempt.number), Some(1));
    assert_eq!(window.answer(&ExitReason::Stuck, secs(1)), None);
}
