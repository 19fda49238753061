//! Children made from a template, as running actors (section L), and what Elixir's dynamic supervisor adds (section V).

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::task::LocalSet;

use super::{
    ChildCounts, ChildError, ChildInfo, ChildKind, ChildPid, ChildSpec, DynamicSupervisor, Report, Restart,
    Shutdown, SpecError, StartError, Supervisor, SupervisorRef, Template, TemplateRef, TemplateSupervisor,
    Who,
};
use crate::{CallError, Event, ExitReason, Node, Pid, Process, Ref, WhenStuck};

/// What a worker is made from; the events and starts of all.
#[derive(Clone)]
struct Seed {
    name: &'static str,
    starts: Arc<Mutex<Vec<&'static str>>>,
}

struct Worker {
    name: &'static str,
    /// How long it takes to stop; none of them dies at once.
    slow: Option<Duration>,
}

impl Actor for Worker {
    type Context = Context<Self>;

    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        let Some(slow) = self.slow.take() else { return Running::Stop };
        ctx.run_later(slow, |_, ctx| ctx.stop());
        Running::Continue
    }
}

#[derive(Message)]
#[rtype(result = "&'static str")]
enum Do {
    Say,
    Panic,
}

impl Handler<Do> for Worker {
    type Result = MessageResult<Do>;

    fn handle(&mut self, what: Do, _: &mut Self::Context) -> Self::Result {
        match what {
            Do::Say => MessageResult(self.name),
            Do::Panic => panic!("as asked"),
        }
    }
}

struct Rig {
    node: Node,
    reports: Arc<Mutex<Vec<Report>>>,
    starts: Arc<Mutex<Vec<&'static str>>>,
}

impl Rig {
    fn seed(&self, name: &'static str) -> Seed {
        Seed { name, starts: Arc::clone(&self.starts) }
    }

    fn reports(&self) -> Vec<Report> {
        std::mem::take(&mut self.reports.lock())
    }
}

fn run<T>(test: impl AsyncFnOnce(Rig) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    let reports = Arc::<Mutex<Vec<Report>>>::default();
    let heard = Arc::clone(&reports);
    let sink = move |_, event| {
        if let Event::Report { report, .. } = event {
            heard.lock().push(report);
        }
    };
    let node = move || Node::builder().seed(1).on_event(sink).build();
    LocalSet::new()
        .block_on(&runtime, async { test(Rig { node: node(), reports, starts: Arc::default() }).await })
}

/// Makes a worker, or not, as its name says.
#[expect(clippy::needless_pass_by_value, reason = "a template hands its argument over")]
fn make(seed: Seed) -> Result<Worker, StartError> {
    seed.starts.lock().push(seed.name);
    let again = seed.starts.lock().iter().filter(|name| **name == seed.name).count() > 1;
    match seed.name {
        "ignores" => Err(StartError::Ignore),
        "ignores later" if again => Err(StartError::Ignore),
        "fails" => Err(StartError::Failed(ExitReason::failed("no such thing"))),
        "fails later" if again => Err(StartError::Failed(ExitReason::failed("no more"))),
        "panics" => panic!("cannot be made"),
        "slow" => Ok(Worker { name: seed.name, slow: Some(Duration::from_millis(200)) }),
        "stubborn" => Ok(Worker { name: seed.name, slow: Some(Duration::from_secs(3600)) }),
        name => Ok(Worker { name, slow: None }),
    }
}

type Workers = TemplateRef<Seed, Ref<Worker>>;

fn workers(restart: Restart) -> TemplateSupervisor<Seed, Ref<Worker>> {
    DynamicSupervisor::template("workers", Template::fallible("worker", make).restart(restart))
}

async fn start(rig: &Rig, workers: TemplateSupervisor<Seed, Ref<Worker>>) -> Workers {
    workers.start(&rig.node).await.expect("it starts without children")
}

async fn child(rig: &Rig, workers: &Workers, name: &'static str) -> (Pid, Ref<Worker>) {
    let child = workers.start_child(rig.seed(name)).await.expect("it starts").expect("it does not ignore");
    (child.pid, child.reference)
}

async fn stop(process: Option<Process>) -> ExitReason {
    let process = process.expect("it runs");
    process.stop();
    process.exited().await
}

fn counts(specs: usize, active: usize, workers: usize) -> ChildCounts {
    ChildCounts { specs, active, workers, supervisors: 0 }
}

