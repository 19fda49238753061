//! The state machine: requests, departures, deadlines. How a fetch ends is in `landing`, what operators ask in
//! `operator`.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::config::{CacheConfig, ConfigError};
use super::event::{
    CacheError, DropReason, Effect, Event, Failure, FailureKind, FetchId, FetchKind, Label, WaiterId,
};
use super::flight::{Flight, Line};
use super::key::Key;
use super::policy::{Freshness, Load, Situation, Verdict, decide};
use super::store::Store;
use super::trouble::Troubles;

/// All that a cache knows. Each event costs O(log n) and O(1) for each waiter it answers.
///
/// Deterministic: the same config, generator and events give the same effects.
#[derive(Debug)]
pub struct Cache {
    pub(super) config: CacheConfig,
    pub(super) rng: fastrand::Rng,
    pub(super) store: Store,
    pub(super) troubles: Troubles,
    pub(super) flights: BTreeMap<Key, Flight>,
    /// The same flights by id.
    pub(super) fetches: BTreeMap<FetchId, Key>,
    /// Where each waiter waits.
    pub(super) places: BTreeMap<WaiterId, Place>,
    /// Who may wait until when, by number of arrival. All wait equally long, so that is also the order of time.
    pub(super) deadlines: BTreeMap<u64, (Duration, Due)>,
    incarnation: u64,
    fetches_started: u64,
    arrivals: u64,
    now: Duration,
    /// A planted bug: of several aboard, the last is never answered.
    #[cfg(feature = "lab")]
    pub(super) forgets: bool,
}

#[derive(Debug)]
pub(super) struct Place {
    pub(super) key: Key,
    pub(super) arrival: u64,
}

#[derive(Debug)]
pub(super) enum Due {
    Waiter(WaiterId),
    /// The background refresh of a key.
    Refresh(Key),
}

/// How much of each bound is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Poems kept.
    pub entries: usize,
    /// Their bytes, with keys and overhead.
    pub bytes: usize,
    /// Clients that wait for or follow a fetch.
    pub waiters: usize,
    /// Fetches under way.
    pub fetches: usize,
    /// Failures remembered.
    pub failures: usize,
}

impl Cache {
    /// An empty cache. `incarnation` must differ from that of any cache whose fetches may still report to this one (the
    /// creation number of its process will do); `rng` is the node's, for jitter.
    pub fn new(config: CacheConfig, incarnation: u64, rng: fastrand::Rng) -> Result<Cache, ConfigError> {
        config.validate()?;
        Ok(Cache {
            config,
            rng,
            store: Store::default(),
            troubles: Troubles::default(),
            flights: BTreeMap::new(),
            fetches: BTreeMap::new(),
            places: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            incarnation,
            fetches_started: 0,
            arrivals: 0,
            now: Duration::ZERO,
            #[cfg(feature = "lab")]
            forgets: false,
        })
    }

    /// Puts a bug in, to see that it is found.
    #[cfg(feature = "lab")]
    pub(crate) fn plant(&mut self, forgets: bool) {
        self.forgets = forgets;
    }

    /// What has to be done because of `event`. `now` is the time since the node's start; one that lies before that of an
    /// earlier event is taken for the latter.
    pub fn handle(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        self.now = self.now.max(now);
        let mut out = Vec::new();
        match event {
            Event::Request { waiter, key, input } => self.request(waiter, key, input, &mut out),
            Event::Left { waiter } => self.left(waiter, &mut out),
            Event::Whole { fetch, poem, trust } => self.whole(fetch, &poem, trust, &mut out),
            Event::Oversize { fetch, head } => self.oversize(fetch, &head, &mut out),
            Event::StreamEnded { fetch } => self.stream_ended(fetch, &mut out),
            Event::Failed { fetch, failure } => self.failed(fetch, &failure, &mut out),
            Event::Died { fetch, cause } => {
                let failure = Failure::new(FailureKind::Crashed, &cause);
                self.failed(fetch, &failure, &mut out);
            }
            Event::Purge(what) => self.purge(what, &mut out),
            Event::Refresh(key) => self.refresh(key, &mut out),
            Event::List => out.push(Effect::Listing(self.list(now))),
            Event::Tick => self.tick(&mut out),
        }
        out
    }

    /// When the next [`Event::Tick`] is due, if ever; ask again after each event.
    pub fn next_timer(&self) -> Option<Duration> {
        self.deadlines.first_key_value().map(|(_, (due, _))| *due)
    }

    /// Its config.
    pub fn config(&self) -> &CacheConfig {
        &self.config
    }

