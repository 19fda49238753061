//! A small reference model of the cache, to test it against. It imports nothing of it but the words
//! made for the test.
//!
//! Written from the rules, with numbers for keys, waiters, fetches and poems, with lists that are searched from end to
//! end, and with every time in nanoseconds. It says exactly what must come of each event. Only chance it has to be told:
//! when a ttl or a hold-off really ends, which it accepts within the limits of the jitter.

use super::model_words::{Happens, Kind, Rules, Seen, upstream};

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) key: u8,
    pub(super) poem: u64,
    pub(super) size: usize,
    pub(super) at: u64,
    pub(super) fresh: u64,
    pub(super) hits: u64,
}

#[derive(Clone, Debug)]
struct Trouble {
    place: u8,
    at: u64,
    hold: u64,
    until: u64,
    count: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) fetch: u64,
    pub(super) key: u8,
    pub(super) background: bool,
    streams: bool,
    purged: bool,
    revalidates: bool,
    leader: Option<u64>,
    aboard: Vec<u64>,
    next: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Due {
    Waiter(u64),
    Background(u8),
}

#[derive(Debug)]
pub(super) struct Model {
    rules: Rules,
    pub(super) now: u64,
    /// Least recently used first.
    pub(super) held: Vec<Held>,
    troubles: Vec<Trouble>,
    pub(super) flights: Vec<Flight>,
    due: Vec<(u64, Due)>,
    started: u64,
}

impl Model {
    pub(super) fn new(rules: Rules, now: u64) -> Model {
        let (held, troubles, flights, due) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Model { rules, now, held, troubles, flights, due, started: 0 }
    }

    pub(super) fn play(&mut self, happens: Happens) -> Vec<Seen> {
        let mut out = Vec::new();
        match happens {
            Happens::Asks { who, key } => self.asks(who, key, &mut out),
            Happens::Leaves { who } => {
                if let Some(key) = self.take_out(who) {
                    self.settle(key, &mut out);
                }
            }
            Happens::Whole { fetch, poem, size } => self.whole(fetch, poem, size, &mut out),
            Happens::Oversize { fetch, poem } => self.oversize(fetch, poem, &mut out),
            Happens::Ended { fetch } => self.ended(fetch, &mut out),
            Happens::Failed { fetch, kind } => self.failed(fetch, kind, &mut out),
            Happens::Purge { key } => self.purge(key, &mut out),
            Happens::Refresh { key } => self.refresh(key, &mut out),
            Happens::Tick => self.tick(&mut out),
        }
        out
    }

    pub(super) fn waiters(&self) -> Vec<u64> {
        self.flights.iter().flat_map(|flight| flight.aboard.iter().chain(&flight.next)).copied().collect()
    }

    pub(super) fn next_timer(&self) -> Option<u64> {
        self.due.iter().map(|(due, _)| *due).min()
    }

    pub(super) fn bytes(&self) -> usize {
        self.held.iter().map(|held| held.size + self.rules.overhead[&held.key]).sum()
    }

    pub(super) fn holds(&self, key: u8) -> Option<&Held> {
        self.held.iter().find(|held| held.key == key)
    }

    pub(super) fn fetches(&self, key: u8) -> bool {
        self.flights.iter().any(|flight| flight.key == key)
    }

    pub(super) fn servable(&self, key: u8) -> bool {
        self.holds(key).is_some_and(|held| self.now < held.fresh + self.rules.refresh + self.rules.error)
    }

    /// Chance: when the ttl of what is held really ends.
    pub(super) fn learn_ttl(&mut self, key: u8, fresh: u64) {
        let (ttl, jitter) = (self.rules.ttl, self.rules.ttl_jitter);
        let held = self.held.iter_mut().find(|held| held.key == key).expect("held, says the model");
        let latest = held.at + ttl;
        assert!(
            (latest - ttl * jitter / 100..=latest).contains(&fresh),
            "a ttl out of bounds: {held:?} {fresh}"
        );
        held.fresh = fresh;
    }

    /// Chance: when a hold-off really ends.
    pub(super) fn learn_hold_offs(&mut self, until: impl Fn(u8) -> Option<u64>) {
        for trouble in &mut self.troubles {
            let earliest = trouble.at + trouble.hold;
            let latest = earliest + trouble.hold * self.rules.hold_jitter / 100;
            let end = until(trouble.place).unwrap_or_else(|| panic!("forgotten too early: {trouble:?}"));
            assert!((earliest..=latest).contains(&end), "a hold-off out of bounds: {trouble:?} {end}");
            trouble.until = end;
        }
    }

