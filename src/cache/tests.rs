//! Claims about the state machine as a whole, one scene each.

use std::time::Duration;

use bytes::Bytes;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A cache with its clock.
struct Scene {
    cache: Cache,
    now: Duration,
}

/// Small numbers, no jitter: 100 s fresh, 50 s refreshable, 1000 s if error; hold-off 2 to 8 s, negative 3 s.
fn config() -> CacheConfig {
    CacheConfig {
        ttl: 100 * SECOND,
        ttl_jitter: 0,
        stale_while_revalidate: 50 * SECOND,
        stale_if_error: 1000 * SECOND,
        hold_off_min: 2 * SECOND,
        hold_off_max: 8 * SECOND,
        hold_off_jitter: 0,
        negative_ttl: 3 * SECOND,
        max_bytes: 10_000,
        max_poem_bytes: 1000,
        max_wait: 60 * SECOND,
        ..CacheConfig::default()
    }
}

fn scene(config: CacheConfig) -> Scene {
    let cache = Cache::new(config, 1, fastrand::Rng::with_seed(1)).unwrap();
    Scene { cache, now: Duration::ZERO }
}

impl Scene {
    fn on(&mut self, event: Event) -> Vec<Effect> {
        self.cache.handle(event, self.now)
    }

    fn ask(&mut self, waiter: u64, key: &str) -> Vec<Effect> {
        self.on(Event::Request { waiter: WaiterId(waiter), key: Key::poem(key), input: Bytes::new() })
    }

    /// Asks, and expects a fetch to be started.
    fn fetch(&mut self, waiter: u64, key: &str) -> FetchId {
        let effects = self.ask(waiter, key);
        started(&effects).unwrap_or_else(|| panic!("no fetch in {effects:?}"))
    }

    fn leave(&mut self, waiter: u64) -> Vec<Effect> {
        self.on(Event::Left { waiter: WaiterId(waiter) })
    }

    fn whole(&mut self, fetch: FetchId, poem: &'static str) -> Vec<Effect> {
        self.on(Event::Whole { fetch, poem: Bytes::from_static(poem.as_bytes()), trust: Trust::Unverified })
    }

    fn fail(&mut self, fetch: FetchId, kind: FailureKind) -> Vec<Effect> {
        self.on(Event::Failed { fetch, failure: Failure::new(kind, "10.0.0.1:1: reset") })
    }

    /// Holds `poem` under `key`, by a fetch.
    fn hold(&mut self, key: &str, poem: &'static str) {
        let fetch = self.fetch(u64::MAX, key);
        self.whole(fetch, poem);
    }

    fn pass(&mut self, secs: u64) -> &mut Self {
        self.now += Duration::from_secs(secs);
        self
    }

    fn idle(&self) -> bool {
        let counts = self.cache.counts();
        counts.waiters == 0 && counts.fetches == 0 && self.cache.next_timer().is_none()
    }
}

fn started(effects: &[Effect]) -> Option<FetchId> {
    effects.iter().find_map(|effect| match effect {
        Effect::StartFetch { fetch, .. } => Some(*fetch),
        _ => None,
    })
}

/// What each waiter is told: `(waiter, label, poem)`; no poem if it failed.
fn told(effects: &[Effect]) -> Vec<(u64, Label, Option<&str>)> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Answer { waiter, label, poem, .. } => {
            Some((waiter.0, *label, Some(std::str::from_utf8(poem).unwrap())))
        }
        Effect::Fail { waiter, label, .. } => Some((waiter.0, *label, None)),
        Effect::Stream { waiter, head, .. } => {
            Some((waiter.0, Label::Passed, Some(std::str::from_utf8(head).unwrap())))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn by_default_a_poem_is_fetched_once_and_served_for_two_hours() {
    let mut s = scene(CacheConfig { ttl_jitter: 0, ..CacheConfig::default() });
    let fetch = s.fetch(1, "a");
    assert_eq!(told(&s.whole(fetch, "poem")), [(1, Label::Miss, Some("poem"))]);
    assert_eq!(told(&s.pass(7199).ask(2, "a")), [(2, Label::Hit, Some("poem"))]);
    let effects = s.pass(1).ask(3, "a");
    assert!(started(&effects).is_some(), "after two hours the upstream is asked again");
}

#[test]
fn one_fetch_answers_all_who_wait_in_the_order_they_came() {
    let mut s = scene(config());
    let fetch = s.fetch(9, "a");
    assert_eq!(s.ask(3, "a"), []);
    assert_eq!(s.ask(5, "a"), []);
    assert_eq!(s.ask(5, "a"), [], "asking twice changes nothing");
    let expected = [9, 3, 5].map(|w| (w, if w == 9 { Label::Miss } else { Label::Coalesced }, Some("poem")));
    assert_eq!(told(&s.whole(fetch, "poem")), expected);
    assert!(s.idle());
    assert_eq!(s.whole(fetch, "other"), [], "a fetch ends once");
    assert_eq!(told(&s.ask(1, "a")), [(1, Label::Hit, Some("poem"))]);
}

#[test]
fn the_fetch_outlives_the_one_it_was_started_for_and_is_cancelled_when_the_last_leaves() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    s.ask(2, "a");
    assert_eq!(s.leave(1), []);
    let cancel = [Effect::CancelFetch { fetch, key: Key::poem("a") }];
    assert_eq!(s.leave(2), cancel);
    assert!(s.idle());
    assert_eq!(s.leave(2), [], "leaving twice changes nothing");
    assert_eq!(s.whole(fetch, "late"), [], "what a cancelled fetch brings is not believed");
    let again = s.fetch(3, "a");
    assert_ne!(again, fetch);
    assert_eq!(told(&s.whole(again, "poem")), [(3, Label::Miss, Some("poem"))]);
}

