//! Supervisors with real processes under them, on a clock that stands still unless everybody sleeps.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::task::LocalSet;

use super::{ChildError, ChildPid, ChildSpec, Shutdown, StartError, Strategy, Supervisor, SupervisorRef};
use crate::{CallError, Event, ExitReason, Node, Place, Process, Ref, ShutdownCause};

type Log = Arc<Mutex<Vec<String>>>;

struct Worker {
    name: &'static str,
    log: Log,
    lazy: bool,
}

impl Actor for Worker {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.log.lock().push(format!("+{}", self.name));
    }

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        if self.lazy { Running::Continue } else { Running::Stop }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.log.lock().push(format!("-{}", self.name));
    }
}

#[derive(Message)]
#[rtype(result = "u32")]
enum Do {
    Answer(u32),
    Panic,
}

impl Handler<Do> for Worker {
    type Result = u32;

    fn handle(&mut self, what: Do, _: &mut Self::Context) -> u32 {
        match what {
            Do::Answer(number) => number,
            Do::Panic => panic!("as asked"),
        }
    }
}

fn worker(name: &'static str, log: &Log) -> ChildSpec<Worker> {
    let log = Arc::clone(log);
    ChildSpec::new(name, move || Worker { name, log: Arc::clone(&log), lazy: false })
}

fn run<T>(test: impl AsyncFnOnce(Node, Log) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, async { test(Node::builder().seed(1).build(), Log::default()).await })
}

fn take(log: &Log) -> String {
    std::mem::take(&mut *log.lock()).join(" ")
}

/// Waits until a new life answers.
async fn alive_again(child: &Ref<Worker>) -> Process {
    for _ in 0..10_000 {
        if child.call(Do::Answer(7)).await == Ok(7) {
            return child.process().expect("it has just answered");
        }
        tokio::task::yield_now().await;
    }
    panic!("it does not come back");
}

async fn crash(child: &Ref<Worker>) {
    let process = child.process().expect("it runs");
    child.cast(Do::Panic);
    process.exited().await;
}

#[test]
fn otp_022_children_start_in_order_and_stop_in_reverse() {
    run(async |node, log| {
        let root = Supervisor::new("root")
            .child(worker("a", &log))
            .child(worker("b", &log))
            .child(worker("c", &log))
            .start(&node)
            .await
            .expect("all start");
        assert_eq!(take(&log), "+a +b +c", "all run when the start returns");
        let process = root.process().expect("it runs");
        process.stop();
        assert_eq!(process.exited().await, ExitReason::Shutdown);
        assert_eq!(take(&log), "-c -b -a");
    });
}

#[test]
fn a_ref_survives_a_thousand_restarts() {
    run(async |node, log| {
        let spec = worker("a", &log);
        let child = spec.reference();
        let root = Supervisor::new("root").intensity(1000, Duration::from_secs(1000)).child(spec);
        let root = root.start(&node).await.expect("it starts");
        let mut pids = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            crash(&child).await;
            pids.insert(alive_again(&child).await.pid());
        }
        assert_eq!(pids.len(), 1000, "each life has a pid of its own");
        assert_eq!(root.tree().find("a").map(|it| it.restarts), Some(1000));
    });
}

#[test]
fn otp_068_069_070_strategies_restart_whom_they_should() {
    for (strategy, expected) in [
        (Strategy::OneForOne, "-b +b"),
        (Strategy::OneForAll, "-b -c -a +a +b +c"),
        (Strategy::RestForOne, "-b -c +b +c"),
    ] {
        run(async |node, log| {
            let b = worker("b", &log);
            let child = b.reference();
            let root = Supervisor::new("root").strategy(strategy);
            let root = root.child(worker("a", &log)).child(b).child(worker("c", &log));
            let _root = root.start(&node).await.expect("all start");
            take(&log);
            crash(&child).await;
            alive_again(&child).await;
            assert_eq!(take(&log), expected, "{strategy:?}");
        });
    }
}

