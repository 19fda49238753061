//! The transform service over real sockets: what its clients get to see, and what is reported of them.

mod answers;
mod ends;
mod time;
mod trouble;

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use supervisors::supervisor::{DynamicSupervisor, Strategy, Supervisor, SupervisorRef, TreeNode};
use supervisors::{Process, Subscription};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::super::transform_protocol::{Lines, Netstrings};
use super::super::transform_worker::{TransformEngine, Transforming, WorkerOptions};
use super::*;
use crate::actors::{Limit, Listener, ListenerOptions};
use crate::event::Reporter;
use crate::net::{ListenOptions, Network};
use crate::transform::TransformService;

const SECOND: Duration = Duration::from_secs(1);

/// How long a test waits for what must come: far beyond what a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// `wait` answers when the gate opens, `never` never; all else is in the table.
struct Engine {
    table: TransformService,
    gate: watch::Receiver<bool>,
}

impl TransformEngine for Engine {
    fn transform(&self, request: Transform, chance: Rng) -> Transforming {
        match &*request.name {
            "wait" => {
                let mut gate = self.gate.clone();
                Box::pin(async move {
                    let _ = gate.wait_for(|open| *open).await;
                    Ok(request.poem)
                })
            }
            "never" => Box::pin(pending()),
            _ => TransformEngine::transform(&self.table, request, chance),
        }
    }
}

fn engine(gate: &watch::Sender<bool>) -> Engine {
    let mut table = TransformService::default();
    table.register("double", "twice the poem", |poem, _| Ok(poem.repeat(2))).unwrap();
    table.register("refuse", "fails", |_, _| Err("not today".into())).unwrap();
    table.register("explode", "panics", |_, _| panic!("on fire")).unwrap();
    Engine { table, gate: gate.subscribe() }
}

/// The branch of the service as the node has it, with an engine that can be held up.
struct World {
    branch: SupervisorRef,
    workers: Workers,
    gate: watch::Sender<bool>,
    netstrings: SocketAddr,
    lines: SocketAddr,
    events: Subscription<Event>,
}

#[derive(Clone, Copy, Default)]
struct Options {
    workers: WorkerOptions,
    exchange: TransformServingOptions,
}

/// A service that keeps connections.
fn kept(requests: u32) -> Options {
    Options {
        exchange: TransformServingOptions { requests, ..TransformServingOptions::default() },
        ..Options::default()
    }
}

fn run(options: Options, test: impl AsyncFnOnce(World)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let test = async { test(World::start(options).await).await };
        tokio::time::timeout(PATIENCE, test).await.expect("what must come came");
    });
}

impl World {
    async fn start(options: Options) -> Self {
        let reporter = Reporter::new(|node| node.seed(1));
        let events = reporter.history().subscribe(1 << 20);
        let gate = watch::Sender::new(false);
        let workers = DynamicSupervisor::new("workers").intensity(0, SECOND);
        let pool = Workers::new(engine(&gate), workers.reference(), options.workers, Rng::with_seed(1));
        let branch = Supervisor::new("transform").strategy(Strategy::RestForOne).child(workers);
        let limit = Limit::new(1000);
        let door = |branch: Supervisor, serve: Arc<dyn Service>, [connections, listener]: [&str; 2]| {
            let bound =
                Network::tcp().bind("127.0.0.1:0".parse().unwrap(), ListenOptions::default()).unwrap();
            let address = bound.address();
            let dynamic = DynamicSupervisor::new(connections).intensity(0, SECOND);
            let (limit, reporter, connections) = (limit.clone(), reporter.clone(), dynamic.reference());
            let (service, pause) = ("transform".into(), SECOND / 10);
            let options = ListenerOptions { service, bound, limit, connections, serve, reporter, pause };
            (branch.child(dynamic).child(Listener::child_spec(listener, options)), address)
        };
        let service = Arc::new(TransformServing::<Netstrings>::new(pool.clone(), options.exchange));
        let (branch, netstrings) = door(branch, service, ["connections", "listener"]);
        let service = Arc::new(TransformServing::<Lines>::new(pool.clone(), options.exchange));
        let (branch, lines) = door(branch, service, ["lines-connections", "lines-listener"]);
        let branch = branch.start(reporter.node()).await.expect("it starts");
        Self { branch, workers: pool, gate, netstrings, lines, events }
    }

    /// The processes under `supervisor` that live.
    fn under(&self, supervisor: &str) -> Vec<Process> {
        let tree = self.branch.tree();
        let children = tree.find(supervisor).map(|found| found.children.as_slice()).unwrap_or_default();
        let process = |child: &TreeNode| child.process.clone().filter(Process::is_alive);
        children.iter().filter_map(process).collect()
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            tokio::task::yield_now().await;
        }
    }

    /// A client whose `wait` has reached its worker, and the process of its connection.
    async fn waiting(&self) -> (TcpStream, Process) {
        let (before, busy) = (self.under("connections"), self.workers.busy());
        let client = say(self.netstrings, "9:wait.poem,").await;
        self.until(|world| world.workers.busy() > busy).await;
        let connection = self.under("connections").into_iter().find(|process| !before.contains(process));
        (client, connection.expect("its connection has a process"))
    }

    /// What was reported of requests that were not answered, since last asked.
    fn troubles(&mut self) -> Vec<String> {
        let troubles = std::iter::from_fn(|| self.events.try_next()).filter(|stamped| {
            matches!(stamped.event, Event::Malformed { .. } | Event::TransformFailed { .. })
                || matches!(stamped.event, Event::Connection { phase: crate::event::Phase::Reset { .. }, .. })
        });
        let line = |event: Event| match &event {
            Event::Malformed { peer, .. } | Event::TransformFailed { peer, .. } => {
                event.to_string().replace(&peer.to_string(), "PEER")
            }
            _ => event.to_string(),
        };
        troubles.map(|stamped| line(stamped.event)).collect()
    }
}

/// A plain client that has said `text` and listens.
async fn say(server: SocketAddr, text: impl AsRef<[u8]>) -> TcpStream {
    let mut client = TcpStream::connect(server).await.unwrap();
    client.write_all(text.as_ref()).await.unwrap();
    client
}

/// A plain client that has said `text` and will say no more.
async fn say_all(server: SocketAddr, text: impl AsRef<[u8]>) -> TcpStream {
    let mut client = say(server, text).await;
    client.shutdown().await.unwrap();
    client
}

/// All that comes, and how it ends.
async fn hear(client: &mut TcpStream) -> (String, io::Result<()>) {
    let mut bytes = Vec::new();
    let end = client.read_to_end(&mut bytes).await;
    (String::from_utf8(bytes).unwrap(), end.map(drop))
}

/// All that comes, up to a clean end.
async fn heard(client: &mut TcpStream) -> String {
    let (bytes, end) = hear(client).await;
    end.unwrap_or_else(|error| panic!("{error} after {bytes:?}"));
    bytes
}

/// A poem as a request.
fn request(name: &str, poem: &str) -> Bytes {
    crate::wire::netstring::encode(format!("{name}.{poem}").as_bytes())
}
