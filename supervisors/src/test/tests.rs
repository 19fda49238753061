//! The kit, tested with itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use actix::prelude::*;

use super::{Kit, run};
use crate::supervisor::{ChildSpec, Restart, Shutdown};
use crate::{Down, ExitReason, Ref};

const SECOND: Duration = Duration::from_secs(1);

struct Worker {
    stubborn: bool,
}

impl Actor for Worker {
    type Context = Context<Self>;

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        if self.stubborn { Running::Continue } else { Running::Stop }
    }
}

#[derive(Debug, PartialEq, Message)]
#[rtype(result = "u32")]
struct Ask(u32);

impl Handler<Ask> for Worker {
    type Result = u32;

    fn handle(&mut self, Ask(number): Ask, _: &mut Self::Context) -> u32 {
        100 / number
    }
}

fn worker() -> (ChildSpec<Worker>, Ref<Worker>) {
    let spec = ChildSpec::new("worker", || Worker { stubborn: false });
    let reference = spec.reference();
    (spec, reference)
}

/// What a test fails with.
fn failure(test: impl AsyncFnOnce(&Kit)) -> Option<String> {
    let failed = catch_unwind(AssertUnwindSafe(|| run(7, test))).err()?;
    let text = failed.downcast_ref::<String>().cloned();
    Some(text.or_else(|| failed.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
}

#[test]
fn a_crash_nobody_expected_fails_the_test_with_its_reason_though_a_restart_hides_it() {
    let failed = failure(async |kit| {
        let (spec, worker) = worker();
        kit.supervise(spec).await;
        worker.cast(Ask(0));
        kit.settle().await;
        assert_eq!(worker.call(Ask(1)).await, Ok(100), "restarted");
    });
    let failed = failed.expect("it fails");
    assert!(failed.contains("seed 7") && failed.contains("root/worker <0."), "{failed}");
    assert!(failed.contains("attempt to divide by zero"), "{failed}");
}

#[test]
fn so_does_the_crash_of_a_process_without_a_supervisor_or_one_that_does_not_stop_in_time() {
    let failed = failure(async |kit| {
        kit.spawn(Worker { stubborn: false }).kill();
        kit.settle().await;
    });
    assert!(failed.is_some_and(|failed| failed.contains("Worker <0.1>: killed")));
    let failed = failure(async |kit| {
        let stubborn = ChildSpec::new("stubborn", || Worker { stubborn: true });
        kit.supervise(stubborn.shutdown(Shutdown::Timeout(SECOND))).await;
    });
    assert!(failed.is_some_and(|failed| failed.contains("root/stubborn <0.2>: killed")));
    assert_eq!(
        failure(async |kit| _ = kit.spawn(Worker { stubborn: false })),
        None,
        "who lives has not crashed"
    );
}

#[test]
fn an_expected_exit_passes_and_an_allowed_one_too() {
    run(7, async |kit| {
        let (spec, worker) = worker();
        kit.supervise(spec.restart(Restart::Temporary)).await;
        let process = worker.process().expect("it runs");
        worker.cast(Ask(0));
        assert!(matches!(kit.expect_exit(&process).await, ExitReason::Panicked { .. }));
        kit.allow_exits(|exit| exit.reason == ExitReason::Killed);
        let other = kit.spawn(Worker { stubborn: false });
        other.kill();
        kit.settle().await;
        let third = kit.spawn(Worker { stubborn: false }).process().expect("it runs");
        third.exit(ExitReason::failed("boom"));
        kit.settle().await;
        let taken = kit.take_unexpected_exits();
        assert_eq!(taken.iter().map(|exit| exit.pid).collect::<Vec<_>>(), [Some(third.pid())]);
    });
}

#[test]
fn an_exit_that_does_not_come_and_a_message_that_does_not_fail_the_test() {
    let failed = failure(async |kit| {
        let worker = kit.spawn(Worker { stubborn: false }).process().expect("it runs");
        kit.expect_exit(&worker).await;
    });
    assert!(failed.is_some_and(|failed| failed.contains("has not ended within 10s")));
    let failed = failure(async |kit| _ = kit.probe::<Down>().expect_msg_within(SECOND).await);
    assert!(failed.is_some_and(|failed| failed.contains("Down came within 1s")));
    let failed = failure(async |kit| {
        let probe = kit.probe_answering::<Ask>(|_| 0);
        probe.port().cast(Ask(1));
        probe.expect_no_msg(SECOND).await;
    });
    assert!(failed.is_some_and(|failed| failed.contains("though none was to within 1s")));
}

#[test]
fn a_probe_keeps_messages_in_order_answers_watches_and_traps() {
    run(7, async |kit| {
        let probe = kit.probe_answering::<Ask>(|Ask(number)| number + 1);
        assert_eq!(probe.port().call(Ask(1)).await, Ok(2));
        assert_eq!(probe.reference().call(Ask(5)).await, Ok(6));
        assert_eq!(
            (probe.expect_msg().await, probe.try_next(), probe.try_next()),
            (Ask(1), Some(Ask(5)), None)
        );

        let (watches, linked) = (kit.probe::<Down>(), kit.probe_exits());
        kit.settle().await;
        let worker = kit.spawn(Worker { stubborn: false }).process().expect("it runs");
        worker.monitor(watches.reference());
        worker.link(linked.process());
        worker.stop();
        assert_eq!(kit.expect_exit(&worker).await, ExitReason::Shutdown);
        assert_eq!(watches.expect_msg().await.pid, worker.pid());
        assert_eq!(linked.expect_msg().await.from, worker.pid());
    });
}

#[test]
fn hours_pass_in_no_time_and_the_seed_is_the_nodes() {
    run(7, async |kit| {
        assert_eq!(kit.node().seed(), 7);
        let before = kit.node().now();
        kit.advance(3600 * SECOND).await;
        assert_eq!(kit.node().now() - before, 3600 * SECOND);
    });
}
