//! What a caching proxy may do, told without a word of how it does it: a judge of facts.
//!
//! It knows the configuration and the facts, in their order. Where chance, or the order of two things in one moment, is
//! the proxy's own affair, it allows both; everything else has one answer. This file is how facts follow from facts, the
//! answers to clients are judged in `answers`.

use std::collections::BTreeMap;
use std::time::Duration;

use supervisors::lab::Met;

use super::facts::Fact;

/// The configuration, as the model knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) ttl: Duration,
    /// How much shorter it may be, in percent.
    pub(super) ttl_jitter: u8,
    pub(super) revalidate: Duration,
    pub(super) error: Duration,
    /// The first and the longest.
    pub(super) hold_off: [Duration; 2],
    /// How much longer it may be, in percent.
    pub(super) hold_off_jitter: u8,
    pub(super) negative: Duration,
    pub(super) max_wait: Duration,
    pub(super) connect: Duration,
    pub(super) idle: Duration,
    /// Nobody is without an end for longer.
    pub(super) bound: Duration,
}

impl Terms {
    /// The age at which a poem may be no longer fresh, and that at which it must not be.
    pub(super) fn fresh(&self) -> [Duration; 2] {
        [self.ttl - self.ttl * u32::from(self.ttl_jitter) / 100, self.ttl]
    }

    pub(super) fn stale(&self) -> Duration {
        self.revalidate + self.error
    }

    fn hold_off(&self, failures_before: u32) -> Duration {
        let [least, most] = self.hold_off;
        least.saturating_mul(1_u32.checked_shl(failures_before).unwrap_or(u32::MAX)).min(most)
    }
}

/// What happens in the same moment is not told apart.
pub(super) const MOMENT: Duration = Duration::from_millis(20);

/// When a fact was told: its number and its time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct When {
    pub(super) number: usize,
    pub(super) at: Duration,
}

impl When {
    /// Whether it may have been after `other`.
    pub(super) fn may_follow(self, other: When) -> bool {
        self.number > other.number || self.at + MOMENT >= other.at
    }
}

/// What the model has seen of one proxy.
#[derive(Default)]
pub(super) struct Proxy {
    open: Option<u32>,
    /// All that it ever kept; only the last may be there still.
    pub(super) kept: Vec<Kept>,
    pub(super) failures: Vec<Failure>,
    /// No attempt before.
    hold_off: Duration,
    /// Failures in a row: at least, and at most. The first may be forgotten from that time on.
    in_a_row: [u32; 2],
    quiet: Duration,
    /// The last time its cache was ended.
    pub(super) cache_struck: Option<When>,
    /// Connections that were struck and may be reset for that.
    pub(super) struck: usize,
    asked: Option<Duration>,
    left: Option<Duration>,
}

/// A poem in the memory of a proxy.
pub(super) struct Kept {
    pub(super) fetch: u32,
    pub(super) since: When,
    pub(super) until: Option<When>,
    /// Unless its fetch was struck, or the last who waited left, in the moment it ended.
    pub(super) sure: bool,
}

pub(super) struct Failure {
    pub(super) when: When,
    /// How long it may be remembered, and when it was forgotten before.
    pub(super) until: Duration,
    pub(super) forgotten: Option<When>,
}

#[derive(Default)]
pub(super) struct Fetch {
    pub(super) key: usize,
    began: Duration,
    alive: Option<Duration>,
    pub(super) whole: Option<When>,
    failed: bool,
    pub(super) oversize: bool,
    /// Its cache is gone.
    orphan: bool,
    struck: bool,
    /// Whether something was kept when it began: surely, perhaps.
    pub(super) renews: [bool; 2],
    /// Somebody was told that it was made for him.
    pub(super) led: bool,
}

pub(super) struct Asked {
    pub(super) key: usize,
    pub(super) when: When,
    pub(super) sluggish: bool,
    pub(super) left: bool,
}

