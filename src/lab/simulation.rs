//! A world in one thread: hosts with nodes on them, clients, virtual time, all from one seed.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use supervisors::Watchdog;
use supervisors::supervisor::TreeNode;

use super::bug::Bug;
use super::chronicle::{Chronicle, Fact};
use super::simulated::{CAPACITY, Hosts};
use crate::actors::Limit;
use crate::config::Config;
use crate::event::Reporter;
use crate::net::Network;
use crate::node::{RunningNode, World, start};
use crate::poem::Poem;

/// How much time passes in a step, and so how exactly messages are timed. Timers within a host are exact to 1 ms.
const TICK: Duration = Duration::from_millis(10);

/// The longest a message takes, most take a fifth of that.
const LATENCY: Duration = Duration::from_millis(60);

/// Connections that a node may have at once: the descriptors of a real machine are none of a simulation's business.
const CONNECTIONS: usize = 10_000;

/// The time before a node that has ended is started again, as whoever looks after a service would.
const PATIENCE: Duration = Duration::from_secs(1);

/// A simulated world. Steps of it, and so all that happens in it, depend on its seed alone.
pub struct Simulation {
    sim: turmoil::Sim<'static>,
    hosts: Hosts,
    chronicle: Chronicle,
    seed: u64,
    steps: u64,
    bug: Option<Bug>,
}

/// A host with a node on it.
pub struct Host {
    name: Arc<str>,
    node: Rc<RefCell<Weak<RunningNode>>>,
    /// Of the life that is, or was last.
    reporter: Rc<RefCell<Option<Reporter>>>,
}

/// What a simulated program does; it ends when it has ended.
pub(super) type Program = Pin<Box<dyn Future<Output = ()>>>;

impl Simulation {
    /// An empty world.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut builder = turmoil::Builder::new();
        builder
            .rng_seed(seed)
            .epoch(SystemTime::UNIX_EPOCH)
            .tick_duration(TICK)
            .tcp_capacity(CAPACITY)
            .min_message_latency(Duration::ZERO)
            .max_message_latency(LATENCY)
            .simulation_duration(Duration::MAX);
        let (sim, hosts, chronicle) = (builder.build(), Hosts::default(), Chronicle::default());
        Self { sim, hosts, chronicle, seed, steps: 0, bug: None }
    }

    /// Puts a bug into all hosts that are added from here on.
    pub(super) fn plant(&mut self, bug: Option<Bug>) {
        self.bug = bug;
        self.hosts.plant(bug == Some(Bug::CrashClosesWell));
    }

    /// The network as the host called `name`, there or still to come, sees it.
    pub fn network(&self, name: &str) -> Network {
        Network::new(self.hosts.add(name, self.sim.lookup(name)))
    }

    /// The chronicle of all that happens.
    #[must_use]
    pub fn chronicle(&self) -> &Chronicle {
        &self.chronicle
    }

    /// How much time has passed.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.sim.elapsed()
    }

    /// A host on which a node is kept running: started again, with a history of its own, a second after it has ended.
    pub fn node(&mut self, name: &str, config: Config, poems: Vec<Poem>, network: Network) -> Host {
        let name: Arc<str> = name.into();
        let host = Host { name: Arc::clone(&name), node: Rc::default(), reporter: Rc::default() };
        let service = Rc::new(Service {
            name: Arc::clone(&name),
            config,
            poems,
            network,
            chronicle: self.chronicle.clone(),
            // Any mixture will do that gives each host chance of its own.
            seed: name.bytes().fold(self.seed, |seed, byte| seed.rotate_left(8) ^ u64::from(byte)),
            node: Rc::clone(&host.node),
            reporter: Rc::clone(&host.reporter),
            bug: self.bug,
        });
        self.sim.host(&*name, move || {
            let service = Rc::clone(&service);
            async move { service.run().await }
        });
        host
    }

    /// A host on which these programs run, all at once.
    pub(super) fn programs(&mut self, name: &str, programs: Vec<Program>) {
        self.sim.client(name, async move {
            let running: Vec<_> = programs.into_iter().map(tokio::task::spawn_local).collect();
            for program in running {
                program.await?;
            }
            Ok(())
        });
    }

    /// Lets a step of time pass; whether all programs have ended.
    ///
    /// # Panics
    /// If a program did.
    pub fn step(&mut self) -> bool {
        let ended = self.sim.step().unwrap_or_else(|error| panic!("at {:?}: {error}", self.now()));
        self.steps += 1;
        self.chronicle.take_all();
        ended
    }

    /// The host crashes, as by a SIGKILL of its node: connections that it accepted are reset, nothing else of it is heard,
    /// and destructors that run because the simulation has to free what was there know it
    /// ([`Node::is_killed`](supervisors::Node::is_killed)).
    pub fn crash(&mut self, host: &Host) {
        self.chronicle.note(self.now(), &host.name, Fact::HostCrashed);
        self.chronicle.dead(&host.name);
        if let Some(reporter) = &*host.reporter.borrow() {
            reporter.node().mark_killed();
        }
        self.sim.crash(&*host.name);
    }

    /// The host is there again, and starts its node.
    pub fn bounce(&mut self, host: &Host) {
        self.sim.bounce(&*host.name);
    }

    /// Notes a fact about a host, now.
    pub fn note(&self, host: &Host, fact: Fact) {
        self.chronicle.note(self.now(), &host.name, fact);
    }
}

impl Host {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The tree of its node, if it runs.
    #[must_use]
    pub fn tree(&self) -> Option<TreeNode> {
        self.node.borrow().upgrade().map(|node| node.tree())
    }
}

/// A node that is kept running.
struct Service {
    name: Arc<str>,
    config: Config,
    poems: Vec<Poem>,
    network: Network,
    chronicle: Chronicle,
    seed: u64,
    /// Weak: with the host goes its node, and what it listens on.
    node: Rc<RefCell<Weak<RunningNode>>>,
    reporter: Rc<RefCell<Option<Reporter>>>,
    bug: Option<Bug>,
}

impl Service {
    async fn run(&self) -> turmoil::Result {
        loop {
            let seed = self.seed.wrapping_add(u64::try_from(now().as_nanos()).unwrap_or(u64::MAX));
            let planted = self.bug.map(Bug::name);
            let reporter = Reporter::new(|node| {
                // One thread, and a clock that stands still: nothing for a watchdog to see, no other thread to be on.
                let node = node.watchdog(Watchdog::off()).arbiters(0);
                node.name(Arc::clone(&self.name)).seed(seed).plant(planted)
            });
            *self.reporter.borrow_mut() = Some(reporter.clone());
            self.chronicle.born(now(), &self.name, &reporter);
            let (network, limit) = (self.network.clone(), Limit::new(CONNECTIONS));
            let world = World { network, reporter, limit, ..World::default() };
            let why = match start(&self.config, &self.poems, world).await {
                Ok(node) => {
                    let node = Rc::new(node);
                    *self.node.borrow_mut() = Rc::downgrade(&node);
                    node.exited().await.to_string()
                }
                Err(error) => error.to_string(),
            };
            self.chronicle.note(now(), &self.name, Fact::Ended(why));
            tokio::time::sleep(PATIENCE).await;
        }
    }
}

/// The time of the simulation, within a host of it; outside, the beginning.
pub(super) fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Simulation(seed {}, {} steps so far)", self.seed, self.steps)
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Host({})", self.name)
    }
}

#[cfg(test)]
mod tests;
