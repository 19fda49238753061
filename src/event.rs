//! What happens on a node, as facts in the past tense: one closed enum that feeds the log and whoever subscribes.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use supervisors::supervisor::Report;
use supervisors::{ExitReason, History, Node};

/// A fact about the node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// About a process or a supervisor.
    Process(supervisors::Event),
    /// A service listens.
    ListenerUp {
        /// Which.
        service: Arc<str>,
        /// Where.
        address: SocketAddr,
    },
    /// A service listens no more.
    ListenerDown {
        /// Which.
        service: Arc<str>,
        /// Where it did.
        address: SocketAddr,
    },
    /// A connection could not be accepted; the service goes on.
    AcceptFailed {
        /// Which service.
        service: Arc<str>,
        /// Why, and by whose business.
        reason: String,
    },
    /// A connection entered a phase of its life.
    Connection {
        /// Whose.
        service: Arc<str>,
        /// Who is at the other end.
        peer: SocketAddr,
        /// Which phase.
        phase: Phase,
    },
    /// A poem is being sent: the promise, made when its first byte is about to be written.
    Sending {
        /// To whom.
        peer: SocketAddr,
        /// All its bytes.
        bytes: usize,
    },
    /// Some bytes of a poem were written.
    Sent {
        /// To whom.
        peer: SocketAddr,
        /// How many.
        bytes: usize,
    },
    /// What a peer sent was not what its protocol allows; its connection was ended.
    Malformed {
        /// Who sent it.
        peer: SocketAddr,
        /// At which byte of what it sent.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A poem was transformed and the answer written.
    Transformed {
        /// For whom.
        peer: SocketAddr,
        /// By which transform.
        name: String,
        /// Bytes of the answer.
        bytes: usize,
    },
    /// A transform was asked for and not done; its connection was ended without an answer.
    TransformFailed {
        /// By whom.
        peer: SocketAddr,
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
    /// A proxy began to fetch a poem.
    FetchStarted {
        /// From where.
        upstream: Arc<str>,
    },
    /// A poem was fetched, whole.
    Fetched {
        /// From where.
        upstream: Arc<str>,
        /// How many bytes.
        bytes: usize,
    },
    /// A fetch was given up: nobody waits for it any more.
    FetchCancelled {
        /// From where.
        upstream: Arc<str>,
    },
    /// A fetch failed.
    FetchFailed {
        /// From where.
        upstream: Arc<str>,
        /// Why.
        reason: String,
    },
    /// A proxy keeps a poem from now on.
    PoemKept {
        /// Under which key: the upstream; of a transformed poem also the transform and the digest of the original.
        key: Arc<str>,
        /// How many bytes.
        bytes: usize,
        /// Whether its length was told, so that it is known to be whole.
        verified: bool,
    },
    /// A proxy no longer keeps a poem.
    PoemDropped {
        /// Its key.
        key: Arc<str>,
        /// Why: evicted (the least recently used makes room), expired, replaced, outgrown, purged.
        reason: &'static str,
    },
    /// A proxy answered a client.
    ProxyAnswered {
        /// Whom.
        peer: SocketAddr,
        /// How: hit, miss, coalesced and so on.
        label: &'static str,
        /// Bytes of the poem; 0 if the answer was a failure, or is a poem passed through, whose length nobody knows yet.
        bytes: usize,
    },
    /// An operator ordered something at the admin port.
    Operator {
        /// Who.
        peer: SocketAddr,
        /// What, in words.
        order: String,
    },
    /// The node was asked to end and lets its connections finish.
    DrainStarted,
    /// All listeners are closed and all connections have ended, or were cut.
    Drained {
        /// How many had to be cut.
        cut: usize,
    },
}

/// The life of a connection. One that ends well goes through the phases in order; any may be followed by `Reset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It was accepted and has a process of its own.
    Accepted,
    /// What it was asked for is being written.
    Sending,
    /// The last byte is written; its peer is told the end.
    ShuttingDown,
    /// What the peer still sends is read and thrown away, so that closing does not turn into a reset that eats the tail.
    Draining,
    /// It is over, and its peer has everything.
    Closed,
    /// It is over, and its peer must know that it has not everything.
    Reset {
        /// Why.
        reason: String,
    },
}

impl Phase {
    /// Whether a connection may go from this phase to `next`.
    #[must_use]
    pub fn may_become(&self, next: &Self) -> bool {
        use Phase::{Accepted, Closed, Draining, Reset, Sending, ShuttingDown};
        matches!(
            (self, next),
            (Accepted, Sending | ShuttingDown)
                | (Sending, Sending | ShuttingDown)
                | (ShuttingDown, Draining)
                | (Draining, Closed)
                | (Accepted | Sending | ShuttingDown | Draining, Reset { .. })
        )
    }

