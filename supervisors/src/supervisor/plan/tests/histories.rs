//! Long random histories of static supervisors: the plan does what the reference does, and the laws hold.

use std::time::Duration;

use proptest::prelude::*;

use super::laws::Before;
use super::reference::Reference;
use super::rig::{Mail, Rig, Script, boom};
use crate::exit::{ExitReason, ShutdownCause};
use crate::pid::Pid;
use crate::supervisor::{self, AutoShutdown, ChildPid, ChildPolicy, Flags, Restart, Shutdown};

/// What happens to a supervisor, from outside. Children are named by a number, taken modulo their names.
#[derive(Clone, Debug)]
enum Happening {
    Dies(u8, ExitReason),
    Starts(ChildPolicy),
    Terminates(u8),
    Restarts(u8),
    Deletes(u8),
    /// What the next starts of a child do.
    Script(u8, Script, u8),
    /// The reason a child ends with when it is stopped.
    Stubborn(u8, ExitReason),
    /// An exit of a process that is no child, or no longer.
    Stray(u8, ExitReason),
    Milliseconds(u64),
    /// The supervisor takes so many messages.
    Turns(u8),
    Parent(ExitReason),
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn name(number: u8) -> &'static str {
    NAMES[number as usize % NAMES.len()]
}

fn reasons() -> impl Strategy<Value = ExitReason> {
    let other = ExitReason::ShutdownWith(ShutdownCause::Other("bye".into()));
    prop_oneof![
        4 => Just(boom()),
        2 => Just(ExitReason::Normal),
        1 => Just(ExitReason::Shutdown),
        1 => Just(other),
        1 => Just(ExitReason::Killed),
    ]
}

fn policies() -> impl Strategy<Value = ChildPolicy> {
    let restart = prop::sample::select(vec![Restart::Permanent, Restart::Transient, Restart::Temporary]);
    let shutdown = prop::sample::select(vec![
        Shutdown::Brutal,
        Shutdown::Timeout(Duration::ZERO),
        Shutdown::Timeout(Duration::from_secs(5)),
        Shutdown::Infinity,
    ]);
    (any::<u8>(), restart, shutdown, prop::bool::weighted(0.3)).prop_map(
        |(id, restart, shutdown, significant)| {
            let policy = ChildPolicy::worker(name(id)).restart(restart).shutdown(shutdown);
            if significant { policy.significant() } else { policy }
        },
    )
}

fn flags() -> impl Strategy<Value = Flags> {
    use supervisor::Strategy as Who;
    let strategy = prop::sample::select(vec![Who::OneForOne, Who::OneForAll, Who::RestForOne]);
    let auto = prop::sample::select(vec![
        AutoShutdown::Never,
        AutoShutdown::AnySignificant,
        AutoShutdown::AllSignificant,
    ]);
    let intensity = prop_oneof![1 => 0_u32..5, 1 => Just(100)];
    (strategy, auto, intensity, 1_u64..4).prop_map(|(strategy, auto, intensity, period)| {
        Flags::new(strategy).auto_shutdown(auto).intensity(intensity, Duration::from_secs(period))
    })
}

fn happenings() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let script = prop_oneof![3 => Just(Script::Fail(boom())), 1 => Just(Script::Ignore)];
    prop_oneof![
        10 => (any::<u8>(), reasons()).prop_map(|(child, reason)| H::Dies(child, reason)),
        4 => policies().prop_map(H::Starts),
        4 => any::<u8>().prop_map(H::Terminates),
        4 => any::<u8>().prop_map(H::Restarts),
        3 => any::<u8>().prop_map(H::Deletes),
        4 => (any::<u8>(), script, 1_u8..4).prop_map(|(child, script, times)| H::Script(child, script, times)),
        2 => (any::<u8>(), reasons()).prop_map(|(child, reason)| H::Stubborn(child, reason)),
        1 => (any::<u8>(), reasons()).prop_map(|(pid, reason)| H::Stray(pid, reason)),
        8 => (0_u64..3000).prop_map(H::Milliseconds),
        14 => (1_u8..6).prop_map(H::Turns),
        1 => reasons().prop_map(H::Parent),
    ]
}

/// A rig and a reference to which the same happens.
struct Twins {
    rig: Rig,
    reference: Reference,
}