/// Crashes whoever runs there and waits for its end.
async fn crash(child: &Ref<Worker>) -> Process {
    let process = child.process().expect("it runs");
    child.cast(Do::Panic);
    process.exited().await;
    // Its supervisor hears of it in its next turn.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    process
}

/// OTP-107, OTP-059, OTP-118.
#[test]
fn children_start_from_their_own_arguments_and_have_no_ids() {
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Permanent)).await;
        assert_eq!(workers.which_children().await, Ok(Vec::new()));
        let (one, first) = child(&rig, &workers, "a").await;
        let (two, second) = child(&rig, &workers, "b").await;
        assert_eq!((first.call(Do::Say).await, second.call(Do::Say).await), (Ok("a"), Ok("b")));
        let info =
            |pid| ChildInfo { id: None, pid: ChildPid::Running(pid), kind: ChildKind::Worker, due: None };
        assert_eq!(workers.which_children().await, Ok(vec![info(one), info(two)]));
        assert_eq!(workers.count_children().await, Ok(counts(1, 2, 2)));
        assert_eq!(rig.reports(), [], "no progress is reported");
    });
}

/// OTP-057.
#[test]
fn one_child_can_be_looked_at_by_its_pid_only() {
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Permanent)).await;
        let (pid, held) = child(&rig, &workers, "a").await;
        let info = ChildInfo { id: None, pid: ChildPid::Running(pid), kind: ChildKind::Worker, due: None };
        assert_eq!(workers.which_child(pid).await, Ok(info.clone()));
        assert_eq!(workers.which_child(&held.process().expect("it runs")).await, Ok(info));
        assert_eq!(workers.which_child("worker").await, Err(ChildError::SimpleOneForOne));
        workers.terminate_child(pid).await.expect("it stops");
        assert_eq!(workers.which_child(pid).await, Err(ChildError::NotFound));
    });
}

/// OTP-108, OTP-109.
#[test]
fn a_start_that_fails_panics_or_ignores_is_told_and_nothing_is_kept() {
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        run(async |rig| {
            let workers = start(&rig, workers(restart)).await;
            let failed = workers.start_child(rig.seed("fails")).await.err();
            assert_eq!(failed, Some(ChildError::Failed(ExitReason::failed("no such thing"))));
            let panicked = workers.start_child(rig.seed("panics")).await.err();
            assert!(
                matches!(panicked, Some(ChildError::Failed(ExitReason::Panicked { .. }))),
                "{panicked:?}"
            );
            assert!(workers.start_child(rig.seed("ignores")).await.expect("no failure").is_none());
            assert_eq!(workers.count_children().await, Ok(counts(1, 0, 0)));
            assert_eq!(rig.reports(), []);
            assert_eq!(stop(workers.process()).await, ExitReason::Shutdown);
        });
    }
}

/// OTP-110.
#[test]
fn a_crashed_child_is_made_again_from_its_own_argument_and_its_siblings_stay() {
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Permanent)).await;
        let (_, first) = child(&rig, &workers, "a").await;
        let (other, second) = child(&rig, &workers, "b").await;
        let before = crash(&first).await;
        assert_eq!(first.call(Do::Say).await, Ok("a"), "the same reference finds the new life");
        assert_ne!(first.process(), Some(before));
        assert_eq!(second.process().map(|process| process.pid()), Some(other));
        assert_eq!(*rig.starts.lock(), ["a", "b", "a"]);
    });
}

/// OTP-111 and OTP-059: restarting children are no active ones.
#[test]
fn a_restart_that_ignores_forgets_the_child() {
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Permanent)).await;
        let (_, held) = child(&rig, &workers, "ignores later").await;
        crash(&held).await;
        assert_eq!(workers.count_children().await, Ok(counts(1, 0, 0)));
        assert_eq!(held.call(Do::Say).await, Err(CallError::NoProc));
        assert_eq!(stop(workers.process()).await, ExitReason::Shutdown);
    });
}