    /// Whether it is the last.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Closed | Self::Reset { .. })
    }
}

/// How much an event matters to whoever reads a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed that should not.
    Error,
    /// Something failed that may.
    Warn,
    /// What an operator wants to see.
    Info,
    /// What whoever looks for a fault wants to see.
    Debug,
}

impl Event {
    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Process(supervisors::Event::Exited { reason, .. }) => match reason {
                ExitReason::Panicked { .. } | ExitReason::Stuck => Level::Error,
                reason if reason.is_clean() => Level::Debug,
                _ => Level::Warn,
            },
            Self::Process(supervisors::Event::Report { report, .. }) => match report {
                Report::Progress { .. } => Level::Debug,
                Report::ReachedMaxIntensity { .. } | Report::StartError { .. } => Level::Error,
                Report::Restarting { .. } => Level::Info,
                // Told by `Exited` already.
                Report::ChildTerminated { .. } => Level::Debug,
                _ => Level::Warn,
            },
            Self::Process(supervisors::Event::Overloaded { .. }) => Level::Warn,
            // A turn that does not end, calls in a circle: what else there is to say of processes is bad.
            Self::Process(_) => Level::Error,
            Self::AcceptFailed { .. }
            | Self::Malformed { .. }
            | Self::TransformFailed { .. }
            | Self::FetchFailed { .. }
            | Self::Connection { phase: Phase::Reset { .. }, .. } => Level::Warn,
            Self::Connection { .. }
            | Self::Sent { .. }
            | Self::PoemKept { .. }
            | Self::PoemDropped { .. } => Level::Debug,
            _ => Level::Info,
        }
    }
}

impl Event {
    /// Writes it to the log, at its level.
    pub fn log(&self) {
        match self.level() {
            Level::Error => tracing::error!(target: TARGET, "{self}"),
            Level::Warn => tracing::warn!(target: TARGET, "{self}"),
            Level::Info => tracing::info!(target: TARGET, "{self}"),
            Level::Debug => tracing::debug!(target: TARGET, "{self}"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(event) => event.fmt(f),
            Self::ListenerUp { service, address } => write!(f, "{service} listens on {address}"),
            Self::ListenerDown { service, address } => write!(f, "{service} no longer listens on {address}"),
            Self::AcceptFailed { service, reason } => write!(f, "{service} cannot accept: {reason}"),
            Self::Connection { peer, phase: Phase::Accepted, .. } => {
                write!(f, "Somebody at {peer} wants poetry!")
            }
            Self::Connection { service, peer, phase } => match phase {
                Phase::Accepted => Ok(()),
                Phase::Sending => write!(f, "{service} serves {peer}"),
                Phase::ShuttingDown => write!(f, "{service} has served {peer}"),
                Phase::Draining => write!(f, "{service} waits for {peer} to leave"),
                Phase::Closed => write!(f, "{service} closed the connection of {peer}"),
                Phase::Reset { reason } => write!(f, "{service} reset the connection of {peer}: {reason}"),
            },
            Self::Sending { peer, bytes } => write!(f, "sending {bytes} bytes of poetry to {peer}"),
            Self::Sent { peer, bytes } => write!(f, "Sending {bytes} bytes to {peer}"),
            Self::Malformed { peer, offset, reason } => {
                write!(f, "{peer} sent nonsense at byte {offset}: {reason}")
            }
            Self::Transformed { peer, name, bytes } => {
                write!(f, "{name} made {bytes} bytes for {peer}")
            }
            Self::TransformFailed { peer, name, reason } => write!(f, "{name} failed for {peer}: {reason}"),
            Self::FetchStarted { .. } => f.write_str("Fetching poem from server."),
            Self::Fetched { upstream, bytes } => write!(f, "fetched {bytes} bytes of poetry from {upstream}"),
            Self::FetchCancelled { .. } => f.write_str("Canceling poem download."),
            Self::FetchFailed { upstream, reason } => write!(f, "cannot fetch from {upstream}: {reason}"),
            Self::PoemKept { key, bytes, verified } => {
                let known = if *verified { "verified" } else { "unverified" };
                write!(f, "keeping {bytes} bytes of poetry, {known}: {key}")
            }
            Self::PoemDropped { key, reason } => write!(f, "no longer keeping {key}: {reason}"),
            Self::ProxyAnswered { peer, label, bytes } => {
                // The line of the series, and what it cannot tell.
                if matches!(*label, "hit" | "stale") {
                    f.write_str("Using cached poem. ")?;
                }
                match (bytes, *label) {
                    (0, "passed") => write!(f, "{label}: a poem too long to be kept, for {peer}"),
                    (0, _) => write!(f, "{label}: no poem for {peer}"),
                    _ => write!(f, "{label}: {bytes} bytes for {peer}"),
                }
            }
            Self::Operator { peer, order } => write!(f, "an operator at {peer} says: {order}"),
            Self::DrainStarted => f.write_str("draining: no new connections, waiting for the others to end"),
            Self::Drained { cut: 0 } => f.write_str("drained: every connection ended by itself"),
            Self::Drained { cut } => write!(f, "drained: {cut} connections were cut"),
        }
    }
}

/// How many troubles are remembered.
const TROUBLES: usize = 12;

/// What an actor reports through: the node's history, its clock, and the log.
#[derive(Clone, Debug)]
pub struct Reporter {
    node: Node,
    sink: Arc<Sink>,
}

#[derive(Debug)]
struct Sink {
    history: Arc<History<Event>>,
    /// The last warnings and errors, in words: the story to tell when a node gives up.
    troubles: Mutex<VecDeque<Arc<str>>>,
}

impl Reporter {
    /// A node whose every event goes into one history, the supervisors' and those of its actors alike.
    /// `build` may set a seed, a name and so on; its event sink is taken.
    #[must_use]
    pub fn new(build: impl FnOnce(supervisors::NodeBuilder) -> supervisors::NodeBuilder) -> Self {
        let sink = Arc::new(Sink { history: History::new(), troubles: Mutex::default() });
        let processes = Arc::clone(&sink);
        let node = build(Node::builder())
            .on_event(move |at, event| processes.record(at, Event::Process(event)))
            // Said once, in this log's own words.
            .tracing(false)
            .build();
        Self { node, sink }
    }