#[test]
fn otp_080_one_crash_too_many_ends_the_supervisor_and_the_others_stop() {
    run(async |node, log| {
        let spec = worker("a", &log);
        let child = spec.reference();
        let root = Supervisor::new("root").child(spec).child(worker("b", &log));
        let root = root.start(&node).await.expect("all start").process().expect("it runs");
        crash(&child).await;
        alive_again(&child).await;
        take(&log);
        crash(&child).await;
        assert_eq!(root.exited().await, ExitReason::Shutdown);
        assert_eq!(take(&log), "-a -b");
    });
}

#[test]
fn escalation_restarts_the_subtree_that_gave_up() {
    run(async |node, log| {
        let spec = worker("a", &log);
        let child = spec.reference();
        let inner = Supervisor::new("inner").intensity(0, Duration::from_secs(5)).child(spec);
        let inner_ref = inner.reference();
        let root = Supervisor::new("root").child(inner).child(worker("z", &log));
        let root = root.start(&node).await.expect("all start");
        let before = inner_ref.process().expect("it runs");
        crash(&child).await;
        before.exited().await;
        alive_again(&child).await;
        assert_ne!(inner_ref.process(), Some(before), "the supervisor is a new one");
        assert_eq!(take(&log), "+a +z -a +a");
        assert_eq!(root.tree().find("inner").map(|it| it.restarts), Some(1));
    });
}

#[test]
fn otp_024_a_child_that_does_not_start_undoes_the_start() {
    run(async |node, log| {
        let broken = ChildSpec::<Worker>::fallible("broken", || Err(std::fmt::Error.into()));
        let inner = Supervisor::new("inner").child(worker("b", &log)).child(broken);
        let root = Supervisor::new("root").child(worker("a", &log)).child(inner);
        let reason = root.start(&node).await.expect_err("a child is broken");
        let cause = |child: &str, reason| {
            let cause = ShutdownCause::FailedToStartChild { child: child.into(), reason: Arc::new(reason) };
            ExitReason::ShutdownWith(cause)
        };
        assert_eq!(reason, cause("inner", cause("broken", ExitReason::failed(std::fmt::Error))));
        assert_eq!(take(&log), "+a +b -b -a");
    });
}

#[test]
fn a_panic_a_stop_or_an_exit_in_started_is_a_failed_start() {
    struct Bad(u8);
    impl Actor for Bad {
        type Context = Context<Self>;
        fn started(&mut self, ctx: &mut Self::Context) {
            match self.0 {
                0 => panic!("no"),
                1 => ctx.stop(),
                _ => crate::ContextExt::exit(ctx, ExitReason::failed("no")),
            }
        }
    }
    for (how, expected) in [(1, "normal"), (2, "no"), (0, "panicked at ")] {
        run(async |node, _| {
            let root = Supervisor::new("root").child(ChildSpec::new("bad", move || Bad(how)));
            let reason = root.start(&node).await.expect_err("it does not start").to_string();
            assert!(
                reason.starts_with(&format!("shutdown: failed to start child bad: {expected}")),
                "{reason}"
            );
        });
    }
}

#[test]
fn a_start_that_takes_time_holds_the_next_child_back() {
    run(async |node, log| {
        let slow_log = Arc::clone(&log);
        let slow = ChildSpec::starting("slow", move || {
            let log = Arc::clone(&slow_log);
            async move {
                tokio::time::sleep(Duration::from_secs(3)).await;
                Ok(Worker { name: "slow", log, lazy: false })
            }
        });
        let root = Supervisor::new("root").child(slow).child(worker("b", &log));
        root.start(&node).await.expect("all start");
        assert_eq!(take(&log), "+slow +b");
        assert!(node.now() >= Duration::from_secs(3));
    });
}

#[test]
fn otp_029_an_ignored_child_stays_without_a_process() {
    run(async |node, log| {
        let shy = ChildSpec::<Worker>::fallible("shy", || Err(StartError::Ignore));
        let root = Supervisor::new("root").child(shy).child(worker("b", &log));
        let root = root.start(&node).await.expect("ignoring is no failure");
        let children = root.which_children().await.expect("it answers");
        let children: Vec<_> = children.into_iter().map(|child| (child.id, child.pid)).collect();
        assert_eq!(children[1], (Some("shy".into()), ChildPid::Undefined));
        assert_eq!(root.count_children().await.map(|counts| (counts.specs, counts.active)), Ok((2, 1)));
    });
}

