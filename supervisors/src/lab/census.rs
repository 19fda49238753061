//! Who lives, and under whom.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Broken;
use crate::supervisor::TreeNode;
use crate::{Pid, Process};

const LAW: &str = "no process outlives its supervisor";

/// Everybody seen alive in a tree, counted again and again.
///
/// A supervisor that is killed cannot wait for its children; they end by themselves, within the time they were given to
/// stop. So whoever lives on is told of only after a grace.
#[derive(Clone, Debug)]
pub struct Census {
    grace: Duration,
    seen: BTreeMap<Pid, Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    path: String,
    process: Process,
    supervisor: Option<Process>,
    /// Since when it lives without.
    orphaned: Option<Duration>,
}

impl Census {
    /// Nobody yet. `grace`: the longest time that all below any supervisor have to stop, one after the other, and a bit.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { grace, seen: BTreeMap::new() }
    }

    /// Counts who is in `tree`.
    pub fn count(&mut self, tree: &TreeNode) {
        self.count_below(tree, "", None);
    }

    fn count_below(&mut self, node: &TreeNode, home: &str, supervisor: Option<&Process>) {
        let Some(process) = node.process.as_ref().filter(|process| process.is_alive()) else { return };
        let path = if home.is_empty() { node.id.to_string() } else { format!("{home}/{}", node.id) };
        self.seen.entry(process.pid()).or_insert_with(|| Seen {
            path: path.clone(),
            process: process.clone(),
            supervisor: supervisor.cloned(),
            orphaned: None,
        });
        for child in &node.children {
            self.count_below(child, &path, Some(process));
        }
    }

    /// Looks at all that were ever counted and live.
    pub fn look(&mut self, now: Duration) -> Vec<Broken> {
        self.seen.retain(|_, seen| seen.process.is_alive());
        let mut broken = Vec::new();
        for (pid, seen) in &mut self.seen {
            if seen.supervisor.as_ref().is_none_or(Process::is_alive) {
                continue;
            }
            let since = *seen.orphaned.get_or_insert(now);
            if now.saturating_sub(since) > self.grace {
                let how = format!("{} {pid} lives on since {:.3} s", seen.path, since.as_secs_f64());
                broken.push(Broken { law: LAW, at: now, how });
            }
        }
        broken
    }

    /// After the end of the node's whole world: nobody may live.
    pub fn end(&mut self, now: Duration) -> Vec<Broken> {
        let seen = std::mem::take(&mut self.seen).into_iter();
        seen.filter(|(_, seen)| seen.process.is_alive())
            .map(|(pid, seen)| Broken {
                law: LAW,
                at: now,
                how: format!("{} {pid} outlived its node", seen.path),
            })
            .collect()
    }
}
