//! Processes that are flooded, from outside and by themselves.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::task::{LocalSet, yield_now};

use crate::{CallError, ContextExt, ExitReason, Node, Overflow, SpawnOptions};

#[derive(Message)]
#[rtype(result = "u32")]
struct Item(u32);

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, test)
}

/// Counts its ticks, and keeps itself busy.
struct Busy {
    ticks: Arc<AtomicU64>,
    by_itself: bool,
}

impl Actor for Busy {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(Duration::from_millis(10), |this, _| {
            this.ticks.fetch_add(1, Ordering::Relaxed);
        });
        if self.by_itself {
            ctx.notify_self(Item(0)).expect("there is room");
        }
    }
}

impl Handler<Item> for Busy {
    type Result = u32;

    fn handle(&mut self, Item(item): Item, ctx: &mut Self::Context) -> u32 {
        if self.by_itself {
            ctx.notify_self(Item(item)).expect("there is room");
        }
        item
    }
}

#[test]
fn timers_keep_their_ticks_under_a_flood_from_outside_and_from_within() {
    for by_itself in [false, true] {
        run(async {
            let ticks = Arc::default();
            let busy = Node::new().spawn(Busy { ticks: Arc::clone(&ticks), by_itself });
            let process = busy.process().expect("it runs");
            yield_now().await;
            // A timer is due at the end of a millisecond.
            tokio::time::advance(Duration::from_millis(2)).await;
            for tick in 1..=5 {
                while !by_itself && process.mailbox_len() < 100_000 {
                    busy.cast(Item(0));
                }
                tokio::time::advance(Duration::from_millis(10)).await;
                yield_now().await;
                assert_eq!(ticks.load(Ordering::Relaxed), tick, "and none is late");
                assert!(process.mailbox_len() > 0, "the flood goes on");
            }
            process.kill();
            assert_eq!(process.exited().await, ExitReason::Killed);
        });
    }
}

#[test]
fn nobody_notifies_itself_outside_a_process_or_into_a_full_mailbox() {
    struct Eager(Arc<Mutex<Vec<Result<(), CallError>>>>);
    impl Actor for Eager {
        type Context = Context<Self>;
        fn started(&mut self, ctx: &mut Self::Context) {
            let told = [ctx.notify_self(Item(1)), ctx.notify_self(Item(2))];
            self.0.lock().extend(told);
        }
    }
    impl Handler<Item> for Eager {
        type Result = u32;
        fn handle(&mut self, Item(item): Item, _: &mut Self::Context) -> u32 {
            item
        }
    }
    run(async {
        for overflow in [Overflow::Refuse, Overflow::WAIT, Overflow::DropNewest] {
            let told = Arc::default();
            let options = SpawnOptions::new().mailbox(1).overflow(overflow);
            let node = Node::new();
            let spawned = node.spawn_opt(Eager(Arc::clone(&told)), options).expect("no name");
            while told.lock().is_empty() {
                yield_now().await;
            }
            assert_eq!(spawned.reference.call(Item(3)).await, Ok(3), "there is room again");
            let second = if overflow == Overflow::DropNewest { Ok(()) } else { Err(CallError::Overloaded) };
            assert_eq!(*told.lock(), [Ok(()), second]);
        }
        let told = Arc::default();
        let _plain = Eager(Arc::clone(&told)).start();
        while told.lock().is_empty() {
            yield_now().await;
        }
        assert_eq!(*told.lock(), [Err(CallError::NoProc), Err(CallError::NoProc)]);
    });
}
