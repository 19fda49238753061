//! Random histories, played to the cache and to the reference model at once: what comes of each event must be the same.
//!
//! Beside the model, a few laws are checked on the effects alone, so that an error shared by both would still be seen:
//! one fetch a key, each waiter told exactly once, a poem that is handed out as whole is whole to the last byte.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::config::ENTRY_OVERHEAD;
use super::model::Model;
use super::model_words::{Happens, KEYS, Kind, Rules, Seen, upstream};
use super::*;

const MAX_POEM: usize = 400;

#[derive(Clone, Debug)]
enum Op {
    Ask {
        who: u64,
        key: usize,
    },
    Leave {
        who: u64,
    },
    /// Something comes of one of the fetches under way.
    Report {
        which: usize,
        report: Report,
    },
    /// A report of a fetch that is over, or of a cache that is.
    Stray {
        number: u64,
        before: bool,
        report: Report,
    },
    Advance {
        millis: u64,
    },
    ToTimer,
    Purge {
        key: Option<usize>,
    },
    Refresh {
        key: usize,
    },
    CacheCrashes,
}

#[derive(Clone, Copy, Debug)]
enum Report {
    Whole { size: usize },
    Oversize,
    Ended,
    Failed(Kind),
    Died,
}

fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    let kind = prop_oneof![Just(Kind::Unreachable), Just(Kind::Broken), Just(Kind::Negative)];
    let report = prop_oneof![
        6 => (40..=MAX_POEM).prop_map(|size| Report::Whole { size }),
        1 => Just(Report::Whole { size: 0 }),
        1 => Just(Report::Whole { size: MAX_POEM + 1 }),
        2 => Just(Report::Oversize),
        2 => Just(Report::Ended),
        3 => kind.prop_map(Report::Failed),
        1 => Just(Report::Died),
    ];
    let key = 0..KEYS.len();
    let op = prop_oneof![
        30 => (0_u64..14, key.clone()).prop_map(|(who, key)| Op::Ask { who, key }),
        8 => (0_u64..14).prop_map(|who| Op::Leave { who }),
        12 => (0_usize..6, report.clone()).prop_map(|(which, report)| Op::Report { which, report }),
        2 => (1_u64..9, any::<bool>(), report)
            .prop_map(|(number, before, report)| Op::Stray { number, before, report }),
        14 => (0_u64..400).prop_map(|millis| Op::Advance { millis }),
        2 => (400_u64..5000).prop_map(|millis| Op::Advance { millis }),
        2 => Just(Op::ToTimer),
        2 => prop::option::weighted(0.7, key.clone()).prop_map(|key| Op::Purge { key }),
        3 => key.prop_map(|key| Op::Refresh { key }),
        1 => Just(Op::CacheCrashes),
    ];
    prop::collection::vec(op, 1..most)
}

