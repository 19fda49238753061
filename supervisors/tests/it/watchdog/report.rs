//! What the watchdog says.

use std::future::poll_fn;
use std::pin::Pin;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;
use std::time::Duration;

use actix::prelude::*;
use supervisors::supervisor::{ChildSpec, Supervisor};
use supervisors::{CallError, Event, ExitReason, Node, Place, Ref, Watchdog, WhenStuck};

use super::{Block, Blocker, DEADLINE, LIMIT, Where, is_stuck, node, tree, until};
use crate::stage::{life, stop};

#[test]
fn an_actor_that_blocks_its_thread_is_named_while_it_does() {
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Report, |node| node);
        let spec = ChildSpec::new("blocker", || Blocker);
        let child = spec.reference();
        let root = tree(&node, vec![spec.into()]).await;
        // On this very thread: the turn ends because it was said that it does not.
        let answer = child.call(Block(ear.until(is_stuck))).await;
        assert_eq!(answer, Ok("heard".len()));
        let Event::Stuck { who, lasting, response, thread } = ear.first(is_stuck).await else {
            unreachable!()
        };
        assert_eq!(who.pid, Some(life(&child).pid()));
        assert_eq!(who.path.expect("a child").to_string(), "blocker");
        assert!(who.actor.is_some_and(|actor| actor.ends_with("Blocker")), "{:?}", who.actor);
        assert!(lasting >= LIMIT / 8 * 6, "{lasting:?}");
        assert_eq!(response, WhenStuck::Report);
        assert!(thread.contains("an_actor_that_blocks_its_thread"), "{thread}");
        // It was busy meanwhile, and that is said of it.
        let statistics = life(&child).statistics();
        assert!(statistics.busy >= LIMIT / 2, "{statistics:?}");
        assert!(root.tree().to_string().contains("busy for"), "{}", root.tree());
        stop(&root).await;
    });
}

#[test]
fn a_process_without_a_supervisor_is_named_too() {
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Report, |node| node);
        let stray = node.spawn(Blocker);
        stray.call(Block(ear.until(is_stuck))).await.expect("it ends");
        let Event::Stuck { who, .. } = ear.first(is_stuck).await else { unreachable!() };
        assert_eq!((who.pid, who.path), (Some(life(&stray).pid()), None));
        assert!(who.actor.is_some_and(|actor| actor.ends_with("Blocker")));
    });
}

/// Starts again and again within its own turn, past any mailbox of ours.
struct Flooder {
    stop: Receiver<&'static str>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Again;

impl Actor for Flooder {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.notify(Again);
    }
}

impl Handler<Again> for Flooder {
    type Result = ();

    fn handle(&mut self, Again: Again, ctx: &mut Self::Context) {
        if self.stop.try_recv().is_err() {
            ctx.notify(Again);
        }
    }
}

#[test]
fn an_actor_that_floods_itself_past_its_mailbox_is_named() {
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Report, |node| node);
        let stop = ear.until(is_stuck);
        let flooder = node.spawn(Flooder { stop });
        let Event::Stuck { who, .. } = ear.first(is_stuck).await else { unreachable!() };
        assert_eq!(who.pid, Some(life(&flooder).pid()));
    });
}

#[test]
fn a_child_whose_start_blocks_its_supervisor_is_named() {
    struct Slow(Option<Receiver<&'static str>>);
    impl Actor for Slow {
        type Context = Context<Self>;
        fn started(&mut self, _: &mut Self::Context) {
            let _ = self.0.take().map(|word| word.recv());
        }
    }
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Report, |node| node);
        let word = parking_lot::Mutex::new(Some(ear.until(is_stuck)));
        let root = tree(&node, vec![ChildSpec::new("slow", move || Slow(word.lock().take())).into()]).await;
        let Event::Stuck { who, .. } = ear.first(is_stuck).await else { unreachable!() };
        assert_eq!(who.path.expect("a child").to_string(), "slow");
        stop(&root).await;
    });
}

/// Asks the next one, and handles nothing until it has answered.
struct Asker {
    next: std::rc::Rc<std::cell::OnceCell<Ref<Asker>>>,
}

impl Actor for Asker {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "Result<(), CallError>")]
struct Ask;

impl Handler<Ask> for Asker {
    type Result = AtomicResponse<Self, Result<(), CallError>>;

    fn handle(&mut self, Ask: Ask, _: &mut Self::Context) -> Self::Result {
        let next = self.next.get().expect("it has a next").clone();
        let asked = async move { next.call(Ask).within(LIMIT * 8).await.and_then(|answer| answer) };
        AtomicResponse::new(Box::pin(asked.into_actor(self)))
    }
}

#[test]
fn a_circle_of_calls_is_told_once_with_all_who_are_in_it() {
    fn is_circle(event: &Event) -> bool {
        matches!(event, Event::CallCycle { .. })
    }
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Report, |node| node);
        let next: [std::rc::Rc<std::cell::OnceCell<_>>; 3] = Default::default();
        let askers: Vec<_> =
            next.iter().map(|next| node.spawn(Asker { next: std::rc::Rc::clone(next) })).collect();
        // The second and third ask each other; the first asks into the circle and is not in it.
        for (number, to) in [1, 2, 1].into_iter().enumerate() {
            assert!(next[number].set(askers[to].clone()).is_ok());
        }
        assert!(matches!(askers[0].call(Ask).within(LIMIT * 16).await, Ok(Err(CallError::Timeout(_)))));
        let circles: Vec<_> = ear.events().into_iter().filter(is_circle).collect();
        let [Event::CallCycle { calls }] = &circles[..] else { panic!("{circles:?}") };
        let pids: Vec<_> = calls.iter().map(|who| who.pid).collect();
        assert_eq!(pids, [1, 2].map(|number| Some(life(&askers[number]).pid())));
    });
}

