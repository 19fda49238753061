//! The limit of connections: permits that a connection's process owns, freed when it ends, however it ends.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections there may be at once. One limit may be shared by several listeners.
#[derive(Clone, Debug)]
pub struct Limit {
    permits: Arc<Semaphore>,
    most: usize,
}

/// The right to one connection; given back by drop.
#[derive(Debug)]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
}

impl Limit {
    /// At most `most` connections (at least 1, at most 2^61 or what a semaphore holds).
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(most)), most }
    }

    /// How many there may be.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// How many there are.
    #[must_use]
    pub fn used(&self) -> usize {
        self.most - self.permits.available_permits()
    }

    /// Waits for the right to one more. Fair: who waits longest comes first. Cancel safe.
    ///
    /// # Panics
    /// Never: the semaphore is not closed.
    pub async fn permit(&self) -> Permit {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        Permit { _permit: permit.expect("the semaphore is never closed") }
    }
}
