//! Children on arbiters of the node's own.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ThreadId};
use std::time::Duration;

use actix::prelude::*;
use supervisors::supervisor::{ChildSpec, Supervisor};
use supervisors::{Node, Place, PlaceError, Ref};

use crate::stage::{life, reborn, stop, supervised};

/// As long as anything is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

struct Worker;

impl Actor for Worker {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "Here")]
struct Where;

#[derive(Debug, MessageResponse)]
struct Here(ThreadId);

impl Handler<Where> for Worker {
    type Result = Here;

    fn handle(&mut self, Where: Where, _: &mut Self::Context) -> Here {
        Here(thread::current().id())
    }
}

/// Blocks the thread until there is a word.
#[derive(Message)]
#[rtype(result = "()")]
struct Block(Receiver<()>);

impl Handler<Block> for Worker {
    type Result = ();

    fn handle(&mut self, Block(word): Block, _: &mut Self::Context) {
        let _ = word.recv();
    }
}

async fn thread_of(child: &Ref<Worker>) -> ThreadId {
    child.call(Where).await.expect("it answers").0
}

/// Blocks the thread of `child` until what is returned is dropped.
async fn block(child: &Ref<Worker>) -> Sender<()> {
    let (release, word) = channel();
    child.cast(Block(word));
    // It has begun once the message is out of the mailbox.
    while life(child).mailbox_len() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    release
}

/// The threads of so many children at `place`, in start order, and their tree.
async fn spread(
    node: &Node,
    count: usize,
    place: &Place,
) -> (supervisors::supervisor::SupervisorRef, Vec<Ref<Worker>>, Vec<ThreadId>) {
    let mut root = Supervisor::new("root").intensity(100, Duration::from_secs(1));
    let mut refs = Vec::new();
    for number in 0..count {
        let spec = ChildSpec::new(format!("{number}"), || Worker).place(place.clone());
        refs.push(spec.reference());
        root = root.child(spec);
    }
    let root = root.start(node).await.expect("it starts");
    let mut threads = Vec::new();
    for child in &refs {
        threads.push(thread_of(child).await);
    }
    (root, refs, threads)
}

/// In a plain `LocalSet`, and in an actix `System`.
fn in_both_worlds<F: Future>(play: impl Fn() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, play());
    System::new().block_on(play());
}

#[test]
fn round_robin_gives_each_arbiter_its_turn() {
    in_both_worlds(|| async {
        let node = Node::builder().arbiters(3).build();
        assert!(node.places().list().iter().all(|it| !it.started), "none is started before it is needed");
        let (root, _, threads) = spread(&node, 7, &Place::RoundRobin).await;
        assert!(threads[0] != threads[1] && threads[1] != threads[2] && threads[2] != threads[0]);
        assert!(!threads.contains(&thread::current().id()));
        assert_eq!((&threads[3..6], threads[6]), (&threads[..3], threads[0]));
        let list = node.places().list();
        assert_eq!(list.iter().map(|it| it.processes).collect::<Vec<_>>(), [3, 2, 2]);
        stop(&root).await;
    });
}

#[test]
fn least_busy_goes_where_the_fewest_live() {
    in_both_worlds(|| async {
        let node = Node::builder().arbiters(2).build();
        let (crowd, _, first) = spread(&node, 3, &Place::Pinned(0)).await;
        let (root, _, threads) = spread(&node, 3, &Place::LeastBusy).await;
        assert!(threads.iter().all(|thread| *thread != first[0]), "three live on the first already");
        stop(&crowd).await;
        let (other, _, threads) = spread(&node, 2, &Place::LeastBusy).await;
        assert!(threads.iter().all(|thread| *thread == first[0]), "and now none");
        stop(&root).await;
        stop(&other).await;
    });
}

#[test]
fn a_pinned_child_stays_on_its_arbiter_through_restarts() {
    in_both_worlds(|| async {
        let node = Node::builder().arbiters(2).build();
        let (root, refs, threads) = spread(&node, 2, &Place::Pinned(1)).await;
        assert_eq!(threads[0], threads[1]);
        let first = life(&refs[0]);
        first.kill();
        reborn(&refs[0], &first).await;
        assert_eq!(thread_of(&refs[0]).await, threads[0]);
        assert!(!node.places().list()[0].started, "nobody needs it");
        stop(&root).await;
    });
}

#[test]
fn a_child_pinned_to_an_arbiter_that_is_not_there_fails_to_start() {
    in_both_worlds(|| async {
        let node = Node::builder().arbiters(2).build();
        let spec = ChildSpec::new("child", || Worker).place(Place::Pinned(2));
        let failed = Supervisor::new("root").child(spec).start(&node).await.expect_err("it cannot");
        assert!(failed.to_string().contains("there is no arbiter 2, the node has 2"), "{failed}");
    });
}

#[test]
fn without_arbiters_of_its_own_a_node_keeps_its_children_at_home() {
    in_both_worlds(|| async {
        let node = Node::builder().arbiters(0).build();
        for place in [Place::RoundRobin, Place::LeastBusy, Place::Pinned(7)] {
            let spec = ChildSpec::new("child", || Worker).place(place);
            let child = spec.reference();
            let root = supervised(&node, spec).await;
            assert_eq!(thread_of(&child).await, thread::current().id());
            stop(&root).await;
        }
        assert!(node.places().list().is_empty());
    });
}

#[test]
fn an_arbiter_answers_a_ping_unless_it_is_blocked() {
    in_both_worlds(|| async {
        let node = Node::builder().arbiters(1).build();
        let places = node.places();
        places.ping(0, DEADLINE).await.expect("it answers");
        assert!(matches!(
            places.ping(1, DEADLINE).await,
            Err(PlaceError::NoSuchArbiter { index: 1, count: 1 })
        ));
        let (root, refs, _) = spread(&node, 1, &Place::Pinned(0)).await;
        let release = block(&refs[0]).await;
        let silent = places.ping(0, Duration::from_millis(20)).await;
        assert!(matches!(silent, Err(PlaceError::Silent { index: 0, .. })), "{silent:?}");
        drop(release);
        places.ping(0, DEADLINE).await.expect("it answers again");
        stop(&root).await;
    });
}

#[test]
fn arbiters_are_joined_in_order_and_take_nobody_any_more() {
    in_both_worlds(|| async {
        let node = Node::builder().arbiters(2).build();
        let (root, refs, _) = spread(&node, 2, &Place::RoundRobin).await;
        let lives = [life(&refs[0]), life(&refs[1])];
        node.places().stop(DEADLINE).await.expect("they end");
        // Who still lived there was dropped.
        assert!(lives.iter().all(|process| !process.is_alive()));
        let spec = ChildSpec::new("late", || Worker).place(Place::RoundRobin);
        let late = root.start_child(spec).await;
        // The tree could not start them again either, and has given up.
        late.expect_err("it is refused, one way or the other");
        assert!(matches!(node.places().ping(0, DEADLINE).await, Err(PlaceError::Stopped)));
    });
}

#[test]
fn an_arbiter_that_is_blocked_is_named_when_it_cannot_be_joined() {
    in_both_worlds(|| async {
        let node = Node::builder().arbiters(2).build();
        let (_root, refs, _) = spread(&node, 2, &Place::RoundRobin).await;
        let release = block(&refs[0]).await;
        let limit = Duration::from_millis(50);
        let stopped = node.places().stop(limit).await;
        let Err(PlaceError::NotJoined { arbiters, .. }) = &stopped else { panic!("{stopped:?}") };
        assert!(arbiters.contains(&0), "{arbiters:?}");
        drop(release);
    });
}
