//! Each fault at each place, and that it befalls nobody else.

use actix::prelude::*;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::*;
use crate::supervisor::{ChildSpec, Supervisor, SupervisorRef};
use crate::{CallError, Ref};

/// Counts its questions, and passes a point on its way to each answer.
#[derive(Default)]
struct Worker {
    node: Option<Node>,
    asked: u32,
}

impl Actor for Worker {
    type Context = Context<Self>;
}

/// Asks for the number of questions.
#[derive(Message)]
#[rtype(result = "u32")]
struct Ask;

/// The same, answered by a future.
#[derive(Message)]
#[rtype(result = "u32")]
struct AskLater;

impl Handler<Ask> for Worker {
    type Result = u32;

    fn handle(&mut self, _: Ask, _: &mut Self::Context) -> u32 {
        self.asked += 1;
        self.node.iter().for_each(|node| node.fault_point("asked"));
        self.asked
    }
}

impl Handler<AskLater> for Worker {
    type Result = ResponseActFuture<Self, u32>;

    fn handle(&mut self, _: AskLater, _: &mut Self::Context) -> Self::Result {
        let node = self.node.clone().expect("it is a child of a node");
        let passed = async move { node.fault_point_async("asked later").await };
        Box::pin(passed.into_actor(self).map(|(), this, _| {
            this.asked += 1;
            this.asked
        }))
    }
}

struct Rig {
    node: Node,
    root: SupervisorRef,
    one: Ref<Worker>,
    two: Ref<Worker>,
}

/// Two workers, `one` and `two`, under `all`, with intensity enough for everything here, and a clock that stands still.
fn run<T>(test: impl AsyncFnOnce(Rig) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.unwrap(), async {
        let node = Node::builder().seed(1).build();
        let worker = |id: &str| {
            let node = node.clone();
            ChildSpec::new(id, move || Worker { node: Some(node.clone()), asked: 0 })
        };
        let (one, two) = (worker("one"), worker("two"));
        let (first, second) = (one.reference(), two.reference());
        let all = Supervisor::new("all").intensity(20, Duration::from_secs(5)).child(one).child(two);
        let root = Supervisor::new("root").child(all).start(&node).await.unwrap();
        test(Rig { node, root, one: first, two: second }).await
    })
}

