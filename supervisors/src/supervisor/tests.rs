//! Claims about flags and child specs (section A of the conformance list).

use std::time::Duration;

use super::*;

#[test]
fn otp_001_flags_default_to_one_for_one_with_1_restart_in_5_s_and_no_auto_shutdown() {
    let flags = Flags::default();
    assert_eq!(flags.strategy, Strategy::OneForOne);
    assert_eq!((flags.intensity, flags.period), (1, Duration::from_secs(5)));
    assert_eq!(flags.auto_shutdown, AutoShutdown::Never);
}

#[test]
fn otp_002_a_worker_is_permanent_with_5_s_and_a_supervisor_has_forever() {
    let worker = ChildPolicy::worker("w");
    assert_eq!(worker.restart, Restart::Permanent);
    assert_eq!((worker.significant, worker.kind), (false, ChildKind::Worker));
    assert_eq!(worker.shutdown, Shutdown::Timeout(Duration::from_secs(5)));
    let supervisor = ChildPolicy::supervisor("s");
    assert_eq!(supervisor.shutdown, Shutdown::Infinity);
    assert_eq!(supervisor.kind, ChildKind::Supervisor);
}

/// OTP-004: intensity is unsigned, so 0 is legal and no other value can be bad; a period can.
#[test]
fn otp_004_a_period_of_no_or_broken_seconds_is_refused_and_intensity_0_is_not() {
    for millis in [0, 999, 1001, 2500] {
        let period = Duration::from_millis(millis);
        let refused = Err(SpecError::InvalidPeriod(period));
        assert_eq!(Flags::default().intensity(1, period).check(), refused);
        assert_eq!(DynamicFlags::default().intensity(1, period).check(), refused);
    }
    assert_eq!(Flags::default().intensity(0, Duration::from_secs(1)).check(), Ok(()));
}

#[test]
fn otp_008_otp_014_every_product_of_restart_shutdown_kind_and_significance_but_two_is_accepted() {
    let (mut accepted, mut refused) = (0, 0);
    for auto in [AutoShutdown::Never, AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
        for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            for shutdown in [
                Shutdown::Timeout(Duration::ZERO),
                Shutdown::Timeout(Duration::from_secs(1)),
                Shutdown::Infinity,
                Shutdown::Brutal,
            ] {
                for policy in [ChildPolicy::worker("c"), ChildPolicy::supervisor("c")] {
                    let policy = policy.restart(restart).shutdown(shutdown);
                    assert_eq!(check_child_specs([&policy], Some(auto)), Ok(()));
                    let policy = policy.significant();
                    match check_child_specs([&policy], Some(auto)) {
                        Ok(()) => accepted += 1,
                        Err(SpecError::SignificantNeverShutsDown(_)) => {
                            assert_eq!(auto, AutoShutdown::Never);
                            refused += 1;
                        }
                        Err(error) => {
                            assert_eq!(error, SpecError::SignificantPermanent("c".into()));
                            assert_eq!(restart, Restart::Permanent);
                            refused += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!((accepted, refused), (2 * 2 * 8, (3 + 2) * 8));
}

/// OTP-009 and OTP-013: `never` wins; without an auto_shutdown only permanent is refused.
#[test]
fn otp_009_otp_013_a_bad_combination_names_never_before_permanent() {
    let permanent = ChildPolicy::worker("p").significant();
    let transient = ChildPolicy::worker("t").restart(Restart::Transient).significant();
    let never = Some(AutoShutdown::Never);
    assert_eq!(check_child_specs([&permanent], never), Err(SpecError::SignificantNeverShutsDown("p".into())));
    assert_eq!(check_child_specs([&permanent], None), Err(SpecError::SignificantPermanent("p".into())));
    assert_eq!(check_child_specs([&transient], None), Ok(()));
}

#[test]
fn otp_011_two_children_of_one_name_are_refused_and_the_first_fault_in_order_is_named() {
    let a = ChildPolicy::worker("a");
    let bad = ChildPolicy::worker("b").significant();
    assert_eq!(check_child_specs([&a, &a, &bad], None), Err(SpecError::DuplicateChildId("a".into())));
    assert_eq!(check_child_specs([&a, &bad, &a], None), Err(SpecError::SignificantPermanent("b".into())));
}

#[test]
fn otp_191_dynamic_flags_default_to_3_restarts_in_5_s_without_a_limit_of_children() {
    let flags = DynamicFlags::default();
    assert_eq!((flags.intensity, flags.period), (3, Duration::from_secs(5)));
    assert_eq!(flags.max_children, None);
}