fn configs() -> impl Strategy<Value = CacheConfig> {
    let ms = Duration::from_millis;
    let often = |value: u64| prop::bool::weighted(0.8).prop_map(move |on| if on { ms(value) } else { ms(0) });
    let jitter = || prop_oneof![Just(0_u8), Just(20), Just(100)];
    let windows = (often(1000), often(500), often(3000), often(150));
    let bounds = (1_usize..5, 1_usize..5, 1_usize..6, 0_usize..6, 2000_usize..3500);
    (windows, bounds, jitter(), jitter()).prop_map(move |(windows, bounds, ttl_jitter, hold_off_jitter)| {
        let (ttl, stale_while_revalidate, stale_if_error, negative_ttl) = windows;
        let (max_entries, max_fetches, max_waiters_per_key, more, max_bytes) = bounds;
        CacheConfig {
            ttl,
            ttl_jitter,
            stale_while_revalidate,
            stale_if_error,
            hold_off_min: ms(100),
            hold_off_max: ms(700),
            hold_off_jitter,
            negative_ttl,
            max_bytes,
            max_entries,
            max_poem_bytes: MAX_POEM,
            max_fetches,
            max_waiters_per_key,
            max_waiters: max_waiters_per_key + more,
            max_wait: ms(900),
            ..CacheConfig::default()
        }
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

fn key(number: u8) -> Key {
    match number {
        0..=3 => Key::poem(format!("u{number}")),
        _ => Key::transformed("u3", &format!("t{number}"), b"original").unwrap(),
    }
}

/// What has to be sent to the upstream for it.
fn input(key: u8) -> Bytes {
    if upstream(key) == key { Bytes::new() } else { Bytes::from_static(b"original") }
}

fn number(of: &Key) -> u8 {
    KEYS.into_iter().find(|number| key(*number) == *of).unwrap()
}

fn rules(config: &CacheConfig) -> Rules {
    Rules {
        ttl: nanos(config.ttl),
        ttl_jitter: config.ttl_jitter.into(),
        refresh: nanos(config.stale_while_revalidate),
        error: nanos(config.stale_if_error),
        hold_min: nanos(config.hold_off_min),
        hold_max: nanos(config.hold_off_max),
        hold_jitter: config.hold_off_jitter.into(),
        negative: nanos(config.negative_ttl),
        max_bytes: config.max_bytes,
        max_entries: config.max_entries,
        max_poem: config.max_poem_bytes,
        max_fetches: config.max_fetches,
        max_for_key: config.max_waiters_per_key,
        max_waiters: config.max_waiters,
        max_wait: nanos(config.max_wait),
        overhead: KEYS.map(|number| (number, key(number).weight() + ENTRY_OVERHEAD)).into(),
    }
}

/// A poem that tells its number and its length, so that a part of it can be told from the whole.
fn poem(number: u64, size: usize) -> Bytes {
    format!("poem {number} of {size} bytes. ").bytes().cycle().take(size).collect::<Vec<_>>().into()
}

/// The number of a poem, and whether it is whole.
fn read(bytes: &Bytes) -> (u64, bool) {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut words = text.split(' ');
    let (number, size) = (words.nth(1).unwrap().parse().unwrap(), words.nth(1).unwrap().parse().unwrap());
    (number, *bytes == poem(number, size))
}

struct World {
    cache: Cache,
    model: Model,
    rng: fastrand::Rng,
    incarnation: u64,
    now: u64,
    poems: u64,
    /// Laws: who waits or follows, and what is under way.
    waiting: BTreeSet<u64>,
    under_way: BTreeMap<u8, u64>,
    reached: BTreeSet<&'static str>,
}

impl World {
    fn new(config: &CacheConfig) -> World {
        let mut rng = fastrand::Rng::with_seed(11);
        World {
            cache: Cache::new(config.clone(), 0, rng.fork()).unwrap(),
            model: Model::new(rules(config), 0),
            rng,
            incarnation: 0,
            now: 0,
            poems: 0,
            waiting: BTreeSet::new(),
            under_way: BTreeMap::new(),
            reached: BTreeSet::new(),
        }
    }

    fn play(&mut self, op: &Op) {
        match *op {
            Op::Ask { who, key: index } => {
                let wanted = KEYS[index];
                let request =
                    Event::Request { waiter: WaiterId(who), key: key(wanted), input: input(wanted) };
                self.waiting.insert(who);
                self.both(request, Happens::Asks { who, key: wanted });
            }
            Op::Leave { who } => {
                self.waiting.remove(&who);
                self.both(Event::Left { waiter: WaiterId(who) }, Happens::Leaves { who });
            }
            Op::Report { which, report } => {
                let flights = &self.model.flights;
                if let Some(flight) = flights.get(which % flights.len().max(1)) {
                    self.report(FetchId { incarnation: self.incarnation, number: flight.fetch }, report);
                }
            }
            Op::Stray { number, before: true, report } => {
                let fetch = FetchId { incarnation: self.incarnation.wrapping_sub(1), number };
                let (event, _) = self.events(fetch, report);
                assert_eq!(self.cache.handle(event, Duration::from_nanos(self.now)), [], "of another cache");
            }
            Op::Stray { number, before: false, report } => {
                self.report(FetchId { incarnation: self.incarnation, number }, report);
            }
            Op::Advance { millis } => {
                self.now += millis * 1_000_000;
                self.both(Event::Tick, Happens::Tick);
            }
            Op::ToTimer => {
                self.now = self.model.next_timer().unwrap_or(self.now).max(self.now);
                self.both(Event::Tick, Happens::Tick);
            }
            Op::Purge { key: index } => {
                let wanted = index.map(|index| KEYS[index]);
                let purge = wanted.map_or(Purge::All, |wanted| Purge::Key(key(wanted)));
                self.both(Event::Purge(purge), Happens::Purge { key: wanted });
            }
            Op::Refresh { key: index } => {
                self.both(Event::Refresh(key(KEYS[index])), Happens::Refresh { key: KEYS[index] });
            }
            Op::CacheCrashes => {
                self.incarnation += 1;
                let config = self.cache.config().clone();
                self.model = Model::new(rules(&config), self.now);
                self.cache = Cache::new(config, self.incarnation, self.rng.fork()).unwrap();
                self.waiting.clear();
                self.under_way.clear();
            }
        }
    }

    fn events(&mut self, fetch: FetchId, report: Report) -> (Event, Happens) {
        self.poems += 1;
        let (number, id) = (self.poems, fetch.number);
        match report {
            Report::Whole { size } => (
                Event::Whole { fetch, poem: poem(number, size), trust: Trust::Verified },
                Happens::Whole { fetch: id, poem: number, size },
            ),
            Report::Oversize => (
                Event::Oversize { fetch, head: poem(number, 2 * MAX_POEM).slice(..MAX_POEM + 1) },
                Happens::Oversize { fetch: id, poem: number },
            ),
            Report::Ended => (Event::StreamEnded { fetch }, Happens::Ended { fetch: id }),
            Report::Failed(kind) => {
                let failed = match kind {
                    Kind::Unreachable => FailureKind::Unreachable,
                    Kind::Broken => FailureKind::Broken,
                    Kind::Negative => FailureKind::Negative,
                };
                let event = Event::Failed { fetch, failure: Failure::new(failed, "down") };
                (event, Happens::Failed { fetch: id, kind })
            }
            Report::Died => {
                let event = Event::Died { fetch, cause: "panicked".into() };
                (event, Happens::Failed { fetch: id, kind: Kind::Broken })
            }
        }
    }

    fn report(&mut self, fetch: FetchId, report: Report) {
        if !matches!(report, Report::Oversize) {
            self.under_way.retain(|_, number| *number != fetch.number);
        }
        let (event, happens) = self.events(fetch, report);
        self.both(event, happens);
    }

    /// The heart of it.
    fn both(&mut self, event: Event, happens: Happens) {
        self.model.now = self.now;
        let now = Duration::from_nanos(self.now);
        let seen: Vec<_> = self.cache.handle(event, now).iter().map(|effect| self.see(effect)).collect();
        let expected = self.model.play(happens);
        assert_eq!(seen, expected, "seen, expected of {happens:?}");
        let listed = self.cache.list(now);
        for effect in &seen {
            if let Seen::Stored { key: stored } = effect
                && let Some(listed) = listed.iter().find(|listed| listed.key == key(*stored))
            {
                self.model.learn_ttl(*stored, self.now + nanos(listed.ttl_left));
            }
        }
        self.model.learn_hold_offs(|place| self.cache.troubles.until(&key(place)).map(nanos));
        self.compare(&listed);
    }

    fn compare(&mut self, listed: &[Listed]) {
        let (config, counts) = (self.cache.config(), self.cache.counts());
        assert!(counts.entries <= config.max_entries && counts.bytes <= config.max_bytes, "{counts:?}");
        assert!(counts.waiters <= config.max_waiters && counts.fetches <= config.max_fetches, "{counts:?}");
        assert!(counts.failures <= config.max_entries, "{counts:?}");
        assert_eq!((counts.entries, counts.bytes), (self.model.held.len(), self.model.bytes()));
        assert_eq!(self.waiting, self.model.waiters().into_iter().collect(), "who waits");
        assert_eq!(counts.waiters, self.waiting.len());
        let fetches: BTreeMap<_, _> = self.model.flights.iter().map(|f| (f.key, f.fetch)).collect();
        assert_eq!(self.under_way, fetches, "what is under way");
        assert_eq!((counts.fetches, self.cache.fetches.len()), (fetches.len(), fetches.len()));
        assert_eq!(self.cache.next_timer().map(nanos), self.model.next_timer());
        for listed in listed {
            let number = number(&listed.key);
            let held = self.model.holds(number).unwrap();
            assert_eq!((listed.bytes, listed.hits), (held.size, held.hits));
            assert_eq!(
                (nanos(listed.age), listed.fetching),
                (self.now - held.at, self.model.fetches(number))
            );
        }
        let servable = KEYS.into_iter().filter(|key| self.model.servable(*key)).count();
        assert_eq!(listed.len(), servable, "what is listed");
    }

    /// An effect in the model's words; the laws are checked on the way.
    fn see(&mut self, effect: &Effect) -> Seen {
        let seen = match effect {
            Effect::Answer { waiter, label, poem, .. } => {
                let (poem, whole) = read(poem);
                assert!(whole, "half a poem passed off as whole");
                self.told(waiter.0);
                Seen::Poem { who: waiter.0, label: label.as_str(), poem }
            }
            Effect::Fail { waiter, label, error } => {
                self.told(waiter.0);
                let why = match error {
                    CacheError::Fetch(_) => "fetch",
                    CacheError::Remembered { .. } => "remembered",
                    CacheError::TooManyWaitersForKey { .. } => "key",
                    CacheError::TooManyWaiters { .. } => "waiters",
                    CacheError::TooManyFetches { .. } => "fetches",
                    CacheError::WaitedTooLong { .. } => "waited",
                };
                assert_eq!(*label == Label::Negative, why == "remembered");
                self.reached.insert(label.as_str());
                Seen::Fail { who: waiter.0, why }
            }
            Effect::Stream { waiter, head, .. } => {
                assert!(self.waiting.contains(&waiter.0), "{waiter:?} does not wait");
                Seen::Head { who: waiter.0, poem: read(head).0 }
            }
            Effect::EndStream { waiter } => {
                self.told(waiter.0);
                Seen::End { who: waiter.0 }
            }
            Effect::CutStream { waiter, .. } => {
                self.told(waiter.0);
                Seen::Cut { who: waiter.0 }
            }
            Effect::StartFetch { fetch, key, kind, input: sent } => {
                assert_eq!(*sent, input(number(key)), "what is sent for {key}");
                assert_eq!(fetch.incarnation, self.incarnation);
                let other = self.under_way.insert(number(key), fetch.number);
                assert_eq!(other, None, "two fetches for {key}");
                Seen::Start { fetch: fetch.number, key: number(key), background: *kind == FetchKind::Refresh }
            }
            Effect::CancelFetch { fetch, key } => {
                assert_eq!(self.under_way.remove(&number(key)), Some(fetch.number));
                Seen::Cancel { fetch: fetch.number }
            }
            Effect::Stored { key, .. } => Seen::Stored { key: number(key) },
            Effect::Dropped { key, reason } => {
                let why = match reason {
                    DropReason::Evicted => "evicted",
                    DropReason::Expired => "expired",
                    DropReason::Replaced => "replaced",
                    DropReason::Outgrown => "outgrown",
                    DropReason::Purged => "purged",
                };
                Seen::Dropped { key: number(key), why }
            }
            Effect::Purged { poems } => Seen::Purged { poems: *poems },
            Effect::Refreshing(reply) => {
                let reply = match reply {
                    RefreshReply::Started(_) => "started",
                    RefreshReply::Running(_) => "running",
                    RefreshReply::NotKept => "not kept",
                    RefreshReply::NoOriginal => "no original",
                    RefreshReply::Busy => "busy",
                };
                Seen::Refreshing { reply }
            }
            Effect::Listing(_) => panic!("nobody asked for a listing"),
        };
        self.reached.insert(match &seen {
            Seen::Poem { label, .. } => label,
            Seen::Fail { why, .. } | Seen::Dropped { why, .. } | Seen::Refreshing { reply: why } => why,
            Seen::Head { .. } => "head",
            Seen::End { .. } => "end",
            Seen::Cut { .. } => "cut",
            Seen::Start { background: true, .. } => "background",
            Seen::Start { .. } => "start",
            Seen::Cancel { .. } => "cancel",
            Seen::Stored { .. } => "stored",
            Seen::Purged { .. } => "purge",
        });
        seen
    }

    fn told(&mut self, who: u64) {
        assert!(self.waiting.remove(&who), "{who} is told, and does not wait");
    }

    /// Every fetch ends; then nobody waits any more.
    fn end(&mut self) {
        while let Some(flight) = self.model.flights.first() {
            let fetch = FetchId { incarnation: self.incarnation, number: flight.fetch };
            self.report(fetch, Report::Died);
        }
        assert!(self.waiting.is_empty(), "forgotten: {:?}", self.waiting);
        assert_eq!(self.cache.next_timer(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_cache_does_what_the_model_says(config in configs(), ops in ops(1000)) {
        let mut world = World::new(&config);
        for op in &ops {
            world.play(op);
        }
        world.end();
    }
}

#[test]
fn the_random_histories_reach_every_outcome_there_is() {
    let (mut runner, mut reached, mut steps) = (TestRunner::deterministic(), BTreeSet::new(), 0);
    for _ in 0..60 {
        let (config, ops) = (configs(), ops(1000)).new_tree(&mut runner).unwrap().current();
        let mut world = World::new(&config);
        ops.iter().for_each(|op| world.play(op));
        world.end();
        steps += ops.len();
        reached.append(&mut world.reached);
    }
    let labels = Label::ALL.map(Label::as_str);
    let others = "head end cut background start cancel stored purge fetch remembered key waiters fetches waited evicted
        expired replaced outgrown purged started running busy";
    let missing: Vec<_> =
        labels.into_iter().chain(others.split_whitespace()).filter(|name| !reached.contains(name)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
    assert!(reached.contains("not kept") && reached.contains("no original"));
    assert!(steps > 20_000, "{steps} steps");
}
