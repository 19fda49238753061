//! Names of processes.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Actor, Context};
use parking_lot::Mutex;

use crate::process::Cell;
use crate::reference::Slot;
use crate::{Process, Ref};

/// Why a name could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Somebody has it (OTP-185, OTP-186).
    #[error("the name {name} is taken by {holder:?}")]
    Taken {
        /// The name.
        name: Arc<str>,
        /// Who has it.
        holder: Process,
    },
    /// The process to be named has ended (OTP-186).
    #[error("the process to be named {name} has ended")]
    Dead {
        /// The name.
        name: Arc<str>,
    },
    /// Nobody has it (OTP-186).
    #[error("nobody is registered as {name}")]
    Unknown {
        /// The name.
        name: Arc<str>,
    },
    /// It is held open, by a `Ref`, for an actor of another type.
    #[error("the name {name} belongs to an actor of another type")]
    OtherType {
        /// The name.
        name: Arc<str>,
    },
}

/// The names of one node: typed, each free again before anyone hears of its holder's death (OTP-187).
pub(crate) struct Registry(Mutex<Names>);

#[derive(Default)]
struct Names {
    slots: BTreeMap<Arc<str>, Entry>,
    /// Sweep out what nobody holds any more once there are this many.
    sweep_at: usize,
}

struct Entry {
    actor: TypeId,
    slot: Arc<dyn Any + Send + Sync>,
    process: fn(&(dyn Any + Send + Sync)) -> Option<Process>,
    vacate: fn(Arc<dyn Any + Send + Sync>) -> bool,
}

const FIRST_SWEEP: usize = 64;

impl Registry {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Names { slots: BTreeMap::new(), sweep_at: FIRST_SWEEP }))
    }

    /// The slot of `name`, made if there is none.
    pub(crate) fn slot<A>(&self, name: &str) -> Result<Arc<Slot<A>>, RegisterError>
    where
        A: Actor<Context = Context<A>>,
    {
        let mut names = self.0.lock();
        names.sweep();
        if let Some(entry) = names.slots.get(name) {
            if let Ok(slot) = Arc::clone(&entry.slot).downcast::<Slot<A>>() {
                return Ok(slot);
            }
            if !entry.is_unused() {
                return Err(RegisterError::OtherType { name: name.into() });
            }
        }
        let slot = Slot::<A>::new();
        let entry = Entry {
            actor: TypeId::of::<A>(),
            slot: Arc::clone(&slot) as _,
            process: process_in::<A>,
            vacate: vacate::<A>,
        };
        names.slots.insert(name.into(), entry);
        Ok(slot)
    }

    pub(crate) fn register<A>(&self, name: &str, cell: &Arc<Cell<A>>) -> Result<(), RegisterError>
    where
        A: Actor<Context = Context<A>>,
    {
        self.slot(name)?.fill(cell).map_err(|holder| RegisterError::Taken { name: name.into(), holder })
    }

    pub(crate) fn unregister(&self, name: &str) -> Result<(), RegisterError> {
        let vacated = {
            let names = self.0.lock();
            names.slots.get(name).map(|entry| (Arc::clone(&entry.slot), entry.vacate))
        };
        let vacated = vacated.is_some_and(|(slot, vacate)| vacate(slot));
        if vacated { Ok(()) } else { Err(RegisterError::Unknown { name: name.into() }) }
    }

    pub(crate) fn whereis(&self, name: &str) -> Option<Process> {
        self.0.lock().slots.get(name).and_then(Entry::process)
    }

    pub(crate) fn find<A>(&self, name: &str) -> Option<Ref<A>>
    where
        A: Actor<Context = Context<A>>,
    {
        let names = self.0.lock();
        let entry = names.slots.get(name).filter(|entry| entry.actor == TypeId::of::<A>())?;
        entry.process()?;
        Arc::clone(&entry.slot).downcast::<Slot<A>>().ok().map(Ref::new)
    }

    pub(crate) fn names(&self) -> Vec<(Arc<str>, Process)> {
        let names = self.0.lock();
        names.slots.iter().filter_map(|(name, entry)| Some((Arc::clone(name), entry.process()?))).collect()
    }
}

fn process_in<A: Actor<Context = Context<A>>>(slot: &(dyn Any + Send + Sync)) -> Option<Process> {
    slot.downcast_ref::<Slot<A>>()?.current().map(|cell| Process(cell))
}

fn vacate<A: Actor<Context = Context<A>>>(slot: Arc<dyn Any + Send + Sync>) -> bool {
    slot.downcast::<Slot<A>>().is_ok_and(|slot| slot.vacate())
}

impl Entry {
    fn process(&self) -> Option<Process> {
        (self.process)(&*self.slot)
    }

    fn is_unused(&self) -> bool {
        Arc::strong_count(&self.slot) == 1 && self.process().is_none()
    }
}

impl Names {
    /// Names that no process has and no `Ref` waits for are forgotten, at a cost spread over the names added since.
    fn sweep(&mut self) {
        if self.slots.len() >= self.sweep_at {
            self.slots.retain(|_, entry| !entry.is_unused());
            self.sweep_at = FIRST_SWEEP.max(self.slots.len() * 2);
        }
    }
}
