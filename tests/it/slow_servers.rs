//! The series' three slow servers (Parts 2 to 4): asked at once, they take the time of the slowest, not the sum.

use std::time::Duration;

use verse::config::Pace;
use verse::event::Phase;

use crate::harness::{End, Setup, TestClient, drips, frozen, is_sent};

const DELAY: Duration = Duration::from_millis(100);

/// The series' servers: 10 bytes each 0.1 s, the long poem 30.
const SERVERS: [(&str, u32); 3] = [("ecstasy", 30), ("fascination", 10), ("science", 10)];

#[test]
fn three_slow_poems_take_the_time_of_the_slowest_and_not_the_sum() {
    frozen(async {
        let setup = SERVERS.iter().fold(Setup::new(), |setup, &(title, num_bytes)| {
            setup.embedded(title, Pace::Slow { num_bytes, delay: DELAY })
        });
        let mut node = setup.start().await;
        let begun = node.now();
        let mut clients = Vec::new();
        for (title, _) in SERVERS {
            clients.push(TestClient::connect(node.address(title)).await);
        }
        let drips = SERVERS.map(|(title, num_bytes)| drips(node.text(title).len(), num_bytes as usize));
        let slowest = *drips.iter().max().expect("three of them");
        // At each tick of the clock every poem that is not over goes on by one drip, whatever the others do.
        for tick in 0..slowest {
            if tick > 0 {
                node.advance(DELAY).await;
            }
            let sent = drips.iter().map(|&all| all.min(tick + 1)).sum();
            node.until("the drips of all servers", sent, is_sent).await;
        }
        for (client, (title, _)) in clients.iter_mut().zip(SERVERS) {
            assert_eq!(client.read_to_end().await, End::Clean, "{title}");
            assert_eq!(client.got, node.text(title), "{title}");
        }
        let took = |drips: usize| DELAY * (u32::try_from(drips).expect("not many") - 1);
        for (client, drips) in clients.iter().zip(drips) {
            let peer = client.address();
            assert_eq!(node.entered(peer, |phase| *phase == Phase::Sending), Some(begun));
            let sent = node.entered(peer, |phase| *phase == Phase::ShuttingDown);
            assert_eq!(sent, Some(begun + took(drips)), "each takes its own time");
        }
        assert_eq!(node.now() - begun, took(slowest), "together they take the time of the slowest");
        assert!(took(slowest) < drips.into_iter().map(took).sum::<Duration>());
    });
}

#[test]
fn a_fast_server_beside_a_slow_one_takes_no_time() {
    frozen(async {
        let setup = Setup::new().embedded("ecstasy", Pace::SLOW).embedded("mariner", Pace::Fast);
        let mut node = setup.start().await;
        let mut slow = TestClient::connect(node.address("ecstasy")).await;
        slow.read_until(10).await;
        let mut fast = TestClient::connect(node.address("mariner")).await;
        assert_eq!(fast.read_to_end().await, End::Clean);
        assert_eq!(fast.got, node.text("mariner"));
        assert_eq!((slow.got.len(), node.now()), (10, Duration::ZERO));
        assert!(node.history().iter().all(|stamped| stamped.at == Duration::ZERO));
    });
}
