//! A fault that does not pass is not restarted for ever: it goes up the tree, supervisor by supervisor, until the node
//! ends and says why.

use std::time::Duration;

use supervisors::ExitReason;
use verse::config::Pace;
use verse::event::{Event, Phase};

use crate::harness::{End, GRACE, Setup, TestClient, TestNode, frozen, is_refused, within};

const LISTENER: &str = "poems/ecstasy/listener";
const PERIOD: Duration = Duration::from_secs(10);

async fn node(intensity: u32) -> TestNode {
    let mut setup = Setup::new().embedded("ecstasy", Pace::Fast).embedded("science", Pace::SLOW);
    setup.config.node.intensity = intensity;
    setup.config.node.period = PERIOD;
    setup.start().await
}

/// Crashes the listener; `false` once the node has ended.
async fn crash(node: &mut TestNode) -> bool {
    let root = node.node.tree().process.expect("the node runs");
    let lives = node.count(is_up);
    node.process(LISTENER).crash("the listener is broken");
    tokio::select! {
        biased;
        _ = root.exited() => false,
        () = node.until("another listener, or the end of the node", lives + 1, is_up) => true,
    }
}

fn is_up(event: &Event) -> bool {
    matches!(event, Event::ListenerUp { service, .. } if **service == *"ecstasy")
}

#[test]
fn a_listener_that_goes_on_crashing_ends_the_node_after_the_restarts_that_each_level_allows() {
    for (intensity, crashes) in [(0, 1), (1, 8), (2, 27)] {
        frozen(async {
            let mut node = node(intensity).await;
            for _ in 1..crashes {
                assert!(crash(&mut node).await, "intensity {intensity}: not yet");
            }
            assert!(!crash(&mut node).await, "intensity {intensity}: that was one too many");
            let reason = within("the end of the node", node.node.exited()).await;
            assert_eq!(reason, ExitReason::Shutdown);
            assert!(is_refused(node.address("ecstasy")), "nothing listens any more");
            let story: Vec<String> = node.node.story().iter().map(ToString::to_string).collect();
            let told = |text: &str| story.iter().any(|line| line.contains(text));
            for text in [
                "poems/ecstasy/listener",
                "the listener is broken",
                "poems/ecstasy: gave up: listener crashed more often than allowed",
                "poems: gave up: ecstasy crashed more often than allowed",
                "the root: gave up: poems crashed more often than allowed",
            ] {
                assert!(told(text), "{text} is not told in {story:#?}");
            }
        });
    }
}

#[test]
fn the_poems_that_are_being_sent_when_the_tree_gives_up_may_end_well() {
    frozen(async {
        let mut node = node(0).await;
        let mut guest = TestClient::connect(node.address("science")).await;
        guest.read_until(10).await;
        node.process(LISTENER).crash("the listener is broken");
        let poem = node.text("science");
        let drips = poem.len().div_ceil(10);
        for drip in 2..=drips {
            node.advance(Duration::from_millis(100)).await;
            guest.read_until(poem.len().min(10 * drip)).await;
        }
        assert_eq!(guest.read_to_end().await, End::Clean);
        assert_eq!(guest.got, poem);
        drop(guest);
        node.advance(GRACE).await;
        within("the end of the node", node.node.exited()).await;
        let cut = |event: &Event| matches!(event, Event::Connection { phase: Phase::Reset { .. }, .. });
        assert_eq!(node.count(cut), 0);
    });
}

#[test]
fn crashes_that_are_far_enough_apart_are_survived_for_ever() {
    frozen(async {
        let mut node = node(1).await;
        for _ in 0..100 {
            assert!(crash(&mut node).await);
            node.advance(PERIOD + Duration::from_secs(1)).await;
        }
        let mut guest = TestClient::connect(node.address("ecstasy")).await;
        assert_eq!(guest.read_to_end().await, End::Clean);
        assert_eq!(node.child(LISTENER).restarts, 100);
    });
}

#[test]
fn connections_may_crash_as_often_as_they_like() {
    frozen(async {
        let node = node(0).await;
        for _ in 0..100 {
            let mut guest = TestClient::connect(node.address("science")).await;
            guest.read_until(10).await;
            node.connections("science")
                .pop()
                .expect("it is served")
                .crash("a connection is not the listener");
            assert_eq!(guest.read_to_end().await, End::Reset);
        }
        assert_eq!(node.child("poems/science/listener").restarts, 0);
    });
}
