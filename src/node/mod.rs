//! THE tree: config -> children in order; start, drain, stop.
//!
//! ```text
//! verse (one_for_one)
//! |- ops (one_for_one)            admin (rest_for_one): connections, listener; first up, last down
//! |- poems (one_for_one)          one branch a poem
//! |  `- ecstasy (rest_for_one)    source, connections, listener
//! |- transform (rest_for_one)     workers, connections, listener
//! `- proxy (rest_for_one)         connections, cache, downloads, listener
//! ```
//!
//! Only this module and `supervisors` start anything. Every listening socket is bound before the first process is
//! started, so that a port that is taken costs nothing but an error.

mod branch;
mod drain;
mod error;
mod operators;
mod poems;
mod proxy;
mod setup;
mod sockets;
mod transform;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use supervisors::supervisor::{Strategy, Supervisor, SupervisorRef, TreeNode};
use supervisors::{ExitReason, Process};

use branch::{Branch, Door};
pub use drain::Drained;
pub use error::StartNodeError;
use operators::AdminPort;
pub use setup::{Setup, ThreadNode};
use sockets::Sockets;

use crate::actors::{CachePorts, Limit};
use crate::config::Config;
use crate::event::Reporter;
use crate::net::Network;
use crate::ops::admin::CacheSeat;
use crate::ops::{Lifecycle, Phase};
use crate::poem::Poem;
use crate::transform::TransformService;

/// What a node is made of besides its configuration.
#[derive(Clone, Debug)]
pub struct World {
    /// The network it lives on.
    pub network: Network,
    /// Its clock, chance and history.
    pub reporter: Reporter,
    /// Connections at once, of all listeners that have no limit of their own.
    pub limit: Limit,
    /// What its transform service can do.
    pub transforms: TransformService,
}

/// Connections of a node in the default world: what fits into the 1024 descriptors that a program usually has, with the
/// sockets it listens on.
const CONNECTIONS: usize = 1000;

/// The machine's own TCP, a history to which nobody listens yet, 1000 connections, the transforms of this crate.
impl Default for World {
    fn default() -> Self {
        Self {
            network: Network::tcp(),
            reporter: Reporter::new(|node| node.name("verse")),
            limit: Limit::new(CONNECTIONS),
            transforms: TransformService::default(),
        }
    }
}

/// What a branch needs to be built.
struct Plot<'a> {
    config: &'a Config,
    world: &'a World,
}

/// A service that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// What it is.
    pub service: ServiceId,
    /// Where.
    pub address: SocketAddr,
}

/// Which service of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceId {
    /// The n-th `[[poem]]`, from 0.
    Poem(usize),
    /// The transform service.
    Transform,
    /// The transform service's second protocol.
    TransformLines,
    /// The n-th `[[proxy]]`, from 0.
    Proxy(usize),
    /// The admin port.
    Admin,
}

/// A node that runs. Dropping it does not stop it: its processes live on their thread's `LocalSet`.
pub struct RunningNode {
    root: SupervisorRef,
    doors: Vec<Door>,
    caches: Vec<CacheSeat>,
    listening: Vec<Listening>,
    lifecycle: Lifecycle,
    admin: Option<AdminPort>,
    world: World,
}

/// Starts a node on this thread: binds every socket, then starts the tree; done when everything listens.
///
/// `poems` are those of `config.poems`, in the same order.
///
/// # Errors
/// [`StartNodeError`]; nothing listens and no process runs then.
///
/// # Panics
/// Outside a tokio `LocalSet` (an `actix_rt::System` has one).
pub async fn start(config: &Config, poems: &[Poem], world: World) -> Result<RunningNode, StartNodeError> {
    config.validate()?;
    let sockets = Sockets::bind(config, &world.network).await?;
    let plot = Plot { config, world: &world };
    let supervisor = |id: &str| {
        Supervisor::new(id).strategy(Strategy::OneForOne).intensity(config.node.intensity, config.node.period)
    };
    let mut doors = Vec::new();
    let root = supervisor("verse");
    let mut branches = Vec::new();
    if !poems.is_empty() {
        let mut all = supervisor("poems");
        for (number, poem) in poems.iter().enumerate() {
            let Branch { supervisor, doors: more } = poems::branch(&plot, number, poem, &sockets);
            doors.extend(more);
            all = all.child(supervisor);
        }
        branches.push(all);
    }
    if let Some(config) = &config.transform {
        let service = world.transforms.clone();
        let Branch { supervisor, doors: more } = transform::branch(&plot, config, service, &sockets);
        doors.extend(more);
        branches.push(supervisor);
    }
    let mut caches = Vec::new();
    for number in 0..config.proxies.len() {
        let (Branch { supervisor, doors: more }, seat) = proxy::branch(&plot, number, &sockets);
        doors.extend(more);
        caches.push(seat);
        branches.push(supervisor);
    }
    let lifecycle = Lifecycle::new();
    let desk = operators::desk(&plot, root.reference(), &lifecycle, &doors, &caches);
    // First up, last down.
    let (ops, admin) = operators::branch(&plot, desk, &sockets)?;
    let root = ops.into_iter().chain(branches).fold(root, Supervisor::child);
    let root = root.start(world.reporter.node()).await.map_err(StartNodeError::Tree)?;
    lifecycle.enter(Phase::Serving);
    Ok(RunningNode { root, doors, caches, listening: sockets.listening(), lifecycle, admin, world })
}

