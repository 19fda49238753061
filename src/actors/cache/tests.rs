//! The cache with its fetches in a tree, on a clock that does not need to be waited for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use supervisors::supervisor::{DynamicSupervisor, Strategy, Supervisor, SupervisorRef};
use supervisors::{CallError, Subscription};
use tokio::task::LocalSet;

use super::*;
use crate::actors::Upstream;
use crate::actors::exchange::DownloadOptions;
use crate::actors::scripted::{Answer as Script, Scripted, Step};
use crate::cache::{CacheError, Label, Purge};
use crate::config::HostPort;

const PORT: u16 = 10_004;

struct World {
    net: Scripted,
    branch: SupervisorRef,
    cache: CachePorts,
    events: Subscription<event::Event>,
    asked: u64,
}

impl World {
    async fn new(config: CacheConfig) -> Self {
        let reporter = Reporter::new(|node| node.seed(7));
        let events = reporter.history().subscribe(1 << 20);
        let net = Scripted::default();
        let downloads = DynamicSupervisor::new("downloads").intensity(0, Duration::from_secs(1));
        let upstream = Upstream {
            network: net.network(),
            servers: vec![HostPort::loopback(PORT)],
            download: DownloadOptions::default(),
            max_answer: 1 << 20,
            max_held: Some(config.max_poem_bytes),
            max_drain: config.max_drain,
        };
        let cache = PoemCache::child_spec(CacheOptions {
            config,
            downloads: downloads.reference(),
            fetcher: Arc::new(Arc::new(upstream)),
            reporter: reporter.clone(),
        });
        let ports = CachePorts::from(&cache.reference());
        let branch = Supervisor::new("proxy")
            .strategy(Strategy::RestForOne)
            .intensity(1000, Duration::from_secs(1))
            .child(cache)
            .child(downloads);
        let branch = branch.start(reporter.node()).await.unwrap();
        Self { net, branch, cache: ports, events, asked: 0 }
    }

    /// From now on the server does this for whoever connects.
    fn server(&self, answer: Script) {
        self.net.clone().at(([127, 0, 0, 1], PORT).into(), answer);
    }

    fn ask(&mut self) -> (WaiterId, supervisors::Call<Result<Served, Refused>>) {
        self.ask_for("it")
    }

    fn ask_for(&mut self, key: &str) -> (WaiterId, supervisors::Call<Result<Served, Refused>>) {
        self.asked += 1;
        let waiter = WaiterId(self.asked);
        let ask = AskPoem { waiter, key: Key::poem(key), input: Bytes::new() };
        (waiter, self.cache.ask.call(ask).forever())
    }

    async fn get(&mut self) -> Result<(Label, Bytes), Refused> {
        match self.ask().1.await.unwrap()? {
            Served::Whole { label, poem, .. } => Ok((label, poem)),
            Served::Passing { .. } => panic!("nothing here is that large"),
        }
    }

    /// How many fetches were begun since this was asked last.
    fn fetches(&mut self) -> usize {
        std::iter::from_fn(|| self.events.try_next())
            .filter(|it| matches!(it.event, event::Event::FetchStarted { .. }))
            .count()
    }

    /// What was said of the poems kept since this was asked last.
    fn kept(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.try_next())
            .filter(|it| matches!(it.event, event::Event::PoemKept { .. } | event::Event::PoemDropped { .. }))
            .map(|it| it.event.to_string())
            .collect()
    }

    fn kill(&self, path: &str) {
        if let Some(process) = self.branch.tree().find(path).and_then(|node| node.process.clone()) {
            process.kill();
        }
    }
}

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.unwrap(), test)
}

fn poem(text: &'static str) -> Script {
    Script::Accept(vec![Step::send(text), Step::End])
}

