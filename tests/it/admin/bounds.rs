//! What the admin port does with nonsense, with too much, and with those who take their time.

use std::time::Duration;

use verse::ops::admin::MAX_CONNECTIONS;

use super::*;

#[test]
fn nonsense_is_refused_and_harms_nobody() {
    managed("garbage", science(), async |it| {
        for garbage in [
            "\r\n\r\nwhat?\r\n\r\n",
            "GET\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "\0\u{1}\u{2}\r\n\r\n",
            "GET /tree HTTP/1.1\r\nHost localhost\r\n\r\n",
        ] {
            let mut client = TestClient::connect(it.at).await;
            client.send(garbage.as_bytes()).await;
            client.half_close().await;
            client.read_to_end().await;
            let answer = String::from_utf8_lossy(&client.got);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{garbage:?}: {answer:?}");
        }
        let mut silent = TestClient::connect(it.at).await;
        silent.half_close().await;
        silent.read_to_end().await;
        assert_eq!(it.get("/live").await.status, 200);
        assert_eq!(it.node.child("ops/admin").restarts, 0);
    });
}

#[test]
fn a_body_or_a_head_that_is_too_large_is_refused_before_it_is_held() {
    managed("large", science(), async |it| {
        let body = |bytes: usize| format!("{{\"path\":\"{}\"}}", "x".repeat(bytes));
        assert_eq!(it.post("/kill", &body(16_000)).await.status, 404, "just below the bound");
        let reply = it.post("/kill", &body(17_000)).await;
        assert_eq!((reply.status, reply.error()), (413, "the body is longer than 16384 bytes"));
        // In chunks nobody knows how long it will be.
        let mut chunked = it.order("/kill", "").replace("Content-Length: 0", "Transfer-Encoding: chunked");
        for _ in 0..5 {
            chunked.push_str(&format!("1000\r\n{}\r\n", "x".repeat(0x1000)));
        }
        assert_eq!(it.ask(&(chunked + "0\r\n\r\n")).await.status, 413);
        let head = format!("GET /live HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n", it.at, "x".repeat(200_000));
        let mut client = TestClient::connect(it.at).await;
        client.send(head.as_bytes()).await;
        client.read_to_end().await;
        assert!(!client.got.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&client.got));
        assert_eq!(it.get("/live").await.status, 200);
    });
}

#[test]
fn a_client_that_takes_its_time_with_head_or_body_is_not_waited_for() {
    managed("slow", science(), async |it| {
        let body = it.order("/kill", &"x".repeat(10));
        for (request, seconds) in [("GET /live HTTP/1.1\r\nHost:", 6), (&body[..body.len() - 1], 31)] {
            let mut client = TestClient::connect(it.at).await;
            client.send(request.as_bytes()).await;
            let served =
                |tree: &Value| find(tree, "ops/admin/connections")["children"].as_array().unwrap().len() == 2;
            it.until("its process", served).await;
            for _ in 0..2 * seconds {
                it.node.advance(Duration::from_millis(500)).await;
                it.get("/live").await;
            }
            client.read_to_end().await;
            assert!(!client.got.starts_with(b"HTTP/1.1 2"), "{request}");
        }
    });
}

#[test]
fn those_who_are_too_many_wait_and_are_served() {
    managed("many", science(), async |it| {
        let mut silent = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            silent.push(TestClient::connect(it.at).await);
        }
        let mut patient = TestClient::connect(it.at).await;
        patient.send(format!("GET /tree HTTP/1.1\r\nHost: {}\r\n\r\n", it.at).as_bytes()).await;
        let connections = || it.node.child("ops/admin/connections").children.len();
        within("all that there may be", async {
            while connections() < MAX_CONNECTIONS {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(connections(), MAX_CONNECTIONS, "and not one more");
        silent.pop();
        patient.read_to_end().await;
        assert_eq!(parse(&patient.got).status, 200);
    });
}

#[test]
fn a_client_that_says_nothing_does_not_hold_up_the_end() {
    managed("silent", science(), async |it| {
        let mut silent = TestClient::connect(it.at).await;
        it.until("its process", |tree| {
            find(tree, "ops/admin/connections")["children"].as_array().unwrap().len() == 2
        })
        .await;
        // On a clock that stands still.
        assert_eq!(within("the end", it.node.node.drain()).await.cut, 0);
        assert_eq!(silent.read_to_end().await, End::Reset);
    });
}
