//! A process started with more than one wish at once.

use std::fmt;
use std::sync::Arc;

use actix::{Actor, Context, Handler};

use crate::process::{Cell, Control, Object};
use crate::reference::Slot;
use crate::{Down, MAILBOX_BOUND, Monitor, Node, Overflow, Process, Ref, RegisterError, this_process};

/// How a process is to be started by [`Node::spawn_opt`]: linked, monitored, named, bounded, all before it first runs.
#[must_use]
pub struct SpawnOptions {
    link: bool,
    name: Option<Arc<str>>,
    mailbox: usize,
    overflow: Overflow,
    monitor: Option<Watch>,
}

type Watch = Box<dyn FnOnce(&Process) -> Monitor>;

/// What [`Node::spawn_opt`] has started.
#[derive(Debug)]
#[non_exhaustive]
pub struct Spawned<A: Actor> {
    /// The process, by its name if it was given one.
    pub reference: Ref<A>,
    /// The monitor, if one was asked for.
    pub monitor: Option<Monitor>,
}

impl Default for SpawnOptions {
    fn default() -> Self {
        Self { link: false, name: None, mailbox: MAILBOX_BOUND, overflow: Overflow::Refuse, monitor: None }
    }
}

impl SpawnOptions {
    /// As [`Node::spawn`] does: no link, no monitor, no name, [`MAILBOX_BOUND`] messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Links it to the process whose turn it is, if any.
    pub fn link(mut self) -> Self {
        self.link = true;
        self
    }

    /// Has `watcher` told when it ends.
    pub fn monitored_by<W>(mut self, watcher: &Ref<W>) -> Self
    where
        W: Actor<Context = Context<W>> + Handler<Down>,
    {
        let watcher = watcher.clone();
        self.monitor = Some(Box::new(move |process| process.monitor(&watcher)));
        self
    }

    /// Registers it.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Bounds its mailbox.
    pub fn mailbox(mut self, bound: usize) -> Self {
        self.mailbox = bound;
        self
    }

    /// Sets what becomes of a message that comes while its mailbox is full. Default [`Overflow::Refuse`].
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }
}

impl Node {
    /// [`spawn`](Self::spawn), with all that can be asked for in one go (OTP `spawn_opt`).
    ///
    /// # Errors
    /// If somebody has the name; the actor is dropped without ever having run, and no exit signal or `Down` comes
    /// (OTP-185).
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    pub fn spawn_opt<A: Actor<Context = Context<A>>>(
        &self,
        actor: A,
        options: SpawnOptions,
    ) -> Result<Spawned<A>, RegisterError> {
        let cell = Cell::with_overflow(self.clone(), options.mailbox, options.overflow);
        let reference = match &options.name {
            Some(name) => {
                self.registry().register(name, &cell)?;
                self.named(name)?
            }
            None => {
                let slot = Slot::new();
                // A new slot is empty: this cannot fail.
                let _ = slot.fill(&cell);
                Ref::new(slot)
            }
        };
        let object = Arc::clone(&cell) as Arc<dyn Object>;
        if let Some(parent) = this_process().filter(|_| options.link) {
            Control::link_newborn(&parent.0, &object);
        }
        let monitor = options.monitor.map(|watch| watch(&Process(object)));
        self.run(actor, cell);
        Ok(Spawned { reference, monitor })
    }
}

impl fmt::Debug for SpawnOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnOptions")
            .field("link", &self.link)
            .field("name", &self.name)
            .field("mailbox", &self.mailbox)
            .field("overflow", &self.overflow)
            .field("monitor", &self.monitor.is_some())
            .finish()
    }
}