/// The judge.
pub(super) struct Model {
    pub(super) terms: Terms,
    pub(super) now: When,
    pub(super) proxies: [Proxy; 2],
    pub(super) fetches: BTreeMap<u32, Fetch>,
    asked: BTreeMap<u32, Asked>,
    /// How the proxy says that it answers, and when it said so. Ahead of the facts of its time.
    labels: BTreeMap<u32, (&'static str, Duration)>,
    /// What it has seen of that which must be seen sometimes.
    pub(super) met: Met,
}

/// What was broken, in words.
pub(super) type Verdict = Result<(), String>;

pub(super) fn broken(what: impl Into<String>) -> Verdict {
    Err(what.into())
}

impl Model {
    pub(super) fn new(terms: Terms) -> Self {
        let (fetches, asked, labels) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (now, met) = (When::default(), Met::default());
        Self { terms, now, proxies: Default::default(), fetches, asked, labels, met }
    }

    /// The proxy has said how it answers a client.
    pub(super) fn labelled(&mut self, client: u32, label: &'static str, at: Duration) {
        self.labels.insert(client, (label, at));
    }

    /// The next fact.
    pub(super) fn fact(&mut self, at: Duration, fact: Fact) -> Verdict {
        let when = When { number: self.now.number + 1, at };
        self.now = when;
        match fact {
            Fact::Asked { client, key, sluggish } => {
                self.proxies[key].asked = Some(at);
                self.asked.insert(client, Asked { key, when, sluggish, left: false });
            }
            Fact::Left { client } => {
                if let Some(asked) = self.asked.get_mut(&client) {
                    asked.left = true;
                    self.proxies[asked.key].left = Some(at);
                }
            }
            Fact::CacheStruck { key } => self.cache_struck(key),
            Fact::DownloadStruck { key } => {
                if let Some(fetch) = self.proxies[key].open.and_then(|open| self.fetches.get_mut(&open)) {
                    fetch.struck = true;
                }
                // One that has not begun to connect yet fails by that, too.
                self.may_have_failed(key);
            }
            Fact::ConnectionStruck { key } => {
                self.proxies[key].struck += 1;
                self.proxies[key].left = Some(at);
            }
            Fact::Attempt { fetch, key, .. } => return self.attempt(fetch, key),
            Fact::Alive { fetch } => self.fetch(fetch).alive = Some(at),
            Fact::Oversize { fetch } => {
                let fetch = self.fetch(fetch);
                fetch.oversize = true;
                let (key, orphan, struck) = (fetch.key, fetch.orphan, fetch.struck);
                if !orphan {
                    self.proxies[key].outgrown(when, struck);
                }
            }
            Fact::Whole { fetch } => self.whole(fetch),
            Fact::Failed { fetch, empty } => {
                self.fetch(fetch).failed = true;
                self.failed(fetch, empty, true);
            }
            Fact::Closed { fetch } => return self.closed(fetch),
            Fact::Got { client, poem } => {
                let Some(asked) = self.asked.remove(&client) else {
                    return broken(format!("client {client} had two ends"));
                };
                let label = self.labels.remove(&client);
                let judged = match poem {
                    Some(poem) => self.judge_poem(&asked, label, &poem),
                    None => self.judge_reset(&asked, label),
                };
                let (word, asked) = (label.map_or("no label", |(label, _)| label), asked.when.at);
                return judged.map_err(|why| format!("client {client} ({word}, asked at {asked:?}): {why}"));
            }
        }
        Ok(())
    }

