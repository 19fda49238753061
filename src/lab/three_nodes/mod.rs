//! The experiment with three hosts: a poetry server with a transform service, caching proxies before it, and clients;
//! and a storm that comes over them and goes.

mod clients;
mod storm;
mod world;

use std::sync::Arc;
use std::time::Duration;

use supervisors::lab::{Broken, Census, Outcome, strike};

use self::clients::Late;
use self::storm::{Blow, Storm};
use self::world::World;
use super::bug::Bug;
use super::chronicle::{Chronicle, Fact};
use super::faulty::FaultyNet;
use super::laws::{self, Terms};
use super::simulation::{Host, Simulation, now};
use crate::net::Network;

/// The experiment. Equal ones give equal chronicles, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreeNodes {
    /// Decides everything: latencies, framing, load, faults.
    pub seed: u64,
    /// How many clients ask while the storm lasts. Default 200.
    pub clients: usize,
    /// How long that is. Default 20 s.
    pub storm: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Which laws were broken, and what was met.
    pub outcome: Outcome,
    /// All that happened.
    pub chronicle: Chronicle,
}

/// After the storm: until whoever asks must get its poem. More than a fetch may take that began in the storm, and the
/// longest hold-off.
const RECOVERY: Duration = Duration::from_secs(25);

/// Until everybody must have an answer: more than the clients' own time limit.
const PATIENCE: Duration = Duration::from_secs(25);

/// How long a process may live without its supervisor. One whose own was killed stops its branches one after the other:
/// three servers of poems, each with connections that have 3 s to end, and a bit.
const GRACE: Duration = Duration::from_secs(10);

/// How often it is looked who lives: each tenth of a second.
const CENSUS: u64 = 10;

impl ThreeNodes {
    /// With the defaults.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, clients: 200, storm: Duration::from_secs(20) }
    }

    /// Runs it: some 70 s of simulated time.
    ///
    /// # Panics
    /// If a client does, or the simulation itself: a bug of the lab.
    #[must_use]
    pub fn run(&self) -> Trial {
        self.run_with(None)
    }

    /// The same with a bug in it: see that it is found.
    #[doc(hidden)]
    #[must_use]
    pub fn run_with(&self, bug: Option<Bug>) -> Trial {
        self.judge(Run::new(self, bug))
    }

    /// Runs it to its end and applies the laws.
    fn judge(&self, mut run: Run) -> Trial {
        let well_from = self.storm + RECOVERY;
        let answered_by = well_from + PATIENCE;
        let mut broken = Vec::new();
        while !run.step(&mut broken) && run.sim.now() < answered_by {}
        let simulated = run.sim.now();
        broken.extend(run.end());
        let chronicle = run.sim.chronicle().clone();
        let records = chronicle.records();
        let terms = Terms { proxies: vec![Arc::clone(run.hosts[1].name())], well_from, answered_by };
        broken.extend(laws::all(&records, &terms));
        let outcome = Outcome { broken, met: laws::met(&records), simulated };
        Trial { outcome, chronicle }
    }
}

/// The experiment under way.
struct Run {
    sim: Simulation,
    /// Server and proxy.
    hosts: [Host; 2],
    census: [Census; 2],
    nets: Vec<FaultyNet>,
    storm: Storm,
    steps: u64,
}

impl Run {
    fn new(plan: &ThreeNodes, bug: Option<Bug>) -> Self {
        let mut rng = fastrand::Rng::with_seed(plan.seed);
        let world = World::draw(&mut rng);
        let storm = Storm::draw(&mut rng, plan.storm, world.sees_truncation());
        Self::within(plan, rng, &world, storm, bug)
    }

    fn within(
        plan: &ThreeNodes,
        mut rng: fastrand::Rng,
        world: &World,
        storm: Storm,
        bug: Option<Bug>,
    ) -> Self {
        let mut sim = Simulation::new(plan.seed);
        sim.plant(bug);
        let server = sim.network("server");
        let nets: Vec<_> = ["proxy", "clients"].into_iter().map(|host| faulty(&sim, host)).collect();
        let proxy_net = Network::new(nets[0].clone());
        let (config, poems) = world.server();
        let server = sim.node("server", config, poems, server);
        let proxy = sim.node("proxy", world.proxy(), Vec::new(), proxy_net);
        let chronicle = sim.chronicle().clone();
        let visits = clients::draw(&mut rng, world, plan.clients, plan.storm);
        let late = Late { from: plan.storm + RECOVERY, first: plan.clients };
        let programs = clients::programs(visits, &late, world, &Network::new(nets[1].clone()), &chronicle);
        sim.programs("clients", programs);
        let census = [Census::new(GRACE), Census::new(GRACE)];
        Self { sim, hosts: [server, proxy], census, nets, storm, steps: 0 }
    }

    /// A step of time; whether all clients have their answers.
    fn step(&mut self, broken: &mut Vec<Broken>) -> bool {
        while let Some(blow) = self.storm.due(self.sim.now()) {
            self.strike(&blow, broken);
        }
        let ended = self.sim.step();
        self.steps += 1;
        if self.steps.is_multiple_of(CENSUS) {
            let now = self.sim.now();
            for (host, census) in self.hosts.iter().zip(&mut self.census) {
                if let Some(tree) = host.tree() {
                    census.count(&tree);
                }
                broken.extend(census.look(now));
            }
        }
        ended
    }

    fn strike(&mut self, blow: &Blow, broken: &mut Vec<Broken>) {
        match *blow {
            Blow::Actor { host, roll, fault } => {
                let host = &self.hosts[host];
                // While a node is down there is nobody to strike.
                if let Some(struck) = host.tree().and_then(|tree| strike(&tree, roll, fault)) {
                    self.sim.note(host, Fact::Struck(struck));
                }
            }
            Blow::Crash { host } => broken.extend(self.crash(host)),
            Blow::Bounce { host } => self.sim.bounce(&self.hosts[host]),
            Blow::Begin { odds, seeds } => {
                for (net, seed) in self.nets.iter().zip(seeds) {
                    net.storm(odds, fastrand::Rng::with_seed(seed));
                }
                self.sim.note(&self.hosts[1], Fact::Storm(true));
            }
            Blow::End => {
                self.nets.iter().for_each(FaultyNet::calm);
                self.sim.note(&self.hosts[1], Fact::Storm(false));
            }
        }
    }

    fn crash(&mut self, host: usize) -> Vec<Broken> {
        if let Some(tree) = self.hosts[host].tree() {
            self.census[host].count(&tree);
        }
        self.sim.crash(&self.hosts[host]);
        self.census[host].end(self.sim.now())
    }

    /// Both nodes are killed: nothing of them may go on.
    fn end(&mut self) -> Vec<Broken> {
        [0, 1].into_iter().flat_map(|host| self.crash(host)).collect()
    }
}

/// The network of a host, with faults to come, each connection told to the chronicle.
fn faulty(sim: &Simulation, host: &str) -> FaultyNet {
    let (chronicle, name): (_, Arc<str>) = (sim.chronicle().clone(), host.into());
    FaultyNet::new(sim.network(host), move |fact| chronicle.note(now(), &name, Fact::Net(fact)))
}

#[cfg(test)]
mod planted;
#[cfg(test)]
mod tests;
