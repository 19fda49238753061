//! What the admin port knows and does: the operator's desk, without HTTP.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use supervisors::supervisor::{ChildKind, Restart, SupervisorRef, TreeNode};
use supervisors::{Process, Ref, this_process};

use super::Refusal;
use super::view::{DrainView, KillOrder, Killed, ListenerView, Live, ProcessView, Ready, Tree};
use crate::actors::{CachePorts, Listener};
use crate::config::nearest;
use crate::event::{Event, Reporter};
use crate::ops::{Lifecycle, Phase};

/// How long the root supervisor may take to answer before the node does not count as alive. 2 s: it is busy only while
/// it starts or stops children.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long whoever was killed may take to end before the answer says that it has not. 1 s: it ends at its next turn.
const DEATH: Duration = Duration::from_secs(1);

/// Children of one supervisor that are told of: a page that somebody reads, not a million connections.
const MOST_CHILDREN: usize = 1000;

/// Suggestions, and pids of several at one place, that an answer names.
const FEW: usize = 3;

/// Where a request is answered, as a path: whoever kills one of those above it has killed the answer, too.
const HERE: &str = "ops/admin/connections/";

/// A listener, as the desk sees it.
#[derive(Clone)]
pub struct Seat {
    /// Of which service.
    pub service: Arc<str>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whoever accepts there.
    pub listener: Ref<Listener>,
}

/// A cache, as the desk sees it.
#[derive(Clone, Debug)]
pub struct CacheSeat {
    /// The branch it is in.
    pub proxy: Arc<str>,
    /// How it is asked.
    pub ports: CachePorts,
}

/// Everything that operators see of a node and may do to it. Holds nobody alive and starts nothing.
#[derive(Clone)]
pub struct Desk {
    /// The root of the tree.
    pub root: SupervisorRef,
    /// The node's life.
    pub lifecycle: Lifecycle,
    /// What listens, in the order of the configuration.
    pub seats: Vec<Seat>,
    /// The caches, in the order of the configuration.
    pub caches: Vec<CacheSeat>,
    /// Its clock and its history.
    pub reporter: Reporter,
    /// How long a drain may take.
    pub drain: Duration,
}

impl Desk {
    /// Whether the node takes new connections on all its listeners.
    #[must_use]
    pub fn ready(&self) -> Ready {
        let view = |seat: &Seat| ListenerView {
            service: seat.service.to_string(),
            address: seat.address.to_string(),
            up: seat.listener.process().is_some_and(|process| process.is_alive()),
        };
        let listeners: Vec<_> = self.seats.iter().map(view).collect();
        let phase = self.lifecycle.phase();
        let ready = phase == Phase::Serving && listeners.iter().all(|listener| listener.up);
        Ready { ready, phase, uptime_seconds: self.uptime(), listeners }
    }

    /// Whether the root supervisor answers, within 2 s.
    pub async fn live(&self) -> Live {
        let answer = tokio::time::timeout(PATIENCE, self.root.count_children()).await;
        Live { live: matches!(answer, Ok(Ok(_))) }
    }

    /// The tree as it is now. Asks nobody, so that it can be seen while somebody hangs.
    #[must_use]
    pub fn tree(&self) -> Tree {
        let tree = self.root.tree();
        Tree {
            node: self.reporter.node().name().to_string(),
            uptime_seconds: self.uptime(),
            troubles: self.reporter.troubles().iter().map(ToString::to_string).collect(),
            tree: view(&tree, tree.id.to_string(), ""),
        }
    }

    /// Kills a process, so that its supervisor does what it does.
    ///
    /// # Errors
    /// [`Refusal`]: there is no such process, or several, or it is the root.
    pub async fn kill(&self, order: KillOrder, peer: SocketAddr) -> Result<Killed, Refusal> {
        let root = self.root.tree();
        let mut places = Vec::new();
        collect(&root, "", &mut places);
        let place = match (&order.path, &order.pid) {
            (Some(path), None) => at_path(&places, path)?,
            (None, Some(pid)) => of_pid(&places, pid)?,
            _ => return Err(Refusal::Body("give either a path or a pid".into())),
        };
        let Place { path, node } = place;
        if path.is_empty() {
            return Err(Refusal::Root(node.id.to_string()));
        }
        let alive = node.process.clone().filter(Process::is_alive);
        let process = alive.ok_or_else(|| Refusal::NotRunning { path: path.clone() })?;
        let pid = process.pid().to_string();
        self.reporter.report(Event::Operator { peer, order: format!("kill {path} {pid}") });
        let own = HERE.starts_with(&format!("{path}/")) || this_process().is_some_and(|it| it == process);
        process.kill();
        // Whoever ends with it could never say so.
        let ended = !own && tokio::time::timeout(DEATH, process.exited()).await.is_ok();
        Ok(Killed { path: path.clone(), pid, restart: restart(node.restart).into(), ended })
    }

    /// Asks whoever runs the node to drain it.
    #[must_use]
    pub fn drain(&self, peer: SocketAddr) -> DrainView {
        self.reporter.report(Event::Operator { peer, order: "drain".into() });
        self.lifecycle.enter(Phase::DrainAsked);
        DrainView { phase: self.lifecycle.phase(), drain_seconds: self.drain.as_secs_f64() }
    }

