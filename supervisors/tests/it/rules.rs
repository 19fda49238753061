//! Rules of the conformance list that no other theme comes to.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use supervisors::supervisor::{
    AutoShutdown, ChildError, ChildPolicy, ChildSpec, Restart, SpecError, Supervisor, check_child_specs,
};
use supervisors::{CallError, Event, ExitReason, Node, RegisterError};

use super::stage::{life, on_a_paused_clock, pass, reborn, stop, supervised};

/// Does as it is told.
struct Worker;

impl Actor for Worker {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "u32")]
enum Do {
    Panic,
    /// Answers after this time.
    Answer(Duration, u32),
}

impl Handler<Do> for Worker {
    type Result = ResponseActFuture<Self, u32>;

    fn handle(&mut self, what: Do, _: &mut Self::Context) -> Self::Result {
        match what {
            Do::Panic => panic!("as asked"),
            Do::Answer(after, number) => {
                Box::pin(tokio::time::sleep(after).into_actor(self).map(move |(), _, _| number))
            }
        }
    }
}

fn worker(id: &str) -> ChildSpec<Worker> {
    ChildSpec::new(id, || Worker)
}

#[test]
fn otp_010_the_same_error_comes_from_the_start_from_start_child_and_from_the_check_of_specs() {
    on_a_paused_clock(async {
        let node = Node::new();
        let bad = || worker("a").restart(Restart::Transient).significant();
        let error = SpecError::SignificantNeverShutsDown("a".into());
        let policy = ChildPolicy::worker("a").restart(Restart::Transient).significant();
        assert_eq!(check_child_specs([&policy], Some(AutoShutdown::Never)), Err(error.clone()));
        let start = Supervisor::new("root").child(bad()).start(&node).await;
        assert_eq!(start.expect_err("it is refused"), ExitReason::failed(error.clone()));
        let root = Supervisor::new("root").start(&node).await.expect("it starts");
        assert_eq!(root.start_child(bad()).await, Err(ChildError::Spec(error)));
    });
}

#[test]
fn otp_139_a_named_child_has_its_name_again_after_a_kill_a_crash_and_a_restart_by_request() {
    on_a_paused_clock(async {
        let node = Node::new();
        let spec = worker("a").named("clerk");
        let child = spec.reference();
        let root = supervised(&node, spec).await;
        let holder = || node.whereis("clerk").map(|process| process.pid());
        assert_eq!(holder(), Some(life(&child).pid()));
        for ending in [0, 1] {
            let before = life(&child);
            if ending == 0 {
                before.kill();
            } else {
                child.cast(Do::Panic);
            }
            let after = reborn(&child, &before).await;
            assert_eq!(holder(), Some(after.pid()));
        }
        root.terminate_child("a").await.expect("it runs");
        assert_eq!(holder(), None, "free as soon as it is dead");
        let pid = root.restart_child("a").await.expect("it starts");
        assert_eq!(holder(), pid);
    });
}

#[test]
fn otp_146_the_text_of_a_report_names_supervisor_context_reason_and_child() {
    on_a_paused_clock(async {
        let told = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&told);
        let node = Node::builder()
            .on_event(move |_, event| {
                if let Event::Report { .. } = event {
                    log.lock().push(event.to_string());
                }
            })
            .build();
        let spec = worker("clerk");
        let child = spec.reference();
        let office = Supervisor::new("office").intensity(0, Duration::from_secs(5)).child(spec);
        let root = Supervisor::new("root").child(office).start(&node).await.expect("it starts");
        let before = life(&child);
        child.cast(Do::Panic);
        reborn(&child, &before).await;
        let told = std::mem::take(&mut *told.lock());
        let crash = told.iter().find(|line| line.contains("terminated")).expect("the crash is reported");
        assert!(crash.starts_with("office: clerk terminated: panicked at "), "{crash}");
        assert!(crash.ends_with("as asked"), "{crash}");
        assert!(
            told.contains(&"office: gave up: clerk crashed more often than allowed".to_owned()),
            "{told:#?}"
        );
        stop(&root).await;
    });
}

#[test]
fn otp_167_an_answer_that_comes_too_late_is_dropped_and_the_next_call_gets_its_own() {
    on_a_paused_clock(async {
        let server = Node::new().spawn(Worker);
        let (limit, late) = (Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!(server.call(Do::Answer(late, 1)).within(limit).await, Err(CallError::Timeout(limit)));
        // Both answers are under way now.
        assert_eq!(server.call(Do::Answer(late, 2)).await, Ok(2));
        pass(late).await;
        assert!(server.process().is_some_and(|process| process.is_alive()), "the server is not affected");
    });
}

#[test]
fn otp_186_a_name_has_one_holder_and_the_dead_hold_none() {
    on_a_paused_clock(async {
        let node = Node::new();
        let (one, two) = (node.spawn(Worker), node.spawn(Worker));
        assert_eq!(node.whereis("clerk"), None);
        node.register("clerk", &one).expect("nobody has it");
        let taken = |error| matches!(error, RegisterError::Taken { holder, .. } if Some(&holder) == one.process().as_ref());
        assert!(node.register("clerk", &two).is_err_and(taken));
        assert!(node.register("clerk", &one).is_err_and(taken), "also by who has it");
        let dead = life(&two);
        dead.kill();
        dead.exited().await;
        assert!(matches!(node.register("other", &two), Err(RegisterError::Dead { .. })));
    });
}
