//! Poems too large to be kept: passed through in bounded memory.

use std::time::Duration;

use super::*;

/// Keeps poems of up to 100,000 bytes.
fn small(config: &mut ProxyConfig) {
    config.cache.max_poem_bytes = 100_000;
}

/// Writes all of a poem at the pace at which it is taken.
fn pour(mut visit: TcpStream, poem: Vec<u8>) -> JoinHandle<TcpStream> {
    tokio::task::spawn_local(async move {
        visit.write_all(&poem).await.unwrap();
        visit
    })
}

#[test]
fn a_poem_too_large_to_be_kept_is_passed_to_all_who_wait_by_one_fetch() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, small).await;
        let large = poem(3 << 20);
        let crowd = proxy.crowd(5).await;
        proxy.accepted(5).await;
        let mut visit = pour(server.visit().await, large.clone()).await.unwrap();
        visit.shutdown().await.unwrap();
        for client in crowd {
            assert_eq!(client.await.unwrap().unwrap(), large);
        }
        assert_eq!(proxy.label().await, "passed");
        assert!(proxy.node.cache(0).unwrap().list.call(verse::message::ListPoems).await.unwrap().is_empty());
    });
}

#[test]
fn those_who_wait_for_a_poem_get_it_however_little_may_be_kept() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |config| config.cache.max_poem_bytes = 1000).await;
        let crowd = proxy.crowd(5).await;
        proxy.accepted(5).await;
        // The first to take a piece is ahead of the others by more than may be kept.
        send(server.visit().await, &poem(5000)).await;
        for client in crowd {
            assert_eq!(client.await.unwrap().unwrap(), poem(5000));
        }
    });
}

#[test]
fn a_large_poem_that_breaks_is_cut_by_a_reset() {
    run(async {
        let server = Server::new().await;
        let proxy = Proxy::of(&server, small).await;
        let client = tokio::task::spawn_local(read(proxy.connect().await));
        let visit = pour(server.visit().await, poem(1 << 20)).await.unwrap();
        visit.set_zero_linger().unwrap();
        drop(visit);
        is_reset(client.await.unwrap());
    });
}

#[test]
fn a_client_that_reads_nothing_slows_nobody_down_and_is_cut_off() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, small).await;
        let (slow, fast) = (proxy.connect().await, proxy.connect().await);
        let fast = tokio::task::spawn_local(read(fast));
        proxy.accepted(2).await;
        // Far more than the sockets of the slow one and the bound together hold.
        let large = vec![b'v'; 32 << 20];
        let mut visit = pour(server.visit().await, large.clone()).await.unwrap();
        visit.shutdown().await.unwrap();
        assert_eq!(fast.await.unwrap().unwrap(), large);
        // At once, not when its write times out.
        proxy.until(|event| event.to_string().contains("too far behind").then_some(())).await;
        is_reset(read(slow).await);
    });
}

#[test]
fn a_follower_that_has_left_is_not_waited_for() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |config| config.cache.max_poem_bytes = 8 << 20).await;
        let (slow, fast) = (proxy.connect().await, proxy.connect().await);
        proxy.accepted(2).await;
        let large = vec![b'v'; (8 << 20) + 1000];
        let mut visit = pour(server.visit().await, large.clone()).await.unwrap();
        assert_eq!(proxy.label().await, "passed");
        drop(slow);
        let fast = tokio::task::spawn_local(read(fast));
        visit.shutdown().await.unwrap();
        assert_eq!(fast.await.unwrap().unwrap(), large);
        // The fetch is over, so the next one may begin: well before `max_drain`, 5 min.
        let next = tokio::task::spawn_local(get(proxy.address));
        send(server.visit().await, b"small by now").await;
        assert_eq!(next.await.unwrap().unwrap(), "small by now");
    });
}

#[test]
fn the_upstream_is_read_no_faster_than_the_fastest_client_reads() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, small).await;
        let client = proxy.connect().await;
        let pouring = pour(server.visit().await, vec![b'v'; 64 << 20]);
        assert_eq!(proxy.label().await, "passed");
        // It reads nothing, so the poem cannot have been read from its server: it must still be writing.
        assert!(!pouring.is_finished());
        drop(client);
        assert!(pouring.await.is_err(), "the last follower has left, so the fetch is cancelled");
    });
}

#[test]
fn those_who_do_not_take_the_rest_in_time_are_cut_off_and_the_others_end_well() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |config| {
            // The slow one may be as far behind as it likes, until the end.
            config.cache.max_poem_bytes = 8 << 20;
            config.cache.max_drain = Duration::from_millis(50);
        })
        .await;
        let (slow, fast) = (proxy.connect().await, proxy.connect().await);
        let fast = tokio::task::spawn_local(read(fast));
        proxy.accepted(2).await;
        let large = poem((8 << 20) + 1000);
        let mut visit = pour(server.visit().await, large.clone()).await.unwrap();
        visit.shutdown().await.unwrap();
        assert_eq!(fast.await.unwrap().unwrap(), large);
        is_reset(read(slow).await);
    });
}

#[test]
fn one_who_comes_when_the_beginning_is_gone_waits_for_the_next_fetch() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, small).await;
        let first = tokio::task::spawn_local(read(proxy.connect().await));
        let mut visit = pour(server.visit().await, poem(1 << 20)).await.unwrap();
        assert_eq!(proxy.label().await, "passed");
        let late = tokio::task::spawn_local(read(proxy.connect().await));
        proxy.accepted(1).await;
        assert!(server.is_quiet().await, "never two connections");
        visit.shutdown().await.unwrap();
        assert_eq!(first.await.unwrap().unwrap(), poem(1 << 20));
        send(server.visit().await, b"small by now").await;
        assert_eq!(late.await.unwrap().unwrap(), "small by now");
    });
}

#[test]
fn a_large_poem_for_clients_that_want_its_length_first_is_held_and_not_kept() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |config| {
            small(config);
            config.framing = verse::config::Framing::Netstring;
        })
        .await;
        let client = tokio::task::spawn_local(read(proxy.connect().await));
        let mut visit = pour(server.visit().await, poem(200_000)).await.unwrap();
        visit.shutdown().await.unwrap();
        let expected = [b"200000:", poem(200_000).as_slice(), b","].concat();
        assert_eq!(client.await.unwrap().unwrap(), expected);
        assert_eq!(proxy.label().await, "passed");
    });
}
