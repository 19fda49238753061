//! Exit signals: sent, trapped, and passed on by links.

use std::sync::Arc;

use super::{Control, Object, Signal, State, Trap};
use crate::process::state::Rare;
use crate::process::thread;
use crate::{ExitReason, Pid};

impl Control {
    /// An exit signal sent by `from` (OTP-148 to OTP-152): a message if it traps them, else its end, but for `normal`
    /// from somebody else. `Kill` cannot be trapped.
    pub(crate) fn exit_signal(&self, from: Option<Pid>, reason: ExitReason) {
        if reason == ExitReason::Kill {
            return self.signal(Signal::Exit(ExitReason::Killed));
        }
        if self.node.watch().has_abandoned() && thread::is_abandoned() {
            return;
        }
        if self.heed(&mut self.state.lock(), from, reason) {
            self.wake();
        }
    }

    /// A process it is linked to has ended. If the link was taken away meanwhile, nothing happens.
    ///
    /// Under one lock with [`remove_link`](Self::remove_link), which is what OTP's unlink ids are for: when an unlink
    /// has returned, the exit signal was heard before it, or never will be (OTP-155).
    pub(super) fn link_broke(&self, from: Pid, reason: &ExitReason) {
        let (broken, woken) = {
            let mut state = self.state.lock();
            let Some(broken) = state.rare_mut().and_then(|rare| rare.links.remove(&from)) else { return };
            (broken, self.heed(&mut state, Some(from), reason.clone()))
        };
        drop(broken);
        if woken {
            self.wake();
        }
    }

    /// Hears an exit signal; whether it must be woken for it.
    fn heed(&self, state: &mut State, from: Option<Pid>, reason: ExitReason) -> bool {
        if let Some(Rare { trap: Some(trap), manners, .. }) = state.rare() {
            // The end of whoever started it is no message, even trapped: it ends in good order, whatever the reason
            // (OTP-181).
            let parent = manners.as_ref().and_then(|manners| manners.parent);
            if parent.is_some() && parent == from {
                return self.enqueue(state, Signal::Stop(reason));
            }
            // A stranger that is no process has no pid; whoever traps wants to see some.
            trap(from.unwrap_or(self.pid), reason);
            return false;
        }
        if reason != ExitReason::Normal || from == Some(self.pid) {
            return self.enqueue(state, Signal::Exit(reason));
        }
        false
    }

    /// Links it to `child`, which it has just started: if that has ended already, the true reason is heard (OTP-156).
    pub(crate) fn link_newborn(parent: &Arc<dyn Object>, child: &Arc<dyn Object>) {
        let (above, below) = (parent.control(), child.control());
        below.with_manners(|manners| manners.parent = Some(above.pid));
        if !below.add_link(parent) {
            above.exit_signal(Some(below.pid), below.reason().unwrap_or(ExitReason::NoProc));
        } else if !above.add_link(child) && below.remove_link(above.pid) {
            below.exit_signal(Some(above.pid), ExitReason::NoProc);
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
