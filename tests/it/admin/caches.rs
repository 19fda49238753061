//! Caches, as operators see and change them.

use verse::config::{ProxyConfig, Upstream};
use verse::poem::Title;

use super::*;

/// Two proxies of the same poem.
fn proxied() -> Setup {
    let mut setup = science();
    let upstream = Upstream::Poem(Title::new("science").expect("a good title"));
    for _ in 0..2 {
        setup.config.proxies.push(ProxyConfig::new(vec![upstream.clone()]));
    }
    setup
}

const KEY: &str = "poem science";

/// A poem through each proxy, and so in its cache.
async fn fill(it: &Managed) {
    for number in 0..2 {
        let address = it.node.node.address(ServiceId::Proxy(number)).expect("it listens");
        let mut client = TestClient::connect(address).await;
        assert_eq!((client.read_to_end().await, &client.got[..]), (End::Clean, &it.node.text("science")[..]));
    }
}

#[test]
fn what_the_caches_hold_is_shown_a_cache_each() {
    managed("caches", proxied(), async |it| {
        fill(&it).await;
        let caches = it.get("/cache").await.body["caches"].clone();
        for (number, proxy) in ["proxy", "proxy-2"].into_iter().enumerate() {
            let cache = &caches[number];
            assert_eq!((&cache["proxy"], cache["poems"].as_array().unwrap().len()), (&proxy.into(), 1));
            let poem = &cache["poems"][0];
            let bytes = it.node.text("science").len();
            assert_eq!(
                (&poem["key"], &poem["bytes"], &poem["freshness"]),
                (&KEY.into(), &bytes.into(), &"fresh".into())
            );
        }
        assert_eq!(caches.as_array().unwrap().len(), 2);
    });
}

#[test]
fn poems_are_dropped_all_or_in_one_cache_or_of_one_key() {
    managed("purge", proxied(), async |it| {
        let purged = |count: usize| Reply { status: 200, body: serde_json::json!({ "purged": count }) };
        fill(&it).await;
        assert_eq!(it.post("/cache/purge", "").await, purged(2));
        fill(&it).await;
        assert_eq!(it.post("/cache/purge", r#"{"proxy":"proxy-2"}"#).await, purged(1));
        fill(&it).await;
        assert_eq!(it.post("/cache/purge", r#"{"proxy":"proxy","key":"poem science"}"#).await, purged(1));
        assert_eq!(it.post("/cache/purge", r#"{"key":"poem science"}"#).await, purged(1));
        assert_eq!(it.post("/cache/purge", "{}").await, purged(0));
    });
}

#[test]
fn poems_are_fetched_anew_and_the_kept_one_is_served_meanwhile() {
    managed("refresh", proxied(), async |it| {
        assert_eq!(
            it.post("/cache/refresh", "").await.body["refreshes"],
            serde_json::json!([]),
            "nothing is kept"
        );
        fill(&it).await;
        let started = |proxy: &str| serde_json::json!({ "proxy": proxy, "key": KEY, "fetching": true, "outcome": "started" });
        let reply = it.post("/cache/refresh", "").await;
        assert_eq!(reply.body["refreshes"], serde_json::json!([started("proxy"), started("proxy-2")]));
        fill(&it).await;
    });
}

#[test]
fn a_proxy_or_a_key_that_is_not_there_is_refused_with_what_is_like_it() {
    managed("unknown", proxied(), async |it| {
        fill(&it).await;
        let cases = [
            (r#"{"proxy":"poxy-2"}"#, "no proxy poxy-2; did you mean proxy-2?"),
            (r#"{"proxy":"dragon"}"#, "no proxy dragon"),
            (r#"{"key":"poem sience"}"#, "no cache holds poem sience; did you mean poem science?"),
        ];
        for route in ["/cache/purge", "/cache/refresh"] {
            for (order, line) in cases {
                let reply = it.post(route, order).await;
                assert_eq!((reply.status, reply.error()), (404, line), "{route} {order}");
            }
        }
    });
}

#[test]
fn a_cache_that_does_not_answer_says_so_and_the_other_does() {
    managed("hung", proxied(), async |it| {
        fill(&it).await;
        it.node.process("proxy/cache").suspend();
        let mut client = TestClient::connect(it.at).await;
        client.send(format!("GET /cache HTTP/1.1\r\nHost: {}\r\n\r\n", it.at).as_bytes()).await;
        it.until("its process", |tree| {
            find(tree, "ops/admin/connections")["children"].as_array().unwrap().len() == 2
        })
        .await;
        // Time goes in steps here, and a call needs two of them before it has a timer of its own.
        for _ in 0..8 {
            it.node.advance(std::time::Duration::from_secs(1)).await;
            it.get("/live").await;
        }
        client.read_to_end().await;
        let caches = parse(&client.got).body["caches"].clone();
        assert!(caches[0]["error"].is_string(), "{caches}");
        assert_eq!(caches[1]["poems"][0]["key"], KEY);
    });
}
