//! Two thousand clients at once on a slow server.

use std::time::Duration;

use verse::config::Pace;
use verse::event::{Event, Phase};
use verse::net::raise_descriptor_limit;

use crate::harness::{End, GRACE, Setup, TestClient, enters, frozen, is_sent};

const CLIENTS: usize = 2000;
const DELAY: Duration = Duration::from_millis(100);
const DRIPS: u32 = 8;

#[test]
fn two_thousand_clients_at_once_are_all_served_to_the_last_byte() {
    // Both ends of each connection are ours, and other tests run beside.
    let descriptors = raise_descriptor_limit();
    assert!(descriptors >= 2 * CLIENTS as u64 + 500, "this test needs more than {descriptors} descriptors");
    frozen(async {
        let mut node =
            Setup::new().numbered("poem", 1600, Pace::Slow { num_bytes: 200, delay: DELAY }).start().await;
        let (address, poem) = (node.address("poem"), node.text("poem"));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let poem = poem.clone();
                tokio::task::spawn_local(async move {
                    let mut client = TestClient::connect(address).await;
                    let end = client.read_to_end().await;
                    assert!(client.got == poem, "not the poem: {} bytes", client.got.len());
                    end
                })
            })
            .collect();
        // The clock stands still: nobody is done before everybody has begun.
        node.until("everybody's first drip", CLIENTS, is_sent).await;
        assert_eq!(node.count(enters(Phase::Sending)), CLIENTS);
        assert_eq!(node.count(enters(Phase::ShuttingDown)), 0, "all of them at once");
        assert_eq!(node.connections("poem").len(), CLIENTS);
        for drip in 2..=DRIPS as usize {
            node.advance(DELAY).await;
            node.until("everybody's next drip", drip * CLIENTS, is_sent).await;
        }
        for client in clients {
            assert_eq!(client.await.expect("a client that is served does not panic"), End::Clean);
        }
        assert_eq!(node.now(), DELAY * (DRIPS - 1), "it takes as long as one client alone");
        node.advance(GRACE).await;
        node.until("everybody's good end", CLIENTS, enters(Phase::Closed)).await;
        let trouble = |event: &Event| matches!(event, Event::Connection { phase: Phase::Reset { .. }, .. });
        assert_eq!(node.count(trouble), 0);
        assert_eq!(node.node.story(), [], "nothing went wrong");
    });
}
