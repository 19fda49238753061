//! The smallest experiment: a poetry server, a caching proxy before it, a few clients, and one fault.

use std::sync::Arc;
use std::time::Duration;

use supervisors::lab::{ActorFault, Struck};

use super::chronicle::{Chronicle, Fact};
use super::simulation::{Program, Simulation, now};
use crate::client::Client;
use crate::config::{Config, Host, HostPort, Pace, PoemConfig, PoemSource, ProxyConfig, Upstream};
use crate::net::Network;
use crate::poem::{Anthology, Poem};

/// Where the poem is served, and where the proxy is.
const PORTS: [u16; 2] = [10_001, 10_020];

/// The poem: 657 bytes, 40 each 50 ms, so about a second.
const POEM: &str = "science";
const PACE: Pace = Pace::Slow { num_bytes: 40, delay: Duration::from_millis(50) };

/// When clients ask: three before the fault, in whose middle their fetch then is, and two afterwards.
const VISITS: [u64; 5] = [1000, 1100, 1200, 1600, 4000];

/// When the fault comes.
const FAULT: Duration = Duration::from_millis(1500);

/// The end: more than everybody needs, also if a node had to be started again.
const END: Duration = Duration::from_secs(12);

/// The experiment. Equal ones give equal chronicles, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneFault {
    /// Decides the latencies.
    pub seed: u64,
    /// Whom the fault befalls: a path of the proxy's tree, such as `proxy/cache`.
    pub path: String,
    /// What befalls it.
    pub fault: ActorFault,
}

/// Nobody was there to be struck.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody is at {0}")]
pub struct Nobody(pub String);

impl OneFault {
    /// Runs it: 12 s of simulated time. Clients ask at 1, 1.1, 1.2, 1.6 and 4 s, the fault comes at 1.5 s.
    ///
    /// # Errors
    /// [`Nobody`] if no process is at the path then.
    ///
    /// # Panics
    /// If a client does: a bug of the lab.
    pub fn run(&self) -> Result<Chronicle, Nobody> {
        let mut sim = Simulation::new(self.seed);
        let [server, proxy, clients] = ["server", "proxy", "clients"].map(|host| sim.network(host));
        let (config, poems) = serving();
        sim.node("server", config, poems, server);
        let proxy = sim.node("proxy", proxying(), Vec::new(), proxy);
        let chronicle = sim.chronicle().clone();
        sim.programs("clients", programs(&clients, &chronicle));
        let mut struck = false;
        while sim.now() < END {
            if !struck && sim.now() >= FAULT {
                struck = true;
                let tree = proxy.tree().ok_or_else(|| Nobody(self.path.clone()))?;
                let process = tree.find(&self.path).and_then(|child| child.process.clone());
                let process = process.filter(supervisors::Process::is_alive);
                let process = process.ok_or_else(|| Nobody(self.path.clone()))?;
                let (path, pid, fault) = (self.path.clone(), process.pid(), self.fault);
                fault.strike(&process);
                sim.note(&proxy, Fact::Struck(Struck { path, pid, fault }));
            }
            sim.step();
        }
        Ok(chronicle)
    }
}

fn listen(port: u16) -> HostPort {
    HostPort { host: Host::Ip([0, 0, 0, 0].into()), port }
}

fn at(host: &str, port: u16) -> HostPort {
    HostPort { host: Host::Name(host.to_owned()), port }
}

fn serving() -> (Config, Vec<Poem>) {
    let poem = Anthology::poem(POEM).expect("it is embedded");
    let source = PoemSource::Embedded(poem.title().clone());
    let served = PoemConfig { listen: listen(PORTS[0]), pace: PACE, ..PoemConfig::new(source) };
    (Config { poems: vec![served], ..Config::default() }, vec![poem])
}

fn proxying() -> Config {
    let upstream = Upstream::Address(at("server", PORTS[0]));
    let proxy = ProxyConfig { listen: listen(PORTS[1]), ..ProxyConfig::new(vec![upstream]) };
    Config { proxies: vec![proxy], ..Config::default() }
}

fn programs(network: &Network, chronicle: &Chronicle) -> Vec<Program> {
    let visits = VISITS.into_iter().enumerate();
    visits
        .map(|(client, millis)| {
            Box::pin(visit(client, Duration::from_millis(millis), network.clone(), chronicle.clone()))
                as Program
        })
        .collect()
}

async fn visit(client: usize, when: Duration, network: Network, chronicle: Chronicle) {
    let host: Arc<str> = "clients".into();
    tokio::time::sleep(when.saturating_sub(now())).await;
    chronicle.note(now(), &host, Fact::Asked { client, target: POEM });
    let poem = Client::default().network(network).get_poetry(&at("proxy", PORTS[1])).await;
    let truth = Anthology::poem(POEM).expect("it is embedded");
    let answer =
        poem.map(|poem| (poem.len(), poem == *truth.bytes())).map_err(|error| error.cause.to_string());
    chronicle.note(now(), &host, Fact::Got { client, target: POEM, answer });
}