    /// The node: clock, chance, names.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The history, to be subscribed to.
    #[must_use]
    pub fn history(&self) -> &Arc<History<Event>> {
        &self.sink.history
    }

    /// What went wrong lately, the oldest first: at most 12 warnings and errors.
    #[must_use]
    pub fn troubles(&self) -> Vec<Arc<str>> {
        self.sink.troubles.lock().iter().cloned().collect()
    }

    /// Reports an event, unless the node's host has crashed: who was killed says nothing more.
    pub fn report(&self, event: Event) {
        if self.node.is_killed() {
            return;
        }
        self.sink.record(self.node.now(), event);
    }

    /// Reports an event that a log of level info can do without, on a path where even making it would cost: it is made
    /// only if somebody listens or a log of level debug is kept.
    pub fn note(&self, event: impl FnOnce() -> Event) {
        if self.sink.history.is_heard() || tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
            self.report(event());
        }
    }
}

/// The target of all log records.
pub const TARGET: &str = "verse";

impl Sink {
    fn record(&self, at: Duration, event: Event) {
        event.log();
        if event.level() <= Level::Warn {
            let mut troubles = self.troubles.lock();
            if troubles.len() == TROUBLES {
                troubles.pop_front();
            }
            troubles.push_back(event.to_string().into());
        }
        if self.history.is_heard() {
            self.history.record(at, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_a_proxy_is_one_line_with_its_label_and_from_memory_also_with_that_of_the_series() {
        let line = |label, bytes| {
            Event::ProxyAnswered { peer: ([127, 0, 0, 1], 9).into(), label, bytes }.to_string()
        };
        assert_eq!(line("hit", 3), "Using cached poem. hit: 3 bytes for 127.0.0.1:9");
        assert_eq!(line("stale", 3), "Using cached poem. stale: 3 bytes for 127.0.0.1:9");
        assert_eq!(line("miss", 3), "miss: 3 bytes for 127.0.0.1:9");
        assert_eq!(line("failed", 0), "failed: no poem for 127.0.0.1:9");
        assert_eq!(line("passed", 0), "passed: a poem too long to be kept, for 127.0.0.1:9");
    }

    #[test]
    fn a_connection_that_ends_well_goes_through_its_phases_in_order() {
        let reset = || Phase::Reset { reason: "gone".into() };
        let order = [Phase::Accepted, Phase::Sending, Phase::ShuttingDown, Phase::Draining, Phase::Closed];
        for pair in order.windows(2) {
            assert!(pair[0].may_become(&pair[1]), "{pair:?}");
            assert!(!pair[1].may_become(&pair[0]), "never backwards: {pair:?}");
        }
        for phase in &order {
            assert_eq!(phase.may_become(&reset()), !phase.is_over(), "{phase:?}");
        }
        assert!(!reset().may_become(&Phase::Closed));
    }
}
