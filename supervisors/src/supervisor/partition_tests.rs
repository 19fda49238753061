//! Partitions, rule by rule (section V of the conformance list).

use std::collections::BTreeSet;
use std::time::Duration;

use actix::prelude::*;
use tokio::task::LocalSet;

use super::{ChildError, ChildSpec, Hashed, PartitionKey, PartitionRef, PartitionSupervisor, Supervisor};
use crate::{CallError, Node};

struct Part(usize);

impl Actor for Part {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "usize")]
enum Do {
    Say,
    Panic,
}

impl Handler<Do> for Part {
    type Result = usize;

    fn handle(&mut self, what: Do, _: &mut Self::Context) -> usize {
        match what {
            Do::Say => self.0,
            Do::Panic => panic!("as asked"),
        }
    }
}

fn parts(partitions: usize) -> PartitionSupervisor<Part> {
    PartitionSupervisor::with_partitions("parts", partitions, |number| {
        ChildSpec::new("part", move || Part(number))
    })
}

fn run(test: impl AsyncFnOnce(Node)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, test(Node::builder().seed(1).build()));
}

async fn crash(parts: &PartitionRef<Part>, key: u32) {
    let process = parts.which(key).process().expect("it runs");
    parts.which(key).cast(Do::Panic);
    process.exited().await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// OTP-198: numbers by remainder, whatever their sign; all else by a hash that is the same in every program.
#[test]
fn a_key_belongs_to_the_same_partition_always_and_everywhere() {
    assert_eq!((7_u8.partition(4), 7_i64.partition(4), (-7_i32).partition(4)), (3, 3, 3));
    assert_eq!(i64::MIN.partition(3), (i64::MIN.unsigned_abs() % 3) as usize);
    // Written down once: a change would send keys elsewhere after an update.
    let places: Vec<_> = ["a", "b", "someone", ""].into_iter().map(|key| key.partition(16)).collect();
    assert_eq!(places, PLACES);
    assert_eq!("a".partition(16), String::from("a").partition(16));
    let used: BTreeSet<_> = (0..200).map(|key| Hashed((key, "x")).partition(16)).collect();
    assert_eq!(used.len(), 16, "all are used");
    assert!((0..200).all(|key: u32| Hashed(key).partition(1) == 0));
}

const PLACES: [usize; 4] = [14, 9, 8, 2];

/// OTP-198, OTP-191.
#[test]
fn each_partition_restarts_alone_and_has_its_number_as_id() {
    run(async |node| {
        let parts = parts(3).start(&node).await.expect("it starts");
        let ids: BTreeSet<_> =
            parts.supervisor().tree().children.iter().map(|it| it.id.to_string()).collect();
        assert_eq!(ids, ["0", "1", "2"].map(str::to_owned).into());
        let before: Vec<_> = parts.all().iter().map(crate::Ref::process).collect();
        crash(&parts, 4).await;
        let after: Vec<_> = parts.all().iter().map(crate::Ref::process).collect();
        assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
        assert_ne!(before[1], after[1]);
        assert_eq!(parts.which(4_u32).call(Do::Say).await, Ok(1));
        let supervisor = parts.supervisor().process().expect("3 restarts in 5 s are allowed");
        for _ in 0..2 {
            crash(&parts, 4).await;
        }
        assert!(supervisor.is_alive());
        crash(&parts, 4).await;
        assert!(!supervisor.is_alive(), "the 4th is one too many");
    });
}

#[test]
fn there_are_as_many_partitions_as_cores_unless_said_and_at_least_one() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let parts_of = |number| ChildSpec::new("part", move || Part(number));
    assert_eq!(PartitionSupervisor::new("parts", parts_of).reference().partitions(), cores);
    assert_eq!(parts(0).reference().partitions(), 1);
}

/// OTP-199.
#[test]
fn partitions_can_be_put_out_of_use_and_back() {
    run(async |node| {
        let parts = parts(4);
        let held = parts.reference();
        let outer = Supervisor::new("outer").intensity(5, Duration::from_secs(5)).child(parts);
        let _outer = outer.start(&node).await.expect("it starts");
        assert_eq!(held.resize(2).await, Ok(4));
        assert_eq!((held.partitions(), held.which(3_u32).call(Do::Say).await), (2, Ok(1)));
        let counts = held.supervisor().count_children().await.expect("it runs");
        assert_eq!((counts.active, counts.specs), (2, 4), "the specs stay");
        assert_eq!(held.resize(0).await, Ok(2));
        assert_eq!(held.which(3_u32).call(Do::Say).await, Err(CallError::NoProc));
        assert_eq!(held.resize(5).await, Err(ChildError::NotFound));
        assert_eq!(held.resize(4).await, Ok(0));
        assert_eq!(held.which(3_u32).call(Do::Say).await, Ok(3));
        held.resize(1).await.expect("it can");
        let before = held.supervisor().process().expect("it runs");
        before.kill();
        before.exited().await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            (held.partitions(), held.which(3_u32).call(Do::Say).await),
            (4, Ok(3)),
            "restarted, it is whole"
        );
    });
}
