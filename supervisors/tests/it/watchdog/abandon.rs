//! An arbiter that is given up, with all who live on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use actix::prelude::*;
use parking_lot::Mutex;
use supervisors::supervisor::{ChildError, ChildSpec, DynamicSupervisor, SpecError, Supervisor};
use supervisors::{CallError, Down, Event, ExitReason, Place, Ref, WhenStuck};

use super::{Block, Blocker, Where, is_stuck, node, tree, until};
use crate::stage::{life, reborn, stop};

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Actor for Recorder {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "()")]
struct Note(&'static str);

impl Handler<Note> for Recorder {
    type Result = ();

    fn handle(&mut self, Note(what): Note, _: &mut Self::Context) {
        self.0.lock().push(what.to_owned());
    }
}

impl Handler<Down> for Recorder {
    type Result = ();

    fn handle(&mut self, down: Down, _: &mut Self::Context) {
        self.0.lock().push(down.reason.to_string());
    }
}

/// Blocks as [`Block`] does, and then does whatever comes to its mind.
#[derive(Message)]
#[rtype(result = "()")]
struct BlockAndTell(Block, Ref<Recorder>, Arc<AtomicBool>);

impl Handler<BlockAndTell> for Blocker {
    type Result = ();

    fn handle(&mut self, BlockAndTell(Block(word), to, over): BlockAndTell, _: &mut Self::Context) {
        let _ = word.recv();
        to.cast(Note("from a zombie"));
        assert_eq!(to.try_cast(Note("from a zombie")), Err(CallError::NoProc));
        if let Some(process) = to.process() {
            process.kill();
            let node = process.node();
            let late = node.spawn(Recorder::default());
            assert!(late.process().is_none(), "nothing begins on a thread that was given up");
        }
        over.store(true, Ordering::Release);
    }
}

fn is_abandoned(event: &Event) -> bool {
    matches!(event, Event::Abandoned { .. })
}

#[test]
fn the_children_of_an_abandoned_arbiter_start_again_on_a_new_one() {
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Abandon, |node| node);
        let on_first = |id: &str| ChildSpec::new(id, || Blocker).place(Place::Pinned(0)).named(id);
        let (culprit, bystander) = (on_first("culprit"), on_first("bystander"));
        let another = on_first("another");
        let refs = [culprit.reference(), bystander.reference(), another.reference()];
        let root = tree(&node, vec![culprit.into(), bystander.into(), another.into()]).await;
        let there = refs[0].call(Where).await.expect("it answers");
        let record = Recorder::default();
        let recorder = node.spawn(record.clone());
        let first = refs.each_ref().map(life);
        let _monitors = first.each_ref().map(|process| process.monitor(&recorder));

        let (release, word) = channel();
        let over = Arc::new(AtomicBool::new(false));
        let asked = refs[0].call(BlockAndTell(Block(word), recorder.clone(), Arc::clone(&over)));
        let queued = refs[0].call(Where);
        assert_eq!(asked.await, Err(CallError::Exit(ExitReason::Stuck)), "its caller does not wait for ever");
        assert_eq!(queued.await, Err(CallError::Exit(ExitReason::Stuck)));
        let stuck = Some(first[0].pid());
        for (process, reason) in first.iter().zip([
            ExitReason::Stuck,
            ExitReason::Abandoned { stuck },
            ExitReason::Abandoned { stuck },
        ]) {
            assert_eq!(process.exited().await, reason);
        }
        // One restart in 5 s is allowed and three happen: two of them are nobody's fault.
        for (child, before) in refs.iter().zip(&first) {
            reborn(child, before).await;
            let here = child.call(Where).await.expect("the same reference reaches the new life");
            assert_ne!(here, there, "on another thread");
        }
        assert_eq!(node.whereis("culprit"), refs[0].process(), "its name was free for its next life");
        until(|| record.0.lock().len() == 3).await;
        let Event::Stuck { who, response, .. } = ear.first(is_stuck).await else { unreachable!() };
        assert_eq!((who.pid, response), (stuck, WhenStuck::Abandon));
        let said = ear.first(is_abandoned).await;
        assert_eq!(said, Event::Abandoned { arbiter: 0, stuck, processes: 3 });
        assert_eq!(node.places().list()[0].abandoned, 1);

        // The turn goes on as nobody's.
        release.send("wake up").expect("it still waits");
        until(|| over.load(Ordering::Acquire)).await;
        recorder.call(Note("the last")).await.expect("it was not killed from beyond");
        let heard = record.0.lock().clone();
        assert_eq!(heard.len(), 4, "{heard:?}");
        assert_eq!((&*heard[0], &*heard[3]), ("stuck", "the last"));
        stop(&root).await;
    });
}

#[test]
fn it_works_without_an_actix_system_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (node, _) = node(WhenStuck::Report, |node| node);
        let spec = ChildSpec::new("child", || Blocker).place(Place::LeastBusy).when_stuck(WhenStuck::Abandon);
        let child = spec.reference();
        let root = tree(&node, vec![spec.into()]).await;
        let there = child.call(Where).await.expect("it answers");
        let before = life(&child);
        let (_release, word) = channel();
        assert_eq!(child.call(Block(word)).await, Err(CallError::Exit(ExitReason::Stuck)));
        reborn(&child, &before).await;
        assert_ne!(child.call(Where).await.expect("it answers again"), there);
        stop(&root).await;
    });
}