#[test]
fn a_waiter_that_asks_for_something_else_leaves_what_it_waited_for() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    let effects = s.ask(1, "b");
    assert_eq!(effects[0], Effect::CancelFetch { fetch, key: Key::poem("a") });
    assert_eq!(told(&s.whole(started(&effects).unwrap(), "poem")), [(1, Label::Miss, Some("poem"))]);
}

#[test]
fn a_failed_fetch_is_told_once_to_each_and_the_next_try_waits_for_the_hold_off() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    s.ask(2, "a");
    let effects = s.fail(fetch, FailureKind::Broken);
    assert_eq!(told(&effects), [(1, Label::Failed, None), (2, Label::Failed, None)]);
    let effects = s.pass(1).ask(3, "a");
    assert_eq!(told(&effects), [(3, Label::Negative, None)]);
    let Effect::Fail { error: error @ CacheError::Remembered { .. }, .. } = &effects[0] else { panic!() };
    let cause = std::error::Error::source(error).unwrap().to_string();
    assert_eq!((cause.as_str(), error.to_string().contains("1s")), ("10.0.0.1:1: reset", true), "{error}");
    s.pass(1).fetch(4, "a");
}

#[test]
fn with_the_upstream_down_for_good_its_attempts_are_bounded_by_the_hold_off() {
    let mut s = scene(config());
    s.hold("a", "poem");
    s.pass(100);
    let (mut attempts, mut stale) = (0, 0);
    // A request each 100 ms through what is left of all windows, and 100 s more.
    for waiter in 0..11_500 {
        let effects = s.ask(waiter, "a");
        stale += told(&effects).iter().filter(|(_, label, _)| *label == Label::Stale).count();
        if let Some(fetch) = started(&effects) {
            attempts += 1;
            stale +=
                told(&s.fail(fetch, FailureKind::Unreachable)).iter().filter(|told| told.2.is_some()).count();
        }
        s.now += SECOND / 10;
    }
    assert_eq!(stale, 10_500, "stale for 50 s and 1000 s, then failures");
    assert!((140..=1150 / 8 + 3).contains(&attempts), "{attempts} attempts");
}

#[test]
fn an_empty_poem_is_a_negative_answer_and_never_kept() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    assert_eq!(told(&s.whole(fetch, "")), [(1, Label::Failed, None)]);
    assert_eq!(s.cache.counts().entries, 0);
    assert_eq!(told(&s.pass(2).ask(2, "a")), [(2, Label::Negative, None)]);
    s.pass(1).fetch(3, "a");
}

#[test]
fn a_stale_poem_is_served_at_once_and_refreshed_once_in_the_background() {
    let mut s = scene(config());
    s.hold("a", "old");
    let effects = s.pass(100).ask(1, "a");
    assert_eq!(told(&effects), [(1, Label::Stale, Some("old"))]);
    let fetch = started(&effects).unwrap();
    assert!(matches!(effects[1], Effect::StartFetch { kind: FetchKind::Refresh, .. }));
    let effects = s.ask(2, "a");
    assert_eq!((told(&effects), started(&effects)), (vec![(2, Label::Stale, Some("old"))], None));
    assert_eq!(s.leave(2), [], "a refresh needs nobody to wait for it");
    assert_eq!(told(&s.whole(fetch, "new")), []);
    assert_eq!(told(&s.ask(3, "a")), [(3, Label::Hit, Some("new"))]);
}

