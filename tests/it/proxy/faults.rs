//! What may go wrong, and who must not notice.

use std::time::Duration;

use supervisors::ExitReason;
use supervisors::supervisor::TreeNode;
use verse::message::ListPoems;

use super::*;

/// Tries again at once after a failure.
fn eager(config: &mut ProxyConfig) {
    (config.cache.hold_off_min, config.cache.hold_off_max) =
        (Duration::from_millis(1), Duration::from_millis(1));
    config.cache.negative_ttl = Duration::ZERO;
}

/// Ends a process by a fault of its own, or from outside.
fn end(process: &supervisors::Process, crash: bool) {
    if crash {
        process.crash("a fault of its own");
    } else {
        process.kill();
    }
}

/// Asks until the poem comes: after a crash it may be turned away for a moment, never be given half of it.
async fn get_at_last(proxy: &Proxy, server: &Server, poem: &[u8]) {
    let serve = async {
        loop {
            send(server.visit().await, poem).await;
        }
    };
    let ask = async {
        loop {
            match proxy.get().await {
                Ok(got) => break assert_eq!(got, poem),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
            }
        }
    };
    tokio::select! {
        () = serve => {}
        () = soon(ask) => {}
    }
}

#[test]
fn a_poem_that_breaks_resets_all_who_wait_and_is_not_kept() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, eager).await;
        let crowd = proxy.crowd(10).await;
        proxy.accepted(10).await;
        send_and_reset(server.visit().await, &poem(2000)).await;
        for client in crowd {
            is_reset(client.await.unwrap());
        }
        assert!(proxy.node.cache(0).unwrap().list.call(ListPoems).await.unwrap().is_empty());
        get_at_last(&proxy, &server, &poem(3000)).await;
    });
}

#[test]
fn a_netstring_that_ends_too_early_is_no_poem() {
    run(async {
        let server = Server::new().await;
        let framing = |config: &mut ProxyConfig| config.upstream_framing = verse::config::Framing::Netstring;
        let proxy = Proxy::of(&server, framing).await;
        let (got, ()) = tokio::join!(proxy.get(), async { send(server.visit().await, b"9:half a ").await });
        is_reset(got);
        assert!(proxy.node.cache(0).unwrap().list.call(ListPoems).await.unwrap().is_empty());
    });
}

#[test]
fn a_server_that_refuses_and_one_that_says_nothing_fail_with_their_address() {
    run(async {
        let gone = nowhere().await;
        let mut proxy = Proxy::with(vec![upstream(gone)], |_| ()).await;
        is_reset(proxy.get().await);
        let failed = |event: &Event| match event {
            Event::FetchFailed { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        assert_eq!(proxy.until(failed).await, format!("{gone}: connection refused"));

        let server = Server::new().await;
        let mut proxy = Proxy::with(vec![server.upstream()], |config| {
            config.limits.idle_timeout = Duration::from_millis(50);
        })
        .await;
        let (got, visit) = tokio::join!(proxy.get(), server.visit());
        is_reset(got);
        assert_eq!(proxy.until(failed).await, format!("{}: after 0 bytes: nothing for 50ms", server.address));
        closed(visit).await;
    });
}

#[test]
fn nobody_waits_longer_than_max_wait_for_an_upstream_that_drips() {
    run(async {
        let server = Server::new().await;
        let proxy = Proxy::of(&server, |config| config.cache.max_wait = Duration::from_millis(50)).await;
        let drip = async {
            let mut visit = server.visit().await;
            while visit.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let (got, ()) = tokio::join!(proxy.get(), soon(drip));
        is_reset(got);
    });
}

#[test]
fn a_cache_that_dies_in_mid_load_fails_its_waiters_and_is_filled_again_by_one_fetch() {
    for crash in [false, true] {
        run(async {
            let server = Server::new().await;
            let mut proxy = Proxy::of(&server, |_| ()).await;
            let crowd = proxy.crowd(10).await;
            proxy.accepted(10).await;
            let mut visit = server.visit().await;
            visit.write_all(b"half a ").await.unwrap();
            let cache = proxy.process("cache");
            end(&cache, crash);
            for client in crowd {
                is_reset(client.await.unwrap());
            }
            closed(visit).await;
            // Those who come while it is away wait in the backlog, and cause one fetch together.
            let crowd = proxy.crowd(10).await;
            send(server.visit().await, b"poem").await;
            for client in crowd {
                assert_eq!(client.await.unwrap().unwrap(), "poem");
            }
            assert!(server.is_quiet().await, "a second fetch");
        });
    }
}

#[test]
fn who_is_being_sent_a_poem_does_not_notice_that_the_cache_dies() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |_| ()).await;
        // Larger than what the sockets hold, so that it is still being sent.
        let large = vec![b'v'; 12 << 20];
        let client = proxy.connect().await;
        send(server.visit().await, &large).await;
        proxy.until(|event| matches!(event, Event::Sending { .. }).then_some(())).await;
        let cache = proxy.process("cache");
        cache.kill();
        soon(cache.exited()).await;
        assert_eq!(read(client).await.unwrap(), large);
    });
}