#[test]
fn a_start_function_that_blocks_its_arbiter_is_a_failed_start_and_others_go_elsewhere() {
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Abandon, |node| node);
        let (_release, word) = channel::<()>();
        let word = Mutex::new(Some(word));
        let blocking = ChildSpec::new("blocking", move || {
            let _ = word.lock().take().map(|word| word.recv());
            Blocker
        });
        // Two supervisors, so that the second start is asked for while the first blocks the arbiter.
        let queued = ChildSpec::new("queued", || Blocker).place(Place::Pinned(0));
        let queued_ref = queued.reference();
        let trees =
            [blocking.place(Place::Pinned(0)), queued].map(|spec| Supervisor::new("root").child(spec));
        let [one, other] = trees.map(|tree| {
            let node = node.clone();
            actix::spawn(async move { tree.start(&node).await })
        });
        let failed = one.await.expect("no panic").expect_err("its only child did not start");
        assert!(failed.to_string().contains("stuck"), "{failed}");
        let other = other.await.expect("no panic").expect("it starts on the next arbiter");
        queued_ref.call(Where).await.expect("it answers");
        let Event::Stuck { who, .. } = ear.first(is_stuck).await else { unreachable!() };
        assert_eq!((who.pid, who.path.expect("a place").to_string()), (None, "blocking".to_owned()));
        stop(&other).await;
    });
}

#[test]
fn a_start_that_takes_time_is_seen_to_block_in_the_middle_of_it() {
    System::new().block_on(async {
        let (node, ear) = node(WhenStuck::Report, |node| node);
        let (_release, word) = channel::<()>();
        let word = Arc::new(Mutex::new(Some(word)));
        let spec = ChildSpec::starting("slow", move || {
            let word = word.lock().take();
            async move {
                tokio::task::yield_now().await;
                let _ = word.map(|word| word.recv());
                Ok(Blocker)
            }
        });
        let spec = spec.place(Place::LeastBusy).when_stuck(WhenStuck::Abandon);
        let failed = Supervisor::new("root").child(spec).start(&node).await.expect_err("it did not start");
        assert!(failed.to_string().contains("stuck"), "{failed}");
        let Event::Stuck { who, response, .. } = ear.first(is_stuck).await else { unreachable!() };
        assert_eq!(
            (who.path.expect("a place").to_string(), response),
            ("slow".to_owned(), WhenStuck::Abandon)
        );
    });
}

/// Starts a tree of its own where it lives, one child of which lives elsewhere.
struct Grower(Option<ChildSpec<Blocker>>);

impl Actor for Grower {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let node = supervisors::this_process().expect("it is one").node().clone();
        let elsewhere = self.0.take().expect("it is started once");
        let tree = async move { Supervisor::new("grown").child(elsewhere).start(&node).await.map(drop) };
        ctx.wait(tree.into_actor(self).map(|grown, _, _| grown.expect("it starts")));
    }
}

impl Handler<Block> for Grower {
    type Result = usize;

    fn handle(&mut self, Block(word): Block, _: &mut Self::Context) -> usize {
        word.recv().unwrap_or_default().len()
    }
}

/// OTP-133
#[test]
fn the_children_of_a_supervisor_that_is_abandoned_end_wherever_they_live() {
    System::new().block_on(async {
        let (node, _) = node(WhenStuck::Abandon, |node| node);
        let elsewhere = ChildSpec::new("elsewhere", || Blocker).place(Place::Pinned(1));
        let grown = elsewhere.reference();
        let spec = ChildSpec::once("grower", move || Grower(Some(elsewhere))).place(Place::Pinned(0));
        let child = spec.reference();
        let root = tree(&node, vec![spec.into()]).await;
        until(|| grown.process().is_some()).await;
        let process = life(&grown);
        let (_release, word) = channel();
        assert_eq!(child.call(Block(word)).await, Err(CallError::Exit(ExitReason::Stuck)));
        assert_eq!(process.exited().await, ExitReason::Killed);
        stop(&root).await;
    });
}

#[test]
fn at_most_so_many_threads_are_abandoned_at_once() {
    System::new().block_on(async {
        let watchdog = supervisors::Watchdog::new().limit(super::LIMIT).abandon_at_most(0);
        let (node, ear) = node(WhenStuck::Report, |node| node.watchdog(watchdog));
        let spec = ChildSpec::new("child", || Blocker).place(Place::Pinned(0)).when_stuck(WhenStuck::Abandon);
        let child = spec.reference();
        let root = tree(&node, vec![spec.into()]).await;
        assert_eq!(child.call(Block(ear.until(is_stuck))).await, Ok(5));
        let Event::Stuck { response, .. } = ear.first(is_stuck).await else { unreachable!() };
        assert_eq!(response, WhenStuck::Report);
        stop(&root).await;
    });
}

#[test]
fn a_child_on_its_supervisors_own_thread_cannot_be_given_up_with_it() {
    System::new().block_on(async {
        let (node, _) = node(WhenStuck::Report, |node| node);
        let arbiter = Arbiter::new();
        for place in [Place::Local, Place::Arbiter(arbiter.handle())] {
            let spec = || ChildSpec::new("c", || Blocker).place(place.clone()).when_stuck(WhenStuck::Abandon);
            let refused = SpecError::NotAbandonable("c".into());
            assert_eq!(Supervisor::new("root").child(spec()).check(), Err(refused.clone()));
            let started = Supervisor::new("root").child(spec()).start(&node).await;
            assert_eq!(started.expect_err("it is refused"), ExitReason::failed(refused.clone()));
            let pool = DynamicSupervisor::new("pool").start(&node).await.expect("it starts");
            assert_eq!(pool.start_child(spec()).await, Err(ChildError::Spec(refused)));
        }
        let own = ChildSpec::new("c", || Blocker).place(Place::RoundRobin).when_stuck(WhenStuck::Abandon);
        assert_eq!(Supervisor::new("root").child(own).check(), Ok(()));
        arbiter.stop();
    });
}