    /// All that was caused has happened: who still waits must wait for something.
    pub(super) fn settled(&mut self, now: Duration) -> Verdict {
        self.now.at = now;
        for (client, asked) in self.asked.iter().filter(|(_, asked)| !asked.left) {
            let waited = now - asked.when.at;
            if waited > self.terms.bound {
                return broken(format!("client {client} waits for {waited:?}"));
            }
            if self.proxies[asked.key].open.is_none() && !self.drains(asked.key) {
                return broken(format!("client {client} is forgotten: it waits, and nothing is fetched"));
            }
        }
        for (key, proxy) in self.proxies.iter().enumerate() {
            let wanted = |fetch: &&u32| {
                let fetch = &self.fetches[*fetch];
                // A refresh goes on for nobody, and that a sluggish follower has left may not be noticed at once.
                fetch.renews[1] || fetch.oversize || self.waiting(key).next().is_some()
            };
            if let Some(fetch) = proxy.open.iter().find(|fetch| !wanted(fetch)) {
                return broken(format!("fetch {fetch} goes on, and nobody waits for it"));
            }
        }
        self.proxies.iter_mut().for_each(|proxy| proxy.struck = 0);
        Ok(())
    }

    /// Whether a stream that has ended is still on its way to somebody sluggish: the next fetch waits for that.
    fn drains(&self, key: usize) -> bool {
        let passed = |client| matches!(self.labels.get(client), Some(("passed", _)));
        self.asked.iter().any(|(client, asked)| asked.key == key && asked.sluggish && passed(client))
    }

    fn fetch(&mut self, fetch: u32) -> &mut Fetch {
        self.fetches.get_mut(&fetch).expect("it began with an attempt")
    }

    fn waiting(&self, key: usize) -> impl Iterator<Item = (&u32, &Asked)> {
        self.asked.iter().filter(move |(_, asked)| asked.key == key && !asked.left)
    }

    fn cache_struck(&mut self, key: usize) {
        let (now, proxy) = (self.now, &mut self.proxies[key]);
        proxy.drop_poem(now);
        proxy.forget_failures(now);
        (proxy.hold_off, proxy.in_a_row, proxy.cache_struck) = (Duration::ZERO, [0, 0], Some(now));
        for fetch in self.fetches.values_mut().filter(|fetch| fetch.key == key) {
            fetch.orphan = true;
        }
    }

    fn attempt(&mut self, number: u32, key: usize) -> Verdict {
        let (now, least) = (self.now.at, self.terms.fresh()[0]);
        let proxy = &self.proxies[key];
        if let Some(open) = proxy.open {
            return broken(format!("fetch {number} begins while fetch {open} has a connection"));
        }
        if now + MOMENT < proxy.hold_off {
            let early = proxy.hold_off - now;
            return broken(format!("fetch {number} begins {early:?} before the hold-off ends"));
        }
        let held = proxy.kept.last().filter(|kept| kept.until.is_none());
        let younger = |than| held.is_some_and(|kept| kept.sure && now - kept.since.at + MOMENT < than);
        if younger(least) {
            return broken(format!("fetch {number} begins while the poem is fresh"));
        }
        let just_asked = proxy.asked.is_some_and(|asked| now - asked <= MOMENT);
        if !just_asked && self.waiting(key).next().is_none() {
            return broken(format!("fetch {number} begins and nobody has asked"));
        }
        let renews = [younger(least + self.terms.stale()), held.is_some()];
        self.proxies[key].open = Some(number);
        self.fetches.insert(number, Fetch { key, began: now, renews, ..Fetch::default() });
        Ok(())
    }

    fn whole(&mut self, number: u32) {
        let now = self.now;
        let fetch = self.fetch(number);
        fetch.whole = Some(now);
        let (key, struck) = (fetch.key, fetch.struck);
        if fetch.orphan {
            return;
        }
        let oversize = fetch.oversize;
        let proxy = &mut self.proxies[key];
        proxy.in_a_row[0] = 0;
        if !oversize {
            let sure = !struck && !proxy.just_left(now.at);
            if sure {
                proxy.drop_poem(now);
                proxy.in_a_row[1] = 0;
                proxy.forget_failures(now);
            }
            proxy.kept.push(Kept { fetch: number, since: now, until: None, sure });
        }
    }