    fn asks(&mut self, who: u64, key: u8, out: &mut Vec<Seen>) {
        if self.flight_of(who) == Some(key) {
            return;
        }
        if let Some(other) = self.take_out(who) {
            self.settle(other, out);
        }
        self.bury(key, out);
        let age = match self.holds(key) {
            Some(held) if self.now < held.fresh => 0,
            Some(held) if self.now < held.fresh + self.rules.refresh => 1,
            Some(_) => 2,
            None => 3,
        };
        let held_off =
            self.troubles.iter().any(|t| (t.place == key || t.place == upstream(key)) && self.now < t.until);
        let flight = self.flights.iter().find(|flight| flight.key == key);
        let here = flight.map_or(0, |flight| flight.aboard.len() + flight.next.len());
        let open = flight.map(|flight| !flight.streams && !flight.purged);
        let full = if open.is_none() && held_off {
            Some("remembered")
        } else if here >= self.rules.max_for_key {
            Some("key")
        } else if self.waiters().len() >= self.rules.max_waiters {
            Some("waiters")
        } else if open.is_none() && self.flights.len() >= self.rules.max_fetches {
            Some("fetches")
        } else {
            None
        };
        match (age, open, full) {
            (0, ..) => self.serve(who, key, "hit", out),
            (1, ..) => {
                self.serve(who, key, "stale", out);
                if open.is_none() && !held_off && self.flights.len() < self.rules.max_fetches {
                    self.start(key, true, Vec::new(), out);
                }
            }
            (2, _, Some(_)) => self.serve(who, key, "stale", out),
            (2, ..) if held_off || open == Some(false) => self.serve(who, key, "stale", out),
            (_, _, Some(why)) => out.push(Seen::Fail { who, why }),
            (_, None, None) => {
                self.wait(Due::Waiter(who));
                self.start(key, false, vec![who], out);
            }
            (_, Some(open), None) => {
                self.wait(Due::Waiter(who));
                let flight = self.flights.iter_mut().find(|flight| flight.key == key).expect("it is open");
                if open { flight.aboard.push(who) } else { flight.next.push(who) }
            }
        }
    }

    fn whole(&mut self, fetch: u64, poem: u64, size: usize, out: &mut Vec<Seen>) {
        let Some(flight) = self.flights.iter().find(|flight| flight.fetch == fetch).cloned() else { return };
        if flight.streams {
            return self.failed(fetch, Kind::Broken, out);
        }
        if size == 0 {
            return self.failed(fetch, Kind::Negative, out);
        }
        self.land(&flight);
        let key = flight.key;
        self.well(key);
        let mut passed = false;
        if !flight.purged {
            if size > self.rules.max_poem {
                passed = true;
                self.drop_poem(key, "outgrown", out);
            } else if self.rules.ttl + self.rules.refresh + self.rules.error == 0 {
                self.drop_poem(key, "expired", out);
            } else {
                self.keep(key, poem, size, out);
            }
        }
        for who in flight.aboard {
            let label = match (passed, flight.leader == Some(who), flight.revalidates) {
                (true, ..) => "passed",
                (_, true, true) => "revalidated",
                (_, true, false) => "miss",
                (_, false, _) => "coalesced",
            };
            out.push(Seen::Poem { who, label, poem });
        }
        self.start_next(key, flight.next, out);
    }

    fn oversize(&mut self, fetch: u64, poem: u64, out: &mut Vec<Seen>) {
        let Some(index) = self.flights.iter().position(|f| f.fetch == fetch && !f.streams) else { return };
        let key = self.flights[index].key;
        self.drop_poem(key, "outgrown", out);
        let flight = &mut self.flights[index];
        flight.streams = true;
        flight.background = false;
        let aboard = flight.aboard.clone();
        self.due.retain(|(_, due)| *due != Due::Background(key) && !is_of(*due, &aboard));
        out.extend(aboard.into_iter().map(|who| Seen::Head { who, poem }));
        self.settle(key, out);
    }

