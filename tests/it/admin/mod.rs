//! The admin port: its routes, who may use them, its bounds, and `verse ctl`.

mod bounds;
mod caches;
mod command;
mod guard;
mod routes;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;
use verse::config::{HostPort, Pace};
use verse::node::ServiceId;

use crate::harness::{End, Folder, Setup, TestClient, TestNode, frozen, within};

/// A node with an admin port, whose token is in a folder of the test's own.
struct Managed {
    node: TestNode,
    at: SocketAddr,
    folder: Folder,
}

/// What came back.
#[derive(Debug, PartialEq)]
struct Reply {
    status: u16,
    body: Value,
}

impl Reply {
    /// The line that a refusal says.
    fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_else(|| panic!("no refusal: {self:?}"))
    }
}

/// Runs `test` on a node that `setup` describes, with an admin port.
fn managed(name: &str, setup: Setup, test: impl AsyncFnOnce(Managed)) {
    frozen(async {
        let folder = Folder::new(&format!("admin-{name}"));
        let mut setup = setup;
        setup.config.node.admin = Some(HostPort::loopback(0));
        setup.config.node.admin_token = Some(folder.name("token").into());
        let node = setup.start().await;
        let at = node.node.address(ServiceId::Admin).expect("it has an admin port");
        test(Managed { node, at, folder }).await;
    });
}

/// One poem, fast.
fn science() -> Setup {
    Setup::new().embedded("science", Pace::Fast)
}

impl Managed {
    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    fn token(&self) -> String {
        std::fs::read_to_string(self.token_file()).expect("it is there").trim().to_owned()
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.at)).await
    }

    /// With the token.
    async fn post(&self, path: &str, body: &str) -> Reply {
        self.ask(&self.order(path, body)).await
    }

    /// What [`post`](Self::post) sends.
    fn order(&self, path: &str, body: &str) -> String {
        let (host, token, length) = (self.at, self.token(), body.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    /// Sends this, as it is, and reads until the node closes.
    async fn ask(&self, request: &str) -> Reply {
        let mut client = TestClient::connect(self.at).await;
        client.send(request.as_bytes()).await;
        client.half_close().await;
        assert_eq!(client.read_to_end().await, End::Clean, "{request}");
        parse(&client.got)
    }

    /// Waits until the tree shows it.
    async fn until(&self, what: &str, such: impl Fn(&Value) -> bool) {
        within(what, async {
            while !such(&self.get("/tree").await.body["tree"]) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// An answer, of which the body is JSON.
fn parse(got: &[u8]) -> Reply {
    let text = std::str::from_utf8(got).expect("an answer is text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status: {head}"));
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).expect("it is JSON") };
    Reply { status, body }
}

/// Whoever is at `path` below `process` in the answer of `/tree`.
fn find<'a>(process: &'a Value, path: &str) -> &'a Value {
    path.split('/').fold(process, |process, name| {
        let children = process["children"].as_array().expect("it has children");
        let found = children.iter().find(|child| child["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {process}"))
    })
}
