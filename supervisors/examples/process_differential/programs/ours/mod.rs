//! Our side: the same case on running processes, written down in the same words.

mod orders;
mod player;
mod rules;
mod terms;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use supervisors::{Node, Pid, Process, Ref};
use tokio::task::LocalSet;

use super::case::{Case, Id, Order, Step};
use player::{Do, Player};

/// How often each rule was reached.
pub(crate) type Hits = BTreeMap<u16, u64>;

/// Runs a case; gives its trace, and the rules it reached.
pub(crate) fn run(case: &Case) -> (Vec<String>, Hits) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, play(case))
}

async fn play(case: &Case) -> (Vec<String>, Hits) {
    let node = Node::builder().seed(0).build();
    let shared = Arc::<Shared>::default();
    let onlooker = node.spawn(Player::onlooker(&node, &shared));
    shared.enrol('o', &onlooker, true, None);
    settle().await;
    for (number, step) in case.0.iter().enumerate() {
        shared.write(format!("> {}", number + 1));
        let before = shared.snapshot();
        shared.step(step).await;
        settle().await;
        shared.deaths(&before);
    }
    (std::mem::take(&mut shared.trace.lock()), std::mem::take(&mut shared.hits.lock()))
}

/// Turns of the thread after which nothing is under way any more: a chain of as many messages is longer than any that
/// so few processes make.
const TURNS: usize = 60;

/// Lets everybody run until nobody can, while no time passes.
async fn settle() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// What the driver and the processes see.
#[derive(Default)]
struct Shared {
    trace: Mutex<Vec<String>>,
    hits: Mutex<Hits>,
    lives: Mutex<Lives>,
}

#[derive(Default)]
struct Lives {
    count: BTreeMap<Id, u32>,
    latest: BTreeMap<Id, Life>,
    labels: BTreeMap<Pid, String>,
    /// All there ever were, for what is to be known of the dead.
    all: BTreeMap<Pid, Life>,
    /// Who ran at all.
    ran: BTreeSet<Pid>,
    /// Of whose end it was told.
    buried: BTreeSet<Pid>,
    /// Who waits for an answer.
    busy: BTreeSet<Pid>,
    /// Who ever had a name.
    named: BTreeSet<Pid>,
}

/// One life of an id.
#[derive(Clone)]
struct Life {
    reference: Ref<Player>,
    process: Process,
    plain: bool,
    parent: Option<Pid>,
}

impl Shared {
    fn write(&self, line: String) {
        self.trace.lock().push(line);
    }

    fn hit(&self, rule: u16) {
        *self.hits.lock().entry(rule).or_default() += 1;
    }

    /// Takes in a new life, under the next label of its id.
    fn enrol(&self, id: Id, reference: &Ref<Player>, plain: bool, parent: Option<Pid>) {
        let Some(process) = reference.process() else { return };
        let mut lives = self.lives.lock();
        let count = lives.count.entry(id).or_default();
        *count += 1;
        let label = if id == 'o' { "o".to_owned() } else { format!("{id}{count}") };
        let life = Life { reference: reference.clone(), process, plain, parent };
        lives.labels.insert(life.process.pid(), label);
        lives.all.insert(life.process.pid(), life.clone());
        lives.latest.insert(id, life);
    }

    fn find(&self, id: Id) -> Option<Life> {
        self.lives.lock().latest.get(&id).cloned()
    }

    fn label(&self, pid: Pid) -> String {
        self.lives.lock().labels.get(&pid).cloned().unwrap_or_else(|| "?".to_owned())
    }

    async fn step(&self, step: &Step) {
        match step {
            Step::Advance(millis) => tokio::time::sleep(Duration::from_millis(*millis)).await,
            Step::Do(id, orders) => match self.find(*id) {
                Some(life) => {
                    life.reference.cast(Do(orders.clone()));
                    self.stream(&life, orders);
                }
                None => self.write(format!("{id} {id} none")),
            },
            Step::Suspend(id) => self.let_wait(*id, true),
            Step::Resume(id) => self.let_wait(*id, false),
        }
    }

    fn let_wait(&self, id: Id, wait: bool) {
        let life = self.find(id).filter(|life| life.process.is_alive() && !life.plain);
        match life.filter(|life| !self.lives.lock().busy.contains(&life.process.pid())) {
            Some(life) if wait => {
                life.process.suspend();
                self.write(format!("{id} {id} suspend"));
            }
            Some(life) => {
                life.process.resume();
                self.write(format!("{id} {id} resume"));
            }
            None => self.write(format!("{id} {id} cannot")),
        }
    }

    /// OTP-164 is reached by several signals from one to one.
    fn stream(&self, sender: &Life, orders: &[Order]) {
        let sent =
            orders.iter().filter(|it| matches!(it, Order::Send(..) | Order::Cast(..) | Order::Exit(..)));
        if sent.count() > 1 && sender.process.is_alive() {
            self.hit(164);
        }
    }
}