    fn ended(&mut self, fetch: u64, out: &mut Vec<Seen>) {
        let Some(flight) = self.flights.iter().find(|flight| flight.fetch == fetch).cloned() else { return };
        if !flight.streams {
            return self.failed(fetch, Kind::Broken, out);
        }
        self.land(&flight);
        self.well(flight.key);
        out.extend(flight.aboard.into_iter().map(|who| Seen::End { who }));
        self.start_next(flight.key, flight.next, out);
    }

    fn failed(&mut self, fetch: u64, kind: Kind, out: &mut Vec<Seen>) {
        let Some(flight) = self.flights.iter().find(|flight| flight.fetch == fetch).cloned() else { return };
        self.land(&flight);
        self.trouble(flight.key, kind);
        for who in flight.aboard {
            if flight.streams {
                out.push(Seen::Cut { who });
            } else {
                self.stale_or_fail(who, flight.key, "fetch", out);
            }
        }
        for who in flight.next {
            self.stale_or_fail(who, flight.key, "fetch", out);
        }
    }

    fn purge(&mut self, key: Option<u8>, out: &mut Vec<Seen>) {
        let matches = |other: u8| key.is_none_or(|key| key == other);
        self.troubles.retain(|trouble| !matches(trouble.place));
        let mut poems: Vec<_> = self.held.iter().map(|held| held.key).filter(|key| matches(*key)).collect();
        poems.sort_unstable();
        for key in &poems {
            self.drop_poem(*key, "purged", out);
        }
        let mut flights: Vec<_> = self.flights.iter().map(|f| f.key).filter(|key| matches(*key)).collect();
        flights.sort_unstable();
        for key in flights {
            self.flights
                .iter_mut()
                .filter(|flight| flight.key == key)
                .for_each(|flight| flight.purged = true);
            self.settle(key, out);
        }
        out.push(Seen::Purged { poems: poems.len() });
    }

    fn refresh(&mut self, key: u8, out: &mut Vec<Seen>) {
        let reply = if self.fetches(key) {
            "running"
        } else if !self.servable(key) {
            "not kept"
        } else if upstream(key) != key {
            "no original"
        } else if self.flights.len() >= self.rules.max_fetches {
            "busy"
        } else {
            self.start(key, true, Vec::new(), out);
            "started"
        };
        out.push(Seen::Refreshing { reply });
    }

    fn tick(&mut self, out: &mut Vec<Seen>) {
        while let Some(&(due, what)) = self.due.first()
            && due <= self.now
        {
            self.due.remove(0);
            let key = match what {
                Due::Waiter(who) => {
                    let key = self.take_out(who).expect("it waits");
                    self.stale_or_fail(who, key, "waited", out);
                    key
                }
                Due::Background(key) => {
                    let flight = self.flights.iter_mut().find(|f| f.key == key).expect("it is under way");
                    flight.background = false;
                    if flight.aboard.is_empty() {
                        self.trouble(key, Kind::Broken);
                    }
                    key
                }
            };
            self.settle(key, out);
        }
    }

    fn start(&mut self, key: u8, background: bool, aboard: Vec<u64>, out: &mut Vec<Seen>) {
        assert!(!self.fetches(key) && self.flights.len() < self.rules.max_fetches);
        self.started += 1;
        let fetch = self.started;
        if background {
            self.wait(Due::Background(key));
        }
        let (leader, revalidates) = (aboard.first().copied(), self.holds(key).is_some());
        let (streams, purged, next) = (false, false, Vec::new());
        self.flights.push(Flight {
            fetch,
            key,
            background,
            streams,
            purged,
            revalidates,
            leader,
            aboard,
            next,
        });
        out.push(Seen::Start { fetch, key, background });
    }

    fn start_next(&mut self, key: u8, next: Vec<u64>, out: &mut Vec<Seen>) {
        if !next.is_empty() {
            self.start(key, false, next, out);
        }
    }

    /// A fetch that nobody wants is cancelled.
    fn settle(&mut self, key: u8, out: &mut Vec<Seen>) {
        let Some(flight) = self.flights.iter().find(|flight| flight.key == key).cloned() else { return };
        if flight.aboard.is_empty() && (flight.purged || !flight.background) {
            self.flights.retain(|flight| flight.key != key);
            self.due.retain(|(_, due)| *due != Due::Background(key));
            out.push(Seen::Cancel { fetch: flight.fetch });
            self.start_next(key, flight.next, out);
        }
    }

