//! Real sockets as a ground: hosts are names for parts of this process, each port is whatever port of loopback was free.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::LocalSet;

use super::{Ground, GroundNode, Program};
use crate::actors::Limit;
use crate::config::Config;
use crate::event::Reporter;
use crate::net::{Bound, BoxFuture, ListenOptions, Net, NetError, Network, Stream, Tcp};
use crate::node::{RunningNode, World, start};
use crate::poem::Poem;

/// How long a body may take. Only a bound on failure: one that passes never waits for it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Connections that a node may have at once: more than any body here makes.
const CONNECTIONS: usize = 1000;

/// Where the services of each host listen.
type Ports = Arc<Mutex<BTreeMap<(String, u16), SocketAddr>>>;

/// Real sockets and the real clock, all in the thread that runs the body.
#[derive(Default)]
pub struct SocketGround {
    ports: Ports,
    nodes: Vec<Planned>,
    programs: Vec<Program>,
}

/// A node to be.
struct Planned {
    host: String,
    config: Config,
    poems: Vec<Poem>,
    network: Network,
    running: Rc<RefCell<Option<Rc<RunningNode>>>>,
}

impl SocketGround {
    /// Without hosts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Ground for SocketGround {
    fn network(&mut self, host: &str) -> Network {
        Network::new(Named { host: host.to_owned(), ports: Arc::clone(&self.ports) })
    }

    fn node(&mut self, host: &str, config: Config, poems: Vec<Poem>, network: Network) -> GroundNode {
        let running = Rc::new(RefCell::new(None::<Rc<RunningNode>>));
        let seen = Rc::clone(&running);
        self.nodes.push(Planned { host: host.to_owned(), config, poems, network, running });
        GroundNode::new(move || seen.borrow().as_ref().map(|node| node.tree()))
    }

    fn program(&mut self, _: &str, program: impl Future<Output = ()> + 'static) {
        self.programs.push(Box::pin(program));
    }

    fn run<T: 'static>(self, body: impl Future<Output = T> + 'static) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be built");
        let Self { nodes, mut programs, .. } = self;
        LocalSet::new().block_on(&runtime, async move {
            for node in &nodes {
                node.start().await;
            }
            let mut body = pin!(body);
            let all = poll_fn(|cx| {
                programs.retain_mut(|program| program.as_mut().poll(cx).is_pending());
                match body.as_mut().poll(cx) {
                    Poll::Ready(given) => Poll::Ready(given),
                    Poll::Pending => Poll::Pending,
                }
            });
            let given = tokio::time::timeout(DEADLINE, all).await;
            for node in &nodes {
                let running = node.running.borrow_mut().take();
                if let Some(running) = running {
                    running.kill().await;
                }
            }
            given.unwrap_or_else(|_| panic!("the body took more than {DEADLINE:?}"))
        })
    }
}

impl Planned {
    async fn start(&self) {
        let reporter = Reporter::new(|node| node.name(self.host.as_str()));
        let (network, limit) = (self.network.clone(), Limit::new(CONNECTIONS));
        let world = World { network, reporter, limit, ..World::default() };
        match start(&self.config, &self.poems, world).await {
            Ok(node) => *self.running.borrow_mut() = Some(Rc::new(node)),
            Err(error) => panic!("the node on {} did not start: {error}", self.host),
        }
    }
}

impl std::fmt::Debug for SocketGround {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SocketGround({} nodes)", self.nodes.len())
    }
}

/// This machine's loopback, as the host of this name sees it.
struct Named {
    host: String,
    ports: Ports,
}

impl Net for Named {
    fn bind(&self, address: SocketAddr, options: ListenOptions) -> Result<Bound, NetError> {
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let bound = Tcp.bind(any, options)?;
        self.ports.lock().insert((self.host.clone(), address.port()), bound.address());
        Ok(bound)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, Result<Stream, NetError>> {
        Tcp.connect(address)
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, Result<Vec<SocketAddr>, NetError>> {
        let found = self.ports.lock().get(&(host.to_owned(), port)).copied();
        let host = host.to_owned();
        Box::pin(async move {
            let source = || io::Error::new(io::ErrorKind::NotFound, "no service of this ground");
            found.map(|address| vec![address]).ok_or_else(|| NetError::Resolve { host, source: source() })
        })
    }
}
