//! What a supervision tree looks like: read at any time, from any thread, also while the supervisor itself waits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::plan::Key;
use super::spec::{ChildId, ChildKind, Restart};
use super::start::Starter;
use crate::process::Object;
use crate::{ExitReason, Path, Pid, Process, Statistics};

/// The children of one life of a supervisor: kept by it, read by everybody.
pub(crate) struct Table {
    path: Arc<str>,
    rows: Mutex<Vec<Option<Row>>>,
    /// The child that is being started while a fault is armed: its process is in no row yet.
    #[cfg(feature = "lab")]
    starting: Mutex<Option<ChildId>>,
}

pub(crate) struct Row {
    pub(crate) id: ChildId,
    pub(crate) kind: ChildKind,
    pub(crate) restart: Restart,
    /// How it is started; dropped when it will not be needed again (OTP-066).
    pub(crate) starter: Option<Arc<dyn Starter>>,
    pub(crate) process: Option<Process>,
    pub(crate) starts: u64,
    /// Apart, because most children have not ended yet.
    pub(crate) ended: Option<Box<Ended>>,
}

/// What is known of a child that has ended or failed to start.
#[derive(Default)]
pub(crate) struct Ended {
    /// Why it did so the last time.
    pub(crate) reason: Option<ExitReason>,
    /// When it will be started again, if it waits for that.
    pub(crate) due: Option<Duration>,
}

impl Table {
    pub(crate) fn new(path: Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            path,
            rows: Mutex::new(Vec::new()),
            #[cfg(feature = "lab")]
            starting: Mutex::new(None),
        })
    }

    #[cfg(feature = "lab")]
    pub(crate) fn is_starting(&self, child: Option<ChildId>) {
        *self.starting.lock() = child;
    }

    pub(crate) fn path(&self) -> &Arc<str> {
        &self.path
    }

    pub(crate) fn insert(&self, key: Key, row: Row) {
        let mut rows = self.rows.lock();
        if rows.len() <= key.index() {
            rows.resize_with(key.index() + 1, || None);
        }
        rows[key.index()] = Some(row);
    }

    pub(crate) fn remove(&self, key: Key) {
        let row = self.rows.lock().get_mut(key.index()).and_then(Option::take);
        // Dropped outside the lock: a start function may own anything.
        drop(row);
    }

    /// Works on the row of a child, if there is one.
    pub(crate) fn with<R>(&self, key: Key, work: impl FnOnce(&mut Row) -> R) -> Option<R> {
        self.rows.lock().get_mut(key.index()).and_then(Option::as_mut).map(work)
    }

    /// All processes that may be alive.
    pub(crate) fn processes(&self) -> Vec<(Process, ChildKind)> {
        let rows = self.rows.lock();
        rows.iter().flatten().filter_map(|row| Some((row.process.clone()?, row.kind))).collect()
    }

    /// Where the child with this process is, also one that has not told its supervisor yet that it runs.
    pub(crate) fn path_of(&self, pid: Pid) -> Option<Path> {
        let child = self.rows.lock().iter().flatten().find(|row| row.is(pid)).map(|row| row.id.clone());
        #[cfg(feature = "lab")]
        let child = child.or_else(|| self.starting.lock().clone());
        Some(Path { supervisor: Arc::clone(&self.path), child: child? })
    }

    fn children(&self) -> Vec<TreeNode> {
        let rows: Vec<_> = self
            .rows
            .lock()
            .iter()
            .flatten()
            .map(|row| {
                let node = TreeNode {
                    id: row.id.clone(),
                    kind: row.kind,
                    restart: row.restart,
                    process: row.process.clone(),
                    statistics: row.process.as_ref().map(Process::statistics),
                    restarts: row.starts.saturating_sub(1),
                    last_exit: row.ended.as_deref().and_then(|ended| ended.reason.clone()),
                    due: row.ended.as_deref().and_then(|ended| ended.due),
                    children: Vec::new(),
                };
                (node, row.process.clone())
            })
            .collect();
        // Asked outside the lock, one supervisor after the other.
        rows.into_iter()
            .map(|(mut node, process)| {
                node.children = process.as_ref().map(children_of).unwrap_or_default();
                node
            })
            .collect()
    }
}

