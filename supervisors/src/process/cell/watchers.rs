//! Who is told when a process ends, besides its supervisor and those it is linked to.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::{Control, Object, Tell};
use crate::process::state::{OnAbandon, Rare, Told};
use crate::{Event, ExitReason, Subject};

/// How often the refusals of one mailbox are said at most: a reader of a log wants to know that it goes on, not how
/// fast.
const SAID_EVERY: Duration = Duration::from_secs(1);

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

    /// Adds what is to be done in its stead if its thread is abandoned.
    pub(crate) fn add_on_abandon(&self, action: OnAbandon) {
        let mut state = self.state.lock();
        if state.reason.is_none() {
            state.make_rare().on_abandon.push(action);
        }
    }

    pub(crate) fn take_on_abandon(&self) -> Vec<OnAbandon> {
        self.state.lock().rare_mut().map(|rare| std::mem::take(&mut rare.on_abandon)).unwrap_or_default()
    }

    /// Its mailbox has refused a message, or dropped one by its policy. Said now and then, with how many it were.
    #[cold]
    pub(crate) fn lost(&self, process: &Arc<dyn Object>, told: bool) {
        let now = self.node.now();
        let refused = {
            let mut state = self.state.lock();
            let rare = state.make_rare();
            rare.refused += 1;
            *(if told { &mut rare.refused_ever } else { &mut rare.dropped_ever }) += 1;
            if rare.refused_said.is_some_and(|said| now.saturating_sub(said) < SAID_EVERY) {
                return;
            }
            rare.refused_said = Some(now);
            std::mem::take(&mut rare.refused)
        };
        self.node.report(|| Event::Overloaded {
            who: Subject::of(process),
            refused,
            waiting: self.mailbox_len(),
        });
    }

    /// How many messages its mailbox has refused and dropped so far.
    pub(in crate::process) fn losses(&self) -> (u64, u64) {
        self.state.lock().rare().map_or((0, 0), |rare| (rare.refused_ever, rare.dropped_ever))
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
