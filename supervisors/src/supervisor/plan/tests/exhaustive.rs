//! Every small supervisor through every short history: a search breadth first over all states that can be
//! reached, each visited once, with the laws asked in each.
//!
//! Trees: up to 3 children, all strategies, all restart types, all of automatic shutdown with every choice of
//! significant children, intensity 1. Shutdown values do not lead to different states, only to different reports
//! (see `stopping.rs`); children take turns with them. A step is one happening of [`World::next`]. Up to 2
//! children a turn of the supervisor is a step of its own, so that any two messages pile up in either order;
//! with 3 the supervisor comes to rest after each step.

use std::collections::BTreeSet;
use std::time::Duration;

use super::laws::Before;
use super::rig::{Mail, Rig, Script, boom};
use crate::exit::ExitReason;
use crate::supervisor::{
    AutoShutdown, Backoff, ChildPid, ChildPolicy, ChildRef, Flags, Restart, Shutdown, Strategy,
};

const NAMES: [&str; 3] = ["a", "b", "c"];
const PERIOD: u64 = 1;

#[derive(Clone)]
struct World {
    rig: Rig,
    /// Whether the supervisor takes all mail after each step.
    rests: bool,
}

impl World {
    /// Every world one step from here.
    fn next(&self) -> Vec<Self> {
        let mut worlds = Vec::new();
        let mut then = |step: &dyn Fn(&mut Rig)| {
            let mut world = self.clone();
            step(&mut world.rig);
            while self.rests && !world.rig.mailbox.is_empty() {
                turn(&mut world.rig);
            }
            worlds.push(world);
        };
        if self.rig.exit.is_some() {
            return worlds;
        }
        if !self.rig.mailbox.is_empty() {
            then(&|rig| turn(rig));
        }
        if self.rig.plan.window.seconds().len() > 0 {
            then(&|rig| rig.now += Duration::from_secs(PERIOD + 1));
        }
        // Two messages at once are enough to have any pair in either order.
        if self.rig.mailbox.len() > 1 {
            return worlds;
        }
        if !self.rig.pauses.is_empty() {
            then(&|rig| _ = rig.pause_ends());
        }
        then(&|rig| rig.mailbox.push_back(Mail::Parent(ExitReason::Normal)));
        let spare = ["d"].map(|id| ChildPolicy::worker(id).restart(Restart::Transient));
        if self.rig.plan.keys().count() < 3 {
            let [spare] = spare;
            then(&|rig| rig.mailbox.push_back(Mail::StartChild(spare.clone())));
        }
        for name in NAMES {
            if self.rig.pid(name).is_some() {
                for reason in [boom(), ExitReason::Normal] {
                    then(&|rig| rig.dies(name, reason.clone()));
                }
            }
            if self.rig.plan.find(&name.into()).is_none() {
                continue;
            }
            then(&|rig| rig.mailbox.push_back(Mail::Terminate(name.into())));
            then(&|rig| rig.mailbox.push_back(Mail::Restart(name.into())));
            then(&|rig| rig.mailbox.push_back(Mail::Delete(name.into())));
            if self.rig.starts.values().all(std::collections::VecDeque::is_empty) {
                then(&|rig| rig.script(name, [Script::Fail(boom())]));
                then(&|rig| rig.script(name, [Script::Ignore]));
            }
        }
        worlds
    }

    /// What tells this state from others, pids and absolute time aside.
    fn key(&self) -> Vec<u8> {
        let rig = &self.rig;
        let mut key = vec![u8::from(rig.exit.is_some())];
        for at in rig.plan.keys() {
            let policy = rig.plan.policy(at);
            key.extend([
                policy.id.as_str().as_bytes()[0],
                policy.restart as u8,
                u8::from(policy.significant),
            ]);
            key.push(match rig.plan.table.pid(at) {
                ChildPid::Undefined => 0,
                ChildPid::Restarting(None) => 1,
                ChildPid::Restarting(Some(_)) => 2,
                ChildPid::Running(pid) => 3 + u8::from(rig.alive.contains_key(&pid)),
            });
        }
        for mail in &rig.mailbox {
            key.extend(match mail {
                Mail::Exit(pid, reason) => {
                    let child = rig.plan.table.find_running(*pid);
                    let id = child.map_or(0, |at| rig.plan.policy(at).id.as_str().as_bytes()[0]);
                    [100, id, u8::from(reason.is_clean())]
                }
                Mail::Retry(child) => [101, named(child), 0],
                Mail::PauseOver(child, _) => [107, named(child), 0],
                Mail::Parent(_) => [102, 0, 0],
                Mail::StartChild(policy) => [103, policy.id.as_str().as_bytes()[0], 0],
                Mail::Terminate(child) => [104, named(child), 0],
                Mail::Restart(child) => [105, named(child), 0],
                Mail::Delete(child) => [106, named(child), 0],
            });
        }
        for (id, script) in &rig.starts {
            for script in script {
                key.extend([200, id.as_str().as_bytes()[0], u8::from(matches!(script, Script::Ignore))]);
            }
        }
        for at in rig.plan.keys() {
            let waits =
                u8::from(rig.plan.backoffs.due(at).is_some()) + 2 * u8::from(rig.pauses.contains_key(&at));
            key.extend([220, waits, rig.plan.backoffs.restarts(at).min(2) as u8]);
        }
        for (second, count) in rig.plan.window.seconds() {
            let age = (rig.now.as_secs() - second).min(PERIOD + 1);
            key.extend([210, age as u8, count as u8]);
        }
        key
    }
}

