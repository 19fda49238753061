//! Who may ask: the machine's own, and for what changes state the owner of the token.

use std::os::unix::fs::PermissionsExt;

use super::*;

const ROUTES: [(&str, &str); 9] = [
    ("GET", "/live"),
    ("GET", "/ready"),
    ("GET", "/tree"),
    ("GET", "/cache"),
    ("POST", "/kill"),
    ("POST", "/drain"),
    ("POST", "/cache/purge"),
    ("POST", "/cache/refresh"),
    ("GET", "/no-such-route"),
];

#[test]
fn a_foreign_host_or_origin_is_refused_on_every_route_with_the_token_too() {
    managed("foreign", science(), async |it| {
        let (token, at) = (it.token(), it.at);
        for (method, path) in ROUTES {
            let request = |headers: &str| {
                format!(
                    "{method} {path} HTTP/1.1\r\n{headers}Authorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
                )
            };
            let foreign = [
                "Host: evil.example\r\n".to_owned(),
                format!("Host: evil.example:{}\r\n", at.port()),
                format!("Host: {at}\r\nOrigin: http://evil.example\r\n"),
                format!("Host: {at}\r\nOrigin: http://localhost:3000\r\n"),
                format!("Host: {at}\r\nOrigin: null\r\n"),
            ];
            for headers in foreign {
                let reply = it.ask(&request(&headers)).await;
                assert_eq!(reply.status, 403, "{method} {path} {headers:?}");
            }
            assert_eq!(it.ask(&request("")).await.status, 400, "none at all is no HTTP/1.1");
        }
        assert_eq!(it.node.node.phase(), verse::ops::Phase::Serving, "none of it was done");
        let own = format!(
            "GET /live HTTP/1.1\r\nHost: localhost:{0}\r\nOrigin: http://localhost:{0}\r\n\r\n",
            at.port()
        );
        assert_eq!(it.ask(&own).await.status, 200);
    });
}

#[test]
fn what_changes_state_needs_the_token_and_looking_does_not() {
    managed("token", science(), async |it| {
        let (token, at) = (it.token(), it.at);
        let wrong = format!("{}{}", &token[1..], &token[..1]);
        let refused = [
            String::new(),
            "Authorization: Bearer\r\n".to_owned(),
            "Authorization: Bearer \r\n".to_owned(),
            format!("Authorization: Bearer {wrong}\r\n"),
            format!("Authorization: Bearer {}\r\n", &token[1..]),
            format!("Authorization: Basic {token}\r\n"),
            format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"),
        ];
        for (method, path) in ROUTES {
            for header in &refused {
                let reply = it
                    .ask(&format!(
                        "{method} {path} HTTP/1.1\r\nHost: {at}\r\n{header}Content-Length: 0\r\n\r\n"
                    ))
                    .await;
                match method {
                    "POST" => assert_eq!(reply.status, 401, "{path} {header:?}"),
                    _ => assert_ne!(reply.status, 401, "{path} {header:?}"),
                }
            }
        }
        let put = format!("PUT /tree HTTP/1.1\r\nHost: {at}\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(it.ask(&put).await.status, 401, "any other method changes something, for all one knows");
        assert_eq!(it.node.node.phase(), verse::ops::Phase::Serving, "none of it was done");
        assert_eq!(
            it.post("/cache/purge", "").await,
            Reply { status: 200, body: serde_json::json!({ "purged": 0 }) }
        );
    });
}

#[test]
fn the_token_is_in_a_file_of_its_owners_alone_for_as_long_as_the_node_lives() {
    managed("mode", science(), async |it| {
        let mode = std::fs::metadata(it.token_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert_eq!(it.node.node.admin_token(), Some(it.token_file().as_path()));
        it.node.node.drain().await;
        assert!(!it.token_file().exists(), "after a drain");
    });
    managed("killed", science(), async |it| {
        it.node.node.kill().await;
        assert!(!it.token_file().exists(), "after a kill");
    });
}

#[test]
fn two_nodes_have_tokens_of_their_own() {
    managed("one", science(), async |one| {
        let folder = Folder::new("admin-two");
        let mut setup = science();
        setup.config.node.admin = Some(HostPort::loopback(0));
        setup.config.node.admin_token = Some(folder.name("token").into());
        let node = setup.start().await;
        let two = Managed { at: node.node.address(ServiceId::Admin).unwrap(), node, folder };
        assert_ne!(one.token(), two.token());
        let stranger = Managed { at: two.at, ..one };
        assert_eq!(stranger.post("/drain", "").await.status, 401);
        assert_eq!(two.node.node.phase(), verse::ops::Phase::Serving);
    });
}