#[test]
fn otp_097_a_stubborn_child_is_killed_at_its_limit_and_not_before() {
    run(async |node, log| {
        let stubborn_log = Arc::clone(&log);
        let stubborn =
            ChildSpec::new("s", move || Worker { name: "s", log: Arc::clone(&stubborn_log), lazy: true })
                .shutdown(Shutdown::Timeout(Duration::from_secs(2)));
        let root = Supervisor::new("root").child(stubborn).start(&node).await.expect("it starts");
        let process = root.process().expect("it runs");
        let before = node.now();
        process.stop();
        assert_eq!(process.exited().await, ExitReason::Shutdown);
        let took = node.now() - before;
        assert!(took >= Duration::from_secs(2) && took < Duration::from_millis(2010), "{took:?}");
    });
}

#[test]
fn otp_133_a_killed_supervisor_takes_its_children_with_it() {
    run(async |node, log| {
        let spec = worker("a", &log);
        let child = spec.reference();
        let inner = Supervisor::new("inner").child(spec);
        let inner_ref = inner.reference();
        let _root = Supervisor::new("root").child(inner).start(&node).await.expect("all start");
        let orphan = child.process().expect("it runs");
        inner_ref.process().expect("it runs").kill();
        assert_eq!(orphan.exited().await, ExitReason::Killed);
        alive_again(&child).await;
    });
}

#[test]
fn children_are_added_stopped_restarted_and_deleted_by_request() {
    run(async |node, log| {
        let root = Supervisor::new("root").child(worker("a", &log)).start(&node).await.expect("it starts");
        let b = worker("b", &log);
        let child = b.reference();
        let pid = root.start_child(b).await.expect("it starts");
        assert_eq!(root.start_child(worker("b", &log)).await, Err(ChildError::AlreadyStarted(pid.unwrap())));
        assert_eq!(root.delete_child("b").await, Err(ChildError::Running));
        root.terminate_child("b").await.expect("it runs");
        assert_eq!(child.call(Do::Answer(1)).await, Err(CallError::NoProc));
        assert_eq!(root.start_child(worker("b", &log)).await, Err(ChildError::AlreadyPresent));
        root.restart_child("b").await.expect("it is stopped");
        assert_eq!(child.call(Do::Answer(1)).await, Ok(1));
        assert_eq!(root.restart_child("b").await, Err(ChildError::Running));
        root.terminate_child("b").await.expect("it runs");
        root.delete_child("b").await.expect("it is stopped");
        assert_eq!(root.terminate_child("b").await, Err(ChildError::NotFound));
        assert_eq!(take(&log), "+a +b -b +b -b");
        let dead = SupervisorRef::clone(&root);
        root.process().expect("it runs").kill();
        dead.process().expect("not yet polled").exited().await;
        assert_eq!(dead.delete_child("a").await, Err(ChildError::Supervisor(CallError::NoProc)));
    });
}

#[test]
fn a_stop_during_a_slow_start_waits_for_it_and_then_wins() {
    run(async |node, log| {
        let root = Supervisor::new("root").child(worker("a", &log)).start(&node).await.expect("it starts");
        let slow_log = Arc::clone(&log);
        let slow = ChildSpec::starting("slow", move || {
            let log = Arc::clone(&slow_log);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Worker { name: "slow", log, lazy: false })
            }
        });
        let process = root.process().expect("it runs");
        let (started, reason) = tokio::join!(root.start_child(slow), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            process.stop();
            process.exited().await
        });
        assert!(started.expect("it did start").is_some());
        assert_eq!(reason, ExitReason::Shutdown);
        assert_eq!(take(&log), "+a +slow -slow -a");
    });
}

#[test]
fn a_supervisor_whose_start_is_not_over_dies_with_the_one_that_starts_it() {
    run(async |node, log| {
        let slow = || {
            ChildSpec::<Worker>::starting("slow", || async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(StartError::Ignore)
            })
        };
        let root = Supervisor::new("root").start(&node).await.expect("it starts");
        let branch = Supervisor::new("branch").child(worker("a", &log)).child(slow());
        let unborn = branch.reference();
        let process = root.process().expect("it runs");
        let (started, ()) = tokio::join!(root.start_child(branch), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            process.kill();
        });
        started.expect_err("whoever was asked is gone");
        // Nobody above knows of it, and nobody would ever end it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(unborn.process().is_none_or(|branch| !branch.is_alive()));
        assert_eq!(take(&log), "+a -a");
        // So, too, when whoever starts a root gives up.
        let root = Supervisor::new("root").child(worker("b", &log)).child(slow());
        let unborn = root.reference();
        let given_up = tokio::time::timeout(Duration::from_millis(10), root.start(&node)).await;
        assert!(given_up.is_err());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(unborn.process().is_none_or(|root| !root.is_alive()));
        assert_eq!(take(&log), "+b -b");
    });
}