/// OTP-112, OTP-090.
#[test]
fn all_children_share_one_intensity_and_a_restart_that_keeps_failing_uses_it_up() {
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Permanent)).await;
        let (_, first) = child(&rig, &workers, "a").await;
        let (_, second) = child(&rig, &workers, "b").await;
        let supervisor = workers.process().expect("it runs");
        crash(&first).await;
        assert!(supervisor.is_alive(), "1 restart in 5 s is allowed by default");
        crash(&second).await;
        assert_eq!(supervisor.exited().await, ExitReason::Shutdown);
        assert!(matches!(rig.reports().last(), Some(Report::ReachedMaxIntensity { .. })));
    });
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Permanent).intensity(3, Duration::from_secs(5))).await;
        let (_, held) = child(&rig, &workers, "fails later").await;
        let supervisor = workers.process().expect("it runs");
        crash(&held).await;
        assert_eq!(supervisor.exited().await, ExitReason::Shutdown);
        assert_eq!(rig.starts.lock().len(), 1 + 3, "each attempt counts");
    });
}

/// OTP-113.
#[test]
fn a_child_is_stopped_by_pid_and_a_living_stranger_is_refused() {
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Permanent)).await;
        let (pid, held) = child(&rig, &workers, "a").await;
        let process = held.process().expect("it runs");
        assert_eq!(workers.terminate_child("worker").await, Err(ChildError::SimpleOneForOne));
        assert_eq!(workers.terminate_child(pid).await, Ok(()));
        assert_eq!(process.exit_reason(), Some(ExitReason::Shutdown));
        assert_eq!(workers.terminate_child(pid).await, Ok(()), "a former child's pid");
        assert_eq!(workers.terminate_child(&process).await, Ok(()), "a dead process");
        let stranger = rig.node.spawn(Worker { name: "stranger", slow: None });
        let process = stranger.process().expect("it runs");
        assert_eq!(workers.terminate_child(&process).await, Err(ChildError::NotFound));
        assert_eq!(stranger.call(Do::Say).await, Ok("stranger"), "it is not harmed");
        assert_eq!(workers.count_children().await, Ok(counts(1, 0, 0)));
    });
}

/// OTP-114 and OTP-061.
#[test]
fn children_are_neither_restarted_nor_deleted_by_request_and_their_spec_is_the_template() {
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Transient)).await;
        let (pid, _) = child(&rig, &workers, "a").await;
        assert_eq!(workers.restart_child(pid).await, Err(ChildError::SimpleOneForOne));
        assert_eq!(workers.restart_child("worker").await, Err(ChildError::SimpleOneForOne));
        assert_eq!(workers.delete_child(pid).await, Err(ChildError::SimpleOneForOne));
        let spec = workers.get_child_spec(pid).await.expect("it is a child");
        assert_eq!((spec.id.as_str(), spec.restart), ("worker", Restart::Transient));
        assert_eq!(workers.get_child_spec("worker").await, Ok(spec));
        let stranger = rig.node.spawn(Worker { name: "stranger", slow: None }).process().expect("it runs");
        assert_eq!(workers.get_child_spec(stranger).await, Err(ChildError::NotFound));
    });
}

/// OTP-115, OTP-116, OTP-117.
#[test]
fn all_children_stop_at_once_within_one_time_limit() {
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Permanent)).await;
        for _ in 0..3 {
            child(&rig, &workers, "slow").await;
        }
        let begun = tokio::time::Instant::now();
        stop(workers.process()).await;
        let taken = begun.elapsed();
        assert!(taken >= Duration::from_millis(200) && taken < Duration::from_millis(300), "{taken:?}");
        assert_eq!(rig.reports(), []);
    });
    run(async |rig| {
        let template = Template::fallible("worker", make).shutdown(Shutdown::Timeout(Duration::from_secs(2)));
        let workers = start(&rig, DynamicSupervisor::template("workers", template)).await;
        for _ in 0..3 {
            child(&rig, &workers, "stubborn").await;
        }
        let begun = tokio::time::Instant::now();
        stop(workers.process()).await;
        let taken = begun.elapsed();
        assert!(taken >= Duration::from_secs(2) && taken < Duration::from_secs(3), "{taken:?}");
        let reports = rig.reports();
        let [Report::ShutdownError { child, reason: ExitReason::Killed }] = &*reports else {
            panic!("one report for all: {reports:?}")
        };
        assert_eq!(child.who, Who::Count(3));
    });
}

/// OTP-015, OTP-016.
#[test]
fn a_significant_template_is_refused() {
    run(async |rig| {
        let template = Template::fallible("worker", make).restart(Restart::Transient).significant();
        let refused = DynamicSupervisor::template("workers", template);
        assert!(refused.check().is_err());
        assert!(matches!(refused.start(&rig.node).await, Err(ExitReason::Failed(_))));
    });
}

