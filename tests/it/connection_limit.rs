//! The connection limit: whoever is too many waits in the backlog, at no cost, and is served when one leaves.

use std::time::Duration;

use verse::config::Pace;
use verse::event::{Event, Phase};

use crate::harness::{End, GRACE, Setup, TestClient, TestNode, enters, frozen, is_sent};

const DELAY: Duration = Duration::from_secs(1);

/// Two at once; a poem of three drips.
async fn node() -> TestNode {
    let pace = Pace::Slow { num_bytes: 100, delay: DELAY };
    let mut setup = Setup::new().numbered("poem", 300, pace).embedded("ecstasy", Pace::Fast);
    setup.config.limits.max_connections = Some(2);
    setup.start().await
}

fn is_accepted(service: &str) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Connection { service: which, phase: Phase::Accepted, .. } if **which == *service)
}

/// Two that are served, and one that waits.
async fn two_and_one(node: &mut TestNode) -> (TestClient, TestClient, TestClient) {
    let mut first = TestClient::connect(node.address("poem")).await;
    let mut second = TestClient::connect(node.address("poem")).await;
    first.read_until(100).await;
    second.read_until(100).await;
    let third = TestClient::connect(node.address("poem")).await;
    // Others come and go meanwhile, so that the listener has had every chance to let it in.
    for _ in 0..10 {
        let mut other = TestClient::connect(node.address("ecstasy")).await;
        assert_eq!(other.read_to_end().await, End::Clean, "each listener has a limit of its own");
        drop(other);
        node.advance(GRACE).await;
    }
    assert_eq!(node.count(is_accepted("poem")), 2);
    (first, second, third)
}

#[test]
fn the_third_of_two_waits_in_the_backlog_and_is_served_when_one_leaves() {
    frozen(async {
        let mut node = node().await;
        let (mut first, mut second, mut third) = two_and_one(&mut node).await;
        node.advance(DELAY).await;
        node.until("the second drips", 4 + 10, is_sent).await;
        node.advance(DELAY).await;
        assert_eq!(first.read_to_end().await, End::Clean);
        assert_eq!(second.read_to_end().await, End::Clean);
        // Both have all, and have not left: they are waited for, and count.
        assert_eq!(node.count(is_accepted("poem")), 2);
        drop(first);
        node.advance(GRACE).await;
        third.read_until(100).await;
        assert_eq!(node.count(is_accepted("poem")), 3);
        for bytes in [200, 300] {
            node.advance(DELAY).await;
            third.read_until(bytes).await;
        }
        assert_eq!(third.read_to_end().await, End::Clean);
        for client in [&second, &third] {
            assert_eq!(client.got, node.text("poem"));
        }
    });
}

#[test]
fn the_place_of_a_crashed_connection_is_free_again() {
    frozen(async {
        let mut node = node().await;
        let (mut first, second, mut third) = two_and_one(&mut node).await;
        let begun = node.now();
        node.connections("poem")[0].crash("a fault of the test");
        assert_eq!(first.read_to_end().await, End::Reset);
        third.read_until(100).await;
        assert_eq!(node.count(is_accepted("poem")), 3);
        assert_eq!((second.got.len(), node.now()), (100, begun));
    });
}

#[test]
fn the_places_of_crashed_connections_are_not_lost_a_hundred_times_over() {
    frozen(async {
        let mut node = node().await;
        for round in 1..=100 {
            let mut client = TestClient::connect(node.address("poem")).await;
            client.read_until(100).await;
            let process = node.connections("poem").pop().expect("it is served");
            process.kill();
            assert_eq!(client.read_to_end().await, End::Reset);
            assert_eq!(node.count(is_accepted("poem")), round);
        }
        assert_eq!(node.count(enters(Phase::Closed)), 0);
        assert_eq!(node.child("poems/poem/listener").restarts, 0);
    });
}
