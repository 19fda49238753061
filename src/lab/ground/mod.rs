//! Where a body runs, of a test or an experiment: on the simulated network, or on real sockets. The body does not know.
//!
//! Hosts have names on either ground, and services the ports of their configurations: `server:10001` is resolved by the
//! ground's network ([`Net::resolve`](crate::net::Net::resolve)), on real sockets to whatever port was free.

mod sockets;

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use supervisors::supervisor::TreeNode;

pub use sockets::SocketGround;

use super::chronicle::Chronicle;
use super::simulation::Simulation;
use crate::config::Config;
use crate::net::Network;
use crate::poem::Poem;

/// The time that a body may take: 600 s of the simulation, 60 s of the real clock. Only a bound on failure.
const SIMULATED_DEADLINE: Duration = Duration::from_secs(600);

/// Until all nodes of a simulation listen: they start at its beginning, as the body does.
const UNTIL_ALL_LISTEN: Duration = Duration::from_secs(1);

/// Something that runs on a host.
pub(super) type Program = Pin<Box<dyn Future<Output = ()>>>;

/// Hosts, their nodes and programs, and the body that runs among them.
pub trait Ground: Sized {
    /// The network as the host of this name sees it.
    fn network(&mut self, host: &str) -> Network;

    /// Puts a node on the host of this name, to live on `network`: that of the same host, or one around it. It listens
    /// when the body begins, and ends with it.
    fn node(&mut self, host: &str, config: Config, poems: Vec<Poem>, network: Network) -> GroundNode;

    /// Puts a program on the host of this name; it begins when the body does, and need not end before.
    fn program(&mut self, host: &str, program: impl Future<Output = ()> + 'static);

    /// Runs `body` as a program on a host called `body`, and gives what it gives.
    ///
    /// # Panics
    /// If a node does not start, a program panics, or the body takes more than 600 s of simulated or 60 s of real time.
    fn run<T: 'static>(self, body: impl Future<Output = T> + 'static) -> T;
}

/// A node on a ground.
#[derive(Clone)]
pub struct GroundNode {
    tree: Rc<dyn Fn() -> Option<TreeNode>>,
}

impl GroundNode {
    fn new(tree: impl Fn() -> Option<TreeNode> + 'static) -> Self {
        Self { tree: Rc::new(tree) }
    }

    /// Its tree as it is now, if it runs: crash a process of it to see what happens.
    #[must_use]
    pub fn tree(&self) -> Option<TreeNode> {
        (self.tree)()
    }
}

impl fmt::Debug for GroundNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tree().is_some() { "GroundNode(runs)" } else { "GroundNode" })
    }
}

/// A simulation as a ground: everything depends on its seed alone, and no time passes outside.
#[derive(Debug)]
pub struct SimulatedGround {
    sim: Simulation,
}

impl SimulatedGround {
    /// A world without hosts.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { sim: Simulation::new(seed) }
    }

    /// The chronicle of what happens on its nodes.
    #[must_use]
    pub fn chronicle(&self) -> Chronicle {
        self.sim.chronicle().clone()
    }
}

impl Ground for SimulatedGround {
    fn network(&mut self, host: &str) -> Network {
        self.sim.network(host)
    }

    fn node(&mut self, host: &str, config: Config, poems: Vec<Poem>, network: Network) -> GroundNode {
        let host = self.sim.node(host, config, poems, network);
        GroundNode::new(move || host.tree())
    }

    fn program(&mut self, host: &str, program: impl Future<Output = ()> + 'static) {
        self.sim.programs(host, vec![Box::pin(program)]);
    }

    fn run<T: 'static>(mut self, body: impl Future<Output = T> + 'static) -> T {
        let answer = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&answer);
        self.program("body", async move {
            tokio::time::sleep(UNTIL_ALL_LISTEN).await;
            let given = body.await;
            *slot.borrow_mut() = Some(given);
        });
        while answer.borrow().is_none() {
            self.sim.step();
            assert!(self.sim.now() < SIMULATED_DEADLINE, "the body took more than {SIMULATED_DEADLINE:?}");
        }
        let given = answer.borrow_mut().take();
        given.expect("it has just been given")
    }
}

#[cfg(test)]
mod tests;
