//! Workers without connections, on a clock that stands still unless everybody sleeps.

use std::future::pending;

use supervisors::supervisor::DynamicSupervisor;
use supervisors::{Event, Node, Process};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use super::*;
use crate::transform::Outcome;

const SECOND: Duration = Duration::from_secs(1);
/// How long a test waits for what must come, on its own clock.
const PATIENCE: Duration = Duration::from_secs(3600);
const SHORT: WorkerOptions = WorkerOptions { most: 1, deadline: SECOND };

/// `never` waits for ever, `late` a second and a half; all else is in the table.
struct Engine(TransformService);

impl TransformEngine for Engine {
    fn transform(&self, request: Transform, chance: Rng) -> Transforming {
        match &*request.name {
            "never" => Box::pin(pending()),
            "late" => Box::pin(async {
                tokio::time::sleep(SECOND + SECOND / 2).await;
                Ok(Bytes::from("late"))
            }),
            _ => TransformEngine::transform(&self.0, request, chance),
        }
    }
}

fn engine() -> Engine {
    let mut service = TransformService::default();
    service.register("explode", "panics", |_, _| panic!("on fire")).unwrap();
    service.register("refuse", "fails", |_, _| Err("not today".into())).unwrap();
    Engine(service)
}

struct World {
    workers: Workers,
    supervisor: DynamicRef,
    exits: Arc<Mutex<Vec<ExitReason>>>,
}

fn run(options: WorkerOptions, seed: u64, test: impl AsyncFnOnce(World)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, async {
        let exits = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&exits);
        let node = Node::builder()
            .on_event(move |_, event| {
                if let Event::Exited { reason, .. } = event {
                    seen.lock().push(reason);
                }
            })
            .build();
        let supervisor = DynamicSupervisor::new("workers").intensity(0, SECOND);
        let supervisor = supervisor.start(&node).await.expect("it starts");
        let workers = Workers::new(engine(), supervisor.clone(), options, Rng::with_seed(seed));
        let test = test(World { workers, supervisor, exits });
        timeout(PATIENCE, test).await.expect("what must come came");
    });
}

impl World {
    async fn ask(&self, name: &str) -> Result<Bytes, String> {
        let request = Transform { name: name.to_owned(), poem: Bytes::from("Poem.") };
        self.workers.transform(request).await.map_err(|failed| failed.to_string())
    }

    fn asked(&self, name: &'static str) -> tokio::task::JoinHandle<Result<Bytes, String>> {
        let World { workers, supervisor, exits } = self;
        let (workers, supervisor, exits) = (workers.clone(), supervisor.clone(), Arc::clone(exits));
        spawn_local(async move { World { workers, supervisor, exits }.ask(name).await })
    }

