//! How whoever is held up by a fault goes on when it is lifted.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Semaphore;

/// Shared by a guard and those whom its fault holds up.
pub(crate) struct Lift {
    lifted: Mutex<bool>,
    blocked: Condvar,
    /// Never has a permit; closed when the fault is lifted.
    waiting: Semaphore,
}

impl Default for Lift {
    fn default() -> Self {
        Self { lifted: Mutex::new(false), blocked: Condvar::new(), waiting: Semaphore::new(0) }
    }
}

impl Lift {
    pub(super) fn lift(&self) {
        *self.lifted.lock() = true;
        self.blocked.notify_all();
        self.waiting.close();
    }

    /// Blocks this thread for `time` of the real clock, or until the fault is lifted.
    pub(crate) fn block(&self, time: Duration) {
        let mut lifted = self.lifted.lock();
        self.blocked.wait_while_for(&mut lifted, |lifted| !*lifted, time);
    }

    /// Waits for `time` of tokio's clock, or until the fault is lifted. Cancel safe.
    pub(crate) async fn wait(&self, time: Duration) {
        let _ = tokio::time::timeout(time, self.waiting.acquire()).await;
    }
}