#[test]
fn calls_of_one_thread_time_out_while_another_is_stuck() {
    System::new().block_on(async {
        // No watchdog helps.
        let (node, _) = node(WhenStuck::Report, |node| node.watchdog(Watchdog::off()));
        let far = ChildSpec::new("far", || Blocker).place(Place::Pinned(0));
        let near = ChildSpec::new("near", || Mute);
        let (far_ref, near_ref) = (far.reference(), near.reference());
        let root = tree(&node, vec![far.into(), near.into()]).await;
        // The stuck thread has a call under way, whose tick it keeps.
        let (release, word) = channel();
        let (tell, told) = channel();
        far_ref.cast(Relay { mute: near_ref.clone(), waits: tell, word });
        until(|| told.try_recv().is_ok()).await;
        let limit = Duration::from_millis(20);
        let late = tokio::time::timeout(DEADLINE, near_ref.call(Mumble).within(limit)).await;
        assert_eq!(late.expect("time goes on"), Err(CallError::Timeout(limit)));
        drop(release);
        stop(&root).await;
    });
}

/// Never answers.
struct Mute;

impl Actor for Mute {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "()")]
struct Mumble;

impl Handler<Mumble> for Mute {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, Mumble: Mumble, _: &mut Self::Context) -> Self::Result {
        Box::pin(std::future::pending().into_actor(self))
    }
}

/// Calls somebody who never answers, and blocks the thread once that call waits.
#[derive(Message)]
#[rtype(result = "()")]
struct Relay {
    mute: Ref<Mute>,
    waits: Sender<()>,
    word: Receiver<()>,
}

impl Handler<Relay> for Blocker {
    type Result = ();

    fn handle(&mut self, Relay { mute, waits, word }: Relay, ctx: &mut Self::Context) {
        let asks = async move {
            let mut call = mute.call(Mumble);
            // It waits, with the tick of its thread, from the second look on.
            for _ in 0..2 {
                poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx).is_pending())).await;
            }
            let _ = waits.send(());
            let _ = word.recv();
        };
        ctx.spawn(asks.into_actor(self));
    }
}

#[test]
fn nothing_is_said_of_turns_that_end_however_many_there_are() {
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Report, |node| node);
        let worker = node.spawn(Blocker);
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < LIMIT * 3 {
            worker.call(Where).await.expect("it answers");
        }
        assert!(!ear.events().iter().any(is_stuck), "{:?}", ear.events());
    });
}

#[test]
fn without_a_watchdog_nothing_is_said_and_no_ages_are_told() {
    System::new().block_on(async {
        let node = Node::builder().watchdog(Watchdog::off()).build();
        let worker = node.spawn(Blocker);
        life(&worker).suspend();
        worker.cast(Where);
        let statistics = life(&worker).statistics();
        assert_eq!((statistics.mailbox_len, statistics.oldest, statistics.suspended), (1, None, true));
    });
}

#[test]
fn the_age_of_waiting_mail_is_told_by_the_watchdogs_looks() {
    System::new().block_on(async {
        let (node, _) = node(WhenStuck::Report, |node| node);
        let worker = node.spawn(Blocker);
        life(&worker).suspend();
        worker.cast(Where);
        until(|| life(&worker).statistics().oldest.is_some_and(|age| age >= LIMIT)).await;
        life(&worker).resume();
        until(|| life(&worker).statistics().handled == 1).await;
        assert_eq!(life(&worker).statistics().oldest, None);
    });
}

/// Not a test by itself: what [`a_program_that_is_to_end_when_stuck_does`] runs as a program of its own.
#[test]
fn the_program_that_is_stuck() {
    if std::env::var_os("SUPERVISORS_TEST_STUCK").is_none() {
        return;
    }
    System::new().block_on(async {
        let watchdog = Watchdog::new().limit(LIMIT).exit_code(23);
        let node = Node::builder().watchdog(watchdog).build();
        let spec = ChildSpec::new("blocker", || Blocker).when_stuck(WhenStuck::Exit);
        let child = spec.reference();
        let root = Supervisor::new("root").child(spec).start(&node).await;
        root.expect("it starts");
        let (_release, word) = channel();
        let _ = child.call(Block(word)).await;
    });
}

#[test]
fn a_program_that_is_to_end_when_stuck_does() {
    let program = std::env::current_exe().expect("this program");
    let test = "watchdog::report::the_program_that_is_stuck";
    let run = Command::new(program).args(["--exact", test]).env("SUPERVISORS_TEST_STUCK", "1").output();
    assert_eq!(run.expect("it can be run").status.code(), Some(23));
}

#[test]
fn a_watchdogs_thread_ends_with_its_node() {
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Report, |node| node);
        let worker = node.spawn(Blocker);
        life(&worker).kill();
        assert_eq!(life(&worker).exited().await, ExitReason::Killed);
        // The sink belongs to the node alone: it is gone when the last one who held the node is.
        let held = std::sync::Arc::downgrade(&ear.0);
        drop((node, ear, worker));
        until(|| held.strong_count() == 0).await;
    });
}