    /// How much of each bound is used.
    pub fn counts(&self) -> Counts {
        Counts {
            entries: self.store.len(),
            bytes: self.store.bytes(),
            waiters: self.places.len(),
            fetches: self.flights.len(),
            failures: self.troubles.len(),
        }
    }

    fn request(&mut self, waiter: WaiterId, key: Key, input: Bytes, out: &mut Vec<Effect>) {
        if let Some(place) = self.places.get(&waiter) {
            if place.key == key {
                return;
            }
            self.left(waiter, out);
        }
        self.drop_if_dead(&key, out);
        match self.verdict(&key) {
            Verdict::Serve(label) => self.serve(waiter, &key, label, out),
            Verdict::ServeAndRefresh => {
                self.serve(waiter, &key, Label::Stale, out);
                self.start(key, FetchKind::Refresh, Line::new(), input, out);
            }
            Verdict::Fetch => {
                let arrival = self.arrive(waiter, &key);
                self.start(key, FetchKind::Demand, Line::from([(arrival, waiter)]), input, out);
            }
            Verdict::Wait => {
                let arrival = self.arrive(waiter, &key);
                self.flight(&key).aboard.insert(arrival, waiter);
            }
            Verdict::WaitForNext => {
                let arrival = self.arrive(waiter, &key);
                let flight = self.flight(&key);
                flight.next.insert(arrival, waiter);
                flight.next_input = input;
            }
            refusal => self.refuse(waiter, &key, refusal, out),
        }
    }

    fn verdict(&self, key: &Key) -> Verdict {
        let flight = self.flights.get(key);
        let situation = Situation {
            held: self.store.get(key).map(|kept| &kept.windows),
            held_off_until: self.troubles.holding_off(key, self.now).map(|trouble| trouble.until),
            flight: flight.map(Flight::boarding),
            load: Load {
                waiters_for_key: flight.map_or(0, Flight::waiters),
                waiters: self.places.len(),
                fetches: self.flights.len(),
            },
        };
        decide(&self.config, &situation, self.now)
    }

    fn refuse(&self, waiter: WaiterId, key: &Key, verdict: Verdict, out: &mut Vec<Effect>) {
        let (label, error) = match verdict {
            Verdict::RefuseWaitersForKey => {
                (Label::Failed, CacheError::TooManyWaitersForKey { max: self.config.max_waiters_per_key })
            }
            Verdict::RefuseWaiters => {
                (Label::Failed, CacheError::TooManyWaiters { max: self.config.max_waiters })
            }
            Verdict::RefuseFetches => {
                (Label::Failed, CacheError::TooManyFetches { max: self.config.max_fetches })
            }
            _ => {
                let trouble = self.troubles.holding_off(key, self.now);
                let trouble = trouble.expect("a failure that is remembered is the reason for this verdict");
                let retry_in = trouble.until.saturating_sub(self.now);
                (Label::Negative, CacheError::Remembered { failure: trouble.failure.clone(), retry_in })
            }
        };
        out.push(Effect::Fail { waiter, label, error });
    }

    /// The waiter is gone. It may be the last one of its fetch.
    fn left(&mut self, waiter: WaiterId, out: &mut Vec<Effect>) {
        if let Some(key) = self.unseat(waiter) {
            self.cancel_if_unwanted(&key, out);
        }
    }

    fn tick(&mut self, out: &mut Vec<Effect>) {
        while let Some(entry) = self.deadlines.first_entry()
            && entry.get().0 <= self.now
        {
            match entry.remove().1 {
                Due::Waiter(waiter) => {
                    if let Some(key) = self.unseat(waiter) {
                        let error = CacheError::WaitedTooLong { waited: self.config.max_wait };
                        self.serve_stale_or_fail(waiter, &key, error, out);
                        self.cancel_if_unwanted(&key, out);
                    }
                }
                Due::Refresh(key) => self.refresh_took_too_long(&key, out),
            }
        }
    }

    /// If somebody has come to wait for it meanwhile, it is theirs now. Otherwise it has failed.
    fn refresh_took_too_long(&mut self, key: &Key, out: &mut Vec<Effect>) {
        let flight = self.flight(key);
        flight.kind = FetchKind::Demand;
        flight.deadline = None;
        if !flight.wanted() {
            let detail =
                format!("no end of the poem from {} after {:?}", key.upstream(), self.config.max_wait);
            let failure = Failure::new(FailureKind::Broken, &detail);
            self.troubles.note(&self.config, key, failure, self.now, &mut self.rng);
        }
        self.cancel_if_unwanted(key, out);
    }

