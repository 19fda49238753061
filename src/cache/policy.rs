//! The windows of a poem's life, and what a request gets: a pure function.

use std::time::Duration;

use super::config::CacheConfig;
use super::event::Label;

/// When each window of a kept poem ends, as times since the node's start. They add up: fresh, then served while it is
/// refreshed, then served if it cannot be refreshed, then nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// End of the ttl, jitter taken off.
    pub fresh: Duration,
    /// End of `stale_while_revalidate`.
    pub refresh: Duration,
    /// End of `stale_if_error`.
    pub error: Duration,
}

/// The window a poem is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Served.
    Fresh,
    /// Served, and refreshed in the background.
    Refreshable,
    /// Served only if it cannot be had anew.
    IfError,
    /// Never served.
    Dead,
}

impl Windows {
    /// Those of a poem that came at `now`. `rng` takes up to `ttl_jitter` percent off the ttl, and off nothing else.
    pub fn open(config: &CacheConfig, now: Duration, rng: &mut fastrand::Rng) -> Windows {
        let fresh = now + config.ttl - share(config.ttl, config.ttl_jitter, rng);
        let refresh = fresh + config.stale_while_revalidate;
        Windows { fresh, refresh, error: refresh + config.stale_if_error }
    }

    /// The window at `now`; each ends before the instant of its end.
    pub fn at(&self, now: Duration) -> Freshness {
        if now < self.fresh {
            Freshness::Fresh
        } else if now < self.refresh {
            Freshness::Refreshable
        } else if now < self.error {
            Freshness::IfError
        } else {
            Freshness::Dead
        }
    }
}

/// A random part of `whole`: between nothing and `percent` of it, both included.
pub(super) fn share(whole: Duration, percent: u8, rng: &mut fastrand::Rng) -> Duration {
    // In nanoseconds, 366 days times 100 fit into 64 bits by a factor of five.
    let most = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX / 100) * u64::from(percent) / 100;
    Duration::from_nanos(rng.u64(0..=most))
}

/// Whether one who comes now can wait for the fetch under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boarding {
    /// It can.
    Open,
    /// Its beginning is gone (it streams), or it was started before a purge: only its successor can be waited for.
    Closed,
}

/// How full the cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Those who wait for or follow the key's fetch.
    pub waiters_for_key: usize,
    /// Those who wait for or follow any.
    pub waiters: usize,
    /// Fetches under way.
    pub fetches: usize,
}

/// All that the decision about a request depends on, besides the config and the time.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The poem held, if any.
    pub held: Option<&'a Windows>,
    /// Until when the key, or its upstream, is to be left alone, if it is.
    pub held_off_until: Option<Duration>,
    /// The fetch under way for the key, if any.
    pub flight: Option<Boarding>,
    /// The bounds' other side.
    pub load: Load,
}

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The poem held; `Hit` or `Stale`.
    Serve(Label),
    /// The poem held, [`Label::Stale`], and a fetch is started in the background.
    ServeAndRefresh,
    /// It waits for the fetch under way.
    Wait,
    /// It waits for the fetch after the one under way.
    WaitForNext,
    /// A fetch is started, and it waits for that.
    Fetch,
    /// The failure that is remembered.
    RefuseRemembered,
    /// `max_waiters_per_key`.
    RefuseWaitersForKey,
    /// `max_waiters`.
    RefuseWaiters,
    /// `max_fetches`.
    RefuseFetches,
}

/// What a request gets. No side effect, no state: the same situation gives the same verdict.
pub fn decide(config: &CacheConfig, s: &Situation<'_>, now: Duration) -> Verdict {
    let held_off = s.held_off_until.is_some_and(|until| now < until);
    let may_start = !held_off && s.flight.is_none() && s.load.fetches < config.max_fetches;
    match s.held.map_or(Freshness::Dead, |windows| windows.at(now)) {
        Freshness::Fresh => Verdict::Serve(Label::Hit),
        Freshness::Refreshable if may_start => Verdict::ServeAndRefresh,
        Freshness::Refreshable => Verdict::Serve(Label::Stale),
        // The last attempt failed: the poem is what there is for as long as the next one has to be waited for.
        Freshness::IfError if held_off => Verdict::Serve(Label::Stale),
        // A bound that stands between the client and a new poem is an error like another: better stale than none.
        Freshness::IfError => match decide_without(config, s, held_off) {
            Verdict::Wait => Verdict::Wait,
            Verdict::Fetch => Verdict::Fetch,
            _ => Verdict::Serve(Label::Stale),
        },
        Freshness::Dead => decide_without(config, s, held_off),
    }
}