/// Asks whoever runs as `worker` until somebody answers.
async fn answer(worker: &Ref<Worker>) -> u32 {
    for _ in 0..10_000 {
        if let Ok(answer) = worker.call(Ask).await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("nobody comes back");
}

fn ends(reason: &ExitReason) -> Result<u32, CallError> {
    Err(CallError::Exit(reason.clone()))
}

fn is_planned(answer: &Result<u32, CallError>) -> bool {
    matches!(answer, Err(CallError::Exit(ExitReason::Panicked { message, .. })) if **message == *MESSAGE)
}

#[test]
fn a_panic_at_the_third_message_strikes_at_the_third_and_its_next_life_lives() {
    run(async |rig| {
        let guard = rig.node.arm(Fault::new("all/one", When::Message(3), Effect::Panic));
        assert_eq!((rig.one.call(Ask).await, rig.one.call(Ask).await), (Ok(1), Ok(2)));
        assert_eq!(guard.struck(), 0);
        assert!(is_planned(&rig.one.call(Ask).await), "the third is never handled");
        assert_eq!(guard.struck(), 1);
        let answers = [answer(&rig.one).await, answer(&rig.one).await, answer(&rig.one).await];
        assert_eq!(answers, [1, 2, 3], "once means once");
        assert_eq!(answer(&rig.two).await, 1, "its sibling noticed nothing");
    });
}

#[test]
fn a_panic_at_a_named_point_strikes_there_in_a_handler_and_in_a_future() {
    run(async |rig| {
        let _later = rig.node.arm(Fault::new("all/one", When::Point("asked later"), Effect::Panic));
        assert_eq!(rig.one.call(Ask).await, Ok(1), "another point");
        assert!(is_planned(&rig.one.call(AskLater).await));
        assert_eq!(answer(&rig.one).await, 1);
        let _at_once = rig.node.arm(Fault::new("**/one", When::Point("asked"), Effect::Panic));
        assert!(is_planned(&rig.one.call(Ask).await));
    });
}

#[test]
fn a_kill_and_an_exit_end_it_with_their_reasons_at_a_message_and_at_a_point() {
    let reason = ExitReason::failed("bored");
    let effects = [(Effect::Kill, ExitReason::Killed), (Effect::Exit(reason.clone()), reason)];
    for (effect, reason) in effects {
        run(async |rig| {
            for when in [When::Message(1), When::Point("asked later")] {
                let guard = rig.node.arm(Fault::new("all/one", when, effect.clone()));
                assert_eq!(rig.one.call(AskLater).await, ends(&reason), "{guard:?}");
                answer(&rig.one).await;
            }
            // A handler cannot be left: it ends with its turn, and its answer has gone out by then.
            let _guard = rig.node.arm(Fault::new("all/one", When::Point("asked"), effect.clone()));
            let before = rig.one.process().unwrap();
            rig.one.cast(Ask);
            assert_eq!(before.exited().await, reason);
            assert_eq!(answer(&rig.one).await, 1, "a new life");
        });
    }
}

#[test]
fn a_slow_handler_keeps_its_own_mail_waiting_and_nobody_elses() {
    run(async |rig| {
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        let _guard = rig.node.arm(Fault::new("all/one", When::Message(1), Effect::Slow(second)).times(2));
        let (first, next) = (rig.one.call(Ask), rig.one.call(Ask));
        assert_eq!((rig.two.call(Ask).await, began.elapsed()), (Ok(1), Duration::ZERO));
        assert_eq!((first.await, began.elapsed() >= second), (Ok(1), true));
        assert_eq!((next.await, began.elapsed() >= 2 * second), (Ok(2), true));
        let now = began.elapsed();
        assert_eq!((rig.one.call(Ask).await, began.elapsed()), (Ok(3), now), "twice means twice");
        let _later = rig.node.arm(Fault::new("all/one", When::Point("asked later"), Effect::Slow(second)));
        assert_eq!((rig.one.call(AskLater).await, began.elapsed() >= now + second), (Ok(4), true));
    });
}

#[test]
fn a_slow_process_can_be_killed_and_one_whose_fault_is_lifted_goes_on_at_once() {
    run(async |rig| {
        let (began, long) = (Instant::now(), Duration::from_secs(3600));
        let guard = rig.node.arm(Fault::new("all/one", When::Message(1), Effect::Slow(long)).times(2));
        let asked = rig.one.call(Ask).forever();
        tokio::task::yield_now().await;
        rig.one.kill();
        assert_eq!(asked.await, ends(&ExitReason::Killed));
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let asked = rig.one.call(Ask).forever();
        tokio::task::yield_now().await;
        assert_eq!(guard.struck(), 2);
        drop(guard);
        assert_eq!((asked.await, began.elapsed() < long), (Ok(1), true));
    });
}

#[test]
fn a_blocked_thread_blocks_everybody_on_it_until_its_time_is_over_or_the_fault_is_lifted() {
    run(async |rig| {
        let time = Duration::from_millis(30);
        let guard = rig.node.arm(Fault::new("all/one", When::Message(1), Effect::Block(time)));
        assert_eq!((rig.one.call(Ask).await, guard.struck()), (Ok(1), 1));
        // For ever, but for the other thread.
        let long = Fault::new("all/one", When::Point("asked"), Effect::Block(Duration::from_secs(3600)));
        let guard = rig.node.arm(long);
        let lifter = std::thread::spawn(move || {
            while guard.struck() == 0 {
                std::thread::yield_now();
            }
        });
        assert_eq!(rig.one.call(Ask).await, Ok(2));
        lifter.join().unwrap();
    });
}

#[test]
fn a_start_that_fails_three_times_succeeds_the_fourth() {
    let reason = ExitReason::failed("no room");
    for effect in [Effect::Exit(reason), Effect::Kill, Effect::Panic] {
        run(async |rig| {
            let guard = rig.node.arm(Fault::new("all/one", When::Start, effect.clone()).times(3));
            rig.one.kill();
            assert_eq!(answer(&rig.one).await, 1);
            assert_eq!(guard.struck(), 3);
            let tree = rig.root.tree();
            assert_eq!(tree.find("all/one").unwrap().restarts, 4, "three failed and one that did not");
            assert_eq!(tree.find("all/two").unwrap().restarts, 0);
        });
    }
}

#[test]
fn a_supervisor_whose_start_fails_too_often_is_given_up() {
    run(async |rig| {
        let _guard = rig.node.arm(Fault::new("all", When::Start, Effect::Kill).times(9));
        let (root, all) = (rig.root.process().unwrap(), rig.root.tree().find("all").unwrap().process.clone());
        all.unwrap().kill();
        assert_eq!(root.exited().await, ExitReason::Shutdown, "one restart in 5 s is all a root allows");
    });
}

#[test]
fn a_slow_start_is_over_later_and_a_blocked_one_too() {
    run(async |rig| {
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        let slow = rig.node.arm(Fault::new("all/one", When::Start, Effect::Slow(second)));
        rig.one.kill();
        assert_eq!((answer(&rig.one).await, began.elapsed() >= second), (1, true));
        let block = Effect::Block(Duration::from_millis(1));
        let blocked = rig.node.arm(Fault::new("all/one", When::Start, block));
        rig.one.kill();
        assert_eq!((answer(&rig.one).await, slow.struck(), blocked.struck()), (1, 1, 1));
    });
}

#[test]
fn a_fault_that_was_lifted_or_is_another_nodes_strikes_nobody() {
    run(async |rig| {
        let fault = || Fault::new("**", When::Message(1), Effect::Panic).times(u32::MAX);
        let guard = rig.node.arm(fault());
        drop(guard);
        assert!(!rig.node.points().is_armed(), "and costs nothing any more");
        let other = Node::builder().seed(2).build();
        let elsewhere = other.arm(fault());
        assert_eq!((answer(&rig.one).await, answer(&rig.two).await), (1, 1));
        let stranger = other.spawn(Worker::default());
        assert!(is_planned(&stranger.call(Ask).await), "nobody's child is in `**`");
        assert_eq!(elsewhere.struck(), 1);
    });
}

#[test]
fn a_fault_that_is_used_up_costs_nothing_any_more_and_of_two_the_first_strikes() {
    run(async |rig| {
        let first = rig.node.arm(Fault::new("all/*", When::Message(2), Effect::Kill));
        let second = rig.node.arm(Fault::new("*/*", When::Message(2), Effect::Panic));
        assert_eq!((rig.one.call(Ask).await, rig.two.call(Ask).await), (Ok(1), ends(&ExitReason::Killed)));
        assert_eq!((first.struck(), second.struck()), (1, 0));
        assert!(is_planned(&rig.one.call(Ask).await));
        assert!(!rig.node.points().is_armed());
    });
}

#[test]
fn what_strikes_is_told_before_what_comes_of_it() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&log);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.unwrap(), async {
        let node = Node::builder().on_event(move |_, event| sink.lock().push(event.to_string())).build();
        let worker = ChildSpec::new("worker", Worker::default);
        let reference = worker.reference();
        let _root = Supervisor::new("root")
            .intensity(5, Duration::from_secs(5))
            .child(worker)
            .start(&node)
            .await
            .unwrap();
        let _guard = node.arm(Fault::new("worker", When::Message(1), Effect::Kill));
        assert_eq!(reference.call(Ask).await, ends(&ExitReason::Killed));
        answer(&reference).await;
        let told = log.lock().clone();
        let at = |text: &str| told.iter().position(|line| line.contains(text)).expect(text);
        assert!(at("FAULT: kill at message 1 of worker") < at("exited: killed"), "{told:?}");
        node.mark_killed();
        reference.kill();
        answer(&reference).await;
        assert_eq!(log.lock().len(), told.len(), "a program that was killed says nothing");
    });
}

/// Passes a point while it starts.
struct Starter(Node);

impl Actor for Starter {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.0.fault_point("starting");
    }
}

#[test]
fn a_point_in_started_knows_where_it_is_and_fails_the_start() {
    run(async |rig| {
        let node = rig.node.clone();
        let _guard = rig.node.arm(Fault::new("late", When::Point("starting"), Effect::Panic));
        let late = || {
            let node = node.clone();
            ChildSpec::new("late", move || Starter(node.clone()))
        };
        assert!(rig.root.start_child(late()).await.is_err());
        assert!(rig.root.start_child(late()).await.is_ok());
    });
}
