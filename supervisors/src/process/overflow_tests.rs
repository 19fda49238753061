//! Mailboxes that are full, under each policy.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use proptest::prelude::*;
use tokio::task::{LocalSet, yield_now};

use crate::{
    Call, CallError, CastWait, ContextExt, Event, Exit, ExitReason, Node, Overflow, Ref, SpawnOptions,
    this_process,
};

/// Handles one message, then lets its mail wait until it is resumed.
#[derive(Default)]
struct OneByOne(Arc<Mutex<Vec<u32>>>);

impl Actor for OneByOne {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.trap_exit(true);
    }
}

#[derive(Message)]
#[rtype(result = "u32")]
struct Item(u32);

impl Handler<Item> for OneByOne {
    type Result = u32;

    fn handle(&mut self, Item(item): Item, _: &mut Self::Context) -> u32 {
        self.0.lock().push(item);
        this_process().expect("a process").suspend();
        item
    }
}

/// What the system has to say is no item.
impl Handler<Exit> for OneByOne {
    type Result = ();

    fn handle(&mut self, _: Exit, _: &mut Self::Context) {
        self.0.lock().push(1_000_000);
        this_process().expect("a process").suspend();
    }
}

struct Stage {
    target: Ref<OneByOne>,
    handled: Arc<Mutex<Vec<u32>>>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Stage {
    /// A process that waits to be let go on, with room for `bound` messages.
    async fn new(bound: usize, overflow: Overflow) -> Self {
        let events = Arc::<Mutex<Vec<Event>>>::default();
        let heard = Arc::clone(&events);
        let node = Node::builder().seed(1).on_event(move |_, event| heard.lock().push(event)).build();
        let handled = Arc::default();
        let options = SpawnOptions::new().mailbox(bound).overflow(overflow);
        let target = node.spawn_opt(OneByOne(Arc::clone(&handled)), options).expect("no name").reference;
        let process = target.process().expect("it runs");
        yield_now().await;
        process.suspend();
        Self { target, handled, events }
    }

    fn len(&self) -> usize {
        self.target.process().map_or(0, |process| process.mailbox_len())
    }

    /// Lets it handle one message.
    async fn step(&self) {
        if let Some(process) = self.target.process() {
            process.resume();
            yield_now().await;
            yield_now().await;
        }
    }

    async fn drain(&self) {
        while self.len() > 0 {
            self.step().await;
        }
    }

    fn losses(&self) -> (u64, u64) {
        let statistics = self.target.process().expect("it runs").statistics();
        (statistics.refused, statistics.dropped)
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, test)
}

/// Whether a future is ready already, and with what.
async fn now<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match Pin::new(&mut *future).poll(cx) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn a_mailbox_that_refuses_says_so_and_counts() {
    run(async {
        let stage = Stage::new(1, Overflow::Refuse).await;
        assert_eq!(stage.target.try_cast(Item(1)), Ok(()));
        assert_eq!(stage.target.try_cast(Item(2)), Err(CallError::Overloaded));
        assert_eq!(stage.target.cast_wait(Item(3)).await, Err(CallError::Overloaded));
        assert_eq!(stage.target.call(Item(4)).await, Err(CallError::Overloaded));
        stage.target.cast(Item(5));
        stage.drain().await;
        assert_eq!(*stage.handled.lock(), [1]);
        assert_eq!(stage.losses(), (4, 0));
        let overloaded = |event: &Event| matches!(event, Event::Overloaded { refused: 1, waiting: 1, .. });
        assert!(stage.events.lock().iter().any(overloaded), "{:?}", stage.events.lock());
    });
}

#[test]
fn a_mailbox_that_drops_the_newest_tells_only_who_waits_for_an_answer() {
    run(async {
        let stage = Stage::new(1, Overflow::DropNewest).await;
        assert_eq!(stage.target.try_cast(Item(1)), Ok(()));
        assert_eq!(stage.target.try_cast(Item(2)), Ok(()));
        assert_eq!(stage.target.cast_wait(Item(3)).await, Ok(()));
        assert_eq!(stage.target.call(Item(4)).await, Err(CallError::Overloaded));
        stage.drain().await;
        assert_eq!(*stage.handled.lock(), [1]);
        assert_eq!(stage.losses(), (0, 3));
    });
}

#[test]
fn a_mailbox_that_drops_the_oldest_tells_its_caller_and_never_drops_what_the_system_says() {
    run(async {
        let stage = Stage::new(2, Overflow::DropOldest).await;
        let asked = stage.target.call(Item(1));
        stage.target.process().expect("it runs").exit(ExitReason::Normal);
        assert_eq!(stage.target.try_cast(Item(2)), Ok(()));
        assert_eq!(asked.await, Err(CallError::Overloaded), "it gave way to the second");
        assert_eq!(stage.target.try_cast(Item(3)), Ok(()));
        let (second, third) = (stage.target.call(Item(4)), stage.target.call(Item(5)));
        stage.drain().await;
        assert_eq!(*stage.handled.lock(), [1_000_000, 5], "the signal, and the latest");
        assert_eq!((second.await, third.await), (Err(CallError::Overloaded), Ok(5)));
        assert_eq!(stage.losses(), (0, 4));
    });
}

#[test]
fn a_mailbox_that_stops_its_process_says_why() {
    run(async {
        let stage = Stage::new(2, Overflow::Stop).await;
        let process = stage.target.process().expect("it runs");
        let asked = stage.target.call(Item(1));
        stage.target.cast(Item(2));
        assert_eq!(stage.target.try_cast(Item(3)), Err(CallError::Overloaded));
        let reason = ExitReason::MailboxOverflow { bound: 2 };
        assert_eq!(process.exited().await, reason);
        assert_eq!(asked.await, Err(CallError::Exit(reason)));
        assert_eq!(process.statistics().refused, 1);
        assert_eq!(stage.target.try_cast(Item(4)), Err(CallError::NoProc));
        assert!(stage.handled.lock().is_empty());
    });
}

#[test]
fn who_waits_for_room_is_let_in_in_order_and_woken() {
    run(async {
        let stage = Stage::new(1, Overflow::WAIT).await;
        assert_eq!(stage.target.cast_wait(Item(1)).await, Ok(()), "there is room");
        let mut second = stage.target.cast_wait(Item(2));
        let mut third = stage.target.call(Item(3));
        let mut fourth = stage.target.cast_wait(Item(4));
        assert_eq!(stage.target.try_cast(Item(5)), Err(CallError::Overloaded), "who does not wait");
        assert_eq!(
            (now(&mut second).await, now(&mut third).await, now(&mut fourth).await),
            (None, None, None)
        );
        assert_eq!(stage.len(), 1);
        let woken = tokio::task::spawn_local(second);
        yield_now().await;
        stage.step().await;
        assert_eq!(woken.await.expect("no panic"), Ok(()));
        assert_eq!(now(&mut fourth).await, None, "it is the third's turn");
        stage.drain().await;
        assert_eq!((third.await, fourth.await), (Ok(3), Ok(())));
        assert_eq!(*stage.handled.lock(), [1, 2, 3, 4]);
        assert_eq!(stage.losses(), (1, 0));
    });
}

#[test]
fn who_gives_up_waiting_takes_the_message_along() {
    run(async {
        let stage = Stage::new(1, Overflow::WAIT).await;
        stage.target.cast(Item(1));
        let (second, third) = (stage.target.cast_wait(Item(2)), stage.target.call(Item(3)));
        let late = stage.target.call(Item(4)).within(Duration::from_secs(1));
        let fifth = stage.target.cast_wait(Item(5));
        drop((second, third));
        assert_eq!(late.await, Err(CallError::Overloaded), "its time was over before there was room");
        stage.drain().await;
        assert_eq!(fifth.await, Ok(()));
        assert_eq!(*stage.handled.lock(), [1, 5]);
    });
}

#[test]
fn a_call_that_waited_for_room_has_what_is_left_of_its_time() {
    run(async {
        let stage = Stage::new(1, Overflow::WAIT).await;
        stage.target.cast(Item(1));
        let mut second = stage.target.call(Item(2)).within(Duration::from_secs(2));
        assert_eq!(now(&mut second).await, None);
        stage.step().await;
        assert_eq!(stage.len(), 1, "it is in the mailbox, and nobody opens it");
        assert_eq!(second.await, Err(CallError::Timeout(Duration::from_secs(2))), "it was sent");
    });
}

#[test]
fn only_so_many_wait_and_the_death_of_the_process_is_told_to_all() {
    run(async {
        let stage = Stage::new(1, Overflow::Wait { senders: 2 }).await;
        stage.target.cast(Item(1));
        let mut second = stage.target.cast_wait(Item(2));
        let third = stage.target.call(Item(3));
        assert_eq!(stage.target.cast_wait(Item(4)).await, Err(CallError::Overloaded));
        assert_eq!(stage.target.call(Item(5)).await, Err(CallError::Overloaded));
        assert_eq!(now(&mut second).await, None);
        let second = tokio::task::spawn_local(second);
        yield_now().await;
        stage.target.kill();
        let killed = Err(CallError::Exit(ExitReason::Killed));
        assert_eq!(second.await.expect("no panic"), killed.clone(), "it was woken");
        assert_eq!(third.await, killed.map(|()| 0));
        assert_eq!(stage.target.cast_wait(Item(6)).await, Err(CallError::NoProc));
    });
}

/// A bound holds for the mailbox, not for each handle to it, as it does in actix (whose capacity grows with every clone
/// of an `Addr`).
#[test]
fn many_threads_with_handles_of_their_own_share_one_bound() {
    const BOUND: usize = 10;
    run(async {
        let stage = Stage::new(BOUND, Overflow::Refuse).await;
        let taken = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (target, taken) = (stage.target.clone(), Arc::clone(&taken));
                std::thread::spawn(move || {
                    for item in 0..1000 {
                        if target.clone().try_cast(Item(item)).is_ok() {
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            assert!(stage.len() <= BOUND);
            stage.step().await;
        }
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        stage.drain().await;
        let (refused, dropped) = stage.losses();
        let taken = taken.load(Ordering::Relaxed);
        assert_eq!((taken + refused, dropped), (4000, 0));
        assert_eq!(stage.handled.lock().len() as u64, taken);
    });
}

#[derive(Clone, Debug)]
enum Op {
    Cast,
    CastWait,
    Call,
    /// One of those who wait gives up.
    GiveUp(usize),
    /// The process handles a message.
    Step,
    /// An exit signal, which it traps.
    Signal,
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Cast),
        4 => Just(Op::CastWait),
        4 => Just(Op::Call),
        2 => any::<usize>().prop_map(Op::GiveUp),
        4 => Just(Op::Step),
        1 => Just(Op::Signal),
    ]
}

enum Held {
    Cast(CastWait),
    Call(Call<u32>),
}

/// What a sender was told at last.
type Told = Result<(), CallError>;

fn history(bound: usize, overflow: Overflow, ops: Vec<Op>) -> Result<(), TestCaseError> {
    run(async {
        let stage = Stage::new(bound, overflow).await;
        let (mut sent, mut signals) = (0_u32, 0);
        let mut told: BTreeMap<u32, Told> = BTreeMap::new();
        let mut held: Vec<(u32, Held)> = Vec::new();
        let mut given_up = BTreeSet::new();
        for op in ops {
            match op {
                Op::Cast => {
                    told.insert(sent, stage.target.try_cast(Item(sent)));
                    sent += 1;
                }
                Op::CastWait => {
                    held.push((sent, Held::Cast(stage.target.cast_wait(Item(sent)))));
                    sent += 1;
                }
                Op::Call => {
                    held.push((sent, Held::Call(stage.target.call(Item(sent)).forever())));
                    sent += 1;
                }
                Op::GiveUp(which) if !held.is_empty() => {
                    let (item, _) = held.remove(which % held.len());
                    given_up.insert(item);
                }
                Op::GiveUp(_) => {}
                Op::Step => stage.step().await,
                Op::Signal => {
                    stage.target.process().expect("it runs").exit(ExitReason::Normal);
                    signals += 1;
                }
            }
            prop_assert!(stage.len() <= bound + signals, "{} messages in {bound}", stage.len());
        }
        stage.drain().await;
        for (item, held) in held {
            let heard = match held {
                Held::Cast(cast) => cast.await,
                Held::Call(call) => call.await.map(|answer| assert_eq!(answer, item)),
            };
            told.insert(item, heard);
        }
        let handled = stage.handled.lock();
        let is_item = |item: &&u32| **item < 1_000_000;
        prop_assert_eq!(handled.iter().filter(|item| !is_item(item)).count(), signals, "no signal is lost");
        let items: BTreeSet<u32> = handled.iter().filter(is_item).copied().collect();
        let (refused, dropped) = stage.losses();
        let mut in_order: Vec<_> = handled.iter().filter(is_item).copied().collect();
        in_order.dedup();
        prop_assert!(in_order.is_sorted() && in_order.len() == items.len(), "in order, once: {:?}", in_order);
        for (item, told) in &told {
            prop_assert!(!(items.contains(item) && told.is_err()), "{item} was handled and refused");
        }
        let taken_along = given_up.difference(&items).count() as u64;
        let accounted = items.len() as u64 + refused + dropped;
        if matches!(overflow, Overflow::Wait { .. }) {
            // Who gave up was still waiting, was handled, or was refused in the first place.
            prop_assert!(accounted <= u64::from(sent) && accounted + taken_along >= u64::from(sent));
            prop_assert_eq!(dropped, 0);
        } else {
            prop_assert_eq!(accounted, u64::from(sent), "each is handled, refused, or dropped and counted");
        }
        if overflow == Overflow::Refuse {
            prop_assert_eq!(dropped, 0);
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the order of senders, givers-up, signals and turns.
    #[test]
    fn no_mailbox_is_ever_longer_than_its_bound_and_nothing_is_lost_silently(
        bound in 1_usize..5,
        overflow in prop::sample::select(vec![
            Overflow::Refuse,
            Overflow::DropNewest,
            Overflow::DropOldest,
            Overflow::Wait { senders: 3 },
            Overflow::WAIT,
        ]),
        ops in prop::collection::vec(ops(), 0..60),
    ) {
        history(bound, overflow, ops)?;
    }
}
