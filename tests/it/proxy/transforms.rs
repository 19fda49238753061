//! The transformation proxy of Part 14: caches by transform and poem.

use super::*;

fn transforms(config: &mut ProxyConfig) {
    config.transforms = true;
}

async fn ask(proxy: &Proxy, request: &[u8]) -> io::Result<Bytes> {
    let mut client = proxy.connect().await;
    client.write_all(request).await?;
    // As `netcat` does at the end of its input. Here it is no leaving: the request says where it ends.
    client.shutdown().await?;
    read(client).await
}

/// Serves one request of a transform service: expects `request`, answers `answer`.
async fn serve(server: &Server, request: &[u8], answer: &[u8]) {
    let mut visit = server.visit().await;
    let mut got = vec![0; request.len()];
    soon(visit.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, request);
    send(visit, answer).await;
}

#[test]
fn a_transform_is_asked_for_once_a_poem_and_name() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, transforms).await;
        let request = b"13:cummingsify.X,";
        let (got, ()) = tokio::join!(ask(&proxy, request), serve(&server, request, b"1:x,"));
        assert_eq!(got.unwrap(), "1:x,");
        assert_eq!(proxy.label().await, "miss");
        assert_eq!(ask(&proxy, request).await.unwrap(), "1:x,");
        assert_eq!(proxy.label().await, "hit");
        for (request, answer) in [(b"13:cummingsify.Y,".as_slice(), b"1:y,"), (b"7:shout.X,", b"1:X,")] {
            let (got, ()) = tokio::join!(ask(&proxy, request), serve(&server, request, answer));
            assert_eq!(got.unwrap(), answer.as_slice());
            assert_eq!(proxy.label().await, "miss", "another poem, or another transform");
        }
        assert!(server.is_quiet().await);
    });
}

#[test]
fn what_the_service_does_not_do_is_an_orderly_end_without_an_answer() {
    run(async {
        let server = Server::new().await;
        let proxy = Proxy::of(&server, transforms).await;
        let request = b"6:none.X,";
        let (got, ()) = tokio::join!(ask(&proxy, request), serve(&server, request, b""));
        assert_eq!(got.unwrap(), "", "as the service itself ends");
        let broken = b"6:half.X,";
        let (got, ()) = tokio::join!(ask(&proxy, broken), serve(&server, broken, b"9:ha"));
        is_reset(got);
    });
}

#[test]
fn a_request_that_drips_is_ended_by_its_time_limit_though_it_is_never_idle() {
    run(async {
        let server = Server::new().await;
        let proxy = Proxy::with(vec![server.upstream()], |config| {
            transforms(&mut config.proxies[0]);
            config.limits.request_timeout = Duration::from_millis(50);
        })
        .await;
        let mut client = proxy.connect().await;
        client.write_all(b"1000000:").await.unwrap();
        soon(async {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        assert!(server.is_quiet().await);
    });
}

#[test]
fn nonsense_ends_in_good_order_with_one_event_and_asks_nobody() {
    run(async {
        let server = Server::new().await;
        let mut proxy = Proxy::of(&server, transforms).await;
        for nonsense in [b"hello".as_slice(), b"3:abc,", b"9999999999:", b"4:ab"] {
            assert_eq!(ask(&proxy, nonsense).await.unwrap(), "");
            proxy.until(|event| matches!(event, Event::Malformed { .. }).then_some(())).await;
        }
        assert!(server.is_quiet().await);
    });
}
