//! What holds for every static supervisor after every message, whatever happened.

use std::collections::BTreeMap;

use super::rig::{Mail, Rig};
use crate::supervisor::{ChildId, ChildPid, ChildRef};

/// What a law must know of the time before a message: places in the start order, and how much was traced.
pub(crate) struct Before {
    places: BTreeMap<ChildId, usize>,
    traced: usize,
    replies: usize,
    requests: usize,
}

impl Before {
    pub(crate) fn new(rig: &Rig) -> Self {
        let ids = rig.plan.keys().map(|key| rig.plan.policy(key).id.clone());
        Self {
            places: ids.enumerate().map(|(place, id)| (id, place)).collect(),
            traced: rig.trace.len(),
            replies: rig.replies.len(),
            requests: requests(rig),
        }
    }

    /// Panics if a law does not hold after one message. That no child outlives its supervisor and that nothing
    /// follows the exit, the rig sees itself.
    pub(crate) fn check(&self, rig: &Rig) {
        assert!(!rig.plan.is_busy(), "the plan is not stuck busy");
        self.stops_are_in_reverse_and_before_starts_in_order(rig);
        if rig.exit.is_none() {
            no_event_is_lost(rig);
            let answered = rig.replies.len() - self.replies;
            assert_eq!(answered, self.requests - requests(rig), "a request has one reply");
        }
        let mut names: Vec<_> = rig.alive.values().collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), rig.alive.len(), "never two instances of a child: {:?}", rig.alive);
    }

    fn stops_are_in_reverse_and_before_starts_in_order(&self, rig: &Rig) {
        let place = |id: &str| self.places.get(id).copied().unwrap_or(usize::MAX);
        let (mut last_stop, mut last_start) = (usize::MAX, None);
        for line in &rig.trace[self.traced..] {
            if let Some(id) = line.strip_prefix("stop ") {
                assert_eq!(last_start, None, "all are down before one starts: {:?}", rig.trace);
                assert!(place(id) < last_stop || last_stop == usize::MAX, "reverse order: {:?}", rig.trace);
                last_stop = place(id);
            }
            if let Some(id) = line.strip_prefix("start ") {
                assert!(last_start < Some(place(id)), "start order: {:?}", rig.trace);
                last_start = Some(place(id));
            }
        }
    }
}

fn requests(rig: &Rig) -> usize {
    let is_request = |mail: &&Mail| {
        !matches!(mail, Mail::Exit(..) | Mail::Retry(_) | Mail::PauseOver(..) | Mail::Parent(_))
    };
    rig.mailbox.iter().filter(is_request).count()
}

/// A child shown as running runs, or its exit is still to come; one shown as restarting has a retry to come; and
/// who lives is shown.
fn no_event_is_lost(rig: &Rig) {
    let mut shown = 0;
    for child in rig.plan.which_children() {
        let id = child.id.unwrap();
        match child.pid {
            ChildPid::Undefined => {}
            ChildPid::Running(pid) if rig.alive.contains_key(&pid) => shown += 1,
            ChildPid::Running(pid) => {
                let exit = |mail: &Mail| matches!(mail, Mail::Exit(dead, _) if *dead == pid);
                assert!(rig.mailbox.iter().any(exit), "{id} died and nobody will hear of it");
            }
            ChildPid::Restarting(_) => {
                let retry = |mail: &Mail| matches!(mail, Mail::Retry(ChildRef::Id(other)) if *other == id);
                let over =
                    |mail: &Mail| matches!(mail, Mail::PauseOver(ChildRef::Id(other), _) if *other == id);
                let waits = rig.pauses.values().any(|(_, child, _)| *child == ChildRef::Id(id.clone()));
                let comes = waits || rig.mailbox.iter().any(|mail| retry(mail) || over(mail));
                assert!(comes, "{id} waits for a retry that will not come");
            }
        }
    }
    assert_eq!(shown, rig.alive.len(), "a process that is no child: {:?}", rig.alive);
}
