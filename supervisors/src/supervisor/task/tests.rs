//! Tasks, rule by rule (section V of the conformance list).

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use crate::supervisor::{
    ChildError, OnTimeout, Shutdown, StreamOptions, Task, TaskError, TaskRef, TaskSupervisor,
};
use crate::{ContextExt, Exit, ExitReason, Node, Place, Process, Ref};

const SECOND: Duration = Duration::from_secs(1);

/// Runs what it is told in its own turns, and hears of exits if it traps them.
struct Owner {
    traps: bool,
    heard: Arc<Mutex<Vec<ExitReason>>>,
}

impl Actor for Owner {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.trap_exit(self.traps);
    }
}

impl Handler<Exit> for Owner {
    type Result = ();

    fn handle(&mut self, exit: Exit, _: &mut Self::Context) {
        self.heard.lock().push(exit.reason);
    }
}

/// A piece of work to be done as this process.
#[derive(Message)]
#[rtype(result = "()")]
struct Work(Box<dyn FnOnce() -> ResponseActFuture<Owner, ()> + Send>);

impl Handler<Work> for Owner {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, Work(work): Work, _: &mut Self::Context) -> Self::Result {
        work()
    }
}

fn work<Fut: Future<Output = ()> + 'static>(future: impl FnOnce() -> Fut + Send + 'static) -> Work {
    Work(Box::new(move || Box::pin(fut::wrap_future::<_, Owner>(future())) as ResponseActFuture<Owner, ()>))
}

struct Rig {
    node: Node,
    tasks: TaskRef,
    heard: Arc<Mutex<Vec<ExitReason>>>,
}

impl Rig {
    fn owner(&self, traps: bool) -> (Ref<Owner>, Process) {
        let owner = self.node.spawn(Owner { traps, heard: Arc::clone(&self.heard) });
        let process = owner.process().expect("it runs");
        (owner, process)
    }

    async fn running(&self) -> usize {
        self.tasks.count_children().await.expect("it supervises").active
    }
}

fn run(supervisor: TaskSupervisor, test: impl AsyncFnOnce(Rig)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, async {
        let node = Node::builder().seed(1).build();
        let tasks = supervisor.start(&node).await.expect("it starts");
        test(Rig { node, tasks, heard: Arc::default() }).await;
    });
}

fn tasks() -> TaskSupervisor {
    TaskSupervisor::new("tasks")
}

async fn settle() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

/// OTP-206.
#[test]
fn a_task_gives_its_value_or_why_it_has_none() {
    run(tasks(), async |rig| {
        let mut task = rig.tasks.spawn_nolink(|| async { "value" }).await.expect("it starts");
        assert_eq!((&mut task).await, Ok("value"));
        assert_eq!(task.await, Err(ExitReason::NoProc), "it was given");
        // Made where it runs: it need not be `Send`.
        let local = rig.tasks.spawn_nolink(|| {
            let here = Rc::new(7);
            async move { *here }
        });
        assert_eq!(local.await.expect("it starts").await, Ok(7));
        let panics = rig.tasks.spawn_nolink(|| async { panic!("as asked") }).await.expect("it starts");
        let panics: Task<()> = panics;
        let reason = panics.await.expect_err("it has no value");
        assert!(
            matches!(&reason, ExitReason::Panicked { message, .. } if &**message == "as asked"),
            "{reason}"
        );
        let waits = rig.tasks.spawn_nolink(std::future::pending::<()>).await.expect("it starts");
        waits.process().kill();
        assert_eq!(waits.await, Err(ExitReason::Killed));
        settle().await;
        assert_eq!(rig.running().await, 0);
    });
}

/// OTP-204.
#[test]
fn a_linked_task_and_its_owner_end_together_and_an_unlinked_one_goes_on() {
    run(tasks(), async |rig| {
        for linked in [true, false] {
            // The owner ends: the linked task ends with it.
            let (owner, process) = rig.owner(false);
            let tasks = rig.tasks.clone();
            owner.cast(work(move || async move {
                let pending = std::future::pending::<()>;
                let task =
                    if linked { tasks.spawn(pending).await } else { tasks.spawn_nolink(pending).await };
                let _ = task.expect("it starts").await;
            }));
            settle().await;
            assert_eq!(rig.running().await, 1);
            let id = rig.tasks.tree().children[0].id.to_string();
            let expected = if linked { format!("task of {}", process.pid()) } else { "task".to_owned() };
            assert_eq!(id, expected, "a report says whose it is");
            process.kill();
            process.exited().await;
            settle().await;
            assert_eq!(rig.running().await, usize::from(!linked));
            for child in rig.tasks.tree().children {
                child.process.expect("it runs").kill();
            }
            settle().await;

            // The task crashes: its owner ends with it.
            let (owner, process) = rig.owner(false);
            let tasks = rig.tasks.clone();
            owner.cast(work(move || async move {
                let crash = || async { panic!("as asked") };
                let task = if linked { tasks.spawn(crash).await } else { tasks.spawn_nolink(crash).await };
                let _: Result<(), _> = task.expect("it starts").await;
            }));
            settle().await;
            assert_eq!(process.is_alive(), !linked);
        }
    });
}

