//! What a history of a node's events must be, whatever happened. Pure functions of the history of one node's life.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::Broken;
use crate::supervisor::{ChildPid, Report, Restart, Who};
use crate::{Event, ExitReason, Pid};

/// All laws of this module.
#[must_use]
pub fn all<'a>(history: impl Iterator<Item = (Duration, &'a Event)> + Clone) -> Vec<Broken> {
    let mut broken = intensity_is_never_exceeded(history.clone());
    broken.extend(nothing_is_restarted_that_should_not_be(history.clone()));
    broken.extend(a_restart_counts_once(history.clone()));
    broken.extend(the_names_of_the_dead_are_free(history.clone()));
    broken.extend(nobody_lives_twice(history));
    broken
}

/// The path of the child `id` of the supervisor at `home`.
fn path_of(home: &str, id: &str) -> String {
    if home.is_empty() { id.to_owned() } else { format!("{home}/{id}") }
}

/// In no window of its period does a supervisor restart more often than its intensity, counted anew, not as it counts
/// itself (OTP-080); a new life of a supervisor begins with none.
#[must_use]
pub fn intensity_is_never_exceeded<'a>(history: impl Iterator<Item = (Duration, &'a Event)>) -> Vec<Broken> {
    const LAW: &str = "intensity is never exceeded";
    let mut restarts: BTreeMap<String, VecDeque<Duration>> = BTreeMap::new();
    let mut broken = Vec::new();
    for (at, event) in history {
        match event {
            // Of a supervisor whose own supervisor is gone, nobody reports the end; but its next life is told.
            Event::Exited { path, .. } => {
                restarts.remove(&path_of(&path.supervisor, path.child.as_str()));
            }
            Event::Report { supervisor, report: Report::Progress { child, .. } } => {
                restarts.remove(&path_of(supervisor, child.id.as_str()));
            }
            Event::Report { supervisor, report: Report::Restarting { attempt, .. } } => {
                let times = restarts.entry(supervisor.to_string()).or_default();
                times.push_back(at);
                while times.front().is_some_and(|first| at - *first > attempt.period) {
                    times.pop_front();
                }
                if times.len() > attempt.intensity as usize {
                    let (count, period) = (times.len(), attempt.period);
                    let how = format!(
                        "{supervisor:?} restarted {count} times in {period:?}, of {}",
                        attempt.intensity
                    );
                    broken.push(Broken { law: LAW, at, how });
                }
            }
            _ => {}
        }
    }
    broken
}

/// A supervisor counts each restart once, and gives up only after as many as it is allowed (OTP-080, OTP-086).
///
/// It counts by whole seconds of its own clock, the law by that of the history: what falls into the second at either end
/// of the window may or may not count.
#[must_use]
pub fn a_restart_counts_once<'a>(history: impl Iterator<Item = (Duration, &'a Event)>) -> Vec<Broken> {
    const LAW: &str = "a restart counts once";
    const SECOND: Duration = Duration::from_secs(1);
    let mut restarts: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    let mut allowed: BTreeMap<String, (u32, Duration)> = BTreeMap::new();
    let mut broken = Vec::new();
    for (at, event) in history {
        match event {
            Event::Exited { path, .. } => {
                restarts.remove(&path_of(&path.supervisor, path.child.as_str()));
            }
            Event::Report { supervisor, report: Report::Progress { child, .. } } => {
                restarts.remove(&path_of(supervisor, child.id.as_str()));
            }
            Event::Report { supervisor, report: Report::Restarting { attempt, .. } } => {
                let times = restarts.entry(supervisor.to_string()).or_default();
                times.push(at);
                times.retain(|time| at - *time <= attempt.period + SECOND);
                allowed.insert(supervisor.to_string(), (attempt.intensity, attempt.period));
                if attempt.number as usize > times.len() {
                    let how = format!("{supervisor:?} says {attempt}, and it is the {}.", times.len());
                    broken.push(Broken { law: LAW, at, how });
                }
            }
            Event::Report { supervisor, report: Report::ReachedMaxIntensity { .. } } => {
                let Some((intensity, period)) = allowed.get(&**supervisor) else { continue };
                let times = restarts.get(&**supervisor).map(Vec::as_slice).unwrap_or_default();
                let count = times.iter().filter(|time| at - **time <= *period + SECOND).count();
                if count < *intensity as usize {
                    let how = format!(
                        "{supervisor:?} gave up after {count} restarts in {period:?}, of {intensity}"
                    );
                    broken.push(Broken { law: LAW, at, how });
                }
            }
            _ => {}
        }
    }
    broken
}

/// Nobody is refused a name or place because a dead process has it (OTP-187).
#[must_use]
pub fn the_names_of_the_dead_are_free<'a>(
    history: impl Iterator<Item = (Duration, &'a Event)>,
) -> Vec<Broken> {
    const LAW: &str = "the names of the dead are free";
    let mut dead: BTreeSet<Pid> = BTreeSet::new();
    let mut broken = Vec::new();
    for (at, event) in history {
        match event {
            Event::Exited { pid, .. } => {
                dead.insert(*pid);
            }
            Event::Report { supervisor, report: Report::StartError { child, reason } } => {
                if let ExitReason::AlreadyStarted(holder) = reason
                    && dead.contains(holder)
                {
                    let how = format!(
                        "{} was not started because of {holder}",
                        path_of(supervisor, child.id.as_str())
                    );
                    broken.push(Broken { law: LAW, at, how });
                }
            }
            _ => {}
        }
    }
    broken
}

/// A temporary child is never restarted (OTP-065).
#[must_use]
pub fn nothing_is_restarted_that_should_not_be<'a>(
    history: impl Iterator<Item = (Duration, &'a Event)>,
) -> Vec<Broken> {
    const LAW: &str = "nothing is restarted that should not be";
    history
        .filter_map(|(at, event)| match event {
            Event::Report { supervisor, report: Report::Restarting { child, .. } }
                if child.restart == Restart::Temporary =>
            {
                let how = format!("the temporary {}", path_of(supervisor, child.id.as_str()));
                Some(Broken { law: LAW, at, how })
            }
            _ => None,
        })
        .collect()
}

/// A child that is not temporary starts only when its life before is over, and nobody dies twice.
#[must_use]
pub fn nobody_lives_twice<'a>(history: impl Iterator<Item = (Duration, &'a Event)>) -> Vec<Broken> {
    const LAW: &str = "nobody lives twice";
    let mut living: BTreeMap<String, Pid> = BTreeMap::new();
    let mut dead: BTreeSet<Pid> = BTreeSet::new();
    let mut broken = Vec::new();
    for (at, event) in history {
        match event {
            Event::Exited { path, pid, .. } => {
                let path = path_of(&path.supervisor, path.child.as_str());
                // Whoever was below it had a supervisor that is gone, and so nobody to tell of its end.
                let below = format!("{path}/");
                living.retain(|other, life| !other.starts_with(&below) && (*other != path || *life != *pid));
                if !dead.insert(*pid) {
                    broken.push(Broken { law: LAW, at, how: format!("{path} {pid} died twice") });
                }
            }
            Event::Report { supervisor, report: Report::Progress { child, .. } }
                if child.restart != Restart::Temporary =>
            {
                let Who::Child(ChildPid::Running(pid)) = child.who else { continue };
                let path = path_of(supervisor, child.id.as_str());
                if let Some(before) = living.insert(path.clone(), pid) {
                    broken.push(Broken { law: LAW, at, how: format!("{path} {pid} while {before} lives") });
                }
            }
            _ => {}
        }
    }
    broken
}

#[cfg(test)]
mod tests;
