//! One actor, one process: its turns, its signals, its death.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::task::LocalSet;

use crate::{CallError, ContextExt, Down, ExitReason, Node, this_process};

/// What an actor of these tests saw, in order.
type Log = Rc<RefCell<Vec<String>>>;

struct Worker {
    log: Log,
    veto: bool,
}

impl Worker {
    fn new(log: &Log) -> Self {
        Self { log: Rc::clone(log), veto: false }
    }

    fn say(&self, what: &str) {
        self.log.borrow_mut().push(what.to_owned());
    }
}

impl Actor for Worker {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.say("started");
    }

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        self.say("stopping");
        if self.veto { Running::Continue } else { Running::Stop }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.say("stopped");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.say("dropped");
    }
}

#[derive(Message)]
#[rtype(result = "u32")]
struct Echo(u32);

impl Handler<Echo> for Worker {
    type Result = u32;

    fn handle(&mut self, Echo(value): Echo, _: &mut Self::Context) -> u32 {
        self.say(&format!("echo {value}"));
        value
    }
}

#[derive(Message)]
#[rtype(result = "u32")]
enum Do {
    Panic,
    Exit(ExitReason),
    Nap,
    ForgetToAnswer,
    AskThenEnd,
}

impl Handler<Do> for Worker {
    type Result = ResponseActFuture<Self, u32>;

    fn handle(&mut self, what: Do, ctx: &mut Self::Context) -> Self::Result {
        match what {
            Do::Panic => panic!("as asked"),
            Do::Exit(reason) => ctx.exit(reason),
            Do::Nap => {
                let nap = tokio::time::sleep(Duration::from_secs(3600));
                return Box::pin(nap.into_actor(self).map(|(), _, _| 1));
            }
            Do::ForgetToAnswer | Do::AskThenEnd => {}
        }
        Box::pin(std::future::pending().into_actor(self))
    }
}

impl Handler<Down> for Worker {
    type Result = ();

    fn handle(&mut self, down: Down, _: &mut Self::Context) {
        self.say(&format!("down: {}", down.reason));
    }
}

/// Runs a test on a clock that stands still unless everybody sleeps.
fn run<T>(test: impl AsyncFnOnce(Node, Log) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    let log = Log::default();
    LocalSet::new().block_on(&runtime, async { test(Node::builder().seed(1).build(), log).await })
}

fn seen(log: &Log) -> Vec<String> {
    log.borrow().clone()
}

#[test]
fn mail_is_handled_in_sending_order_and_calls_are_answered() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        worker.cast(Echo(1));
        let two = worker.call(Echo(2));
        worker.cast(Echo(3));
        assert_eq!(two.await, Ok(2));
        assert_eq!(seen(&log), ["started", "echo 1", "echo 2", "echo 3"]);
    });
}

#[test]
fn an_actor_lives_on_though_nobody_holds_it() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        let process = worker.process().expect("it runs");
        drop(worker);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(process.is_alive());
    });
}

/// OTP-147.
#[test]
fn a_panic_is_an_exit_reason_with_message_and_place() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        let process = worker.process().expect("it runs");
        let answer = worker.call(Do::Panic).await;
        let reason = process.exited().await;
        assert_eq!(answer, Err(CallError::Exit(reason.clone())));
        let ExitReason::Panicked { message, place } = reason else { panic!("{reason}") };
        assert_eq!(&*message, "as asked");
        assert!(place.expect("the hook saw it").contains("process/tests.rs:"));
        assert_eq!(seen(&log), ["started", "dropped"], "no code of a crashed actor runs but its destructor");
    });
}

#[test]
fn otp_166_mail_to_the_dead_is_lost_and_a_call_says_so() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        let process = worker.process().expect("it runs");
        process.kill();
        worker.cast(Echo(1));
        assert_eq!(process.exited().await, ExitReason::Killed);
        assert_eq!(worker.call(Echo(2)).await, Err(CallError::NoProc));
        assert_eq!(worker.try_cast(Echo(3)), Err(CallError::NoProc));
        assert_eq!(seen(&log), ["dropped"], "killed before its first turn, it never starts");
    });
}

