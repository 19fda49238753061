//! The life of a node, as whoever looks at it from outside sees it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// A phase in the life of a node. It goes from one to a later one, never back; phases may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Its tree is being started: not everything listens yet.
    Starting,
    /// Everything listens.
    Serving,
    /// A drain was asked for at the admin port, and whoever runs the node is about to begin it.
    DrainAsked,
    /// Its listeners are closed or about to be, and its connections may finish.
    Draining,
    /// Its tree has ended, and nothing listens.
    Ended,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 5] = [Self::Starting, Self::Serving, Self::DrainAsked, Self::Draining, Self::Ended];
}

/// A word for people.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::DrainAsked => "asked to drain",
            Self::Draining => "draining",
            Self::Ended => "ended",
        })
    }
}

/// The life of one node. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Lifecycle(Arc<watch::Sender<Phase>>);

impl Lifecycle {
    /// A life that begins.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Starting)))
    }

    /// Where it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Goes on to `next`; does nothing if it is there already, or further.
    pub fn enter(&self, next: Phase) {
        self.0.send_if_modified(|phase| {
            let forward = *phase < next;
            *phase = next.max(*phase);
            forward
        });
    }

    /// Waits until it is in `phase` or a later one. Cancel safe.
    pub async fn reached(&self, phase: Phase) {
        let mut life = self.0.subscribe();
        // Cannot fail: the sender is ours, for as long as this waits.
        let _ = life.wait_for(|now| *now >= phase).await;
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_goes_forward_only() {
        let life = Lifecycle::new();
        for (number, phase) in Phase::ALL.into_iter().enumerate() {
            life.enter(phase);
            for earlier in &Phase::ALL[..number] {
                life.enter(*earlier);
                assert_eq!(life.phase(), phase, "never back to {earlier}");
            }
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_a_phase_is_content_with_a_later_one() {
        let life = Lifecycle::new();
        let (asked, ()) = tokio::join!(
            async {
                life.reached(Phase::DrainAsked).await;
                life.phase()
            },
            async { life.enter(Phase::Draining) }
        );
        assert_eq!(asked, Phase::Draining);
    }
}
