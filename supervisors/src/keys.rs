//! A registry of processes under keys of any type, one or many a key.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::process::Name;
use crate::{Node, Pid, Process, this_process};

/// Entries a registry holds unless told otherwise: 2^20, as many as a mailbox holds messages. One that registers without
/// end should be refused before it is the memory of the whole program.
const BOUND: usize = 1 << 20;

/// Processes under keys, each with a value (Elixir's `Registry`, OTP-200 to OTP-203).
///
/// A process registers itself, and only itself; its entries go when it ends, before anybody hears of its end (OTP-187).
/// Cloning gives another handle to the same registry. For names that a [`Ref`](crate::Ref) resolves there is
/// [`Node::named`].
///
/// Under a *unique* registry a key has one process. Under a *duplicate* one it has many entries, also of one process: what
/// to send to all of them is in the values, which may be [`Port`](crate::Port)s.
///
/// ```
/// use actix::{Actor, Context};
/// use supervisors::{ContextExt, Node, Registry};
///
/// struct Listener(Registry<&'static str, u32>);
/// impl Actor for Listener {
///     type Context = Context<Self>;
///
///     fn started(&mut self, _: &mut Self::Context) {
///         self.0.register("news", 1).expect("there is room");
///         self.0.register("news", 2).expect("there is room");
///     }
/// }
///
/// # actix::run(async {
/// let node = Node::new();
/// let registry = Registry::duplicate(&node);
/// let listener = node.spawn(Listener(registry.clone()));
/// # actix::clock::sleep(std::time::Duration::from_millis(1)).await;
/// let values: Vec<_> = registry.lookup(&"news").iter().map(|entry| entry.value).collect();
/// assert_eq!(values, [1, 2]);
///
/// let process = listener.process().expect("it runs");
/// process.kill();
/// process.exited().await;
/// assert!(registry.is_empty());
/// # }).expect("it runs");
/// ```
pub struct Registry<K, V = ()>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    node: Node,
    unique: bool,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    bound: usize,
    count: usize,
    /// In the order of registration.
    by_key: BTreeMap<K, Vec<Entry<V>>>,
    /// The keys of each process that ever registered and lives, in the order of registration.
    by_pid: BTreeMap<Pid, Vec<K>>,
}

/// A process under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<V> {
    /// Who is registered.
    pub process: Process,
    /// What it added.
    pub value: V,
}

/// Why a process was not registered, or a value not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The key is unique, and this process has it, be it the same one (OTP-200).
    #[error("the key is registered already, by {0}")]
    AlreadyRegistered(Pid),
    /// Asked for outside any process: there is nobody to be registered (OTP-201).
    #[error("only a process can register, and only itself")]
    NotAProcess,
    /// The process belongs to another node than the registry.
    #[error("the process belongs to another node")]
    OtherNode,
    /// It was declared dead meanwhile.
    #[error("the process has ended")]
    Dead,
    /// The registry holds as many entries as it may.
    #[error("the registry is full")]
    Full,
    /// A value can be changed only under a unique key of one's own (OTP-203).
    #[error("the process has no unique key of that name")]
    NotRegistered,
}

impl<K: Ord + Clone + Send + 'static, V: Clone + Send + 'static> Registry<K, V> {
    /// A registry with one process a key.
    #[must_use]
    pub fn unique(node: &Node) -> Self {
        Self::new(node, true)
    }

    /// A registry with any number of entries a key.
    #[must_use]
    pub fn duplicate(node: &Node) -> Self {
        Self::new(node, false)
    }

    fn new(node: &Node, unique: bool) -> Self {
        let state = State { bound: BOUND, count: 0, by_key: BTreeMap::new(), by_pid: BTreeMap::new() };
        Self(Arc::new(Inner { node: node.clone(), unique, state: Mutex::new(state) }))
    }

    /// Refuses further entries while there are this many. Default 2^20.
    #[must_use]
    pub fn bounded(self, entries: usize) -> Self {
        self.0.state.lock().bound = entries;
        self
    }

