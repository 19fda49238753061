//! A play: a node with two proxies, the steps done to it, and the model as judge.

use std::collections::BTreeMap;
use std::time::Duration;

use supervisors::Subscription;
use supervisors::lab::Met;
use tokio::task::{LocalSet, yield_now};
use verse::actors::Limit;
use verse::cache::CacheConfig;
use verse::config::{Config, Framing, HostPort, LimitsConfig, NodeConfig, ProxyConfig, Upstream};
use verse::event::{Event, Reporter};
use verse::net::Network;
use verse::node::{self, RunningNode, World};

use super::facts::{Fact, Facts};
use super::model::Model;
use super::network::{Client, Memory, PROXY, UPSTREAM, client_at};
use super::steps::{Deed, Step, Then, Victim};
use super::{MAX_POEM, TERMS};

/// After this time all that was caused has happened, timers apart.
const SETTLED: Duration = Duration::from_millis(5);

struct Play {
    node: RunningNode,
    events: Subscription<Event>,
    net: Memory,
    facts: Facts,
    model: Model,
    clients: BTreeMap<u32, Client>,
    next: u32,
}

/// Does the steps; what was met, or what was broken.
pub(super) fn play(seed: u64, steps: &[Step]) -> Result<Met, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.unwrap(), async {
        let mut play = Play::begin(seed).await;
        for (number, step) in steps.iter().enumerate() {
            play.act(step.deed);
            let passed = match step.then {
                Then::AtOnce => continue,
                Then::Turns(turns) => {
                    for _ in 0..turns {
                        yield_now().await;
                    }
                    continue;
                }
                Then::Pass(time) => time,
            };
            play.pass(passed).await.map_err(|broken| format!("step {number}: {broken}"))?;
        }
        // Everybody's request ends.
        play.pass(TERMS.bound + SETTLED).await?;
        play.node.kill().await;
        Ok(play.model.met)
    })
}

fn config() -> Config {
    let cache = CacheConfig {
        ttl: TERMS.ttl,
        ttl_jitter: TERMS.ttl_jitter,
        stale_while_revalidate: TERMS.revalidate,
        stale_if_error: TERMS.error,
        hold_off_min: TERMS.hold_off[0],
        hold_off_max: TERMS.hold_off[1],
        hold_off_jitter: TERMS.hold_off_jitter,
        negative_ttl: TERMS.negative,
        max_wait: TERMS.max_wait,
        max_poem_bytes: MAX_POEM,
        max_drain: Duration::from_secs(10),
        ..CacheConfig::default()
    };
    let proxies = [Framing::Raw, Framing::Netstring].into_iter().zip(0..).map(|(framing, key)| ProxyConfig {
        listen: HostPort::loopback(PROXY + key),
        cache: cache.clone(),
        upstream_framing: framing,
        ..ProxyConfig::new(vec![Upstream::Address(HostPort::loopback(UPSTREAM + key))])
    });
    let limits = LimitsConfig {
        connect_timeout: TERMS.connect,
        idle_timeout: TERMS.idle,
        write_timeout: Duration::from_secs(5),
        linger: Duration::from_secs(1),
        ..LimitsConfig::default()
    };
    // Crashes are what this is about; that too many end a node is another test's affair.
    let node = NodeConfig { intensity: 1000, period: Duration::from_secs(1), ..NodeConfig::default() };
    Config { node, limits, proxies: proxies.collect(), ..Config::default() }
}

impl Play {
    async fn begin(seed: u64) -> Self {
        let facts = Facts::begin();
        let reporter = Reporter::new(|node| node.seed(seed));
        let events = reporter.history().subscribe(1 << 16);
        let net = Memory::new(facts.clone());
        let network = Network::new(net.clone());
        let world = World { network, reporter, limit: Limit::new(10_000), ..World::default() };
        let node = node::start(&config(), &[], world).await.unwrap();
        Self { node, events, net, facts, model: Model::new(TERMS), clients: BTreeMap::new(), next: 1 }
    }

    fn act(&mut self, deed: Deed) {
        match deed {
            Deed::Ask { key, clients, sluggish } => {
                for _ in 0..clients {
                    self.clients.insert(self.next, self.net.ask(self.next, key, sluggish));
                    self.next += 1;
                }
            }
            Deed::Leave { roll, by_reset } => {
                let many = self.clients.len() as u64;
                if let Some((number, client)) = self.clients.iter().nth((roll % many.max(1)) as usize)
                    && client.leave(by_reset)
                {
                    self.model.met.count("a departure");
                    self.facts.tell(Fact::Left { client: *number });
                }
            }
            Deed::Upstream { key, behaviour } => self.net.behave(key, behaviour),
            Deed::End { key, victim, crash } => self.end(key, victim, crash),
            Deed::Nothing => {}
        }
    }

    fn end(&mut self, key: usize, victim: Victim, crash: bool) {
        let tree = self.node.tree();
        let Some(process) = tree.find(&victim.path(key)).and_then(|node| node.process.clone()) else {
            return;
        };
        if !process.is_alive() {
            return;
        }
        self.facts.tell(match victim {
            Victim::Cache => Fact::CacheStruck { key },
            Victim::Download | Victim::Downloads => Fact::DownloadStruck { key },
            Victim::Connection => Fact::ConnectionStruck { key },
        });
        self.model.met.count(victim.name());
        if crash {
            process.crash("as the play wants it");
        } else {
            process.kill();
        }
    }

    /// Time passes; then the model judges all that has happened.
    async fn pass(&mut self, time: Duration) -> Result<(), String> {
        tokio::time::sleep(time).await;
        while let Some(told) = self.events.try_next() {
            if let Event::ProxyAnswered { peer, label, .. } = told.event
                && let Some(client) = client_at(peer)
            {
                self.model.met.count(label);
                self.model.labelled(client, label, told.at);
            }
        }
        let facts = self.facts.take();
        for (number, (at, fact)) in facts.iter().enumerate() {
            match fact {
                Fact::Attempt { upstream, .. } => self.model.met.count(upstream),
                Fact::Got { poem, .. } => {
                    self.model.met.count(if poem.is_some() { "a whole poem" } else { "a reset" });
                }
                _ => {}
            }
            self.model.fact(*at, fact.clone()).map_err(|broken| {
                let last: String = facts[number.saturating_sub(15)..=number].iter().map(told).collect();
                format!("at {at:?}, {broken}\n{last}")
            })?;
        }
        self.clients.retain(|_, client| !client.is_over());
        self.model.settled(self.facts.now())
    }
}

/// A fact in a line, its poem by its length.
fn told((at, fact): &(Duration, Fact)) -> String {
    match fact {
        Fact::Got { client, poem: Some(poem) } => format!("  {at:?} Got {client}: {} bytes\n", poem.len()),
        fact => format!("  {at:?} {fact:?}\n"),
    }
}
