//! How a fetch ends: whole, too large, or not at all.
//!
//! The one way into the store is [`Cache::whole`], with a poem that its fetch says is complete. Any report that breaks
//! the rules (a whole poem in mid stream, the end of a stream that never began) is a failure: taken at its word, it
//! could pass half a poem off as a whole one.

use bytes::Bytes;

use super::event::{
    CacheError, DropReason, Effect, Failure, FailureKind, FetchId, FetchKind, Label, Trust, WaiterId,
};
use super::flight::{Flight, Line, Phase};
use super::key::Key;
use super::machine::Cache;
use super::policy::{Freshness, Windows};
use super::store::Kept;

impl Cache {
    pub(super) fn whole(&mut self, fetch: FetchId, poem: &Bytes, trust: Trust, out: &mut Vec<Effect>) {
        let Some((key, phase)) = self.under_way(fetch) else { return };
        if phase == Phase::Streaming {
            let detail = "the fetch reported a whole poem in mid stream";
            return self.failed(fetch, &Failure::new(FailureKind::Crashed, detail), out);
        }
        if poem.is_empty() {
            let detail = format!("{} sent no poem", key.upstream());
            return self.failed(fetch, &Failure::new(FailureKind::Negative, &detail), out);
        }
        let Some(flight) = self.take_flight(&key) else { return };
        self.troubles.clear(&key);
        let kept = !flight.keep || self.keep(&key, poem, trust, out);
        #[cfg(feature = "lab")]
        let flight = self.forgetful(flight);
        for (arrival, waiter) in &flight.aboard {
            self.unplace(*arrival, *waiter);
            let label = if kept { label_of(&flight, *arrival) } else { Label::Passed };
            out.push(Effect::Answer { waiter: *waiter, label, poem: poem.clone(), trust });
        }
        self.start_next(key, flight, out);
    }

    /// A planted bug: the last of several loses its place, and is told nothing.
    #[cfg(feature = "lab")]
    fn forgetful(&mut self, mut flight: Flight) -> Flight {
        if self.forgets
            && flight.aboard.len() > 1
            && let Some((arrival, waiter)) = flight.aboard.pop_last()
        {
            self.unplace(arrival, waiter);
        }
        flight
    }

    /// Keeps the poem, unless it is too large: false.
    fn keep(&mut self, key: &Key, poem: &Bytes, trust: Trust, out: &mut Vec<Effect>) -> bool {
        if poem.len() > self.config.max_poem_bytes {
            self.drop_poem(key, DropReason::Outgrown, out);
            return false;
        }
        let now = self.now();
        let windows = Windows::open(&self.config, now, &mut self.rng);
        if windows.at(now) == Freshness::Dead {
            // With a ttl of nothing and no other window, what is held is dead too.
            self.drop_poem(key, DropReason::Expired, out);
            return true;
        }
        let kept = Kept::new(poem.clone(), trust, windows, now);
        let dropped = |key, reason| out.push(Effect::Dropped { key, reason });
        let fits = self.store.insert(&self.config, key.clone(), kept, dropped);
        if fits {
            out.push(Effect::Stored { key: key.clone(), bytes: poem.len(), trust });
        }
        fits
    }

    /// Those aboard become followers. What is held is of an earlier, smaller poem: it is dropped, or each request for it
    /// would cause another refresh as large as this one.
    pub(super) fn oversize(&mut self, fetch: FetchId, head: &Bytes, out: &mut Vec<Effect>) {
        let Some((key, Phase::Collecting)) = self.under_way(fetch) else { return };
        self.drop_poem(&key, DropReason::Outgrown, out);
        let Some(flight) = self.flights.get_mut(&key) else { return };
        flight.phase = Phase::Streaming;
        flight.kind = FetchKind::Demand;
        if let Some(deadline) = flight.deadline.take() {
            self.deadlines.remove(&deadline);
        }
        for (arrival, waiter) in &flight.aboard {
            self.deadlines.remove(arrival);
            out.push(Effect::Stream { waiter: *waiter, fetch, head: head.clone() });
        }
        self.cancel_if_unwanted(&key, out);
    }

    pub(super) fn stream_ended(&mut self, fetch: FetchId, out: &mut Vec<Effect>) {
        let Some((key, phase)) = self.under_way(fetch) else { return };
        if phase == Phase::Collecting {
            let detail = "the fetch reported the end of a stream that never began";
            return self.failed(fetch, &Failure::new(FailureKind::Crashed, detail), out);
        }
        let Some(flight) = self.take_flight(&key) else { return };
        self.troubles.clear(&key);
        for (arrival, waiter) in &flight.aboard {
            self.unplace(*arrival, *waiter);
            out.push(Effect::EndStream { waiter: *waiter });
        }
        self.start_next(key, flight, out);
    }

    /// Everybody who waits for this fetch, or for the one after it, is told once: the hold-off begins, so there will be
    /// no one after it.
    pub(super) fn failed(&mut self, fetch: FetchId, failure: &Failure, out: &mut Vec<Effect>) {
        let Some((key, phase)) = self.under_way(fetch) else { return };
        let Some(flight) = self.take_flight(&key) else { return };
        let now = self.now();
        self.troubles.note(&self.config, &key, failure.clone(), now, &mut self.rng);
        match phase {
            Phase::Collecting => self.fail_line(&key, &flight.aboard, failure, out),
            Phase::Streaming => {
                for (arrival, waiter) in &flight.aboard {
                    self.unplace(*arrival, *waiter);
                    let error = CacheError::Fetch(failure.clone());
                    out.push(Effect::CutStream { waiter: *waiter, error });
                }
            }
        }
        self.fail_line(&key, &flight.next, failure, out);
    }

    fn fail_line(&mut self, key: &Key, line: &Line, failure: &Failure, out: &mut Vec<Effect>) {
        for (arrival, waiter) in line {
            self.unplace(*arrival, *waiter);
            self.serve_stale_or_fail(*waiter, key, CacheError::Fetch(failure.clone()), out);
        }
    }

    /// The key and phase of a fetch; none if it has ended or was another incarnation's.
    fn under_way(&self, fetch: FetchId) -> Option<(Key, Phase)> {
        let key = self.fetches.get(&fetch)?;
        let flight = self.flights.get(key)?;
        Some((key.clone(), flight.phase))
    }

    /// It has been told, and waits no more. Its line goes with the flight.
    fn unplace(&mut self, arrival: u64, waiter: WaiterId) {
        self.places.remove(&waiter);
        self.deadlines.remove(&arrival);
    }
}

fn label_of(flight: &Flight, arrival: u64) -> Label {
    match flight.leader == Some(arrival) {
        true if flight.revalidates => Label::Revalidated,
        true => Label::Miss,
        false => Label::Coalesced,
    }
}