#[test]
fn the_history_tells_a_crash_from_its_cause_to_the_restart() {
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&events);
    let node = move || {
        let sink = Arc::clone(&sink);
        Node::builder().on_event(move |_, event: Event| sink.lock().push(event.to_string())).build()
    };
    run(async |_, log| {
        let spec = worker("cache", &log);
        let child = spec.reference();
        let proxy = Supervisor::new("proxy").intensity(5, Duration::from_secs(10)).child(spec);
        let _root = Supervisor::new("root").child(proxy).start(&node()).await.expect("it starts");
        crash(&child).await;
        alive_again(&child).await;
    });
    let place = "supervisors/src/supervisor/live_tests.rs:";
    let told: Vec<_> =
        events.lock().iter().map(|line| line.split(place).next().unwrap().to_owned()).collect();
    assert_eq!(
        told,
        [
            "proxy/cache <0.3> started",
            "proxy <0.2> started",
            "proxy/cache <0.3> exited: panicked at ",
            "proxy: cache terminated: panicked at ",
            "proxy: restarting cache, attempt 1 of 5 in 10s",
            "proxy/cache <0.4> started",
        ]
    );
}

#[test]
fn a_child_runs_on_the_arbiter_it_was_placed_on() {
    struct Where;
    #[derive(Message)]
    #[rtype(result = "std::thread::ThreadId")]
    struct Thread;
    impl Actor for Where {
        type Context = Context<Self>;
    }
    impl Handler<Thread> for Where {
        type Result = MessageResult<Thread>;
        fn handle(&mut self, _: Thread, _: &mut Self::Context) -> Self::Result {
            MessageResult(std::thread::current().id())
        }
    }
    System::new().block_on(async {
        let arbiter = Arbiter::new();
        let spec = ChildSpec::new("far", || Where).place(Place::Arbiter(arbiter.handle()));
        let far = spec.reference();
        let root = Supervisor::new("root").child(spec).start(&Node::new()).await.expect("it starts");
        assert_ne!(far.call(Thread).await, Ok(std::thread::current().id()));
        let first = far.process().expect("it runs");
        first.kill();
        first.exited().await;
        while far.call(Thread).await.is_err() {
            tokio::task::yield_now().await;
        }
        let process = root.process().expect("it runs");
        process.stop();
        assert_eq!(process.exited().await, ExitReason::Shutdown);
        arbiter.stop();
    });
}

#[test]
fn refusals_are_said_at_once_and_then_once_a_second_with_their_number() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    run(async |_, log| {
        let node = Node::builder().on_event(move |at, event| {
            if let Event::Overloaded { who, refused, waiting } = event {
                told.lock().push((at.as_secs(), who, refused, waiting));
            }
        });
        let node = node.build();
        let spec = worker("w", &log).mailbox(2);
        let child = spec.reference();
        let _root = Supervisor::new("root").child(spec).start(&node).await.expect("it starts");
        let process = child.process().expect("it runs");
        process.suspend();
        for second in 0..3 {
            for number in 0..4 {
                child.cast(Do::Answer(number));
            }
            let heard = heard.lock().clone();
            assert_eq!(heard.len(), second + 1, "{heard:?}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        process.resume();
    });
    let heard = heard.lock();
    // Two of the first four were taken. What is refused behind the first is said with the next.
    let numbers: Vec<_> = heard.iter().map(|(at, _, refused, waiting)| (*at, *refused, *waiting)).collect();
    assert_eq!(numbers, [(0, 1, 2), (1, 2, 2), (2, 4, 2)]);
    assert_eq!(heard[0].1.path.as_ref().map(ToString::to_string), Some("w".to_owned()));
}
