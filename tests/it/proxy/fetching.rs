//! One fetch for all who wait, owned by nobody who waits.

use verse::config::{Config, Framing};

use super::*;

#[test]
fn many_waiters_get_one_poem_by_one_fetch() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |_| ()).await;
        let crowd = proxy.crowd(50).await;
        proxy.accepted(50).await;
        send(server.visit().await, &poem(3000)).await;
        for client in crowd {
            assert_eq!(client.await.unwrap().unwrap(), poem(3000));
        }
        assert!(server.is_quiet().await, "a second fetch");
    });
}

#[test]
fn the_log_says_fetching_once_and_then_using() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |_| ()).await;
        let told = ["Fetching poem from server.", "Using cached poem.", "Canceling poem download."];
        let (first, ()) = tokio::join!(proxy.get(), async { send(server.visit().await, b"poem").await });
        assert_eq!(first.unwrap(), "poem");
        assert_eq!(proxy.line(&told).await, "Fetching poem from server.");
        assert_eq!(proxy.label().await, "miss");
        assert_eq!(proxy.get().await.unwrap(), "poem");
        assert_eq!(proxy.line(&told).await, "Using cached poem.");
        assert!(server.is_quiet().await);
    });
}

#[test]
fn the_fetch_is_cancelled_when_the_last_waiter_leaves_and_not_before() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |_| ()).await;
        let (one, two) = (proxy.connect().await, proxy.connect().await);
        let mut visit = server.visit().await;
        visit.write_all(b"half a ").await.unwrap();
        drop(one);
        let left = |event: &Event| event.to_string().contains("it left while it waited").then_some(());
        proxy.until(left).await;
        visit.write_all(b"poem, and ").await.unwrap();
        // Half a close is a whole leaving for one who waits (Part 19).
        let mut two = two;
        two.shutdown().await.unwrap();
        assert_eq!(proxy.line(&["Canceling poem download."]).await, "Canceling poem download.");
        closed(visit).await;
        is_reset(read(two).await);
        // Nothing of what had come is kept.
        let (got, ()) = tokio::join!(proxy.get(), async { send(server.visit().await, b"all of it").await });
        assert_eq!(got.unwrap(), "all of it");
    });
}

#[test]
fn the_first_of_those_who_wait_may_leave_without_harm_to_the_others() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |_| ()).await;
        let first = proxy.connect().await;
        let visit = server.visit().await;
        let others = proxy.crowd(3).await;
        drop(first);
        proxy.until(|event| event.to_string().contains("it left while it waited").then_some(())).await;
        send(visit, b"poem").await;
        for other in others {
            assert_eq!(other.await.unwrap().unwrap(), "poem");
        }
        assert!(server.is_quiet().await);
    });
}

#[test]
fn what_a_waiting_client_sends_is_neither_its_leaving_nor_in_its_way() {
    run(async {
        let server = Server::new().await;
        let proxy = Proxy::of(&server, |_| ()).await;
        let mut client = proxy.connect().await;
        client.write_all(b"GET / HTTP/0.9\r\n").await.unwrap();
        send(server.visit().await, &poem(3000)).await;
        assert_eq!(read(client).await.unwrap(), poem(3000));
    });
}

#[test]
fn a_poem_in_netstrings_is_verified_and_sent_on_as_one() {
    run(async {
        let server = Server::new().await;
        let framing = |config: &mut ProxyConfig| {
            (config.framing, config.upstream_framing) = (Framing::Netstring, Framing::Netstring);
        };
        let proxy = Proxy::of(&server, framing).await;
        let (got, ()) = tokio::join!(proxy.get(), async { send(server.visit().await, b"4:poem,").await });
        assert_eq!(got.unwrap(), "4:poem,");
        let listed = proxy.node.cache(0).unwrap().list.call(verse::message::ListPoems).await.unwrap();
        assert_eq!(listed[0].trust, verse::cache::Trust::Verified);
    });
}

#[test]
fn alternatives_are_tried_in_order_until_one_has_the_poem() {
    run(async {
        let (broken, good) = (Server::new().await, Server::new().await);
        let upstreams = vec![upstream(nowhere().await), broken.upstream(), good.upstream()];
        let proxy = Proxy::with(upstreams, |_| ()).await;
        let (got, (), ()) = tokio::join!(
            proxy.get(),
            async { send_and_reset(broken.visit().await, b"half a ").await },
            async { send(good.visit().await, b"poem").await },
        );
        assert_eq!(got.unwrap(), "poem", "nothing of the half that came before");
    });
}

#[test]
fn a_proxy_finds_a_poem_of_its_own_node_wherever_it_listens() {
    run(async {
        let mut config = Config::embedded(verse::config::PortBase::FREE);
        config.poems[3].pace = verse::config::Pace::Fast;
        let poems: Vec<_> = config.poems.iter().map(|poem| poem.load(1 << 20).unwrap()).collect();
        let reporter = Reporter::new(|node| node);
        let world = World { reporter, limit: Limit::new(100), ..World::default() };
        let node = node::start(&config, &poems, world).await.unwrap();
        let address = node.address(ServiceId::Proxy(0)).unwrap();
        let got = read(TcpStream::connect(address).await.unwrap()).await.unwrap();
        assert_eq!(got, poems[3].bytes());
        assert_eq!(node.drain().await.cut, 0);
    });
}
