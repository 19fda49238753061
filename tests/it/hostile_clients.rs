//! Clients that do what they should not: none of them holds anybody else up.

use std::time::Duration;

use verse::config::Pace;
use verse::event::{Event, Phase};

use crate::harness::{End, GRACE, Setup, TestClient, TestNode, enters, frozen};

/// More than the buffers of both sockets hold.
const EIGHT_MEGABYTES: usize = 8 << 20;
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
const LINGER: Duration = Duration::from_secs(2);

/// A node with a poem that no socket holds and a short one, both fast.
async fn node() -> TestNode {
    let mut setup =
        Setup::new().numbered("long", EIGHT_MEGABYTES, Pace::Fast).embedded("ecstasy", Pace::Fast);
    setup.config.limits.write_timeout = WRITE_TIMEOUT;
    setup.config.limits.linger = LINGER;
    setup.start().await
}

/// Whoever behaves is served at once: no time goes by on the node's clock.
async fn others_are_served_at_once(node: &TestNode) {
    let before = node.now();
    for title in ["long", "ecstasy"] {
        let mut client = TestClient::connect(node.address(title)).await;
        assert_eq!(client.read_to_end().await, End::Clean, "{title}");
        assert!(client.got == node.text(title), "{title}: {} bytes", client.got.len());
    }
    assert_eq!(node.now(), before);
}

/// Waits until `client` is being served and has its part of the long poem.
async fn begun(client: &mut TestClient) {
    client.read_until(1).await;
}

fn is_reset(event: &Event) -> bool {
    enters_reset(event).is_some()
}

fn enters_reset(event: &Event) -> Option<&str> {
    match event {
        Event::Connection { phase: Phase::Reset { reason }, .. } => Some(reason),
        _ => None,
    }
}

#[test]
fn a_client_that_never_reads_is_reset_at_the_write_timeout() {
    frozen(async {
        let mut node = node().await;
        let mut client = TestClient::connect_narrow(node.address("long")).await;
        let peer = client.address();
        begun(&mut client).await;
        // What the kernels still pass to each other is none of the test's business: the time-out counts from there.
        for _ in 0..1000 {
            others_are_served_at_once(&node).await;
            if node.count(is_reset) > 0 {
                break;
            }
            node.advance(Duration::from_secs(1)).await;
        }
        let reset = node.entered(peer, Phase::is_over).expect("it is reset");
        let to_it = |event: &Event| matches!(event, Event::Sent { peer: to, .. } if *to == peer);
        let last = node.history().iter().rfind(|it| to_it(&it.event)).expect("it was sent something").at;
        assert_eq!(reset - last, WRITE_TIMEOUT);
        let reasons: Vec<_> = node.history().iter().filter_map(|it| enters_reset(&it.event)).collect();
        assert_eq!(reasons, ["it took nothing for 5s"]);
        assert_eq!(client.read_to_end().await, End::Reset);
        assert!(client.got.len() < EIGHT_MEGABYTES);
    });
}

#[test]
fn a_client_that_reads_slowly_and_steadily_is_never_timed_out() {
    frozen(async {
        let mut node = node().await;
        let mut client = TestClient::connect_narrow(node.address("long")).await;
        for read in 1..=20 {
            // More than its own buffer holds: the server's kernel has got rid of some.
            client.read_until(read * 300_000).await;
            node.advance(WRITE_TIMEOUT).await;
            others_are_served_at_once(&node).await;
        }
        assert_eq!(client.read_to_end().await, End::Clean, "slow in all, and never idle");
        assert!(client.got == node.text("long"));
        assert_eq!(node.count(is_reset), 0);
    });
}

#[test]
fn a_client_that_sends_garbage_gets_its_poem_to_the_last_byte() {
    frozen(async {
        let mut node = node().await;
        for title in ["long", "ecstasy"] {
            let mut client = TestClient::connect(node.address(title)).await;
            client.send(&[0xff; 100_000]).await;
            assert_eq!(client.read_to_end().await, End::Clean, "{title}");
            assert!(client.got == node.text(title), "{title}: {} bytes", client.got.len());
        }
        others_are_served_at_once(&node).await;
        assert_eq!(node.count(is_reset), 0);
    });
}

