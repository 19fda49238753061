//! Everything that happened in a run, in one order: the events of all nodes' lives, the network, the faults, what
//! clients got.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use supervisors::Subscription;
use supervisors::lab::Struck;

use super::faulty::NetFact;
use crate::event::{Event, Reporter};

/// Events of one life that may wait to be taken: far more than happen in one step of a simulation. If they do not
/// suffice, the run panics, as its chronicle would have a hole.
const BOUND: usize = 1 << 20;

/// One line of a chronicle.
#[derive(Clone, Debug)]
pub struct Record {
    /// Time of the simulation.
    pub at: Duration,
    /// Where.
    pub host: Arc<str>,
    /// What.
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A node begins a life on this host, counted from 1.
    Born(u32),
    /// An event of the node's own history.
    Node(Event),
    /// The node's tree has ended by itself, or did not start: why.
    Ended(String),
    /// The host crashes: nothing that was on it goes on.
    HostCrashed,
    /// A process was struck by a planned fault.
    Struck(Struck),
    /// A connection that this host asked for.
    Net(NetFact),
    /// The faults of the network begin, or end.
    Storm(bool),
    /// A client begins to ask.
    Asked {
        /// Which client.
        client: usize,
        /// For what.
        target: &'static str,
    },
    /// A client's answer.
    Got {
        /// Which client.
        client: usize,
        /// For what it asked.
        target: &'static str,
        /// The length of what it was given for whole, and whether it is what it should be; or why it got nothing.
        answer: Result<(usize, bool), String>,
    },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Born(life) => write!(f, "life {life} of the node begins"),
            Self::Node(event) => event.fmt(f),
            Self::Ended(reason) => write!(f, "the node has ended: {reason}"),
            Self::HostCrashed => f.write_str("THE HOST CRASHES"),
            Self::Struck(struck) => write!(f, "FAULT: {struck}"),
            Self::Net(fact) => fact.fmt(f),
            Self::Storm(true) => f.write_str("A STORM BEGINS"),
            Self::Storm(false) => f.write_str("THE STORM IS OVER"),
            Self::Asked { client, target } => write!(f, "client {client} asks for {target}"),
            Self::Got { client, target, answer } => {
                write!(f, "client {client} got {target}: ")?;
                match answer {
                    Ok((bytes, true)) => write!(f, "{bytes} bytes, whole"),
                    Ok((bytes, false)) => write!(f, "{bytes} BYTES, AND NOT THE POEM"),
                    Err(error) => error.fmt(f),
                }
            }
        }
    }
}

/// A line for people.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3} {:<8} {}", self.at.as_secs_f64(), self.host, self.fact)
    }
}

/// The chronicle of a run. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Chronicle(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    records: Vec<Record>,
    lives: BTreeMap<Arc<str>, Life>,
}

#[derive(Debug)]
struct Life {
    number: u32,
    born: Duration,
    events: Option<Subscription<Event>>,
}

impl Chronicle {
    /// A node begins a life on `host`: from here on its events are taken. Gives the number of its life, from 1.
    pub(super) fn born(&self, at: Duration, host: &Arc<str>, reporter: &Reporter) -> u32 {
        let mut inner = self.0.lock();
        let inner = &mut *inner;
        inner.take(host);
        let number = inner.lives.get(host).map_or(1, |life| life.number + 1);
        let events = Some(reporter.history().subscribe(BOUND));
        inner.lives.insert(Arc::clone(host), Life { number, born: at, events });
        inner.records.push(Record { at, host: Arc::clone(host), fact: Fact::Born(number) });
        number
    }

    /// Notes a fact, behind all events of its host so far.
    pub(super) fn note(&self, at: Duration, host: &Arc<str>, fact: Fact) {
        let mut inner = self.0.lock();
        // Destructors of a host that is no more run outside of its time, and what they report happens to nobody.
        if inner.lives.get(host).is_some_and(|life| life.events.is_none()) {
            return;
        }
        inner.take(host);
        inner.records.push(Record { at, host: Arc::clone(host), fact });
    }

    /// Takes the events of all hosts so far.
    pub(super) fn take_all(&self) {
        let mut inner = self.0.lock();
        let hosts: Vec<_> = inner.lives.keys().cloned().collect();
        hosts.iter().for_each(|host| inner.take(host));
    }

    /// The node on `host` is gone: from here on nothing is heard of it until it is born again.
    pub(super) fn dead(&self, host: &Arc<str>) {
        let mut inner = self.0.lock();
        inner.take(host);
        if let Some(life) = inner.lives.get_mut(host) {
            life.events = None;
        }
    }

    /// Everything so far.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.0.lock().records.clone()
    }

    /// Everything so far, a line each: equal, byte for byte, for equal runs.
    #[must_use]
    pub fn text(&self) -> String {
        use fmt::Write;
        let inner = self.0.lock();
        inner.records.iter().fold(String::new(), |mut text, record| {
            // To a string, nothing fails.
            let _ = writeln!(text, "{record}");
            text
        })
    }
}

impl Inner {
    fn take(&mut self, host: &Arc<str>) {
        let Some(Life { born, events: Some(events), .. }) = self.lives.get_mut(host) else { return };
        assert_eq!(events.lost(), 0, "the chronicle of {host} has a hole");
        while let Some(event) = events.try_next() {
            let at = *born + event.at;
            self.records.push(Record { at, host: Arc::clone(host), fact: Fact::Node(event.event) });
        }
    }
}