    /// Starts a fetch with `aboard` waiting for it.
    pub(super) fn start(
        &mut self,
        key: Key,
        kind: FetchKind,
        aboard: Line,
        input: Bytes,
        out: &mut Vec<Effect>,
    ) -> FetchId {
        self.fetches_started += 1;
        let id = FetchId { incarnation: self.incarnation, number: self.fetches_started };
        let mut flight = Flight::new(id, kind);
        flight.revalidates = self.store.get(&key).is_some();
        flight.leader = aboard.first_key_value().map(|(arrival, _)| *arrival);
        flight.aboard = aboard;
        if kind == FetchKind::Refresh {
            flight.deadline = Some(self.due(Due::Refresh(key.clone())));
        }
        self.fetches.insert(id, key.clone());
        let other = self.flights.insert(key.clone(), flight);
        debug_assert!(other.is_none(), "two fetches for {key}");
        out.push(Effect::StartFetch { fetch: id, key, kind, input });
        id
    }

    /// Those who waited for the fetch after the one that has just ended get theirs, all together.
    pub(super) fn start_next(&mut self, key: Key, ended: Flight, out: &mut Vec<Effect>) {
        if !ended.next.is_empty() {
            self.start(key, FetchKind::Demand, ended.next, ended.next_input, out);
        }
    }

    /// Takes a flight that has ended (or is about to be cancelled) off the books. Its waiters keep their places.
    pub(super) fn take_flight(&mut self, key: &Key) -> Option<Flight> {
        let flight = self.flights.remove(key)?;
        self.fetches.remove(&flight.id);
        if let Some(deadline) = flight.deadline {
            self.deadlines.remove(&deadline);
        }
        Some(flight)
    }

    pub(super) fn cancel_if_unwanted(&mut self, key: &Key, out: &mut Vec<Effect>) {
        if self.flights.get(key).is_none_or(Flight::wanted) {
            return;
        }
        if let Some(flight) = self.take_flight(key) {
            out.push(Effect::CancelFetch { fetch: flight.id, key: key.clone() });
            self.start_next(key.clone(), flight, out);
        }
    }

    /// The poem from memory.
    pub(super) fn serve(&mut self, waiter: WaiterId, key: &Key, label: Label, out: &mut Vec<Effect>) {
        let kept = self.store.serve(key).expect("a poem that is held is the reason for serving it");
        out.push(Effect::Answer { waiter, label, poem: kept.poem.clone(), trust: kept.trust });
    }

    /// What becomes of one whose fetch failed: this is what `stale_if_error` is for.
    pub(super) fn serve_stale_or_fail(
        &mut self,
        waiter: WaiterId,
        key: &Key,
        error: CacheError,
        out: &mut Vec<Effect>,
    ) {
        self.drop_if_dead(key, out);
        if self.store.get(key).is_some() {
            self.serve(waiter, key, Label::Stale, out);
        } else {
            out.push(Effect::Fail { waiter, label: Label::Failed, error });
        }
    }

    fn drop_if_dead(&mut self, key: &Key, out: &mut Vec<Effect>) {
        let dead = |cache: &Cache| Some(cache.store.get(key)?.windows.at(cache.now) == Freshness::Dead);
        if dead(self) == Some(true) {
            self.drop_poem(key, DropReason::Expired, out);
        }
    }

    /// Whether there was one.
    pub(super) fn drop_poem(&mut self, key: &Key, reason: DropReason, out: &mut Vec<Effect>) -> bool {
        let held = self.store.remove(key);
        if held {
            out.push(Effect::Dropped { key: key.clone(), reason });
        }
        held
    }

    /// Gives a waiter a place and a deadline; returns the number of its arrival.
    fn arrive(&mut self, waiter: WaiterId, key: &Key) -> u64 {
        let arrival = self.due(Due::Waiter(waiter));
        self.places.insert(waiter, Place { key: key.clone(), arrival });
        arrival
    }

    fn due(&mut self, due: Due) -> u64 {
        self.arrivals += 1;
        self.deadlines.insert(self.arrivals, (self.now + self.config.max_wait, due));
        self.arrivals
    }

    /// Takes a waiter's place away, and the waiter out of its line; the key it waited for.
    fn unseat(&mut self, waiter: WaiterId) -> Option<Key> {
        let Place { key, arrival } = self.places.remove(&waiter)?;
        self.deadlines.remove(&arrival);
        let flight = self.flight(&key);
        if flight.aboard.remove(&arrival).is_none() {
            flight.next.remove(&arrival);
        }
        Some(key)
    }

    fn flight(&mut self, key: &Key) -> &mut Flight {
        self.flights.get_mut(key).expect("whoever has a place has it with a flight")
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }
}