    /// A fetch has failed. `sure`: that must be remembered; otherwise it may be.
    fn failed(&mut self, number: u32, empty: bool, sure: bool) {
        let (now, terms) = (self.now, self.terms);
        let fetch = &self.fetches[&number];
        if fetch.orphan {
            return;
        }
        let given_up = now.at - fetch.began + MOMENT >= terms.max_wait;
        let struck = fetch.struck;
        let proxy = &mut self.proxies[fetch.key];
        let sure = sure && !struck && !given_up && !proxy.just_left(now.at);
        let least = if now.at < proxy.quiet { proxy.in_a_row[0] } else { 0 };
        let hold = |before| if empty { terms.negative } else { terms.hold_off(before) };
        let most = hold(proxy.in_a_row[1]);
        let until = now.at + most + most * u32::from(terms.hold_off_jitter) / 100 + MOMENT;
        proxy.failures.push(Failure { when: now, until, forgotten: None });
        proxy.hold_off = if sure { now.at + hold(least) } else { Duration::ZERO };
        if !empty {
            proxy.in_a_row[1] += 1;
            if sure {
                proxy.in_a_row[0] = least + 1;
                proxy.quiet = now.at + hold(least) + terms.hold_off[1];
            }
        }
    }

    fn may_have_failed(&mut self, key: usize) {
        let (now, terms, proxy) = (self.now, self.terms, &mut self.proxies[key]);
        let most = terms.hold_off(proxy.in_a_row[1]);
        let until = now.at + most + most * u32::from(terms.hold_off_jitter) / 100 + MOMENT;
        proxy.failures.push(Failure { when: now, until, forgotten: None });
        proxy.in_a_row[1] += 1;
    }

    fn closed(&mut self, number: u32) -> Verdict {
        let (now, terms) = (self.now.at, self.terms);
        let Some(fetch) = self.fetches.get(&number) else { return Ok(()) };
        let (key, oversize) = (fetch.key, fetch.oversize);
        self.proxies[key].open = None;
        if fetch.failed || fetch.whole.is_some() || fetch.orphan {
            return Ok(());
        }
        let patience = if fetch.alive.is_some() { terms.idle } else { terms.connect };
        if now - fetch.alive.unwrap_or(fetch.began) + MOMENT >= patience {
            self.met.count("a silent upstream given up");
            self.failed(number, false, true);
        } else if fetch.struck || now - fetch.began + MOMENT >= terms.max_wait {
            self.failed(number, false, false);
        } else if self.proxies[key].struck == 0 {
            // Cancelled: nobody may wait for it but those who came in this moment, or have waited long enough. One who
            // does not follow a stream waits for the fetch after it, and a sluggish one is being reset.
            let waits = |(client, asked): &(&u32, &Asked)| {
                let waited = now - asked.when.at;
                let follows = matches!(self.labels.get(*client), Some(("passed", at)) if *at + MOMENT < now);
                waited > MOMENT
                    && waited + MOMENT < terms.max_wait
                    && (!oversize || follows && !asked.sluggish)
            };
            if let Some((client, _)) = self.waiting(key).find(waits) {
                return broken(format!("fetch {number} is cancelled while client {client} waits for it"));
            }
            self.met.count("a fetch cancelled");
        }
        Ok(())
    }
}

impl Proxy {
    fn just_left(&self, now: Duration) -> bool {
        self.left.is_some_and(|left| now - left <= MOMENT)
    }

    fn drop_poem(&mut self, now: When) {
        for kept in &mut self.kept {
            kept.until.get_or_insert(now);
        }
    }

    /// The upstream's poem is too large by now. Should its fetch be struck or cancelled in this moment, the cache may not
    /// hear of it.
    fn outgrown(&mut self, now: When, struck: bool) {
        if struck || self.just_left(now.at) {
            self.kept.iter_mut().for_each(|kept| kept.sure = false);
        } else {
            self.drop_poem(now);
        }
    }

    fn forget_failures(&mut self, now: When) {
        for failure in &mut self.failures {
            failure.forgotten.get_or_insert(now);
        }
    }
}