    /// It is over, and whoever waited for it or the next one has no deadline for it any more; those for the next keep it
    /// if there is a next.
    fn land(&mut self, flight: &Flight) {
        self.flights.retain(|other| other.fetch != flight.fetch);
        self.due.retain(|(_, due)| *due != Due::Background(flight.key) && !is_of(*due, &flight.aboard));
    }

    fn keep(&mut self, key: u8, poem: u64, size: usize, out: &mut Vec<Seen>) {
        self.drop_poem(key, "replaced", out);
        let weight = size + self.rules.overhead[&key];
        while self.held.len() + 1 > self.rules.max_entries || self.bytes() + weight > self.rules.max_bytes {
            let oldest = self.held[0].key;
            self.drop_poem(oldest, "evicted", out);
        }
        self.held.push(Held { key, poem, size, at: self.now, fresh: self.now, hits: 0 });
        out.push(Seen::Stored { key });
    }

    fn drop_poem(&mut self, key: u8, why: &'static str, out: &mut Vec<Seen>) {
        if self.holds(key).is_some() {
            self.held.retain(|held| held.key != key);
            out.push(Seen::Dropped { key, why });
        }
    }

    fn bury(&mut self, key: u8, out: &mut Vec<Seen>) {
        if !self.servable(key) {
            self.drop_poem(key, "expired", out);
        }
    }

    fn serve(&mut self, who: u64, key: u8, label: &'static str, out: &mut Vec<Seen>) {
        let index = self.held.iter().position(|held| held.key == key).expect("it is held");
        let mut held = self.held.remove(index);
        held.hits += 1;
        out.push(Seen::Poem { who, label, poem: held.poem });
        self.held.push(held);
    }

    fn stale_or_fail(&mut self, who: u64, key: u8, why: &'static str, out: &mut Vec<Seen>) {
        self.due.retain(|(_, due)| *due != Due::Waiter(who));
        self.bury(key, out);
        if self.servable(key) {
            self.serve(who, key, "stale", out);
        } else {
            out.push(Seen::Fail { who, why });
        }
    }

    fn well(&mut self, key: u8) {
        self.troubles.retain(|trouble| trouble.place != key && trouble.place != upstream(key));
    }

    fn trouble(&mut self, key: u8, kind: Kind) {
        let place = if kind == Kind::Unreachable { upstream(key) } else { key };
        let (now, hold_max) = (self.now, self.rules.hold_max);
        self.troubles.retain(|trouble| now < end_of(trouble, hold_max));
        let before = self.troubles.iter().find(|trouble| trouble.place == place).map_or(0, |t| t.count);
        self.troubles.retain(|trouble| trouble.place != place);
        let (hold, count) = match kind {
            Kind::Negative => (self.rules.negative, before),
            _ => ((self.rules.hold_min << before.min(20)).min(hold_max), before + 1),
        };
        while self.troubles.len() >= self.rules.max_entries {
            let first =
                self.troubles.iter().map(|t| (end_of(t, hold_max), t.place)).min().expect("there are some");
            self.troubles.retain(|trouble| trouble.place != first.1);
        }
        self.troubles.push(Trouble { place, at: now, hold, until: now + hold, count });
    }

    fn wait(&mut self, due: Due) {
        self.due.push((self.now + self.rules.max_wait, due));
    }

    fn flight_of(&self, who: u64) -> Option<u8> {
        self.flights.iter().find(|f| f.aboard.contains(&who) || f.next.contains(&who)).map(|f| f.key)
    }

    fn take_out(&mut self, who: u64) -> Option<u8> {
        let key = self.flight_of(who)?;
        self.due.retain(|(_, due)| *due != Due::Waiter(who));
        for flight in &mut self.flights {
            flight.aboard.retain(|other| *other != who);
            flight.next.retain(|other| *other != who);
            flight.leader = flight.leader.filter(|leader| *leader != who);
        }
        Some(key)
    }
}

fn is_of(due: Due, waiters: &[u64]) -> bool {
    waiters.iter().any(|who| due == Due::Waiter(*who))
}

/// When a failure is as good as never: a quiet time after its hold-off; a negative answer at once.
fn end_of(trouble: &Trouble, quiet: u64) -> u64 {
    if trouble.count == 0 { trouble.until } else { trouble.until + quiet }
}