    fn running(&self) -> Vec<Process> {
        self.supervisor.tree().children.into_iter().filter_map(|child| child.process).collect()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..100_000 {
            if holds(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("never: {what}");
    }
}

#[test]
fn each_request_has_a_process_that_ends_with_it() {
    run(SHORT, 1, async |world| {
        assert_eq!(world.ask("shout").await.unwrap(), "POEM.");
        assert_eq!(world.ask("rot13").await.unwrap(), "Cbrz.");
        world.until("both are buried", |world| world.running().is_empty()).await;
        assert_eq!(*world.exits.lock(), [ExitReason::Normal, ExitReason::Normal]);
        assert_eq!(world.workers.busy(), 0);
    });
}

#[test]
fn a_worker_that_fails_or_panics_is_an_answer_to_whoever_asked() {
    run(SHORT, 1, async |world| {
        assert_eq!(world.ask("refuse").await.unwrap_err(), "cannot refuse: not today");
        assert_eq!(world.ask("nonesuch").await.unwrap_err(), "no transformation is called \"nonesuch\"");
        assert_eq!(world.ask("explode").await.unwrap_err(), "its process panicked: on fire");
        assert_eq!(world.ask("shout").await.unwrap(), "POEM.", "the next is served");
    });
}

#[test]
fn a_worker_that_is_killed_is_an_answer_to_whoever_asked() {
    run(SHORT, 1, async |world| {
        let asked = world.asked("never");
        world.until("it has a worker", |world| !world.running().is_empty()).await;
        world.running()[0].kill();
        assert_eq!(asked.await.unwrap().unwrap_err(), "its process ended: killed");
    });
}

#[test]
fn a_worker_that_exceeds_the_deadline_is_killed_and_its_place_is_free() {
    run(SHORT, 1, async |world| {
        let began = Instant::now();
        assert_eq!(world.ask("never").await.unwrap_err(), "not done within 1s");
        assert_eq!(began.elapsed().as_millis(), 1000);
        assert_eq!(world.ask("late").await.unwrap_err(), "not done within 1s");
        world.until("both are buried", |world| world.running().is_empty()).await;
        assert_eq!(*world.exits.lock(), [ExitReason::Killed, ExitReason::Killed]);
        assert_eq!(world.ask("shout").await.unwrap(), "POEM.");
    });
}

#[test]
fn the_wait_for_a_worker_counts_against_the_deadline() {
    run(SHORT, 1, async |world| {
        let held = world.workers.0.limit.permit().await;
        assert_eq!(world.ask("shout").await.unwrap_err(), "no worker was free within 1s");
        assert!(world.running().is_empty(), "nobody was started for it");
        drop(held);
        // Half of its second is over when it gets its worker.
        let held = world.workers.0.limit.permit().await;
        let (began, asked) = (Instant::now(), world.asked("never"));
        tokio::time::sleep(SECOND / 2).await;
        drop(held);
        assert_eq!(asked.await.unwrap().unwrap_err(), "not done within 1s");
        assert_eq!(began.elapsed().as_millis(), 1000, "the deadline is the request's, not the worker's");
    });
}

#[test]
fn no_more_workers_run_than_may_and_who_asked_first_comes_first() {
    let options = WorkerOptions { most: 2, deadline: 10 * SECOND };
    run(options, 1, async |world| {
        let asked = ["late"; 6].map(|name| world.asked(name));
        let began = Instant::now();
        for (number, asked) in asked.into_iter().enumerate() {
            asked.await.unwrap().unwrap();
            assert!(world.workers.busy() <= 2 && world.running().len() <= 2);
            let turns = (number / 2 + 1) as u128;
            assert_eq!(began.elapsed().as_millis(), turns * 1500, "request {number}");
        }
    });
}

#[test]
fn a_worker_whose_answer_nobody_waits_for_ends() {
    run(SHORT, 1, async |world| {
        let asked = world.asked("never");
        world.until("it has a worker", |world| !world.running().is_empty()).await;
        let worker = world.running().remove(0);
        let began = Instant::now();
        asked.abort();
        let reason = worker.exited().await;
        assert!(reason.is_clean() && began.elapsed().is_zero(), "{reason}");
        assert_eq!(world.ask("shout").await.unwrap(), "POEM.", "and its place is free");
    });
}

#[test]
fn without_a_supervisor_a_request_fails_at_once() {
    run(SHORT, 1, async |world| {
        let supervisor = world.supervisor.process().unwrap();
        supervisor.kill();
        supervisor.exited().await;
        let failed = world.ask("shout").await.unwrap_err();
        assert!(failed.starts_with("no worker could be started: "), "{failed}");
    });
}

#[test]
fn the_same_seed_gives_the_nth_request_the_same_chance_whoever_waits() {
    let said = |outcome| match outcome {
        Outcome::Works => Ok(Bytes::from("Poem!")),
        Outcome::Gibberish => Err("cannot byronify: this is gibberish, not a poem".to_owned()),
        Outcome::CornerCase => {
            Err("cannot byronify: the engine hit a corner case that the professor forgot \
                                    to handle"
                .to_owned())
        }
        Outcome::Panic => Err("its process panicked: the Byronification Engine is on fire".to_owned()),
    };
    for seed in 0..20 {
        let mut chance = Rng::with_seed(seed);
        let expected: Vec<_> = (0..8).map(|_| said(Outcome::draw(&mut chance.fork()))).collect();
        for most in [1, 3] {
            run(WorkerOptions { most, deadline: SECOND }, seed, async |world| {
                // All at once: those that have no worker yet wait, and keep their chance.
                let asked: Vec<_> = (0..8).map(|_| world.asked("byronify")).collect();
                for (number, asked) in asked.into_iter().enumerate() {
                    assert_eq!(asked.await.unwrap(), expected[number], "seed {seed}, request {number}");
                }
            });
        }
    }
}