/// OTP-157: nothing of it runs but what drops it.
#[test]
fn otp_149_a_kill_ends_an_actor_that_waits() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        let answer = worker.call(Do::Nap).forever();
        tokio::task::yield_now().await;
        worker.kill();
        assert_eq!(answer.await, Err(CallError::Exit(ExitReason::Killed)));
        assert_eq!(seen(&log), ["started", "dropped"]);
    });
}

/// OTP-157: mail that had arrived before is not handled any more.
#[test]
fn a_signal_is_looked_at_before_each_message() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        assert_eq!(worker.call(Echo(0)).await, Ok(0));
        let process = worker.process().expect("it runs");
        worker.cast(Echo(1));
        process.exit(ExitReason::failed("enough"));
        worker.cast(Echo(2));
        assert_eq!(process.exited().await, ExitReason::failed("enough"));
        assert_eq!(seen(&log), ["started", "echo 0", "dropped"]);
    });
}

#[test]
fn otp_152_an_exit_signal_normal_from_outside_does_nothing() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        worker.process().expect("it runs").exit(ExitReason::Normal);
        assert_eq!(worker.call(Echo(1)).await, Ok(1));
    });
}

#[test]
fn a_stop_runs_stopping_and_stopped_and_says_shutdown() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        assert_eq!(worker.call(Echo(1)).await, Ok(1));
        let process = worker.process().expect("it runs");
        process.stop();
        assert_eq!(process.exited().await, ExitReason::Shutdown);
        assert_eq!(seen(&log), ["started", "echo 1", "stopping", "stopped", "dropped"]);
    });
}

#[test]
fn a_stop_that_is_vetoed_leaves_the_actor_alive_until_it_is_killed() {
    run(async |node, log| {
        let worker = node.spawn(Worker { log: Rc::clone(&log), veto: true });
        let process = worker.process().expect("it runs");
        process.stop();
        assert_eq!(worker.call(Echo(1)).await, Ok(1));
        process.kill();
        assert_eq!(process.exited().await, ExitReason::Killed);
    });
}

#[test]
fn otp_099_a_stop_and_a_kill_right_behind_it_let_an_obedient_actor_say_shutdown() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        assert_eq!(worker.call(Echo(1)).await, Ok(1));
        let process = worker.process().expect("it runs");
        process.stop();
        process.kill();
        assert_eq!(process.exited().await, ExitReason::Shutdown);
    });
}

/// OTP-147.
#[test]
fn an_actor_ends_itself_with_a_reason() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        let process = worker.process().expect("it runs");
        worker.cast(Do::Exit(ExitReason::failed("no work")));
        assert_eq!(process.exited().await, ExitReason::failed("no work"));
        assert_eq!(seen(&log), ["started", "stopping", "stopped", "dropped"]);
    });
}

#[test]
fn otp_160_161_each_monitor_gives_one_down_and_the_dead_are_noproc() {
    run(async |node, log| {
        let mourner = node.spawn(Worker::new(&log));
        let worker = node.spawn(Worker::new(&Log::default()));
        let process = worker.process().expect("it runs");
        process.monitor(&mourner);
        process.monitor(&mourner);
        let third = process.monitor(&mourner);
        assert!(third.demonitor(), "it had not fired");
        worker.kill();
        process.exited().await;
        process.monitor(&mourner);
        assert_eq!(mourner.call(Echo(0)).await, Ok(0));
        assert_eq!(
            seen(&log),
            ["started", "down: killed", "down: killed", "down: no such process", "echo 0"]
        );
    });
}