#[test]
fn of_an_upstream_that_is_down_for_good_stale_poems_are_served_for_a_day_and_then_failures() {
    run(async {
        let mut world = World::new(CacheConfig::default()).await;
        world.server(poem("poem"));
        assert_eq!(world.get().await, Ok((Label::Miss, "poem".into())));
        world.server(Script::Refuse);
        let (begun, minute) = (tokio::time::Instant::now(), Duration::from_secs(60));
        let (mut hits, mut stale) = (0, 0);
        let gone = loop {
            tokio::time::advance(minute).await;
            match world.get().await {
                Ok((Label::Hit, _)) => hits += 1,
                Ok((Label::Stale, _)) => stale += 1,
                Ok((label, _)) => panic!("{label}"),
                Err(Refused { .. }) => break begun.elapsed(),
            }
        };
        // A ttl of 2 h less 5 % by chance, 10 min in which it is refreshed, 24 h in which it is better than nothing.
        assert!((114..=120).contains(&hits), "{hits} minutes fresh");
        assert!((1449..=1450).contains(&stale), "{stale} minutes stale");
        assert!(gone >= 60 * 26 * minute && gone <= 60 * 27 * minute, "gone after {gone:?}");
        // Each request a minute is allowed one attempt, as the hold-off ends at 30 s and a fifth by chance.
        let attempts = world.fetches();
        assert!(attempts <= 1 + stale + 1, "{attempts} attempts");
        for _ in 0..10_000 {
            assert!(world.get().await.is_err());
        }
        assert_eq!(world.fetches(), 0, "within the hold-off");
    });
}

#[test]
fn of_each_poem_that_is_kept_and_dropped_an_event_tells_why() {
    run(async {
        let minute = Duration::from_secs(60);
        let config =
            CacheConfig { max_entries: 1, max_poem_bytes: 100, ttl: minute, ..CacheConfig::default() };
        let (stale_while_revalidate, stale_if_error) = (Duration::ZERO, minute);
        let mut world = World::new(CacheConfig { stale_while_revalidate, stale_if_error, ..config }).await;
        world.server(poem("a poem"));
        assert!(world.ask_for("one").1.await.unwrap().is_ok());
        assert_eq!(world.kept(), ["keeping 6 bytes of poetry, unverified: one"]);
        assert!(world.ask_for("two").1.await.unwrap().is_ok());
        let keeping_two = "keeping 6 bytes of poetry, unverified: two";
        assert_eq!(world.kept(), ["no longer keeping one: evicted", keeping_two]);
        tokio::time::advance(minute).await;
        assert!(world.ask_for("two").1.await.unwrap().is_ok());
        assert_eq!(world.kept(), ["no longer keeping two: replaced", keeping_two]);
        assert_eq!(world.cache.purge.call(PurgePoems(Purge::All)).await, Ok(1));
        assert_eq!(world.kept(), ["no longer keeping two: purged"]);
        assert!(world.ask_for("two").1.await.unwrap().is_ok());
        tokio::time::advance(2 * minute).await;
        world.server(Script::Accept(vec![Step::Send(vec![b'v'; 101].into()), Step::Silence]));
        let ask = world.ask_for("two").1;
        assert!(matches!(ask.await, Ok(Ok(Served::Passing { .. }))));
        assert_eq!(world.kept(), [keeping_two, "no longer keeping two: expired"]);
    });
}

#[test]
fn a_crowd_that_asks_without_a_pause_causes_as_many_attempts_as_the_hold_off_allows() {
    run(async {
        let mut world = World::new(CacheConfig::default()).await;
        world.server(Script::Accept(vec![Step::send("half a "), Step::Reset]));
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(300) {
            assert!(world.get().await.is_err(), "half a poem");
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        // 0.5 + 1 + 2 + 4 + 8 + 16 s, then 30 s each, all lengthened by up to a fifth.
        let attempts = world.fetches();
        assert!((12..=15).contains(&attempts), "{attempts} attempts in 30,000 requests");
    });
}

#[test]
fn who_waits_is_told_at_max_wait_that_there_is_no_end_of_it() {
    run(async {
        let mut world = World::new(CacheConfig::default()).await;
        let drips = vec![[Step::send("x"), Step::wait(50)]; 100].concat();
        world.server(Script::Accept(drips));
        let begun = tokio::time::Instant::now();
        let error = world.get().await.unwrap_err().error;
        assert_eq!(error, CacheError::WaitedTooLong { waited: Duration::from_secs(1800) });
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_secs(1800) && waited < Duration::from_secs(1801), "{waited:?}");
        assert_eq!(world.net.open(), 0, "the fetch was cancelled");
    });
}

