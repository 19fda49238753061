//! How long a poem is served, and how an upstream that fails is treated.
//!
//! Sockets need real time, so windows are chosen that have no end or no length, and nothing has to be waited for.

use std::time::Duration;

use super::*;

const NONE: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3600);

/// Windows of these lengths, and one attempt an hour once it has failed.
fn windows(ttl: Duration, revalidate: Duration, error: Duration) -> impl FnOnce(&mut ProxyConfig) {
    move |config| {
        let cache = &mut config.cache;
        (cache.ttl, cache.stale_while_revalidate, cache.stale_if_error) = (ttl, revalidate, error);
        (cache.hold_off_min, cache.hold_off_max, cache.negative_ttl) = (HOUR, HOUR, HOUR);
    }
}

async fn fill(proxy: &Proxy, server: &Server, with: &str) {
    let (got, ()) = tokio::join!(proxy.get(), async { send(server.visit().await, with.as_bytes()).await });
    assert_eq!(got.unwrap(), with.as_bytes());
}

#[test]
fn a_stale_poem_is_served_at_once_while_one_refresh_runs() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, windows(NONE, HOUR, NONE)).await;
        fill(&proxy, &server, "old").await;
        proxy.label().await;
        for _ in 0..5 {
            assert_eq!(proxy.get().await.unwrap(), "old", "nobody waits for a refresh");
            assert_eq!(proxy.label().await, "stale");
        }
        send(server.visit().await, b"new").await;
        assert!(server.is_quiet().await, "one refresh at a time");
        proxy.until(|event| matches!(event, Event::Fetched { bytes: 3, .. }).then_some(())).await;
        assert_eq!(proxy.get().await.unwrap(), "new");
    });
}

#[test]
fn an_upstream_that_is_down_is_asked_once_a_hold_off_and_stale_poems_are_served() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, windows(NONE, NONE, HOUR)).await;
        fill(&proxy, &server, "old").await;
        proxy.label().await;
        let (got, ()) = tokio::join!(proxy.get(), async { send_and_reset(server.visit().await, b"").await });
        assert_eq!(got.unwrap(), "old", "stale if error");
        assert_eq!(proxy.label().await, "stale");
        for _ in 0..20 {
            assert_eq!(proxy.get().await.unwrap(), "old");
            assert_eq!(proxy.label().await, "stale");
        }
        assert!(server.is_quiet().await, "an attempt within the hold-off");
    });
}

#[test]
fn outside_its_windows_nothing_is_served_and_attempts_are_bounded_by_the_hold_off() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, windows(NONE, NONE, NONE)).await;
        fill(&proxy, &server, "old").await;
        proxy.label().await;
        let (got, ()) = tokio::join!(proxy.get(), async { send_and_reset(server.visit().await, b"").await });
        is_reset(got);
        assert_eq!(proxy.label().await, "failed");
        for _ in 0..20 {
            is_reset(proxy.get().await);
            assert_eq!(proxy.label().await, "negative");
        }
        assert!(server.is_quiet().await, "an attempt within the hold-off");
    });
}

#[test]
fn with_a_ttl_of_nothing_each_request_asks_and_the_answer_is_a_revalidation() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, windows(NONE, NONE, HOUR)).await;
        for (poem, label) in [("one", "miss"), ("two", "revalidated"), ("three", "revalidated")] {
            fill(&proxy, &server, poem).await;
            assert_eq!(proxy.label().await, label);
        }
    });
}

#[test]
fn no_poem_is_an_answer_that_is_remembered_for_a_while() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, windows(HOUR, NONE, NONE)).await;
        let (got, ()) = tokio::join!(proxy.get(), async { send(server.visit().await, b"").await });
        is_reset(got);
        assert_eq!(proxy.label().await, "failed");
        is_reset(proxy.get().await);
        assert_eq!(proxy.label().await, "negative");
        assert!(server.is_quiet().await);
    });
}
