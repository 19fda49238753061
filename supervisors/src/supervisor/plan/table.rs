//! The children of a static supervisor, in start order.

use std::collections::BTreeMap;

use super::slab::{Key, Slab};
use crate::pid::Pid;
use crate::supervisor::report::{ChildPid, Offender, Who};
use crate::supervisor::spec::{ChildId, ChildPolicy};

/// A child: what is wanted of it, its process, and its neighbours in start order.
#[derive(Clone, Debug)]
struct Child {
    policy: ChildPolicy,
    pid: ChildPid,
    older: Option<Key>,
    younger: Option<Key>,
}

/// Children as a list threaded through a slab, so that one in the middle is deleted without moving the others
/// (a supervisor with 100,000 children is linear, OTP-067), with an index by id and one by running pid.
#[derive(Clone, Debug)]
pub(super) struct Table {
    children: Slab<Child>,
    by_id: BTreeMap<ChildId, Key>,
    by_pid: BTreeMap<Pid, Key>,
    oldest: Option<Key>,
    youngest: Option<Key>,
    /// Significant children that run or are being restarted, counted here so that the end of one need not look
    /// at all others (OTP-121, OTP-124).
    significant: usize,
}

const IN_TABLE: &str = "a key is forgotten only when its child leaves the table";

impl Table {
    pub(super) const fn new() -> Self {
        Self {
            children: Slab::new(),
            by_id: BTreeMap::new(),
            by_pid: BTreeMap::new(),
            oldest: None,
            youngest: None,
            significant: 0,
        }
    }

    /// Adds a child without a process as the youngest (OTP-036). The id must be new.
    pub(super) fn push(&mut self, policy: ChildPolicy) -> Key {
        let id = policy.id.clone();
        let older = self.youngest;
        let key = self.children.insert(Child { policy, pid: ChildPid::Undefined, older, younger: None });
        match older {
            Some(older) => self.child_mut(older).younger = Some(key),
            None => self.oldest = Some(key),
        }
        self.youngest = Some(key);
        let before = self.by_id.insert(id, key);
        debug_assert_eq!(before, None, "ids are unique");
        key
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.set_pid(key, ChildPid::Undefined);
        let child = self.children.remove(key).expect(IN_TABLE);
        match child.older {
            Some(older) => self.child_mut(older).younger = child.younger,
            None => self.oldest = child.younger,
        }
        match child.younger {
            Some(younger) => self.child_mut(younger).older = child.older,
            None => self.youngest = child.older,
        }
        self.by_id.remove(&child.policy.id);
    }

    pub(super) fn set_pid(&mut self, key: Key, pid: ChildPid) {
        let child = self.children.get_mut(key).expect(IN_TABLE);
        let before = std::mem::replace(&mut child.pid, pid);
        if child.policy.significant {
            self.significant += usize::from(pid != ChildPid::Undefined);
            self.significant -= usize::from(before != ChildPid::Undefined);
        }
        if let ChildPid::Running(before) = before {
            self.by_pid.remove(&before);
        }
        if let ChildPid::Running(pid) = pid {
            self.by_pid.insert(pid, key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.children.len()
    }

    pub(super) const fn oldest(&self) -> Option<Key> {
        self.oldest
    }

    pub(super) const fn youngest(&self) -> Option<Key> {
        self.youngest
    }

    /// The child started just before this one.
    pub(super) fn older(&self, key: Key) -> Option<Key> {
        self.child(key).older
    }

    /// The child started just after this one.
    pub(super) fn younger(&self, key: Key) -> Option<Key> {
        self.child(key).younger
    }

    pub(super) fn policy(&self, key: Key) -> &ChildPolicy {
        &self.child(key).policy
    }

    pub(super) fn pid(&self, key: Key) -> ChildPid {
        self.child(key).pid
    }

    pub(super) fn find(&self, id: &ChildId) -> Option<Key> {
        self.by_id.get(id).copied()
    }

    pub(super) fn find_running(&self, pid: Pid) -> Option<Key> {
        self.by_pid.get(&pid).copied()
    }

    /// Whether a significant child runs or is being restarted.
    pub(super) const fn significant_left(&self) -> bool {
        self.significant > 0
    }

    pub(super) fn offender(&self, key: Key) -> Offender {
        let child = self.child(key);
        Offender::new(&child.policy, Who::Child(child.pid))
    }

    fn child(&self, key: Key) -> &Child {
        self.children.get(key).expect(IN_TABLE)
    }

    fn child_mut(&mut self, key: Key) -> &mut Child {
        self.children.get_mut(key).expect(IN_TABLE)
    }
}