#[test]
fn a_client_that_sends_without_end_is_not_listened_to_for_ever() {
    frozen(async {
        let mut node = node().await;
        let mut client = TestClient::connect(node.address("ecstasy")).await;
        client.read_until(node.text("ecstasy").len()).await;
        // It has its poem and goes on: after 1 MiB the server has heard enough, and closes on it.
        node.advance(GRACE).await;
        client.send_until_refused().await;
        node.until("a good end", 1, enters(Phase::Closed)).await;
        assert_eq!(node.now(), GRACE);
        others_are_served_at_once(&node).await;
    });
}

#[test]
fn a_client_that_says_nothing_and_stays_is_left_after_the_linger() {
    frozen(async {
        let mut node = node().await;
        let mut client = TestClient::connect(node.address("ecstasy")).await;
        node.until("the wait for it to leave", 1, enters(Phase::Draining)).await;
        let peer = client.address();
        others_are_served_at_once(&node).await;
        for part in [GRACE, LINGER - GRACE * 2] {
            node.advance(part).await;
            others_are_served_at_once(&node).await;
            assert_eq!(node.entered(peer, Phase::is_over), None);
        }
        node.advance(GRACE).await;
        node.until("its end and that of the others", 7, enters(Phase::Closed)).await;
        assert_eq!((node.entered(peer, Phase::is_over), node.count(is_reset)), (Some(LINGER), 0));
        assert_eq!(client.read_to_end().await, End::Clean, "and its poem waits for it");
        assert_eq!(client.got, node.text("ecstasy"));
    });
}

#[test]
fn a_client_that_half_closes_still_gets_its_poem() {
    frozen(async {
        let node = node().await;
        for title in ["long", "ecstasy"] {
            let mut client = TestClient::connect(node.address(title)).await;
            client.half_close().await;
            assert_eq!(client.read_to_end().await, End::Clean, "{title}");
            assert!(client.got == node.text(title), "{title}: {} bytes", client.got.len());
        }
    });
}

#[test]
fn a_client_that_half_closes_in_mid_poem_still_gets_the_rest() {
    frozen(async {
        let mut node = node().await;
        let mut client = TestClient::connect_narrow(node.address("long")).await;
        begun(&mut client).await;
        client.send(b"enough!").await;
        client.half_close().await;
        others_are_served_at_once(&node).await;
        assert_eq!(client.read_to_end().await, End::Clean);
        assert!(client.got == node.text("long"));
        assert_eq!(node.count(is_reset), 0);
    });
}

#[test]
fn a_client_that_resets_in_mid_poem_is_forgotten_at_once() {
    frozen(async {
        let mut node = node().await;
        let mut client = TestClient::connect_narrow(node.address("long")).await;
        begun(&mut client).await;
        client.reset();
        node.until("its end", 1, is_reset).await;
        assert_eq!(node.now(), Duration::ZERO, "no time-out is needed to find out");
        others_are_served_at_once(&node).await;
        assert_eq!(node.child("poems/long/listener").restarts, 0);
    });
}

#[test]
fn a_client_that_resets_in_a_long_pause_is_forgotten_at_once() {
    frozen(async {
        let pace = Pace::Slow { num_bytes: 10, delay: Duration::from_secs(24 * 3600) };
        for half_closed in [false, true] {
            let mut node = Setup::new().embedded("ecstasy", pace).start().await;
            let mut client = TestClient::connect(node.address("ecstasy")).await;
            client.read_until(10).await;
            if half_closed {
                client.half_close().await;
            }
            client.reset();
            node.until("its end", 1, is_reset).await;
            assert_eq!(node.now(), Duration::ZERO);
            assert!(node.connections("ecstasy").is_empty());
        }
    });
}

#[test]
fn a_crowd_of_all_of_them_holds_nobody_up() {
    frozen(async {
        let mut node = node().await;
        let mut crowd = Vec::new();
        for number in 0..40 {
            let mut client = TestClient::connect_narrow(node.address("long")).await;
            match number % 4 {
                0 => client.send(&[b'x'; 10_000]).await,
                1 => client.half_close().await,
                2 => begun(&mut client).await,
                _ => {
                    begun(&mut client).await;
                    client.reset();
                    continue;
                }
            }
            crowd.push(client);
        }
        others_are_served_at_once(&node).await;
        node.until("the end of those who reset", 10, is_reset).await;
        assert_eq!(node.count(is_reset), 10, "and of nobody else");
        for client in &mut crowd {
            assert_eq!(client.read_to_end().await, End::Clean);
            assert!(client.got == node.text("long"));
        }
        assert_eq!(node.now(), Duration::ZERO);
    });
}
