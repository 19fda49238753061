//! The laws about poems: pure functions of the chronicle of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use supervisors::lab::{Broken, Met};
use supervisors::{ExitReason, lab};

use super::chronicle::{Fact, Record};
use super::fault::NetFault;
use super::faulty::{NetChange, NetFact};
use crate::event::{Event, Phase};

/// What a run is judged by besides its chronicle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The hosts that never ask one address for two poems at once.
    pub proxies: Vec<Arc<str>>,
    /// From here on the faults are over so long that whoever asks gets its poem.
    pub well_from: Duration,
    /// Until here everybody who asked had to be answered.
    pub answered_by: Duration,
}

/// All laws: those about processes for each life of each node, and those of this module.
#[must_use]
pub fn all(records: &[Record], terms: &Terms) -> Vec<Broken> {
    let mut broken = Vec::new();
    for life in lives(records) {
        broken.extend(lab::laws::all(life.iter().filter_map(|record| match &record.fact {
            Fact::Node(Event::Process(event)) => Some((record.at, event)),
            _ => None,
        })));
        broken.extend(connections_go_through_their_phases(&life));
    }
    broken.extend(whatever_is_reported_whole_is(records));
    broken.extend(one_fetch_at_a_time(records, &terms.proxies));
    broken.extend(everybody_is_answered(records, terms.answered_by));
    broken.extend(all_is_well_after_the_faults(records, terms.well_from));
    broken.sort_by_key(|broken| broken.at);
    broken
}

/// The records of each life of each node.
fn lives(records: &[Record]) -> Vec<Vec<&Record>> {
    let mut lives: Vec<Vec<&Record>> = Vec::new();
    let mut current: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    for record in records {
        if let Fact::Born(_) = record.fact {
            current.insert(&record.host, lives.len());
            lives.push(Vec::new());
        }
        if let Some(life) = current.get(&record.host) {
            lives[*life].push(record);
        }
    }
    lives
}

/// No poem is reported whole that is not byte for byte whole.
#[must_use]
pub fn whatever_is_reported_whole_is(records: &[Record]) -> Vec<Broken> {
    const LAW: &str = "what is reported whole is the poem";
    let wrong =
        records.iter().filter(|record| matches!(record.fact, Fact::Got { answer: Ok((_, false)), .. }));
    wrong.map(|record| Broken { law: LAW, at: record.at, how: record.fact.to_string() }).collect()
}

/// A proxy has at most one connection to an upstream, the attempt included: seen at the network, not by its own word.
#[must_use]
pub fn one_fetch_at_a_time(records: &[Record], proxies: &[Arc<str>]) -> Vec<Broken> {
    const LAW: &str = "at most one fetch at a time for a poem";
    let mut open: BTreeMap<(&Arc<str>, SocketAddr), BTreeSet<u64>> = BTreeMap::new();
    let mut broken = Vec::new();
    for record in records.iter().filter(|record| proxies.contains(&record.host)) {
        match &record.fact {
            Fact::HostCrashed => open.retain(|(host, _), _| **host != record.host),
            Fact::Net(NetFact { connection, to, what }) => {
                let open = open.entry((&record.host, *to)).or_default();
                match what {
                    NetChange::Opening => {
                        open.insert(*connection);
                        if open.len() > 1 {
                            let how = format!("{} has connections {open:?} to {to}", record.host);
                            broken.push(Broken { law: LAW, at: record.at, how });
                        }
                    }
                    NetChange::Closed => {
                        open.remove(connection);
                    }
                    NetChange::Opened | NetChange::Struck(_) => {}
                }
            }
            _ => {}
        }
    }
    broken
}

/// Whoever asks is told, the poem or why not, in time.
#[must_use]
pub fn everybody_is_answered(records: &[Record], by: Duration) -> Vec<Broken> {
    const LAW: &str = "everybody is answered";
    let mut waiting = BTreeMap::new();
    for record in records {
        match &record.fact {
            Fact::Asked { client, target } => {
                waiting.insert(*client, (record.at, *target));
            }
            Fact::Got { client, .. } if record.at <= by => {
                waiting.remove(client);
            }
            _ => {}
        }
    }
    let told = |(client, (at, target)): (usize, (Duration, &str))| {
        let how = format!("client {client} has asked for {target} at {:.3} s", at.as_secs_f64());
        Broken { law: LAW, at: by, how }
    };
    waiting.into_iter().map(told).collect()
}