#[test]
fn past_the_refresh_window_the_poem_is_fetched_anew_and_the_old_one_served_only_on_an_error() {
    let mut s = scene(config());
    s.hold("a", "old");
    let fetch = s.pass(150).fetch(1, "a");
    s.ask(2, "a");
    let expected = [(1, Label::Revalidated, Some("new")), (2, Label::Coalesced, Some("new"))];
    assert_eq!(told(&s.whole(fetch, "new")), expected);
    let fetch = s.pass(150).fetch(1, "a");
    s.ask(2, "a");
    let effects = s.fail(fetch, FailureKind::Broken);
    assert_eq!(told(&effects), [1, 2].map(|w| (w, Label::Stale, Some("new"))));
    assert_eq!(told(&s.pass(1).ask(3, "a")), [(3, Label::Stale, Some("new"))], "in the hold-off");
    let fetch = s.pass(998).fetch(4, "a");
    let effects = s.pass(1).fail(fetch, FailureKind::Broken);
    assert_eq!(told(&effects), [(4, Label::Failed, None)], "the last window ended while it was fetched");
}

#[test]
fn a_fetch_whose_process_dies_fails_its_waiters_and_its_death_after_its_report_means_nothing() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    let effects = s.on(Event::Died { fetch, cause: "panicked".into() });
    assert_eq!(told(&effects), [(1, Label::Failed, None)]);
    let fetch = s.pass(2).fetch(2, "a");
    s.whole(fetch, "poem");
    assert_eq!(s.on(Event::Died { fetch, cause: "normal".into() }), []);
    assert_eq!(told(&s.ask(3, "a")), [(3, Label::Hit, Some("poem"))]);
}

#[test]
fn the_fetches_of_a_cache_that_crashed_say_nothing_to_the_next_one() {
    let old = scene(config()).fetch(1, "a");
    let mut s = Scene { cache: Cache::new(config(), 2, fastrand::Rng::with_seed(1)).unwrap(), now: SECOND };
    let fetch = s.fetch(1, "a");
    assert_eq!(old.number, fetch.number);
    assert_eq!(s.whole(old, "old"), []);
    assert_eq!(told(&s.whole(fetch, "new")), [(1, Label::Miss, Some("new"))]);
}

#[test]
fn a_poem_over_the_bound_is_streamed_to_those_who_wait_and_never_kept() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    s.ask(2, "a");
    let head = Bytes::from_static(b"long");
    let effects = s.on(Event::Oversize { fetch, head: head.clone() });
    assert_eq!(told(&effects), [(1, Label::Passed, Some("long")), (2, Label::Passed, Some("long"))]);
    assert_eq!(s.on(Event::Oversize { fetch, head }), [], "once");
    assert_eq!(s.ask(3, "a"), [], "too late for this one: the next");
    assert_eq!(s.ask(4, "a"), []);
    let effects = s.on(Event::StreamEnded { fetch });
    assert_eq!(effects[..2], [1, 2].map(|w| Effect::EndStream { waiter: WaiterId(w) }));
    let next = started(&effects).unwrap();
    assert_eq!(
        told(&s.whole(next, "short")),
        [(3, Label::Miss, Some("short")), (4, Label::Coalesced, Some("short"))]
    );
    assert!(s.idle());
}

#[test]
fn a_stream_that_breaks_is_cut_for_its_followers_and_fails_those_who_wait_for_the_next() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    s.on(Event::Oversize { fetch, head: Bytes::from_static(b"long") });
    s.ask(2, "a");
    let effects = s.fail(fetch, FailureKind::Broken);
    assert!(matches!(effects[0], Effect::CutStream { waiter: WaiterId(1), .. }), "{effects:?}");
    assert_eq!(told(&effects), [(2, Label::Failed, None)]);
    assert!(s.idle() && started(&s.ask(3, "a")).is_none(), "held off");
}

#[test]
fn when_the_last_follower_leaves_the_stream_is_cancelled_and_those_who_wait_get_their_fetch() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    s.on(Event::Oversize { fetch, head: Bytes::from_static(b"long") });
    s.ask(2, "a");
    let effects = s.leave(1);
    assert_eq!(effects[0], Effect::CancelFetch { fetch, key: Key::poem("a") });
    assert_eq!(told(&s.whole(started(&effects[1..]).unwrap(), "poem")), [(2, Label::Miss, Some("poem"))]);
}

#[test]
fn a_report_that_breaks_the_rules_never_passes_a_half_poem_off_as_whole() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    s.on(Event::Oversize { fetch, head: Bytes::from_static(b"long") });
    assert!(matches!(s.whole(fetch, "tail")[..], [Effect::CutStream { .. }]));
    let fetch = s.pass(2).fetch(1, "a");
    assert_eq!(told(&s.on(Event::StreamEnded { fetch })), [(1, Label::Failed, None)]);
    assert_eq!(s.cache.counts().entries, 0);
}

