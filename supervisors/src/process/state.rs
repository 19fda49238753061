//! What is told and kept about a process while it lives: why it is to end, who wants to hear of it.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::cell::{ExitListener, Name, Object, Signal};
use super::manners::Manners;
use crate::{ExitReason, Pid};

/// The part of a process that is looked at under its lock. What most processes never have is kept apart, so that a
/// process of a million costs only what it uses.
#[derive(Default)]
pub(super) struct State {
    /// Set once: it is dead.
    pub(super) reason: Option<ExitReason>,
    pub(super) listener: Option<Arc<dyn ExitListener>>,
    pub(super) names: Names,
    pub(super) orphaned: bool,
    rare: Option<Box<Rare>>,
}

/// What most processes never have.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) signals: Vec<Signal>,
    /// What it will say when it ends by itself: what it was asked to stop with, or what it chose.
    pub(super) exit_as: Option<ExitReason>,
    pub(super) watchers: Vec<Watcher>,
    next_watcher: u64,
    /// Those it is linked to (OTP-154: each once).
    pub(super) links: BTreeMap<Pid, Linked>,
    /// What becomes of exit signals if it traps them.
    pub(super) trap: Option<Trap>,
    pub(super) annex: Option<Arc<dyn Any + Send + Sync>>,
    pub(super) manners: Option<Box<Manners>>,
    /// What is done in its stead, on another thread, if its own is abandoned.
    pub(super) on_abandon: Vec<OnAbandon>,
    /// Messages its mailbox refused or dropped since that was said, and when it was said last.
    pub(super) refused: u64,
    /// Messages refused and dropped in all its life.
    pub(super) refused_ever: u64,
    pub(super) dropped_ever: u64,
    pub(super) refused_said: Option<Duration>,
}

/// Lets go of something in the stead of a process that cannot.
pub(crate) type OnAbandon = Box<dyn FnOnce() + Send>;

/// The other end of a link.
pub(super) struct Linked {
    pub(super) object: Arc<dyn Object>,
    /// Linked when a signal that ends this process was on its way: to whoever did so it was dead already.
    pub(super) late: bool,
}

/// Puts an exit signal into the mailbox of a process that traps them; with `None` in place of the sender, it is from its
/// parent, and what is put there ends it in good order.
pub(crate) type Trap = Box<dyn Fn(Option<Pid>, ExitReason) + Send>;

/// What a monitor does when its process ends.
pub(super) type Tell = Box<dyn FnOnce(Pid, &ExitReason) + Send>;

pub(super) struct Watcher {
    pub(super) id: u64,
    pub(super) tell: Told,
}

pub(super) enum Told {
    Wake(Waker),
    Call(Tell),
}

/// Most processes have no name or one.
#[derive(Default)]
pub(super) enum Names {
    #[default]
    None,
    One(Arc<dyn Name>),
    Many(Vec<Arc<dyn Name>>),
}

impl State {
    /// What of the rare things it has, if any.
    pub(super) fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    /// The same, to be changed, if there is any.
    pub(super) fn rare_mut(&mut self) -> Option<&mut Rare> {
        self.rare.as_deref_mut()
    }

    /// Room for what is rare.
    pub(super) fn make_rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Whether an exit signal is on its way that ends it: whoever links or monitors it now does so behind that signal,
    /// and finds nobody (OTP-153, OTP-161, OTP-164).
    pub(super) fn is_ending(&self) -> bool {
        self.rare().is_some_and(|rare| rare.signals.iter().any(|signal| matches!(signal, Signal::Exit(_))))
    }

    pub(super) fn add_watcher(&mut self, tell: Told) -> u64 {
        let rare = self.make_rare();
        rare.next_watcher += 1;
        rare.watchers.push(Watcher { id: rare.next_watcher, tell });
        rare.next_watcher
    }
}

impl Names {
    pub(super) fn add(&mut self, name: Arc<dyn Name>) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(name),
            Self::One(first) => Self::Many(vec![first, name]),
            Self::Many(mut names) => {
                names.push(name);
                Self::Many(names)
            }
        };
    }

    pub(super) fn remove(&mut self, name: &Arc<dyn Name>) {
        match self {
            Self::One(one) if Arc::ptr_eq(one, name) => *self = Self::None,
            Self::Many(names) => names.retain(|other| !Arc::ptr_eq(other, name)),
            Self::None | Self::One(_) => {}
        }
    }

    pub(super) fn free(self, pid: Pid) {
        match self {
            Self::None => {}
            Self::One(name) => name.free(pid),
            Self::Many(names) => names.into_iter().for_each(|name| name.free(pid)),
        }
    }
}