    fn uptime(&self) -> f64 {
        seconds(self.reporter.node().now())
    }
}

/// Seconds to the millisecond.
pub(super) fn seconds(time: Duration) -> f64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX) as f64 / 1000.0
}

/// The path of a child of whoever is at `home`; the root's own is empty.
fn below(home: &str, id: &str) -> String {
    if home.is_empty() { id.to_owned() } else { format!("{home}/{id}") }
}

const fn restart(restart: Restart) -> &'static str {
    match restart {
        Restart::Permanent => "permanent",
        Restart::Transient => "transient",
        Restart::Temporary => "temporary",
    }
}

/// A node of the tree that is called `shown`; `home` is what the paths of its children begin with.
fn view(node: &TreeNode, shown: String, home: &str) -> ProcessView {
    let alive = node.process.as_ref().filter(|process| process.is_alive());
    let kind = match node.kind {
        ChildKind::Supervisor => "supervisor",
        ChildKind::Worker => "worker",
    };
    let child = |child: &TreeNode| {
        let path = below(home, child.id.as_str());
        view(child, path.clone(), &path)
    };
    let children = || node.children.iter().filter(|child| !is_gone(child));
    ProcessView {
        name: node.id.to_string(),
        path: shown,
        kind: kind.into(),
        restart: restart(node.restart).into(),
        pid: alive.map(|process| process.pid().to_string()),
        state: if alive.is_some() { "running" } else { "not running" }.into(),
        restarts: node.restarts,
        last_reason: node.last_exit.as_ref().map(ToString::to_string),
        mailbox: alive.map_or(0, Process::mailbox_len),
        handled: alive.map_or(0, Process::handled),
        children: children().take(MOST_CHILDREN).map(child).collect(),
        left_out: children().count().saturating_sub(MOST_CHILDREN),
    }
}

/// A temporary child whose process has ended is no child any more, though its supervisor may not have heard of it yet.
fn is_gone(child: &TreeNode) -> bool {
    child.restart == Restart::Temporary && !child.process.as_ref().is_some_and(Process::is_alive)
}

/// A node of the tree and its path; the root's is empty.
struct Place<'a> {
    path: String,
    node: &'a TreeNode,
}

fn collect<'a>(node: &'a TreeNode, path: &str, places: &mut Vec<Place<'a>>) {
    places.push(Place { path: path.to_owned(), node });
    for child in node.children.iter().filter(|child| !is_gone(child)) {
        collect(child, &below(path, child.id.as_str()), places);
    }
}

fn at_path<'a, 'b>(places: &'b [Place<'a>], wanted: &str) -> Result<&'b Place<'a>, Refusal> {
    let root = &places[0];
    if wanted == root.node.id.as_str() {
        return Ok(root);
    }
    let found: Vec<_> = places[1..].iter().filter(|place| place.path == wanted).collect();
    match found[..] {
        [] => Err(Refusal::NoProcess { wanted: wanted.to_owned(), near: near(places, wanted) }),
        [place] => Ok(place),
        _ => {
            let pids = found.iter().filter_map(|place| Some(place.node.process.as_ref()?.pid().to_string()));
            Err(Refusal::Several { path: wanted.to_owned(), pids: pids.take(FEW).collect() })
        }
    }
}

fn of_pid<'a, 'b>(places: &'b [Place<'a>], wanted: &str) -> Result<&'b Place<'a>, Refusal> {
    let bare = wanted.strip_prefix('<').and_then(|it| it.strip_suffix('>')).unwrap_or(wanted);
    let is_it = |process: &Process| process.pid().to_string() == format!("<{bare}>");
    let found = places.iter().find(|place| place.node.process.as_ref().is_some_and(is_it));
    found.ok_or_else(|| Refusal::NoProcess { wanted: wanted.to_owned(), near: Vec::new() })
}

/// Places that end as what was asked for does; else the one that is nearest in letters.
fn near(places: &[Place<'_>], wanted: &str) -> Vec<String> {
    let end = format!("/{wanted}");
    let mut paths: Vec<&str> = places[1..].iter().map(|place| place.path.as_str()).collect();
    paths.dedup();
    let ending: Vec<_> = paths.iter().filter(|path| path.ends_with(&end)).take(FEW).collect();
    if ending.is_empty() {
        return nearest(wanted, paths.into_iter()).map(str::to_owned).into_iter().collect();
    }
    ending.into_iter().map(|path| (*path).to_owned()).collect()
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Desk({})", self.reporter.node().name())
    }
}

#[cfg(test)]
mod tests {
    use supervisors::supervisor::Supervisor;

    use super::*;

    #[tokio::test]
    async fn a_node_is_ready_only_while_it_serves_and_alive_only_if_its_root_answers() {
        let lifecycle = Lifecycle::new();
        let reporter = Reporter::new(|node| node);
        let desk = Desk {
            // Never started.
            root: Supervisor::new("verse").reference(),
            lifecycle: lifecycle.clone(),
            seats: Vec::new(),
            caches: Vec::new(),
            reporter,
            drain: Duration::ZERO,
        };
        for phase in Phase::ALL {
            lifecycle.enter(phase);
            assert_eq!(desk.ready().ready, phase == Phase::Serving, "{phase}");
        }
        assert!(!desk.live().await.live);
    }
}
