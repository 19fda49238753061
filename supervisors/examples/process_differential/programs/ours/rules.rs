//! Which rules a step has reached, as far as it shows in who died of it.

use supervisors::{ExitReason, Pid, Process};

use super::Shared;
use super::terms::term;

/// A process as it was before a step.
pub(super) struct Before {
    process: Process,
    traps: bool,
    links: Vec<Pid>,
    parent: Option<Pid>,
    plain: bool,
}

impl Shared {
    /// Those that live.
    pub(super) fn snapshot(&self) -> Vec<Before> {
        let lives = self.lives.lock();
        let living = lives.all.values().filter(|life| life.process.is_alive());
        let before = living.map(|life| Before {
            process: life.process.clone(),
            traps: life.process.traps_exits(),
            links: life.process.links(),
            parent: life.parent,
            plain: life.plain,
        });
        before.collect()
    }

    /// Tells of the deaths since `before`, and counts what they have reached.
    pub(super) fn deaths(&self, before: &[Before]) {
        for (label, reason) in self.bury() {
            self.write(format!("{label} {label} died {}", term(&reason)));
        }
        for died in before {
            let Some(reason) = died.process.exit_reason() else { continue };
            if !died.plain && reason == ExitReason::Killed {
                self.hit(172);
            }
            for peer in before.iter().filter(|peer| died.links.contains(&peer.process.pid())) {
                self.hit(148);
                match reason {
                    ExitReason::Killed => self.hit(149),
                    ExitReason::Kill => self.hit(150),
                    _ => {}
                }
                if peer.parent == Some(died.process.pid()) {
                    self.hit(181);
                } else if peer.traps && !peer.plain {
                    self.hit(182);
                }
            }
        }
    }

    /// Those who have lived and ended since it was asked last.
    fn bury(&self) -> Vec<(String, ExitReason)> {
        let mut lives = self.lives.lock();
        let dead = lives.all.iter().filter_map(|(pid, life)| Some((*pid, life.process.exit_reason()?)));
        let new: Vec<_> =
            dead.filter(|(pid, _)| lives.ran.contains(pid) && !lives.buried.contains(pid)).collect();
        lives.buried.extend(new.iter().map(|(pid, _)| *pid));
        new.into_iter().map(|(pid, reason)| (lives.labels[&pid].clone(), reason)).collect()
    }
}