#[test]
fn otp_187_a_name_is_free_when_the_death_is_heard_of() {
    run(async |node, log| {
        for _ in 0..100 {
            let worker = node.spawn_named("poet", Worker::new(&log)).expect("the name is free");
            let process = worker.process().expect("it runs");
            assert!(node.spawn_named("poet", Worker::new(&log)).is_err(), "the name is taken");
            let node_at_death = node.clone();
            process.0.control().watch(Box::new(move |_, _| assert!(node_at_death.whereis("poet").is_none())));
            worker.kill();
            process.exited().await;
        }
    });
}

#[test]
fn a_named_ref_follows_the_name() {
    run(async |node, log| {
        let poet = node.named::<Worker>("poet").expect("the name is free");
        assert_eq!(poet.call(Echo(1)).await, Err(CallError::NoProc));
        node.spawn_named("poet", Worker::new(&log)).expect("the name is free");
        assert_eq!(poet.call(Echo(2)).await, Ok(2));
        let first = poet.process().expect("it runs");
        first.kill();
        first.exited().await;
        assert_eq!(poet.call(Echo(3)).await, Err(CallError::NoProc));
        node.spawn_named("poet", Worker::new(&log)).expect("the name is free");
        assert_eq!(poet.call(Echo(4)).await, Ok(4));
        assert!(node.named::<Other>("poet").is_err(), "a name has one type");
    });
}

struct Other;
impl Actor for Other {
    type Context = Context<Self>;
}

#[test]
fn otp_169_a_call_times_out_after_its_limit_and_never_before() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        for (call, limit) in [
            (worker.call(Do::Nap), Duration::from_secs(5)),
            (worker.call(Do::Nap).within(Duration::from_millis(7)), Duration::from_millis(7)),
        ] {
            let before = node.now();
            assert_eq!(call.await, Err(CallError::Timeout(limit)));
            let waited = node.now() - before;
            assert!(waited >= limit && waited <= limit + Duration::from_millis(4), "{waited:?}");
        }
        assert_eq!(worker.call(Do::Nap).forever().await, Ok(1), "and without a limit it waits an hour");
    });
}

#[test]
fn a_call_that_will_never_be_answered_ends_when_the_callee_does() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        let call = worker.call(Do::ForgetToAnswer).forever();
        let process = worker.process().expect("it runs");
        let (answer, ()) = tokio::join!(call, async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            process.stop();
        });
        assert_eq!(answer, Err(CallError::Exit(ExitReason::Shutdown)));
    });
}

#[test]
fn waiting_calls_do_not_make_an_idle_clock_tick() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        let _waiting = tokio::task::spawn_local(worker.call(Do::AskThenEnd).forever());
        tokio::time::sleep(Duration::from_millis(10)).await;
        // The tick has stopped by now: with a clock that only moves when all sleep, nothing runs until the hour ends.
        let metrics = tokio::runtime::Handle::current().metrics();
        assert_eq!(metrics.num_alive_tasks(), 0, "no task of the runtime's own ticks");
        assert!(node.pending_calls().enter(std::task::Waker::noop()).is_some());
    });
}

#[test]
fn a_full_mailbox_refuses_and_says_so() {
    run(async |node, _| {
        let cell = super::Cell::<Worker>::new(node.clone(), 2);
        let slot = crate::reference::Slot::new();
        slot.fill(&cell).expect("the slot is new");
        let worker = crate::Ref::new(slot);
        assert_eq!(worker.try_cast(Echo(1)), Ok(()));
        assert_eq!(worker.try_cast(Echo(2)), Ok(()));
        assert_eq!(worker.try_cast(Echo(3)), Err(CallError::Overloaded));
        assert_eq!(worker.call(Echo(4)).await, Err(CallError::Overloaded));
    });
}

#[test]
fn a_process_whose_runtime_goes_ends_without_running_its_actor() {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let set = LocalSet::new();
    let process = set.block_on(&runtime, async {
        let worker = Node::new().spawn(Worker::new(&log));
        assert_eq!(worker.call(Echo(1)).await, Ok(1));
        worker.process().expect("it runs")
    });
    drop(set);
    assert_eq!(process.exit_reason(), Some(ExitReason::Killed));
    assert_eq!(seen(&log), ["started", "echo 1", "dropped"]);
}

