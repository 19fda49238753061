//! Exit signals: sent, trapped, and passed on by links.

use std::sync::Arc;

use super::{Control, Object, Signal, Trap};
use crate::process::state::Rare;
use crate::{ExitReason, Pid};

impl Control {
    /// An exit signal sent by `from` (OTP-148 to OTP-152): a message if it traps them, else its end, but for `normal`
    /// from somebody else. `Kill` cannot be trapped.
    pub(crate) fn exit_signal(&self, from: Option<Pid>, reason: ExitReason) {
        if reason == ExitReason::Kill {
            return self.signal(Signal::Exit(ExitReason::Killed));
        }
        self.heed(from, reason);
    }

    /// A process it is linked to has ended. If the link was taken away meanwhile, nothing happens (OTP-155).
    pub(super) fn link_broke(&self, from: Pid, reason: &ExitReason) {
        let was_linked = {
            let mut state = self.state.lock();
            state.rare_mut().is_some_and(|rare| rare.links.remove(&from).is_some())
        };
        if was_linked {
            self.heed(Some(from), reason.clone());
        }
    }

    fn heed(&self, from: Option<Pid>, reason: ExitReason) {
        let state = self.state.lock();
        if let Some(Rare { trap: Some(trap), .. }) = state.rare() {
            // A stranger that is no process has no pid; whoever traps wants to see some.
            return trap(from.unwrap_or(self.pid), reason);
        }
        drop(state);
        if reason != ExitReason::Normal || from == Some(self.pid) {
            self.signal(Signal::Exit(reason));
        }
    }

    /// From now on exit signals go to `trap`; or, with `None`, end the process again.
    pub(crate) fn set_trap(&self, trap: Option<Trap>) {
        let before = {
            let mut state = self.state.lock();
            if state.reason.is_some() { trap } else { std::mem::replace(&mut state.make_rare().trap, trap) }
        };
        drop(before);
    }

    pub(crate) fn traps(&self) -> bool {
        self.state.lock().rare().is_some_and(|rare| rare.trap.is_some())
    }

    /// Its half of a link; `false` if it is dead.
    pub(in crate::process) fn add_link(&self, to: &Arc<dyn Object>) -> bool {
        let mut state = self.state.lock();
        if state.reason.is_some() {
            return false;
        }
        state.make_rare().links.insert(to.control().pid, Arc::clone(to));
        true
    }

    pub(in crate::process) fn remove_link(&self, to: Pid) -> bool {
        let mut state = self.state.lock();
        state.rare_mut().is_some_and(|rare| rare.links.remove(&to).is_some())
    }

    /// Those it is linked to, in the order of their pids.
    pub(in crate::process) fn links(&self) -> Vec<Pid> {
        self.state.lock().rare().map(|rare| rare.links.keys().copied().collect()).unwrap_or_default()
    }
}