/// OTP-204: `start_child` is linked to nobody and awaited by nobody.
#[test]
fn a_task_may_be_started_and_left_alone() {
    run(tasks(), async |rig| {
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        let pid = rig.tasks.start_child(move || async move {
            sleep(SECOND).await;
            count.fetch_add(1, Ordering::SeqCst);
        });
        let pid = pid.await.expect("it starts");
        sleep(2 * SECOND).await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
        assert_eq!(rig.tasks.terminate_child(pid).await, Err(ChildError::NotFound), "it has ended");
    });
}

/// OTP-205.
#[test]
fn no_more_tasks_run_than_are_allowed() {
    run(tasks().max_children(1), async |rig| {
        let first = rig.tasks.spawn_nolink(|| sleep(SECOND)).await.expect("there is room");
        let second = rig.tasks.spawn_nolink(|| sleep(SECOND)).await;
        assert_eq!(second.err(), Some(ChildError::MaxChildren));
        assert_eq!(rig.tasks.start_child(|| sleep(SECOND)).await.err(), Some(ChildError::MaxChildren));
        assert_eq!(first.await, Ok(()));
        settle().await;
        rig.tasks.spawn_nolink(|| sleep(SECOND)).await.expect("there is room again").await.expect("it ends");
    });
}

/// OTP-207.
#[test]
fn a_task_can_be_looked_after_again_and_again_and_be_stopped() {
    run(tasks(), async |rig| {
        let mut task = rig.tasks.spawn_nolink(|| async { sleep(3 * SECOND).await }).await.expect("it starts");
        assert_eq!(task.yield_within(SECOND).await, None);
        assert_eq!(task.yield_within(SECOND).await, None);
        assert_eq!(task.yield_within(2 * SECOND).await, Some(Ok(())));

        let mut waits = rig.tasks.spawn_nolink(std::future::pending::<()>).await.expect("it starts");
        assert_eq!(waits.shutdown(Shutdown::Timeout(SECOND)).await, None);
        assert_eq!(waits.process().exit_reason(), Some(ExitReason::Shutdown));
        assert_eq!(waits.shutdown(Shutdown::Brutal).await, Some(Err(ExitReason::NoProc)), "a second time");

        let mut done = rig.tasks.spawn_nolink(|| async { 7 }).await.expect("it starts");
        done.process().exited().await;
        assert_eq!(done.shutdown(Shutdown::Brutal).await, Some(Ok(7)), "it had its value");

        let mut dead = rig.tasks.spawn_nolink(std::future::pending::<()>).await.expect("it starts");
        dead.process().exit(ExitReason::failed("boom"));
        dead.process().exited().await;
        assert_eq!(dead.shutdown(Shutdown::Brutal).await, Some(Err(ExitReason::failed("boom"))));
    });
}

/// OTP-207: the owner does not notice.
#[test]
fn a_linked_task_that_is_stopped_does_not_take_its_owner_with_it() {
    run(tasks(), async |rig| {
        let (owner, process) = rig.owner(false);
        let tasks = rig.tasks.clone();
        owner
            .call(work(move || async move {
                let mut task = tasks.spawn(std::future::pending::<()>).await.expect("it starts");
                assert_eq!(task.shutdown(Shutdown::Brutal).await, None);
            }))
            .await
            .expect("the owner lives");
        assert!(process.is_alive());
    });
}

#[test]
fn a_task_whose_start_nobody_waits_for_does_not_run_on() {
    run(tasks(), async |rig| {
        // The supervisor is asked, and has not answered yet.
        let mut start = Box::pin(rig.tasks.spawn_nolink(std::future::pending::<()>));
        let asked = std::future::poll_fn(|cx| std::task::Poll::Ready(start.as_mut().poll(cx).is_ready()));
        assert!(!asked.await);
        drop(start);
        settle().await;
        assert_eq!(rig.running().await, 0);
    });
}

