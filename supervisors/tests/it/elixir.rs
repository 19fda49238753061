//! Section V of the conformance list: dynamic supervisors as Elixir has them, with running actors.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use supervisors::supervisor::{
    ChildCounts, ChildError, ChildSpec, DynamicRef, DynamicSupervisor, Restart, Shutdown, SpecError,
    StartError,
};
use supervisors::{ExitReason, Node, Process, Ref};

use super::stage::{life, on_a_paused_clock, pass, reborn};

/// Takes its time to stop, and says when it was asked.
struct Worker {
    name: &'static str,
    stops: Stops,
    log: Log,
}

#[derive(Clone, Copy)]
enum Stops {
    AtOnce,
    After(Duration),
    Never,
}

type Log = Arc<Mutex<Vec<&'static str>>>;

impl Actor for Worker {
    type Context = Context<Self>;

    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        self.log.lock().push(self.name);
        match std::mem::replace(&mut self.stops, Stops::AtOnce) {
            Stops::AtOnce => Running::Stop,
            Stops::After(time) => {
                ctx.run_later(time, |_, ctx| ctx.stop());
                Running::Continue
            }
            Stops::Never => {
                self.stops = Stops::Never;
                Running::Continue
            }
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Panic;

impl Handler<Panic> for Worker {
    type Result = ();

    fn handle(&mut self, Panic: Panic, _: &mut Self::Context) {
        panic!("as asked")
    }
}

fn worker(name: &'static str, stops: Stops, log: &Log) -> ChildSpec<Worker> {
    let log = Arc::clone(log);
    ChildSpec::new(name, move || Worker { name, stops, log: Arc::clone(&log) })
}

fn plain() -> ChildSpec<Worker> {
    worker("a", Stops::AtOnce, &Log::default())
}

async fn dynamic(node: &Node) -> DynamicRef {
    DynamicSupervisor::new("dynamic").start(node).await.expect("it starts")
}

async fn add(dynamic: &DynamicRef, spec: ChildSpec<Worker>) -> Ref<Worker> {
    let child = spec.reference();
    dynamic.start_child(spec).await.expect("it starts");
    child
}

async fn crash(child: &Ref<Worker>) -> Process {
    let before = life(child);
    child.cast(Panic);
    before.exited().await;
    before
}

#[test]
fn otp_191_a_dynamic_supervisor_survives_three_crashes_in_five_seconds_and_not_four() {
    on_a_paused_clock(async {
        let dynamic = dynamic(&Node::new()).await;
        let process = dynamic.process().expect("it runs");
        let children = [add(&dynamic, plain()).await, add(&dynamic, plain()).await];
        for child in [&children[0], &children[1], &children[0]] {
            let before = crash(child).await;
            reborn(child, &before).await;
        }
        crash(&children[1]).await;
        assert_eq!(process.exited().await, ExitReason::Shutdown);
        assert!(children.iter().all(|child| child.process().is_none()), "nobody outlives it");
    });
}

#[test]
fn otp_192_each_child_brings_its_own_spec_ids_repeat_and_significant_ones_are_refused() {
    on_a_paused_clock(async {
        let dynamic = dynamic(&Node::new()).await;
        let (one, two) =
            (add(&dynamic, plain()).await, add(&dynamic, plain().restart(Restart::Temporary)).await);
        assert_ne!(life(&one).pid(), life(&two).pid(), "two of one id");
        let refused = dynamic.start_child(plain().restart(Restart::Temporary).significant()).await;
        assert_eq!(refused, Err(ChildError::Spec(SpecError::SignificantNeverShutsDown("a".into()))));
        let before = crash(&two).await;
        pass(Duration::from_secs(1)).await;
        assert_eq!((two.process(), before.is_alive()), (None, false), "its own restart type holds");
        assert_eq!(dynamic.count_children().await.map(|counts| counts.specs), Ok(1));
        assert!(matches!(
            DynamicSupervisor::new("d").intensity(1, Duration::from_millis(1500)).check(),
            Err(SpecError::InvalidPeriod(_))
        ));
    });
}

#[test]
fn otp_193_no_more_children_than_allowed_and_0_allows_none() {
    on_a_paused_clock(async {
        let node = Node::new();
        let none = DynamicSupervisor::new("none").max_children(0).start(&node).await.expect("it starts");
        assert_eq!(none.start_child(plain()).await, Err(ChildError::MaxChildren));
        let two = DynamicSupervisor::new("two").max_children(2).start(&node).await.expect("it starts");
        let child = add(&two, plain()).await;
        add(&two, plain()).await;
        assert_eq!(two.start_child(plain()).await, Err(ChildError::MaxChildren));
        two.terminate_child(life(&child).pid()).await.expect("it is a child");
        add(&two, plain()).await;
    });
}

#[test]
fn otp_194_ignored_failed_and_panicking_starts_are_answered_and_stored_nowhere() {
    on_a_paused_clock(async {
        let dynamic = dynamic(&Node::new()).await;
        let ignores = ChildSpec::<Worker>::fallible("i", || Err(StartError::Ignore));
        assert_eq!(dynamic.start_child(ignores).await, Ok(None));
        let fails = ChildSpec::<Worker>::fallible("f", || Err(std::fmt::Error.into()));
        let reason = ExitReason::failed(std::fmt::Error);
        assert_eq!(dynamic.start_child(fails).await, Err(ChildError::Failed(reason)));
        let panics = ChildSpec::<Worker>::fallible("p", || panic!("no"));
        let Err(ChildError::Failed(ExitReason::Panicked { message, .. })) = dynamic.start_child(panics).await
        else {
            panic!("a panic is the reason");
        };
        assert_eq!(&*message, "no");
        assert_eq!(dynamic.count_children().await, Ok(ChildCounts::default()));
    });
}

#[test]
fn otp_195_what_all_children_share_is_given_first_and_again_at_each_restart() {
    on_a_paused_clock(async {
        let given = Log::default();
        let dynamic = DynamicSupervisor::new("d").extra_arguments("shared").start(&Node::new()).await;
        let dynamic = dynamic.expect("it starts");
        let mut child = None;
        let started = dynamic.start_child_with(|&shared| {
            let given = Arc::clone(&given);
            let spec = ChildSpec::new("a", move || {
                given.lock().extend([shared, "own"]);
                Worker { name: "a", stops: Stops::AtOnce, log: Log::default() }
            });
            child = Some(spec.reference());
            spec
        });
        started.await.expect("it starts");
        let child = child.expect("it was made");
        let before = crash(&child).await;
        reborn(&child, &before).await;
        assert_eq!(*given.lock(), ["shared", "own", "shared", "own"]);
    });
}

#[test]
fn otp_196_a_child_is_stopped_by_its_pid_once_and_specs_are_counted_by_children() {
    on_a_paused_clock(async {
        let dynamic = dynamic(&Node::new()).await;
        let (one, _) = (add(&dynamic, plain()).await, add(&dynamic, plain()).await);
        assert_eq!(dynamic.count_children().await.map(|it| (it.specs, it.active, it.workers)), Ok((2, 2, 2)));
        let process = life(&one);
        assert_eq!(dynamic.terminate_child(process.pid()).await, Ok(()));
        assert_eq!(process.exit_reason(), Some(ExitReason::Shutdown));
        assert_eq!(dynamic.terminate_child(process.pid()).await, Err(ChildError::NotFound));
        assert_eq!(dynamic.count_children().await.map(|it| it.specs), Ok(1));
    });
}

#[test]
fn otp_197_all_children_stop_at_once_each_within_its_own_time() {
    on_a_paused_clock(async {
        let (node, log) = (Node::new(), Log::default());
        let dynamic = dynamic(&node).await;
        let second = Duration::from_secs(1);
        let specs = [
            worker("slow", Stops::After(second), &log).shutdown(Shutdown::Infinity),
            worker("never", Stops::Never, &log).shutdown(Shutdown::Timeout(second * 3)),
            worker("sooner", Stops::Never, &log).shutdown(Shutdown::Timeout(second * 2)),
            worker("brutal", Stops::Never, &log).shutdown(Shutdown::Brutal),
        ];
        let mut children = Vec::new();
        for spec in specs {
            children.push(life(&add(&dynamic, spec).await));
        }
        let process = dynamic.process().expect("it runs");
        let before = node.now();
        process.stop();
        let mut ends = Vec::new();
        for child in [&children[3], &children[0], &children[2], &children[1]] {
            let reason = child.exited().await;
            ends.push(((node.now() - before).as_secs(), reason));
        }
        let (shutdown, killed) = (ExitReason::Shutdown, ExitReason::Killed);
        assert_eq!(ends, [(0, killed.clone()), (1, shutdown.clone()), (2, killed.clone()), (3, killed)]);
        assert_eq!(process.exited().await, shutdown);
        assert_eq!(log.lock()[..3], ["slow", "never", "sooner"], "asked at once");
    });
}

#[test]
fn otp_197_a_restart_that_ignores_forgets_the_child() {
    on_a_paused_clock(async {
        let dynamic = dynamic(&Node::new()).await;
        let starts = Mutex::new(0);
        let spec = ChildSpec::fallible("a", move || {
            *starts.lock() += 1;
            if *starts.lock() > 1 {
                return Err(StartError::Ignore);
            }
            Ok(Worker { name: "a", stops: Stops::AtOnce, log: Log::default() })
        });
        let child = add(&dynamic, spec).await;
        crash(&child).await;
        pass(Duration::from_secs(1)).await;
        assert_eq!(dynamic.count_children().await, Ok(ChildCounts::default()));
    });
}
