//! Long random histories of dynamic supervisors, and the laws they keep.

use std::time::Duration;

use proptest::prelude::*;

use super::rig::{Mail, Rig, Script, Subject, boom};
use crate::exit::ExitReason;
use crate::pid::Pid;
use crate::supervisor::plan::pool::Pool;
use crate::supervisor::plan::{DynamicPlan, TemplatePlan};
use crate::supervisor::{ChildPid, ChildPolicy, ChildRef, DynamicFlags, Flags, Restart, Shutdown};

const MAX_CHILDREN: usize = 4;

/// What happens to a supervisor; processes are named by a number modulo those there ever were.
#[derive(Clone, Debug)]
enum Happening {
    Dies(u64, ExitReason),
    Starts(Restart, Shutdown),
    Terminates(u64),
    /// What the next starts do.
    Script(Script, u8),
    Milliseconds(u64),
    Turns(u8),
    Parent,
}

fn restarts() -> impl Strategy<Value = Restart> {
    prop::sample::select(vec![Restart::Permanent, Restart::Transient, Restart::Temporary])
}

fn happenings() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let reason = prop::sample::select(vec![boom(), boom(), ExitReason::Normal, ExitReason::Killed]);
    let shutdown = prop::sample::select(vec![Shutdown::Brutal, Shutdown::Infinity]);
    let script = prop_oneof![3 => Just(Script::Fail(boom())), 1 => Just(Script::Ignore)];
    prop_oneof![
        8 => (any::<u64>(), reason).prop_map(|(pid, reason)| H::Dies(pid, reason)),
        8 => (restarts(), shutdown).prop_map(|(restart, shutdown)| H::Starts(restart, shutdown)),
        4 => any::<u64>().prop_map(H::Terminates),
        3 => (script, 1_u8..4).prop_map(|(script, times)| H::Script(script, times)),
        6 => (0_u64..3000).prop_map(H::Milliseconds),
        12 => (1_u8..6).prop_map(H::Turns),
        1 => Just(H::Parent),
    ]
}

fn happens<P: Subject>(rig: &mut Rig<P>, happening: Happening, pool: impl Fn(&P) -> &Pool) {
    let named = |rig: &Rig<P>, number: u64| Pid::new(0, 0, number % (rig.pids + 1));
    match happening {
        Happening::Dies(number, reason) => {
            let pid = named(rig, number);
            if rig.alive.contains_key(&pid) {
                rig.ends(pid, reason);
            }
        }
        Happening::Starts(restart, shutdown) => {
            let policy = ChildPolicy::worker("c").restart(restart).shutdown(shutdown);
            rig.mailbox.push_back(Mail::StartChild(policy));
        }
        Happening::Terminates(number) => {
            let pid = named(rig, number);
            rig.mailbox.push_back(Mail::Terminate(pid.into()));
        }
        Happening::Script(script, times) => rig.script("c", vec![script; times.into()]),
        Happening::Milliseconds(millis) => rig.now += Duration::from_millis(millis),
        Happening::Turns(turns) => (0..turns).for_each(|_| turn(rig, &pool)),
        Happening::Parent => rig.mailbox.push_back(Mail::Parent(ExitReason::Shutdown)),
    }
}

/// One message, and the laws after it; that no child outlives its supervisor the rig sees itself.
fn turn<P: Subject>(rig: &mut Rig<P>, pool: &impl Fn(&P) -> &Pool) {
    let request = matches!(rig.mailbox.front(), Some(Mail::StartChild(_) | Mail::Terminate(_)));
    let (ended, replies) = (rig.exit.is_some(), rig.replies.len());
    rig.step();
    assert!(!rig.plan.is_busy(), "the plan is not stuck busy");
    let expected = usize::from(request && !ended);
    assert_eq!(rig.replies.len() - replies, expected, "a request has one reply");
    if rig.exit.is_some() {
        assert_eq!(pool(&rig.plan).len(), 0);
        return;
    }
    let mut shown = 0;
    for child in pool(&rig.plan).which_children() {
        let is_awaited = |mail: &Mail| match (mail, child.pid) {
            (Mail::Exit(dead, _), ChildPid::Running(pid)) => *dead == pid,
            (Mail::Retry(ChildRef::Pid(old)), ChildPid::Restarting(pid)) => Some(*old) == pid,
            _ => false,
        };
        let lives = child.pid.running().is_some_and(|pid| rig.alive.contains_key(&pid));
        shown += usize::from(lives);
        assert!(lives || rig.mailbox.iter().any(is_awaited), "nobody will hear of {child:?}");
    }
    assert_eq!(shown, rig.alive.len(), "a process that is no child: {:?}", rig.alive);
    assert_eq!(pool(&rig.plan).which_children().count(), pool(&rig.plan).len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn otp_193_a_dynamic_supervisor_loses_no_event_and_never_has_too_many_children(
        intensity in 0_u32..20,
        history in prop::collection::vec(happenings(), 0..150),
    ) {
        let flags = DynamicFlags::default().intensity(intensity, Duration::from_secs(2));
        let mut rig = Rig::around(DynamicPlan::new(&flags.max_children(MAX_CHILDREN)).unwrap());
        rig.plan.pool.begin(&mut Vec::new());
        for happening in history {
            happens(&mut rig, happening, |plan: &DynamicPlan| &plan.pool);
            prop_assert!(rig.plan.pool.len() <= MAX_CHILDREN);
        }
    }

    #[test]
    fn a_supervisor_with_a_template_loses_no_event(
        intensity in 0_u32..20,
        restart in restarts(),
        history in prop::collection::vec(happenings(), 0..150),
    ) {
        let flags = Flags::default().intensity(intensity, Duration::from_secs(2));
        let template = ChildPolicy::worker("c").restart(restart);
        let mut rig = Rig::around(TemplatePlan::new(&flags, template).unwrap());
        rig.plan.pool.begin(&mut Vec::new());
        for happening in history {
            happens(&mut rig, happening, |plan: &TemplatePlan| &plan.pool);
        }
    }
}