impl RunningNode {
    /// What listens where, in the order of the configuration.
    #[must_use]
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// Where a service listens, if it does.
    #[must_use]
    pub fn address(&self, service: ServiceId) -> Option<SocketAddr> {
        self.listening.iter().find(|listening| listening.service == service).map(|found| found.address)
    }

    /// The cache of the n-th `[[proxy]]`, from 0: to be listed, purged, refreshed.
    #[must_use]
    pub fn cache(&self, proxy: usize) -> Option<&CachePorts> {
        self.caches.get(proxy).map(|seat| &seat.ports)
    }

    /// Where it is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.lifecycle.phase()
    }

    /// Waits until a drain was asked for at the admin port, or has begun. Whoever runs a node that has one then calls
    /// [`drain`](Self::drain): only that program knows what else has to be ended. Cancel safe.
    pub async fn drain_asked(&self) {
        self.lifecycle.reached(Phase::DrainAsked).await;
    }

    /// Where the token of its admin port is, while it runs; `None` if it has no such port.
    #[must_use]
    pub fn admin_token(&self) -> Option<&Path> {
        self.admin.as_ref().map(|admin| admin.token.path())
    }

    /// What it is made of.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Its tree as it is now: crash or kill a process of it to see what happens.
    #[must_use]
    pub fn tree(&self) -> TreeNode {
        self.root.tree()
    }

    /// Waits until the whole tree has ended: by a drain, a stop, or because it gave up. Nothing listens then. Cancel
    /// safe.
    pub async fn exited(&self) -> ExitReason {
        let reason = match self.root.process() {
            Some(process) => process.exited().await,
            None => ExitReason::Shutdown,
        };
        self.close();
        reason
    }

    /// What went wrong lately, the oldest first: the story to tell when the tree has given up.
    #[must_use]
    pub fn story(&self) -> Vec<Arc<str>> {
        self.world.reporter.troubles()
    }

    /// Ends the node well: closes the listeners, last bound first, lets every connection finish for at most the
    /// configured drain time (10 s by default), cuts the rest, and stops the tree.
    pub async fn drain(&self) -> Drained {
        drain::drain(self).await
    }

    /// Ends the node at once: every connection is reset, nothing listens. Cancel safe: the node ends all the same.
    pub async fn kill(&self) {
        let processes = processes(&self.tree());
        self.close();
        // The root first, so that nobody is restarted; each for itself, since supervisors whose own was killed end in
        // good order (OTP-133), and so would their connections.
        for process in &processes {
            process.kill();
        }
        for process in processes {
            process.exited().await;
        }
    }

    /// The sockets outlive their listeners, but not the node: else whoever connects would wait for ever in a backlog
    /// that nobody serves.
    fn close(&self) {
        for door in &self.doors {
            door.bound.close();
        }
        if let Some(admin) = &self.admin {
            admin.bound.close();
            admin.token.remove();
        }
        self.lifecycle.enter(Phase::Ended);
    }
}

impl fmt::Debug for RunningNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunningNode({}, {})", self.world.reporter.node().name(), self.phase())
    }
}

/// All processes of a tree.
fn processes(tree: &TreeNode) -> Vec<Process> {
    tree.process.iter().cloned().chain(tree.children.iter().flat_map(processes)).collect()
}