#[test]
fn a_cache_that_is_killed_tells_those_who_wait_and_takes_the_fetch_along() {
    run(async {
        let mut world = World::new(CacheConfig::default()).await;
        world.server(Script::Accept(vec![Step::send("half a "), Step::Silence]));
        let waits: Vec<_> = (0..100).map(|_| world.ask().1).collect();
        while world.net.open() == 0 {
            tokio::task::yield_now().await;
        }
        world.kill("cache");
        for wait in waits {
            assert!(matches!(wait.await, Err(CallError::Exit(_))));
        }
        while world.net.open() > 0 {
            tokio::task::yield_now().await;
        }
        world.server(poem("poem"));
        while world.branch.tree().find("downloads").is_none_or(|it| it.restarts == 0) {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.get().await, Ok((Label::Miss, "poem".into())));
        assert_eq!(world.fetches(), 2);
    });
}

#[test]
fn a_fetch_that_is_cancelled_before_it_ran_and_the_next_one_are_never_connected_both() {
    run(async {
        let mut world = World::new(CacheConfig::default()).await;
        world.server(Script::Accept(vec![Step::send("poem"), Step::wait(1), Step::End]));
        // All in one turn of the cache: the first fetch is on its way to its supervisor when it is cancelled.
        let (first, _) = world.ask();
        world.cache.leave.cast(LeavePoem(first));
        let answer = world.ask().1.await;
        assert!(matches!(answer, Ok(Ok(Served::Whole { .. }))));
        assert_eq!((world.fetches(), world.net.most_open()), (2, 1));
    });
}

/// Random requests, departures, upstreams, pauses and kills. Whatever happens: nobody is given anything but a whole poem,
/// nobody waits longer than `max_wait`, and the upstream never sees two connections at once.
#[test]
fn through_random_histories_nobody_gets_half_a_poem_or_waits_for_ever() {
    const WHOLE: [&str; 2] = ["a poem", "another poem"];
    let (mut all_whole, mut all_failed) = (0, 0);
    for seed in 0..40 {
        let (whole, failed) = run(async move {
            let (mut whole, mut failed) = (0, 0);
            let mut random = fastrand::Rng::with_seed(seed);
            let minute = Duration::from_secs(60);
            let config = CacheConfig { ttl: 10 * minute, max_wait: 5 * minute, ..CacheConfig::default() };
            let mut world = World::new(config).await;
            let mut waits = Vec::new();
            for step in 0..300 {
                match random.u8(0..100) {
                    0..40 => {
                        let (waiter, call) = world.ask();
                        waits.push((waiter, Box::pin(call)));
                    }
                    40..55 if !waits.is_empty() => {
                        let (waiter, _) = waits.swap_remove(random.usize(..waits.len()));
                        world.cache.leave.cast(LeavePoem(waiter));
                    }
                    55..75 => world.server(match random.u8(0..8) {
                        0 => Script::Refuse,
                        1 => Script::Nothing,
                        2 => Script::Accept(vec![Step::End]),
                        3 => Script::Accept(vec![Step::send("half a "), Step::Reset]),
                        4 => Script::Accept(vec![Step::send("half a "), Step::Silence]),
                        5 => Script::Accept(vec![Step::send("a "), Step::wait(40), Step::send("poem")]),
                        n => poem(WHOLE[usize::from(n) % 2]),
                    }),
                    75..78 => world.kill("downloads/fetch"),
                    78 => world.kill("downloads"),
                    79 => world.kill("cache"),
                    80..90 => tokio::time::advance(Duration::from_secs(random.u64(0..400))).await,
                    _ => {
                        for _ in 0..random.u8(0..20) {
                            tokio::task::yield_now().await;
                        }
                    }
                }
                let most = world.net.most_open();
                assert!(most <= 1, "{most} connections to one upstream, seed {seed}, step {step}");
            }
            for (_, call) in waits {
                // Longer than `max_wait` from now on, and so from when it asked.
                let answer = tokio::time::timeout(6 * minute, call).await;
                match answer.unwrap_or_else(|_| panic!("a waiter was forgotten, seed {seed}")) {
                    Ok(Ok(Served::Whole { poem, .. })) => {
                        assert!(WHOLE.iter().any(|whole| poem == whole), "{poem:?}, seed {seed}");
                        whole += 1;
                    }
                    Ok(Ok(Served::Passing { .. })) => panic!("nothing here is that large"),
                    Ok(Err(_)) | Err(_) => failed += 1,
                }
            }
            (whole, failed)
        });
        all_whole += whole;
        all_failed += failed;
    }
    assert!(all_whole > 1000 && all_failed > 1000, "{all_whole} whole, {all_failed} failed: both must occur");
}