#[test]
fn a_poem_that_has_outgrown_the_bound_is_passed_on_and_the_old_one_dropped() {
    let mut s = scene(config());
    s.hold("a", "old");
    let fetch = started(&s.pass(100).ask(1, "a")).unwrap();
    let effects = s.on(Event::Oversize { fetch, head: Bytes::from_static(b"long") });
    let dropped = Effect::Dropped { key: Key::poem("a"), reason: DropReason::Outgrown };
    assert_eq!(
        effects,
        [dropped, Effect::CancelFetch { fetch, key: Key::poem("a") }],
        "nobody to stream it to"
    );
    let fetch = s.fetch(2, "a");
    let poem = Bytes::from(vec![b'x'; 1001]);
    let effects = s.on(Event::Whole { fetch, poem, trust: Trust::Verified });
    assert_eq!((told(&effects)[0].1, s.cache.counts().entries), (Label::Passed, 0));
}

#[test]
fn what_was_asked_before_a_purge_is_neither_kept_nor_given_to_those_who_ask_after_it() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    assert_eq!(s.on(Event::Purge(Purge::Key(Key::poem("a")))), [Effect::Purged { poems: 0 }]);
    assert_eq!(s.ask(2, "a"), []);
    let effects = s.whole(fetch, "old");
    assert_eq!(told(&effects), [(1, Label::Miss, Some("old"))]);
    assert_eq!(s.cache.counts().entries, 0);
    let next = started(&effects).unwrap();
    assert_eq!(told(&s.whole(next, "new")), [(2, Label::Miss, Some("new"))]);
    assert_eq!(told(&s.ask(3, "a")), [(3, Label::Hit, Some("new"))]);
}

#[test]
fn a_purge_of_all_forgets_poems_failures_and_background_refreshes() {
    let mut s = scene(config());
    s.hold("a", "poem");
    let failing = s.fetch(1, "b");
    s.fail(failing, FailureKind::Broken);
    let refresh = started(&s.pass(100).ask(2, "a")).unwrap();
    let effects = s.on(Event::Purge(Purge::All));
    assert!(effects.contains(&Effect::CancelFetch { fetch: refresh, key: Key::poem("a") }));
    assert_eq!(effects.last(), Some(&Effect::Purged { poems: 1 }));
    assert_eq!(s.cache.counts(), Counts::default());
    s.fetch(3, "b");
}

#[test]
fn an_operator_lists_and_refreshes_what_is_kept() {
    let mut s = scene(config());
    s.hold("b", "two!");
    s.hold("a", "one");
    s.ask(1, "a");
    let effects = s.pass(30).on(Event::List);
    let [Effect::Listing(listed)] = &effects[..] else { panic!() };
    assert_eq!(listed.iter().map(|l| l.key.to_string()).collect::<Vec<_>>(), ["a", "b"]);
    let Listed { bytes, age, ttl_left, hits, trust, .. } = listed[0].clone();
    assert_eq!((bytes, age, ttl_left, hits, trust), (3, 30 * SECOND, 70 * SECOND, 1, Trust::Unverified));
    let effects = s.on(Event::Refresh(Key::poem("a")));
    let fetch = started(&effects).unwrap();
    assert_eq!(effects[1], Effect::Refreshing(RefreshReply::Started(fetch)));
    let reply = |s: &mut Scene, key| match &s.on(Event::Refresh(key))[..] {
        [Effect::Refreshing(reply)] => *reply,
        other => panic!("{other:?}"),
    };
    assert_eq!(reply(&mut s, Key::poem("a")), RefreshReply::Running(fetch));
    assert_eq!(reply(&mut s, Key::poem("c")), RefreshReply::NotKept);
    assert_eq!(told(&s.ask(2, "a")), [(2, Label::Hit, Some("one"))]);
    s.whole(fetch, "uno");
    assert_eq!(told(&s.ask(3, "a")), [(3, Label::Hit, Some("uno"))]);
}

#[test]
fn a_transformed_poem_is_asked_for_with_its_original_and_cannot_be_refreshed_without_it() {
    let mut s = scene(config());
    let (key, input) = (Key::transformed("t", "shout", b"poem").unwrap(), Bytes::from_static(b"poem"));
    let request = Event::Request { waiter: WaiterId(1), key: key.clone(), input: input.clone() };
    let effects = s.on(request);
    let Effect::StartFetch { fetch, input: sent, .. } = &effects[0] else { panic!() };
    assert_eq!(*sent, input);
    s.whole(*fetch, "POEM");
    assert_eq!(s.on(Event::Refresh(key)), [Effect::Refreshing(RefreshReply::NoOriginal)]);
}