/// Once the faults are over and some time has passed, whoever asks gets its poem.
#[must_use]
pub fn all_is_well_after_the_faults(records: &[Record], from: Duration) -> Vec<Broken> {
    const LAW: &str = "after the faults the node answers again";
    let mut late = BTreeSet::new();
    let mut broken = Vec::new();
    for record in records {
        match &record.fact {
            Fact::Asked { client, .. } if record.at >= from => {
                late.insert(*client);
            }
            Fact::Got { client, answer: Err(_), .. } if late.contains(client) => {
                broken.push(Broken { law: LAW, at: record.at, how: record.fact.to_string() });
            }
            _ => {}
        }
    }
    broken
}

/// A connection goes through the phases of its life in order, and what it says ends with one that is the last.
fn connections_go_through_their_phases(life: &[&Record]) -> Vec<Broken> {
    const LAW: &str = "a connection goes through its phases in order";
    let mut phases: BTreeMap<(&Arc<str>, SocketAddr), &Phase> = BTreeMap::new();
    let mut broken = Vec::new();
    for record in life {
        let Fact::Node(Event::Connection { service, peer, phase }) = &record.fact else { continue };
        let before = phases.insert((service, *peer), phase);
        let may = match before {
            None => *phase == Phase::Accepted,
            Some(before) => before.may_become(phase) || (before.is_over() && *phase == Phase::Accepted),
        };
        if !may {
            let how = format!("{service} of {peer}: {before:?}, then {phase:?}");
            broken.push(Broken { law: LAW, at: record.at, how });
        }
    }
    broken
}

/// What a storm should sometimes meet.
const EXPECTED: &[&str] = &[
    "a poem whole",
    "a poem not got",
    "a poem from a cache",
    "a fetch for several",
    "a fetch failed",
    "a fetch cancelled",
    "a process panicked",
    "a process killed",
    "a supervisor gave up",
    "a node gave up",
    "a child restarted",
    "a connection reset",
    "a host crashed",
    "actor crash",
    "actor kill",
    "actor failure",
    "actor stop",
    "refused connect",
    "latency",
    "little bandwidth",
    "slow reader",
    "sliced writes",
    "reset",
    "truncated stream",
    "cut",
    "cut one way",
];

/// What the run has met.
#[must_use]
pub fn met(records: &[Record]) -> Met {
    let mut met = Met::expecting(EXPECTED.iter().copied());
    for record in records {
        if let Some(name) = name_of(&record.fact) {
            met.count(name);
        }
    }
    met
}

fn name_of(fact: &Fact) -> Option<&'static str> {
    use supervisors::supervisor::Report;
    Some(match fact {
        Fact::Got { answer: Ok(_), .. } => "a poem whole",
        Fact::Got { answer: Err(_), .. } => "a poem not got",
        Fact::HostCrashed => "a host crashed",
        Fact::Ended(_) => "a node gave up",
        Fact::Struck(struck) => struck.fault.name(),
        Fact::Net(NetFact { what: NetChange::Struck(fault), .. }) => NetFault::name(fault),
        Fact::Node(event) => match event {
            Event::ProxyAnswered { label: "hit" | "stale", .. } => "a poem from a cache",
            Event::ProxyAnswered { label: "coalesced", .. } => "a fetch for several",
            Event::FetchFailed { .. } => "a fetch failed",
            Event::FetchCancelled { .. } => "a fetch cancelled",
            Event::Connection { phase: Phase::Reset { .. }, .. } => "a connection reset",
            Event::Process(supervisors::Event::Exited { reason, .. }) => match reason {
                ExitReason::Panicked { .. } => "a process panicked",
                ExitReason::Killed => "a process killed",
                _ => return None,
            },
            Event::Process(supervisors::Event::Report { report, .. }) => match report {
                Report::ReachedMaxIntensity { .. } => "a supervisor gave up",
                Report::Restarting { .. } => "a child restarted",
                _ => return None,
            },
            _ => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
