//! The poems of many servers at once: a process for each, and one that gathers what they tell (Part 20).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use supervisors::supervisor::{DynamicSupervisor, Supervisor, SupervisorRef};
use supervisors::{ExitReason, Node};
use tokio::sync::mpsc;

use super::Client;
use super::gatherer::{Gatherer, Task};
use crate::config::HostPort;
use crate::message::{DownloadError, NotTransformed, PeerError};
use crate::transform::TransformService;

/// News that may wait for whoever takes them. When there are more, the downloads wait.
const UPDATES: usize = 64;

/// Who transforms the poems that are gathered.
#[derive(Clone, Debug)]
pub enum TransformWith {
    /// A service over the network, asked within the client's own bounds (client 6.0, Part 13).
    Service(HostPort),
    /// An engine in this program, each poem in a process of its own (client 5.0, Part 9).
    Local(TransformService),
}

/// News of one of the servers, which are counted from 0 in the order given.
#[derive(Clone, Debug)]
pub enum Update {
    /// Some of its poem has come.
    Progress {
        /// Which server.
        task: usize,
        /// The next bytes of the poem, never empty.
        piece: Bytes,
        /// The length of the whole poem, if its frame has one.
        announced: Option<usize>,
    },
    /// It is over. Exactly one for each server, after all of its progress.
    Done {
        /// Which server.
        task: usize,
        /// From the start of all to the end of this one.
        took: Duration,
        /// How it ended.
        outcome: Outcome,
    },
}

/// What came of one server.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The poem, transformed if that was asked for.
    Poem {
        /// The poem.
        poem: Bytes,
        /// How many bytes the server sent.
        received: usize,
    },
    /// The poem as it came, because its transform failed.
    Untransformed {
        /// The poem.
        original: Bytes,
        /// Why it is as it was.
        cause: NotTransformed,
    },
    /// No poem. So ends, too, one that the engine in this program calls gibberish (client 5.0).
    Failed(DownloadError),
}

impl Client {
    /// Asks all of `servers` at once, each in a process of its own under a supervisor of the client's, and transforms
    /// what comes, if `transform` (by whom, and its name) says so.
    ///
    /// The failure, crash or delay of one is nothing to the others. The total time-out of the client's options bounds
    /// download and transform of a server together.
    ///
    /// # Errors
    /// If the tree does not start.
    ///
    /// # Cancel safety
    /// Dropping the [`Gathering`] stops all its processes.
    ///
    /// # Panics
    /// Outside a tokio `LocalSet`.
    pub async fn gather(
        &self,
        node: &Node,
        servers: Vec<HostPort>,
        transform: Option<(TransformWith, String)>,
    ) -> Result<Gathering, ExitReason> {
        let (tell, updates) = mpsc::channel(UPDATES);
        let downloads = DynamicSupervisor::new("downloads");
        let transforms = DynamicSupervisor::new("transforms");
        let pending = servers.iter().cloned().enumerate().collect();
        let (began, asked) = (node.now(), servers.len());
        let (client, node_of_it) = (self.clone(), node.clone());
        let (to_download, to_transform) = (downloads.reference(), transforms.reference());
        let gatherer = Gatherer::child_spec(move |me| Gatherer {
            client,
            node: node_of_it,
            began,
            transform,
            downloads: to_download,
            transforms: to_transform,
            monitors: BTreeMap::new(),
            // With nobody to ask, there is nothing to tell.
            tell: (asked > 0).then_some(tell),
            tasks: servers.into_iter().map(Task::new).collect(),
            me,
        });
        let root = Supervisor::new("client").child(downloads).child(transforms).child(gatherer);
        let root = root.start(node).await?;
        Ok(Gathering { node: node.clone(), began, root, updates, pending, cancelled: false })
    }
}

/// Poems on their way. Dropped, it stops all downloads.
#[derive(Debug)]
pub struct Gathering {
    node: Node,
    began: Duration,
    root: SupervisorRef,
    updates: mpsc::Receiver<Update>,
    /// Whose end has not been told.
    pending: BTreeMap<usize, HostPort>,
    cancelled: bool,
}

impl Gathering {
    /// The next news; `None` after the last server's end. Cancel safe.
    ///
    /// Each server ends, whatever happens: should the gathering process itself die, those it had not told of are told
    /// of here, as failed.
    pub async fn next(&mut self) -> Option<Update> {
        if let Some(update) = self.updates.recv().await {
            if let Update::Done { task, .. } = &update {
                self.pending.remove(task);
            }
            return Some(update);
        }
        let (task, server) = self.pending.pop_first()?;
        let cause = if self.cancelled {
            PeerError::Cancelled
        } else {
            PeerError::Crashed(ExitReason::failed("whoever gathers the poems is gone"))
        };
        let outcome = Outcome::Failed(DownloadError { server, cause });
        Some(Update::Done { task, took: self.node.now().saturating_sub(self.began), outcome })
    }

    /// Gives up on all servers whose poems are not here yet. They end as [`PeerError::Cancelled`].
    pub fn cancel(&mut self) {
        self.cancelled = true;
        if let Some(root) = self.root.process() {
            root.stop();
        }
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[cfg(test)]
mod tests;
