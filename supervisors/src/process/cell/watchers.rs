//! Who is told when a process ends, besides its supervisor and those it is linked to.

use std::task::Waker;

use super::{Control, Tell};
use crate::ExitReason;
use crate::process::state::{Rare, Told};

impl Control {
    /// Whether an exit signal is on its way that ends it.
    pub(crate) fn is_ending(&self) -> bool {
        if !self.is_signalled() {
            return false;
        }
        let state = self.state.lock();
        state.reason.is_none() && state.is_ending()
    }

    /// Calls `tell` at death; at once, with the true reason, if it is dead already.
    pub(crate) fn watch(&self, tell: Tell) -> Option<u64> {
        let mut state = self.state.lock();
        if let Some(reason) = state.reason.clone() {
            drop(state);
            tell(self.pid, &reason);
            return None;
        }
        Some(state.add_watcher(Told::Call(tell)))
    }

    /// Wakes `waker` at death, or says that it is dead. `id` names an earlier registration to be replaced.
    pub(in crate::process) fn wake_on_exit(&self, id: &mut Option<u64>, waker: &Waker) -> Option<ExitReason> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.reason {
            return Some(reason.clone());
        }
        if let Some(id) = *id
            && let Some(rare) = state.rare_mut()
            && let Some(watcher) = rare.watchers.iter_mut().find(|watcher| watcher.id == id)
        {
            watcher.tell = Told::Wake(waker.clone());
            return None;
        }
        *id = Some(state.add_watcher(Told::Wake(waker.clone())));
        None
    }

    /// Forgets a watcher; `false` if it was told already.
    pub(crate) fn unwatch(&self, id: u64) -> bool {
        let mut state = self.state.lock();
        let Some(Rare { watchers, .. }) = state.rare_mut() else { return false };
        let before = watchers.len();
        watchers.retain(|watcher| watcher.id != id);
        watchers.len() < before
    }
}