impl Twins {
    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Dies(child, reason) => {
                if let Some(pid) = self.rig.pid(name(child)) {
                    self.rig.ends(pid, reason.clone());
                    assert!(self.reference.alive.remove(&pid));
                    self.reference.mailbox.push_back(Mail::Exit(pid, reason));
                }
            }
            Happening::Starts(policy) => self.mail(&Mail::StartChild(policy)),
            Happening::Terminates(child) => self.mail(&Mail::Terminate(name(child).into())),
            Happening::Restarts(child) => self.mail(&Mail::Restart(name(child).into())),
            Happening::Deletes(child) => self.mail(&Mail::Delete(name(child).into())),
            Happening::Parent(reason) => self.mail(&Mail::Parent(reason)),
            Happening::Stray(number, reason) => {
                // One that was a child and was replaced, or one that never was; not one that will be.
                let former = Pid::new(0, 0, u64::from(number) % (self.rig.pids + 1));
                let current = |(_, child)| child == ChildPid::Running(former);
                let is_child = self.reference.children().into_iter().any(current);
                let stranger = Pid::new(0, 0, u64::MAX);
                self.mail(&Mail::Exit(if is_child { stranger } else { former }, reason));
            }
            Happening::Script(child, script, times) => {
                let scripts = vec![script; times.into()];
                self.rig.script(name(child), scripts.clone());
                self.reference.starts.entry(name(child).into()).or_default().extend(scripts);
            }
            Happening::Stubborn(child, reason) => {
                self.rig.stubborn.insert(name(child).into(), reason.clone());
                self.reference.stubborn.insert(name(child).into(), reason);
            }
            Happening::Milliseconds(millis) => {
                self.rig.now += Duration::from_millis(millis);
                self.reference.second = self.rig.now.as_secs();
            }
            Happening::Turns(turns) => (0..turns).for_each(|_| self.turn()),
        }
    }

    fn mail(&mut self, mail: &Mail) {
        self.rig.mailbox.push_back(mail.clone());
        self.reference.mailbox.push_back(mail.clone());
    }

    fn turn(&mut self) {
        let before = Before::new(&self.rig);
        self.rig.step();
        self.reference.step();
        before.check(&self.rig);
        assert_eq!(self.rig.trace, self.reference.trace);
        assert_eq!(self.rig.replies, self.reference.replies);
        assert_eq!(self.rig.exit, self.reference.exit);
        if self.rig.exit.is_none() {
            let shown = self.rig.plan.which_children().map(|child| (child.id.unwrap(), child.pid));
            assert_eq!(shown.collect::<Vec<_>>(), self.reference.children());
        }
    }
}

/// How often the restarts in the trace come to a number of those allowed, that no more is ever announced, and
/// that the supervisor gives up only when all were used.
fn intensity_is_never_exceeded(trace: &[String], flags: &Flags) {
    let announced = trace.iter().filter_map(|line| line.split_once(": attempt "));
    for (_, attempt) in announced {
        let number: u32 = attempt.split(' ').next().unwrap().parse().unwrap();
        assert!(number <= flags.intensity);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    /// Sections B to O at random: never two instances of a child, no child outlives its supervisor, stops in
    /// reverse start order, intensity never exceeded, no event lost, never stuck busy.
    #[test]
    fn the_plan_does_what_the_reference_does_and_the_laws_hold(
        flags in flags(),
        first in prop::collection::vec(policies(), 0..5),
        history in prop::collection::vec(happenings(), 0..120),
    ) {
        let mut children: Vec<ChildPolicy> = Vec::new();
        for policy in first {
            let fits = policy.check(Some(flags.auto_shutdown)).is_ok();
            if fits && children.iter().all(|child| child.id != policy.id) {
                children.push(policy);
            }
        }
        let mut twins = Twins {
            rig: Rig::start(flags, children.clone()),
            reference: Reference::start(flags, children),
        };
        for happening in history {
            twins.happens(happening);
        }
        // Scripts that fail are finite, so that it comes to rest.
        while !twins.rig.mailbox.is_empty() {
            twins.turn();
        }
        intensity_is_never_exceeded(&twins.rig.trace, &flags);
        prop_assert!(twins.rig.exit.is_some() || twins.rig.plan.which_children().all(
            |child| !matches!(child.pid, ChildPid::Restarting(_))
        ));
    }
}