#[test]
fn nobody_waits_longer_than_the_bound_and_a_stale_poem_is_better_than_none() {
    let mut s = scene(config());
    let fetch = s.fetch(1, "a");
    s.pass(10).ask(2, "a");
    assert_eq!(s.cache.next_timer(), Some(60 * SECOND));
    assert_eq!(s.pass(49).on(Event::Tick), [], "never early");
    assert_eq!(told(&s.pass(1).on(Event::Tick)), [(1, Label::Failed, None)]);
    let effects = s.pass(10).on(Event::Tick);
    assert_eq!(told(&effects), [(2, Label::Failed, None)]);
    assert_eq!(effects[1], Effect::CancelFetch { fetch, key: Key::poem("a") });
    s.hold("a", "old");
    s.pass(150).fetch(3, "a");
    assert_eq!(told(&s.pass(60).on(Event::Tick)), [(3, Label::Stale, Some("old"))]);
    assert!(s.idle());
}

#[test]
fn a_refresh_without_end_is_given_up_and_counts_as_a_failure() {
    let mut s = scene(config());
    s.hold("a", "old");
    let fetch = started(&s.pass(100).ask(1, "a")).unwrap();
    let effects = s.pass(60).on(Event::Tick);
    assert_eq!(effects, [Effect::CancelFetch { fetch, key: Key::poem("a") }]);
    assert_eq!(told(&s.ask(2, "a")), [(2, Label::Stale, Some("old"))], "held off, past the refresh window");
    assert!(s.idle());
}

#[test]
fn a_clock_that_goes_back_makes_nothing_fresh_again() {
    let mut s = scene(config());
    s.hold("a", "poem");
    s.pass(150).ask(1, "b");
    s.now = Duration::ZERO;
    assert!(told(&s.ask(2, "a")).is_empty(), "past its refresh window it was, and is");
    assert_eq!(s.cache.next_timer(), Some(210 * SECOND));
}

#[test]
fn a_crowd_of_which_every_second_one_leaves_costs_one_fetch() {
    let mut s = scene(config());
    let fetch = s.fetch(0, "a");
    let effects = (1..20_000).flat_map(|waiter| s.ask(waiter, "a")).count();
    let leaving = (0..20_000).step_by(2).flat_map(|waiter| s.leave(waiter)).count();
    assert_eq!((effects, leaving), (0, 0));
    let effects = s.whole(fetch, "poem");
    let expected: Vec<_> = (1..20_000).step_by(2).map(|w| (w, Label::Coalesced, Some("poem"))).collect();
    assert_eq!(told(&effects), expected);
    assert!(s.idle());
}

#[test]
fn waiters_are_bounded_for_a_key_and_in_all() {
    let mut s = scene(CacheConfig { max_waiters_per_key: 2, max_waiters: 3, ..config() });
    s.fetch(1, "a");
    s.ask(2, "a");
    let error = |effects: Vec<Effect>| match &effects[..] {
        [Effect::Fail { label: Label::Failed, error, .. }] => error.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(error(s.ask(3, "a")), CacheError::TooManyWaitersForKey { max: 2 });
    s.fetch(4, "b");
    assert_eq!(error(s.ask(5, "b")), CacheError::TooManyWaiters { max: 3 });
    s.leave(2);
    assert_eq!(s.ask(5, "b"), [], "a place that was left is free at once");
}

#[test]
fn fetches_are_bounded() {
    let mut s = scene(CacheConfig { max_fetches: 1, ..config() });
    let fetch = s.fetch(1, "a");
    let effects = s.ask(2, "b");
    assert!(matches!(effects[..], [Effect::Fail { error: CacheError::TooManyFetches { max: 1 }, .. }]));
    s.whole(fetch, "poem");
    s.fetch(2, "b");
}

#[test]
fn with_no_ttl_and_no_windows_requests_are_coalesced_and_nothing_is_kept() {
    let zero = Duration::ZERO;
    let base = CacheConfig { ttl: zero, stale_while_revalidate: zero, stale_if_error: zero, ..config() };
    let mut s = scene(base);
    let fetch = s.fetch(1, "a");
    s.ask(2, "a");
    let expected = [(1, Label::Miss, Some("poem")), (2, Label::Coalesced, Some("poem"))];
    assert_eq!(told(&s.whole(fetch, "poem")), expected);
    assert_eq!(s.cache.counts().entries, 0);
    s.fetch(3, "a");
}