fn named(child: &ChildRef) -> u8 {
    match child {
        ChildRef::Id(id) => id.as_str().as_bytes()[0],
        ChildRef::Pid(_) | ChildRef::Process(_) => 0,
    }
}

/// One turn of the supervisor, by the laws; what was traced is not kept, so that worlds stay small.
fn turn(rig: &mut Rig) {
    let before = Before::new(rig);
    rig.step();
    before.check(rig);
    let announced = rig.trace.iter().filter_map(|line| line.split_once(": attempt "));
    for (_, attempt) in announced {
        assert!(attempt.starts_with("1 of 1"), "intensity exceeded: {:?}", rig.trace);
    }
    let ended = rig.trace.iter().any(|line| line.starts_with("exit: "));
    assert_eq!(ended, rig.exit.is_some());
    rig.trace.clear();
    rig.reports.clear();
    rig.replies.clear();
}

/// All flags with all choices of `n` children.
fn trees(n: usize) -> Vec<(Flags, Vec<ChildPolicy>)> {
    let mut trees = Vec::new();
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        for auto in [AutoShutdown::Never, AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
            let flags = Flags::new(strategy).auto_shutdown(auto).intensity(1, Duration::from_secs(PERIOD));
            let mut lists = vec![Vec::new()];
            for at in 0..n {
                lists = lists
                    .into_iter()
                    .flat_map(|list: Vec<_>| {
                        child_choices(at, auto).into_iter().map(move |child| {
                            let mut list = list.clone();
                            list.push(child);
                            list
                        })
                    })
                    .collect();
            }
            trees.extend(lists.into_iter().map(|list| (flags, list)));
        }
    }
    // The small ones once more, with a pause before each restart.
    let small = |flags: &Flags| n < 2 || (n == 2 && flags.auto_shutdown == AutoShutdown::Never);
    let pausing: Vec<_> = trees
        .iter()
        .filter(|(flags, _)| small(flags))
        .map(|(flags, list)| {
            let backoff = Backoff::new().jitter(0);
            (*flags, list.iter().cloned().map(|child| child.backoff(backoff)).collect())
        })
        .collect();
    trees.extend(pausing);
    trees
}

fn child_choices(at: usize, auto: AutoShutdown) -> Vec<ChildPolicy> {
    let shutdown = [Shutdown::Brutal, Shutdown::Timeout(Duration::from_secs(5)), Shutdown::Infinity][at];
    let restarts = [Restart::Permanent, Restart::Transient, Restart::Temporary];
    let plain = restarts.map(|restart| ChildPolicy::worker(NAMES[at]).restart(restart).shutdown(shutdown));
    let significant = plain.clone().map(ChildPolicy::significant);
    plain.into_iter().chain(significant).filter(|child| child.check(Some(auto)).is_ok()).collect()
}

/// How many states a search of every tree of `n` children visits in `depth` steps.
fn search(n: usize, depth: usize) -> (usize, usize) {
    let trees = trees(n);
    let mut states = 0;
    for (flags, children) in &trees {
        let first = World { rig: Rig::start(*flags, children.clone()), rests: n > 2 };
        let mut seen = BTreeSet::from([first.key()]);
        let mut edge = vec![first];
        for _ in 0..depth {
            let mut next = Vec::new();
            for world in edge.iter().flat_map(World::next) {
                if seen.insert(world.key()) {
                    next.push(world);
                }
            }
            edge = next;
        }
        states += seen.len();
    }
    (trees.len(), states)
}

/// Never two instances of a child, no child outlives its supervisor, stops in reverse start order, intensity
/// never exceeded, no event lost, never stuck busy: in every state that can be reached in so many steps.
#[test]
fn the_laws_hold_in_every_state_of_every_small_tree() {
    for (n, depth) in [(0, 6), (1, 6), (2, 4), (3, 3)] {
        let (trees, states) = search(n, depth);
        println!("{trees} trees of {n} children, {depth} steps: {states} states");
        assert!(states > trees);
    }
}