/// OTP-208.
#[test]
fn a_stream_keeps_the_order_of_its_items_and_its_bound() {
    for ordered in [true, false] {
        run(tasks(), async |rig| {
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (at_once, peak) = (Arc::clone(&now), Arc::clone(&most));
            let options = StreamOptions::default().max_concurrency(3);
            let options = if ordered { options } else { options.unordered() };
            let begun = Instant::now();
            let mut stream = rig.tasks.stream_nolink((1..=6).rev(), options, move |seconds: u32| {
                let (now, most) = (Arc::clone(&at_once), Arc::clone(&peak));
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    sleep(seconds * SECOND / 2).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    seconds
                }
            });
            assert_eq!(most.load(Ordering::SeqCst), 0, "nothing runs before it is polled");
            let mut results = Vec::new();
            while let Some(result) = stream.next().await {
                results.push(result.expect("none fails"));
            }
            assert_eq!(most.load(Ordering::SeqCst), 3);
            assert!(begun.elapsed() < 6 * SECOND);
            if ordered {
                assert_eq!(results, [6, 5, 4, 3, 2, 1]);
            } else {
                assert_ne!(results, [6, 5, 4, 3, 2, 1]);
                results.sort_unstable();
                assert_eq!(results, [1, 2, 3, 4, 5, 6]);
            }
            assert!(stream.next().await.is_none(), "and none after the last");
        });
    }
}

/// OTP-208: a crash is an element, a time-out ends the stream or kills the task.
#[test]
fn a_crash_is_an_element_and_a_task_that_takes_too_long_ends_the_stream_or_itself() {
    for on_timeout in [OnTimeout::End, OnTimeout::KillTask] {
        run(tasks(), async |rig| {
            let options = StreamOptions::default().max_concurrency(2).timeout(Some(2 * SECOND));
            let options = options.on_timeout(on_timeout);
            let mut stream = rig.tasks.stream_nolink([1, 0, 9, 1], options, |seconds| async move {
                assert!(seconds > 0, "nothing to do");
                sleep(seconds * SECOND).await;
            });
            assert_eq!(stream.next().await, Some(Ok(())));
            let crash = stream.next().await;
            assert!(matches!(crash, Some(Err(TaskError::Exit(ExitReason::Panicked { .. })))), "{crash:?}");
            assert_eq!(stream.next().await, Some(Err(TaskError::Timeout(2 * SECOND))));
            let last = (on_timeout == OnTimeout::KillTask).then_some(Ok(()));
            assert_eq!(stream.next().await, last);
            settle().await;
            assert_eq!(rig.running().await, 0);
        });
    }
}

/// OTP-208: unused tasks are stopped when the consumer leaves, and a linked one does not notice.
#[test]
fn the_tasks_of_a_stream_nobody_takes_from_any_more_are_killed() {
    run(tasks(), async |rig| {
        let (owner, process) = rig.owner(false);
        let tasks = rig.tasks.clone();
        owner
            .call(work(move || async move {
                let options = StreamOptions::default().max_concurrency(4);
                let mut stream =
                    tasks.stream([0, 100, 100, 100, 100], options, |seconds: u32| sleep(seconds * SECOND));
                assert_eq!(stream.next().await, Some(Ok(())));
            }))
            .await
            .expect("the owner lives");
        settle().await;
        assert_eq!(rig.running().await, 0);
        assert!(process.is_alive());
    });
}

/// OTP-208: linked, the crash of a task is its owner's; one that traps hears of it.
#[test]
fn the_crash_of_a_linked_streams_task_is_heard_by_its_owner() {
    run(tasks(), async |rig| {
        let (owner, _) = rig.owner(true);
        let tasks = rig.tasks.clone();
        owner
            .call(work(move || async move {
                let mut stream =
                    tasks.stream([1], StreamOptions::default(), |_| async { panic!("as asked") });
                let crash: Option<Result<(), _>> = stream.next().await;
                assert!(matches!(crash, Some(Err(TaskError::Exit(_)))));
            }))
            .await
            .expect("the owner lives");
        settle().await;
        assert!(matches!(&rig.heard.lock()[..], [ExitReason::Panicked { .. }]), "{:?}", rig.heard.lock());
    });
}

#[test]
fn tasks_on_another_thread_give_their_values_here() {
    System::new().block_on(async {
        let arbiter = Arbiter::new();
        let supervisor = TaskSupervisor::new("tasks").place(Place::Arbiter(arbiter.handle()));
        let tasks = supervisor.start(&Node::new()).await.expect("it starts");
        let there = tasks.spawn_nolink(|| async { std::thread::current().id() }).await.expect("it starts");
        assert_ne!(there.await, Ok(std::thread::current().id()));
        let options = StreamOptions::default().max_concurrency(8);
        let mut stream = tasks.stream_nolink(0..100_u64, options, |n| async move { n * n });
        let mut sum = 0;
        while let Some(result) = stream.next().await {
            sum += result.expect("none fails");
        }
        assert_eq!(sum, 328_350);
        // Left at whatever moment, none stays.
        for _ in 0..50 {
            let mut stream = tasks.stream_nolink(0..4, options, |_| std::future::pending::<()>());
            let _ = tokio::time::timeout(Duration::from_micros(50), stream.next()).await;
        }
        let gone = async {
            while tasks.count_children().await.expect("it supervises").workers > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.expect("all are killed");
        arbiter.stop();
        arbiter.join().expect("the thread ends well");
    });
}
