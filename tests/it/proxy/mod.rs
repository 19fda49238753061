//! A caching proxy in a node of its own, on this machine's sockets, with upstreams that do what each test says.

mod command;
mod faults;
mod fetching;
mod freshness;
mod large;
mod operators;
mod transforms;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use supervisors::Subscription;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, LocalSet};
use verse::actors::Limit;
use verse::config::{Config, HostPort, ProxyConfig, Upstream};
use verse::event::{Event, Reporter};
use verse::node::{self, RunningNode, ServiceId, World};

/// How long anything may take: not a measure, only the end of a test that would hang.
const DEADLINE: Duration = Duration::from_secs(30);

/// Runs a test on one thread, as a node runs.
fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, soon(test))
}

/// Waits, but not for ever.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("what was waited for did not happen")
}

/// A server whose connections the test serves by hand, one after the other.
struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// The next connection.
    async fn visit(&self) -> TcpStream {
        soon(self.listener.accept()).await.unwrap().0
    }

    /// Whether nobody has connected who was not served.
    async fn is_quiet(&self) -> bool {
        let accepting = std::pin::pin!(self.listener.accept());
        // A connection on loopback is in the backlog before its `connect` returns.
        tokio::select! {
            biased;
            _ = accepting => false,
            () = tokio::task::yield_now() => true,
        }
    }

    fn upstream(&self) -> Upstream {
        upstream(self.address)
    }
}

fn upstream(address: SocketAddr) -> Upstream {
    Upstream::Address(HostPort::loopback(address.port()))
}

/// An address where nobody listens.
async fn nowhere() -> SocketAddr {
    Server::new().await.address
}

/// Sends a whole raw poem.
async fn send(mut visit: TcpStream, poem: &[u8]) {
    visit.write_all(poem).await.unwrap();
    visit.shutdown().await.unwrap();
}

/// Sends some and breaks the connection.
async fn send_and_reset(mut visit: TcpStream, poem: &[u8]) {
    visit.write_all(poem).await.unwrap();
    visit.set_zero_linger().unwrap();
}

/// Waits until the other side has closed the connection.
async fn closed(mut visit: TcpStream) {
    soon(async { while let Ok(1..) = visit.read(&mut [0; 1024]).await {} }).await;
}

/// A node that is one proxy.
struct Proxy {
    node: RunningNode,
    address: SocketAddr,
    events: Subscription<Event>,
}

impl Proxy {
    /// In front of `server`, changed as the test needs it.
    async fn of(server: &Server, change: impl FnOnce(&mut ProxyConfig)) -> Self {
        Self::with(vec![server.upstream()], |config| change(&mut config.proxies[0])).await
    }

    async fn with(upstreams: Vec<Upstream>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { proxies: vec![ProxyConfig::new(upstreams)], ..Config::default() };
        change(&mut config);
        let reporter = Reporter::new(|node| node.seed(1));
        let events = reporter.history().subscribe(1 << 20);
        let world = World { reporter, limit: Limit::new(10_000), ..World::default() };
        let node = node::start(&config, &[], world).await.unwrap();
        let address = node.address(ServiceId::Proxy(0)).unwrap();
        Self { node, address, events }
    }

    /// Connects, and asks for the poem by that.
    async fn connect(&self) -> TcpStream {
        soon(TcpStream::connect(self.address)).await.unwrap()
    }

    /// What a client gets.
    async fn get(&self) -> io::Result<Bytes> {
        get(self.address).await
    }

    /// Clients that all ask now, and are served in the background.
    async fn crowd(&self, size: usize) -> Vec<JoinHandle<io::Result<Bytes>>> {
        let mut crowd = Vec::new();
        for _ in 0..size {
            let client = self.connect().await;
            crowd.push(tokio::task::spawn_local(read(client)));
        }
        crowd
    }

    /// Waits for the next event of which `wanted` makes something; those before it are gone.
    async fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        soon(async {
            loop {
                if let Some(found) = wanted(&self.events.next().await.event) {
                    return found;
                }
            }
        })
        .await
    }

    /// How the next client was answered.
    async fn label(&mut self) -> &'static str {
        self.until(|event| match event {
            Event::ProxyAnswered { label, .. } => Some(*label),
            _ => None,
        })
        .await
    }

    /// Which of these begins the next log line that begins with one.
    async fn line<'a>(&mut self, lines: &[&'a str]) -> &'a str {
        let begins = |event: &Event| {
            let line = event.to_string();
            lines.iter().copied().find(|begin| line.starts_with(begin))
        };
        self.until(begins).await
    }

    /// Waits until so many clients have a process.
    async fn accepted(&mut self, clients: usize) {
        for _ in 0..clients {
            self.until(|event| event.to_string().starts_with("Somebody at").then_some(())).await;
        }
    }

    /// The process at that place of the proxy's branch.
    fn process(&self, path: &str) -> supervisors::Process {
        let tree = self.node.tree();
        let found = tree.find(&format!("proxy/{path}")).unwrap_or_else(|| panic!("no {path} in\n{tree}"));
        found.process.clone().unwrap()
    }
}

/// What a client gets who connects there. One that is turned away at once may hear so as early as from `connect`.
async fn get(address: SocketAddr) -> io::Result<Bytes> {
    read(soon(TcpStream::connect(address)).await?).await
}

async fn read(mut client: TcpStream) -> io::Result<Bytes> {
    let mut poem = Vec::new();
    soon(client.read_to_end(&mut poem)).await?;
    Ok(poem.into())
}

fn is_reset<T: std::fmt::Debug>(got: io::Result<T>) {
    let error = got.expect_err("a failure must not look like a poem");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
}

fn poem(length: usize) -> Vec<u8> {
    (0..length).map(|n| b'a' + u8::try_from(n % 23).unwrap()).collect()
}