/// OTP-066.
#[test]
fn what_a_temporary_child_was_made_from_is_not_retained() {
    struct Holder(#[expect(dead_code, reason = "held")] Arc<()>);
    impl Actor for Holder {
        type Context = Context<Self>;
    }
    run(async |rig| {
        let template = Template::once("holder", Holder);
        let holders =
            DynamicSupervisor::template("holders", template).start(&rig.node).await.expect("it starts");
        let argument = Arc::new(());
        let child = holders.start_child(Arc::clone(&argument)).await.expect("it starts").expect("it runs");
        assert_eq!(Arc::strong_count(&argument), 2, "only the actor itself holds it");
        holders.terminate_child(child.pid).await.expect("it stops");
        assert_eq!(Arc::strong_count(&argument), 1);
    });
}

/// OTP-059: counted as what the template makes.
#[test]
fn a_template_can_make_whole_trees() {
    run(async |rig| {
        let template = Template::supervisors("tree", |name: &'static str| {
            Supervisor::new("tree").child(ChildSpec::new("worker", move || Worker { name, slow: None }))
        });
        let trees = DynamicSupervisor::template("trees", template).start(&rig.node).await.expect("it starts");
        let tree = trees.start_child("a").await.expect("it starts").expect("it runs");
        let reference: SupervisorRef = tree.reference;
        assert_eq!(reference.count_children().await.map(|it| it.active), Ok(1));
        assert_eq!(trees.count_children().await.map(|it| (it.supervisors, it.workers)), Ok((1, 0)));
        assert_eq!(stop(trees.process()).await, ExitReason::Shutdown);
    });
}

/// OTP-193, OTP-195, OTP-196.
#[test]
fn a_dynamic_supervisor_bounds_its_children_and_gives_each_what_all_share() {
    run(async |rig| {
        let dynamic = DynamicSupervisor::new("dynamic").max_children(2).extra_arguments("shared");
        let dynamic = dynamic.start(&rig.node).await.expect("it starts");
        let mut held = Vec::new();
        let mut pids = Vec::new();
        for _ in 0..2 {
            let started = dynamic.start_child_with(|&name| {
                let spec = ChildSpec::new("worker", move || Worker { name, slow: None });
                held.push(spec.reference());
                spec
            });
            pids.push(started.await.expect("there is room").expect("it runs"));
        }
        assert_eq!(held[0].call(Do::Say).await, Ok("shared"));
        crash(&held[0]).await;
        assert_eq!(held[0].call(Do::Say).await, Ok("shared"), "given again at the restart");
        let third =
            dynamic.start_child_with(|&name| ChildSpec::new("w", move || Worker { name, slow: None }));
        assert_eq!(third.await, Err(ChildError::MaxChildren));
        assert_eq!(dynamic.terminate_child(pids[1]).await, Ok(()));
        assert_eq!(dynamic.terminate_child(pids[1]).await, Err(ChildError::NotFound));
        assert_eq!(dynamic.count_children().await, Ok(counts(1, 1, 1)));
    });
}

/// OTP-184, OTP-065.
#[test]
fn an_end_in_good_order_is_not_reported_and_any_other_is() {
    run(async |rig| {
        let workers = start(&rig, workers(Restart::Temporary)).await;
        for reason in
            [ExitReason::Normal, ExitReason::Shutdown, ExitReason::failed("boom"), ExitReason::Killed]
        {
            let (_, held) = child(&rig, &workers, "a").await;
            held.stop(reason.clone(), None).await.expect("it ends as asked");
            assert_eq!(workers.count_children().await, Ok(counts(1, 0, 0)));
            let told = rig.reports();
            match &told[..] {
                [] => assert!(reason.is_clean(), "{reason}"),
                [Report::ChildTerminated { reason: told, .. }] => {
                    assert!(*told == reason && !reason.is_clean());
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

/// A template is refused what its children cannot have, when a child is asked for.
#[test]
fn a_template_of_children_to_be_abandoned_needs_threads_of_the_nodes_own() {
    run(async |rig| {
        let template = Template::fallible("worker", make).when_stuck(WhenStuck::Abandon);
        let workers = start(&rig, DynamicSupervisor::template("workers", template)).await;
        let refused = workers.start_child(rig.seed("a")).await.err();
        assert!(matches!(refused, Some(ChildError::Spec(SpecError::NotAbandonable(_)))), "{refused:?}");
    });
}