#[test]
fn a_fetch_that_dies_is_a_failure_for_its_waiters_and_for_nobody_else() {
    for crash in [false, true] {
        run(async {
            let server = Server::new().await;
            let mut proxy = Proxy::of(&server, eager).await;
            let crowd = proxy.crowd(5).await;
            proxy.accepted(5).await;
            let mut visit = server.visit().await;
            visit.write_all(b"half a ").await.unwrap();
            let cache = proxy.process("cache");
            let fetch = proxy.process("downloads/fetch");
            end(&fetch, crash);
            for client in crowd {
                is_reset(client.await.unwrap());
            }
            closed(visit).await;
            get_at_last(&proxy, &server, b"poem").await;
            assert!(cache.is_alive());
        });
    }
}

#[test]
fn a_connection_that_dies_while_it_waits_is_one_that_left() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |_| ()).await;
        let client = proxy.connect().await;
        let visit = server.visit().await;
        proxy.process("connections/connection").kill();
        is_reset(read(client).await);
        assert_eq!(proxy.line(&["Canceling poem download."]).await, "Canceling poem download.");
        closed(visit).await;
    });
}

#[test]
fn a_listener_that_dies_loses_nobody() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |_| ()).await;
        let before = proxy.crowd(3).await;
        proxy.accepted(3).await;
        let listener = proxy.process("listener");
        listener.crash("a fault of the listener's");
        assert!(matches!(soon(listener.exited()).await, ExitReason::Panicked { .. }));
        let after = proxy.crowd(3).await;
        proxy.accepted(3).await;
        send(server.visit().await, b"poem").await;
        for client in before.into_iter().chain(after) {
            assert_eq!(client.await.unwrap().unwrap(), "poem");
        }
        assert!(server.is_quiet().await);
    });
}

#[test]
fn the_downloads_and_the_cache_die_and_come_back_and_poems_outlive_the_downloads() {
    run(async {
        let server = Server::new().await;
        let proxy = Proxy::of(&server, eager).await;
        get_at_last(&proxy, &server, b"poem").await;
        let downloads = proxy.process("downloads");
        downloads.kill();
        soon(downloads.exited()).await;
        assert_eq!(proxy.get().await.unwrap(), "poem");
        assert!(server.is_quiet().await, "it was kept");
        let restarts = |tree: &TreeNode, path| tree.find(path).unwrap().restarts;
        assert_eq!(restarts(&proxy.node.tree(), "proxy/cache"), 0);
        assert_eq!(restarts(&proxy.node.tree(), "proxy/downloads"), 1);
    });
}

#[test]
fn a_drain_lets_those_who_wait_have_their_poem() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |_| ()).await;
        let crowd = proxy.crowd(3).await;
        proxy.accepted(3).await;
        let visit = server.visit().await;
        let (drained, ()) = tokio::join!(soon(proxy.node.drain()), send(visit, b"poem"));
        assert_eq!(drained.cut, 0);
        for client in crowd {
            assert_eq!(client.await.unwrap().unwrap(), "poem");
        }
    });
}