/// The verdict if nothing is held that could be served.
fn decide_without(config: &CacheConfig, s: &Situation<'_>, held_off: bool) -> Verdict {
    if s.flight.is_none() && held_off {
        Verdict::RefuseRemembered
    } else if s.load.waiters_for_key >= config.max_waiters_per_key {
        Verdict::RefuseWaitersForKey
    } else if s.load.waiters >= config.max_waiters {
        Verdict::RefuseWaiters
    } else {
        match s.flight {
            Some(Boarding::Open) => Verdict::Wait,
            Some(Boarding::Closed) => Verdict::WaitForNext,
            None if s.load.fetches >= config.max_fetches => Verdict::RefuseFetches,
            None => Verdict::Fetch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    const WINDOWS: Windows = Windows { fresh: s(10), refresh: s(20), error: s(30) };

    const NOTHING: Situation<'static> = Situation {
        held: None,
        held_off_until: None,
        flight: None,
        load: Load { waiters_for_key: 0, waiters: 0, fetches: 0 },
    };

    fn verdict(s: &Situation<'_>, now: u64) -> Verdict {
        let config =
            CacheConfig { max_waiters_per_key: 3, max_waiters: 5, max_fetches: 2, ..CacheConfig::default() };
        decide(&config, s, Duration::from_secs(now))
    }

    #[test]
    fn the_windows_follow_one_another_and_each_ends_before_its_end() {
        let held = Situation { held: Some(&WINDOWS), ..NOTHING };
        for (now, expected) in [
            (9, Verdict::Serve(Label::Hit)),
            (10, Verdict::ServeAndRefresh),
            (19, Verdict::ServeAndRefresh),
            (20, Verdict::Fetch),
            (29, Verdict::Fetch),
            (30, Verdict::Fetch),
        ] {
            assert_eq!(verdict(&held, now), expected, "at {now}");
        }
    }

    #[test]
    fn one_refresh_at_a_time_and_none_during_the_hold_off() {
        let held = Situation { held: Some(&WINDOWS), ..NOTHING };
        let running = Situation { flight: Some(Boarding::Open), ..held };
        let held_off = Situation { held_off_until: Some(s(16)), ..held };
        let full = Situation { load: Load { fetches: 2, ..Load::default() }, ..held };
        for situation in [running, held_off, full] {
            assert_eq!(verdict(&situation, 15), Verdict::Serve(Label::Stale));
        }
        assert_eq!(verdict(&held_off, 16), Verdict::ServeAndRefresh, "the hold-off is over");
    }

    #[test]
    fn a_poem_past_its_refresh_window_is_served_only_if_it_cannot_be_had_anew() {
        let held = Situation { held: Some(&WINDOWS), ..NOTHING };
        let running = Situation { flight: Some(Boarding::Open), ..held };
        assert_eq!(verdict(&running, 25), Verdict::Wait);
        let held_off = Situation { held_off_until: Some(s(26)), ..held };
        assert_eq!(verdict(&held_off, 25), Verdict::Serve(Label::Stale));
        assert_eq!(verdict(&held_off, 26), Verdict::Fetch);
        for load in [
            Load { fetches: 2, ..Load::default() },
            Load { waiters: 5, ..Load::default() },
            Load { waiters_for_key: 3, ..Load::default() },
        ] {
            assert_eq!(verdict(&Situation { load, ..held }, 25), Verdict::Serve(Label::Stale));
        }
        let dead = Situation { held_off_until: Some(s(40)), ..held };
        assert_eq!(verdict(&dead, 30), Verdict::RefuseRemembered, "stale if error has an end");
    }

    #[test]
    fn each_bound_refuses_by_its_own_name() {
        let with = |waiters_for_key, waiters, fetches, flight| {
            let load = Load { waiters_for_key, waiters, fetches };
            verdict(&Situation { load, flight, ..NOTHING }, 0)
        };
        assert_eq!(with(0, 4, 1, None), Verdict::Fetch);
        assert_eq!(with(0, 4, 2, None), Verdict::RefuseFetches);
        assert_eq!(with(0, 5, 1, None), Verdict::RefuseWaiters);
        assert_eq!(with(2, 4, 2, Some(Boarding::Open)), Verdict::Wait, "waiting costs no fetch");
        assert_eq!(with(2, 4, 2, Some(Boarding::Closed)), Verdict::WaitForNext);
        assert_eq!(with(3, 4, 2, Some(Boarding::Open)), Verdict::RefuseWaitersForKey);
        assert_eq!(with(2, 5, 2, Some(Boarding::Closed)), Verdict::RefuseWaiters);
    }

    #[test]
    fn the_jitter_only_shortens_the_ttl_and_never_by_more_than_its_share() {
        let config = CacheConfig { ttl: s(100), ttl_jitter: 10, ..CacheConfig::default() };
        let mut rng = fastrand::Rng::with_seed(7);
        let ends: Vec<_> = (0..1000).map(|_| Windows::open(&config, s(5), &mut rng).fresh).collect();
        assert!(ends.iter().all(|end| (s(95)..=s(105)).contains(end)));
        assert!(
            ends.iter().any(|end| *end < s(97)) && ends.iter().any(|end| *end > s(103)),
            "it does spread"
        );
        let none = CacheConfig { ttl_jitter: 0, ..config };
        assert_eq!(Windows::open(&none, s(5), &mut rng).fresh, s(105));
    }
}