    /// Registers the process whose turn it is.
    ///
    /// # Errors
    /// [`RegistryError::AlreadyRegistered`] under a unique key; [`RegistryError::NotAProcess`] outside any.
    pub fn register(&self, key: K, value: V) -> Result<(), RegistryError> {
        let process = this_process().ok_or(RegistryError::NotAProcess)?;
        if !process.node().is(&self.0.node) {
            return Err(RegistryError::OtherNode);
        }
        let pid = process.pid();
        let known = {
            let mut state = self.0.state.lock();
            if self.0.unique
                && let Some(holder) = state.by_key.get(&key).and_then(|entries| entries.first())
            {
                return Err(RegistryError::AlreadyRegistered(holder.process.pid()));
            }
            if state.count >= state.bound {
                return Err(RegistryError::Full);
            }
            state.count += 1;
            state.by_key.entry(key.clone()).or_default().push(Entry { process: process.clone(), value });
            let known = state.by_pid.contains_key(&pid);
            state.by_pid.entry(pid).or_default().push(key);
            known
        };
        // Once a process: one that registers and unregisters for ever holds the registry once.
        if !known && !process.0.control().hold(Arc::clone(&self.0) as Arc<dyn Name>) {
            // It died in between, and could not free what it did not hold yet.
            self.0.free(pid);
            return Err(RegistryError::Dead);
        }
        Ok(())
    }

    /// Removes all entries of the process whose turn it is under `key`; none is fine, and so is no process (OTP-200,
    /// OTP-201).
    pub fn unregister(&self, key: &K) {
        let Some(process) = this_process() else { return };
        let removed = self.0.state.lock().remove(process.pid(), key);
        drop(removed);
    }

    /// The entries under `key`, in the order of registration.
    #[must_use]
    pub fn lookup(&self, key: &K) -> Vec<Entry<V>> {
        self.0.state.lock().by_key.get(key).cloned().unwrap_or_default()
    }

    /// The process under a key: of several the first.
    #[must_use]
    pub fn whereis(&self, key: &K) -> Option<Process> {
        self.0.state.lock().by_key.get(key)?.first().map(|entry| entry.process.clone())
    }

    /// Hands all entries under `key` to `send`, here and now; does nothing if there are none (OTP-202).
    pub fn dispatch(&self, key: &K, send: impl FnOnce(Vec<Entry<V>>)) {
        let entries = self.lookup(key);
        if !entries.is_empty() {
            send(entries);
        }
    }

    /// The keys of a process, in the order of registration; one that it has several times, several times.
    #[must_use]
    pub fn keys(&self, process: &Process) -> Vec<K> {
        self.0.state.lock().by_pid.get(&process.pid()).cloned().unwrap_or_default()
    }

    /// Changes the value of the process whose turn it is under a unique key; gives the new value (OTP-203).
    ///
    /// # Errors
    /// [`RegistryError::NotRegistered`] if the key is not its own, or not unique.
    pub fn update_value(&self, key: &K, change: impl FnOnce(&V) -> V) -> Result<V, RegistryError> {
        let process = this_process().ok_or(RegistryError::NotAProcess)?;
        let mut state = self.0.state.lock();
        let entry = state.by_key.get_mut(key).and_then(|entries| entries.first_mut());
        let entry = entry.filter(|entry| self.0.unique && entry.process == process);
        let entry = entry.ok_or(RegistryError::NotRegistered)?;
        entry.value = change(&entry.value);
        Ok(entry.value.clone())
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.state.lock().count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Ord, V> State<K, V> {
    /// Takes a process's entries under one key out.
    fn remove(&mut self, pid: Pid, key: &K) -> Vec<Entry<V>> {
        if let Some(keys) = self.by_pid.get_mut(&pid) {
            keys.retain(|other| other != key);
        }
        self.take(pid, key)
    }

    fn take(&mut self, pid: Pid, key: &K) -> Vec<Entry<V>> {
        let Some(entries) = self.by_key.get_mut(key) else { return Vec::new() };
        let gone: Vec<_> = entries.extract_if(.., |entry| entry.process.pid() == pid).collect();
        self.count -= gone.len();
        if entries.is_empty() {
            self.by_key.remove(key);
        }
        gone
    }
}

impl<K: Ord + Send, V: Send> Name for Inner<K, V> {
    fn free(&self, pid: Pid) {
        let mut state = self.state.lock();
        let keys = state.by_pid.remove(&pid).unwrap_or_default();
        let gone: Vec<_> = keys.iter().flat_map(|key| state.take(pid, key)).collect();
        // Dropped outside the lock: a value may own anything.
        drop(state);
        drop((keys, gone));
    }
}

impl<K, V> Clone for Registry<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> fmt::Debug for Registry<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unique, entries) = (self.0.unique, self.0.state.lock().count);
        f.debug_struct("Registry").field("unique", &unique).field("entries", &entries).finish()
    }
}