impl Row {
    fn process_with(&self, pid: Pid) -> Option<Arc<dyn Object>> {
        let starting = || self.starter.as_ref().and_then(|starter| starter.current());
        let process = self.process.as_ref().map(|process| Arc::clone(&process.0)).or_else(starting)?;
        (process.control().pid == pid).then_some(process)
    }

    fn is(&self, pid: Pid) -> bool {
        self.process_with(pid).is_some()
    }
}

fn table_of(process: &Arc<dyn Object>) -> Option<Arc<Table>> {
    process.control().annex()?.downcast().ok()
}

fn children_of(process: &Process) -> Vec<TreeNode> {
    table_of(&process.0).map(|table| table.children()).unwrap_or_default()
}

/// The process `pid`, if it is somewhere below `supervisor`. Asks nobody; looks through the whole tree.
pub(crate) fn descendant(supervisor: &Arc<dyn Object>, pid: Pid) -> Option<Arc<dyn Object>> {
    let mut tables: Vec<_> = table_of(supervisor).into_iter().collect();
    while let Some(table) = tables.pop() {
        let mut below = Vec::new();
        for row in table.rows.lock().iter().flatten() {
            if let Some(found) = row.process_with(pid) {
                return Some(found);
            }
            if row.kind == ChildKind::Supervisor {
                let starting = || row.starter.as_ref().and_then(|starter| starter.current());
                below.extend(row.process.as_ref().map(|process| Arc::clone(&process.0)).or_else(starting));
            }
        }
        // Asked outside the lock, one supervisor after the other.
        tables.extend(below.iter().filter_map(table_of));
    }
    None
}

/// One child in a snapshot of a tree, with all that is below it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TreeNode {
    /// Its id.
    pub id: ChildId,
    /// Worker or supervisor.
    pub kind: ChildKind,
    /// When it is restarted.
    pub restart: Restart,
    /// Its process: its pid, whether it lives.
    pub process: Option<Process>,
    /// How its process is doing: its mailbox and the age of what waits there, what it has handled, how long it was busy.
    pub statistics: Option<Statistics>,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it ended the last time, if ever.
    pub last_exit: Option<ExitReason>,
    /// When it will be started again, by the node's clock, if it waits for that by its [`Backoff`](super::Backoff).
    pub due: Option<Duration>,
    /// Its children, in no promised order; empty for a worker.
    pub children: Vec<TreeNode>,
}

impl TreeNode {
    pub(crate) fn root(id: ChildId, process: Option<Process>) -> Self {
        let children = process.as_ref().map(children_of).unwrap_or_default();
        let statistics = process.as_ref().map(Process::statistics);
        Self {
            id,
            kind: ChildKind::Supervisor,
            restart: Restart::Temporary,
            process,
            statistics,
            restarts: 0,
            last_exit: None,
            due: None,
            children,
        }
    }

    /// Whoever is at `path` below this: ids with `/` between them.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |node, id| node.children.iter().find(|child| child.id.as_str() == id))
    }

    fn draw(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        match &self.process {
            Some(process) if process.is_alive() => {
                write!(f, "{} {}", self.id, process.pid())?;
                if let Some(statistics) = &self.statistics {
                    statistics.draw(f)?;
                }
            }
            _ => write!(f, "{} (not running)", self.id)?,
        }
        if self.restarts > 0 {
            write!(f, "  {} restarts", self.restarts)?;
        }
        if let Some(reason) = &self.last_exit {
            write!(f, "  last: {reason}")?;
        }
        if let Some(due) = self.due {
            write!(f, "  restarting at {due:.1?}")?;
        }
        writeln!(f)?;
        for (number, child) in self.children.iter().enumerate() {
            let last = number + 1 == self.children.len();
            write!(f, "{indent}{}", if last { "`- " } else { "|- " })?;
            child.draw(f, &format!("{indent}{}", if last { "   " } else { "|  " }))?;
        }
        Ok(())
    }
}

/// A drawing for people, a line a child.
impl fmt::Display for TreeNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.draw(f, "")
    }
}