#[test]
fn a_flood_of_mail_leaves_timers_their_turn_and_can_be_stopped() {
    struct Flood(Option<crate::Ref<Flood>>, Arc<std::sync::atomic::AtomicU64>);
    impl Actor for Flood {
        type Context = Context<Self>;
    }
    impl Handler<Echo> for Flood {
        type Result = u32;
        fn handle(&mut self, Echo(value): Echo, _: &mut Self::Context) -> u32 {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if let Some(me) = &self.0 {
                me.cast(Echo(value));
            }
            value
        }
    }
    run(async |node, _| {
        let me = node.named::<Flood>("flood").expect("the name is free");
        let count = Arc::default();
        let flood = node.spawn_named("flood", Flood(Some(me), Arc::clone(&count))).expect("the name is free");
        flood.cast(Echo(0));
        let process = flood.process().expect("it runs");
        while count.load(std::sync::atomic::Ordering::Relaxed) < 10_000 {
            tokio::task::yield_now().await;
        }
        process.stop();
        assert_eq!(process.exited().await, ExitReason::Shutdown);
    });
}

#[test]
fn two_nodes_do_not_see_each_other() {
    run(async |node, log| {
        let other = Node::builder().seed(2).build();
        node.spawn_named("poet", Worker::new(&log)).expect("the name is free");
        assert!(other.whereis("poet").is_none());
        other.spawn_named("poet", Worker::new(&log)).expect("the name is free there");
        assert_eq!(node.registered().len(), 1);
    });
}

#[test]
fn a_process_knows_itself_only_in_its_own_turn() {
    struct Who(Rc<RefCell<Vec<crate::Pid>>>);
    impl Actor for Who {
        type Context = Context<Self>;
        fn started(&mut self, _: &mut Self::Context) {
            self.0.borrow_mut().extend(this_process().map(|process| process.pid()));
        }
    }
    impl Drop for Who {
        fn drop(&mut self) {
            self.0.borrow_mut().extend(this_process().map(|process| process.pid()));
        }
    }
    run(async |node, _| {
        let pids = Rc::default();
        let who = node.spawn(Who(Rc::clone(&pids)));
        let process = who.process().expect("it runs");
        tokio::task::yield_now().await;
        process.stop();
        process.exited().await;
        assert_eq!(*pids.borrow(), [process.pid(), process.pid()]);
        assert!(this_process().is_none());
    });
}

/// What an idle child costs is mostly this: three allocations. A million of them is what a program may want.
#[test]
fn an_idle_process_is_no_larger_than_it_was() {
    use super::{Cell, ProcessFuture};
    // With its mailbox, its statistics, and what a supervisor must know of it.
    assert!(size_of::<Cell<Worker>>() <= 248, "{}", size_of::<Cell<Worker>>());
    assert!(size_of::<ProcessFuture<Worker>>() <= 376, "{}", size_of::<ProcessFuture<Worker>>());
}

#[test]
fn what_waits_grows_old_by_the_clock_of_the_node_also_while_its_reader_is_suspended() {
    run(async |node, log| {
        let worker = node.spawn(Worker::new(&log));
        worker.call(Echo(0)).await.expect("it answers");
        let process = worker.process().expect("it runs");
        process.suspend();
        worker.cast(Echo(1));
        tokio::time::sleep(Duration::from_secs(3)).await;
        worker.cast(Echo(2));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let seen = process.statistics();
        assert_eq!((seen.mailbox_len, seen.oldest, seen.handled), (2, Some(Duration::from_millis(3500)), 1));
        assert_eq!((seen.suspended, seen.busy), (true, Duration::ZERO));
        process.resume();
        worker.call(Echo(3)).await.expect("it answers again");
        tokio::task::yield_now().await;
        let seen = process.statistics();
        assert_eq!((seen.mailbox_len, seen.oldest, seen.handled, seen.suspended), (0, None, 4, false));
    });
}
