//! What operators ask of a cache.

use verse::cache::{Key, Purge, RefreshReply};
use verse::message::{ListPoems, PurgePoems, RefreshPoem};

use super::*;

#[test]
fn an_operator_can_list_purge_and_refresh_what_is_kept() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, |_| ()).await;
        let cache = proxy.node.cache(0).unwrap().clone();
        let key = Key::poem(server.address.to_string());
        assert_eq!(cache.refresh.call(RefreshPoem(key.clone())).await, Ok(RefreshReply::NotKept));
        let (got, ()) = tokio::join!(proxy.get(), async { send(server.visit().await, b"old").await });
        assert_eq!(got.unwrap(), "old");
        proxy.get().await.unwrap();

        let listed = cache.list.call(ListPoems).await.unwrap();
        let [entry] = listed.as_slice() else { panic!("{listed:?}") };
        assert_eq!((&entry.key, entry.bytes, entry.hits, entry.fetching), (&key, 3, 1, false));
        assert!(entry.ttl_left > Duration::from_secs(6000), "2 h, less 5 % by chance: {entry:?}");

        proxy.until(|event| matches!(event, Event::Fetched { .. }).then_some(())).await;
        let refreshed = cache.refresh.call(RefreshPoem(key.clone())).await.unwrap();
        assert!(matches!(refreshed, RefreshReply::Started(_)), "{refreshed:?}");
        assert_eq!(proxy.get().await.unwrap(), "old", "nobody waits for it");
        send(server.visit().await, b"newer").await;
        proxy.until(|event| matches!(event, Event::Fetched { .. }).then_some(())).await;
        assert_eq!(proxy.get().await.unwrap(), "newer");

        assert_eq!(cache.purge.call(PurgePoems(Purge::Key(key))).await, Ok(1));
        assert!(cache.list.call(ListPoems).await.unwrap().is_empty());
        let (got, ()) = tokio::join!(proxy.get(), async { send(server.visit().await, b"newest").await });
        assert_eq!(got.unwrap(), "newest");
        assert_eq!(cache.purge.call(PurgePoems(Purge::All)).await, Ok(1));
    });
}

#[test]
fn two_proxies_have_a_branch_and_a_cache_each() {
    run(async {
        let (one, two) = (Server::new().await, Server::new().await);
        let second = ProxyConfig::new(vec![two.upstream()]);
        let proxy = Proxy::with(vec![one.upstream()], |config| config.proxies.push(second)).await;
        let tree = proxy.node.tree();
        assert!(tree.find("proxy/cache").is_some() && tree.find("proxy-2/cache").is_some(), "{tree}");
        let other = proxy.node.address(ServiceId::Proxy(1)).unwrap();
        let (got, ()) = tokio::join!(proxy.get(), async { send(one.visit().await, b"one").await });
        assert_eq!(got.unwrap(), "one");
        let client = TcpStream::connect(other).await.unwrap();
        let (got, ()) = tokio::join!(read(client), async { send(two.visit().await, b"two").await });
        assert_eq!(got.unwrap(), "two");
    });
}
