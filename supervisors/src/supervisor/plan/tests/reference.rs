//! A supervisor told plainly: one list of children, one function a rule, no phases, since here starting and
//! stopping a child are ordinary calls that return. It is slow and small, and what the plan does is compared
//! with it, line by line, over random histories.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rig::{Mail, Script};
use crate::exit::ExitReason;
use crate::pid::Pid;
use crate::supervisor::plan::Answer;
use crate::supervisor::{
    AutoShutdown, ChildError, ChildId, ChildPid, ChildPolicy, ChildRef, Flags, Restart, Shutdown, Strategy,
};

/// The surroundings and the supervisor in one; fields as of a rig.
pub(crate) struct Reference {
    flags: Flags,
    /// In start order.
    children: Vec<(ChildPolicy, ChildPid)>,
    /// All restarts ever tried, in seconds.
    restarts: Vec<u64>,
    pub(crate) second: u64,
    pub(crate) mailbox: VecDeque<Mail>,
    pub(crate) alive: BTreeSet<Pid>,
    pub(crate) starts: BTreeMap<ChildId, VecDeque<Script>>,
    pub(crate) stubborn: BTreeMap<ChildId, ExitReason>,
    pub(crate) trace: Vec<String>,
    pub(crate) replies: Vec<Result<Answer, ChildError>>,
    pub(crate) exit: Option<ExitReason>,
    pids: u64,
}

impl Reference {
    pub(crate) fn start(flags: Flags, children: Vec<ChildPolicy>) -> Self {
        let children = children.into_iter().map(|policy| (policy, ChildPid::Undefined)).collect();
        let mut this = Self {
            flags,
            children,
            restarts: Vec::new(),
            second: 1000,
            mailbox: VecDeque::new(),
            alive: BTreeSet::new(),
            starts: BTreeMap::new(),
            stubborn: BTreeMap::new(),
            trace: Vec::new(),
            replies: Vec::new(),
            exit: None,
            pids: 0,
        };
        let ids = this.ids();
        this.start_all(&ids).expect("no script yet");
        this
    }

    pub(crate) fn children(&self) -> Vec<(ChildId, ChildPid)> {
        self.children.iter().rev().map(|(policy, pid)| (policy.id.clone(), *pid)).collect()
    }

    pub(crate) fn step(&mut self) {
        let Some(mail) = self.mailbox.pop_front() else { return };
        if self.exit.is_some() {
            return;
        }
        match mail {
            Mail::Exit(pid, reason) => self.exited(pid, &reason),
            Mail::Retry(ChildRef::Id(id)) => {
                if self.place(&id).is_some_and(|at| matches!(self.children[at].1, ChildPid::Restarting(_))) {
                    self.restart(&id);
                }
            }
            Mail::Retry(ChildRef::Pid(_) | ChildRef::Process(_)) => {}
            Mail::PauseOver(..) => unreachable!("it knows of no pauses"),
            Mail::Parent(reason) => self.end(reason),
            Mail::StartChild(policy) => {
                let reply = self.start_child(policy);
                self.replies.push(reply);
            }
            Mail::Terminate(child) => {
                let reply = self.by_ref(&child).map(|id| {
                    self.stop(&id);
                    self.leave_empty(&id);
                    Answer::Done
                });
                self.replies.push(reply);
            }
            Mail::Restart(child) => {
                let reply = self.at_rest(&child).and_then(|id| match self.start_one(&id) {
                    Ok(pid) => Ok(self.settle(&id, pid)),
                    Err(reason) => Err(ChildError::Failed(reason)),
                });
                self.replies.push(reply);
            }
            Mail::Delete(child) => {
                let reply = self.at_rest(&child).map(|id| {
                    self.children.retain(|(policy, _)| policy.id != id);
                    Answer::Done
                });
                self.replies.push(reply);
            }
        }
    }

    fn ids(&self) -> Vec<ChildId> {
        self.children.iter().map(|(policy, _)| policy.id.clone()).collect()
    }

    fn place(&self, id: &ChildId) -> Option<usize> {
        self.children.iter().position(|(policy, _)| policy.id == *id)
    }

    fn child(&mut self, id: &ChildId) -> &mut (ChildPolicy, ChildPid) {
        let at = self.place(id).expect("a child of this name");
        &mut self.children[at]
    }

    fn exited(&mut self, pid: Pid, reason: &ExitReason) {
        let child = self.children.iter().find(|(_, child)| *child == ChildPid::Running(pid));
        let Some((policy, _)) = child.cloned() else { return };
        let again = match policy.restart {
            Restart::Permanent => true,
            Restart::Transient => !reason.is_clean(),
            Restart::Temporary => false,
        };
        if again || !reason.is_clean() {
            self.trace.push(format!("terminated {}: {reason}", policy.id));
        }
        if again {
            return self.restart(&policy.id);
        }
        self.leave_empty(&policy.id);
        let left = self.children.iter().any(|(other, pid)| other.significant && *pid != ChildPid::Undefined);
        let over = match self.flags.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => policy.significant,
            AutoShutdown::AllSignificant => policy.significant && !left,
        };
        if over {
            self.end(ExitReason::Shutdown);
        }
    }

    fn restart(&mut self, id: &ChildId) {
        self.restarts.push(self.second);
        let oldest = self.second - self.flags.period.as_secs();
        let number = self.restarts.iter().filter(|&&second| second >= oldest).count();
        if number > self.flags.intensity as usize {
            self.trace.push(format!("gives up: {id}"));
            self.leave_empty(id);
            return self.end(ExitReason::Shutdown);
        }
        let (intensity, period) = (self.flags.intensity, self.flags.period);
        self.trace.push(format!("restarting {id}: attempt {number} of {intensity} in {period:?}"));
        let old = match self.child(id).1 {
            ChildPid::Running(pid) => ChildPid::Restarting(Some(pid)),
            other => other,
        };
        let ids = self.ids();
        let group = match self.flags.strategy {
            Strategy::OneForOne => vec![id.clone()],
            Strategy::OneForAll => ids,
            Strategy::RestForOne => ids[self.place(id).unwrap()..].to_vec(),
        };
        if self.flags.strategy != Strategy::OneForOne {
            self.child(id).1 = ChildPid::Undefined;
            for sibling in group.iter().rev() {
                self.stop(sibling);
                self.leave_empty(sibling);
            }
        }
        let group: Vec<_> = group.into_iter().filter(|id| self.place(id).is_some()).collect();
        if let Err((failed, reason)) = self.start_all(&group) {
            self.trace.push(format!("start_error {failed}: {reason}"));
            self.child(&failed).1 = if failed == *id { old } else { ChildPid::Restarting(None) };
            self.mailbox.push_back(Mail::Retry(failed.into()));
        }
    }

    fn start_all(&mut self, ids: &[ChildId]) -> Result<(), (ChildId, ExitReason)> {
        for id in ids {
            let pid = self.start_one(id).map_err(|reason| (id.clone(), reason))?;
            self.settle(id, pid);
        }
        Ok(())
    }

    /// Runs the start function of a child: a pid, or none if it ignores.
    fn start_one(&mut self, id: &ChildId) -> Result<Option<Pid>, ExitReason> {
        self.trace.push(format!("start {id}"));
        match self.starts.get_mut(id).and_then(VecDeque::pop_front).unwrap_or(Script::Succeed) {
            Script::Fail(reason) => Err(reason),
            Script::Ignore => Ok(None),
            Script::Succeed => {
                self.pids += 1;
                let pid = Pid::new(0, 0, self.pids);
                self.alive.insert(pid);
                self.trace.push(format!("progress {id}"));
                Ok(Some(pid))
            }
        }
    }

    fn settle(&mut self, id: &ChildId, pid: Option<Pid>) -> Answer {
        if let Some(pid) = pid {
            self.child(id).1 = ChildPid::Running(pid);
            return Answer::Started(pid);
        }
        self.leave_empty(id);
        Answer::Ignored
    }

    /// Without a process: gone, if temporary.
    fn leave_empty(&mut self, id: &ChildId) {
        if self.child(id).0.restart == Restart::Temporary {
            self.children.retain(|(policy, _)| policy.id != *id);
        } else {
            self.child(id).1 = ChildPid::Undefined;
        }
    }

    fn stop(&mut self, id: &ChildId) {
        let (policy, pid) = self.child(id).clone();
        let ChildPid::Running(pid) = pid else { return };
        self.trace.push(format!("stop {id}"));
        let asked =
            if policy.shutdown == Shutdown::Brutal { ExitReason::Killed } else { ExitReason::Shutdown };
        let reason = if self.alive.remove(&pid) {
            self.stubborn.get(id).cloned().unwrap_or_else(|| asked.clone())
        } else {
            let mail =
                self.mailbox.iter().position(|mail| matches!(mail, Mail::Exit(dead, _) if *dead == pid));
            match self.mailbox.remove(mail.expect("the exit of a dead child is in the mailbox")) {
                Some(Mail::Exit(_, reason)) => reason,
                _ => unreachable!(),
            }
        };
        let fine = reason == asked || (reason.is_clean() && policy.restart != Restart::Permanent);
        if !fine {
            self.trace.push(format!("shutdown_error {id}: {reason}"));
        }
    }

    fn end(&mut self, reason: ExitReason) {
        for id in self.ids().iter().rev() {
            self.stop(id);
        }
        self.trace.push(format!("exit: {reason}"));
        self.exit = Some(reason);
    }

    fn start_child(&mut self, policy: ChildPolicy) -> Result<Answer, ChildError> {
        policy.check(Some(self.flags.auto_shutdown))?;
        if let Some(at) = self.place(&policy.id) {
            return Err(match self.children[at].1 {
                ChildPid::Running(pid) => ChildError::AlreadyStarted(pid),
                _ => ChildError::AlreadyPresent,
            });
        }
        let id = policy.id.clone();
        match self.start_one(&id) {
            Err(reason) => Err(ChildError::Failed(reason)),
            Ok(pid) => {
                self.children.push((policy, ChildPid::Undefined));
                Ok(self.settle(&id, pid))
            }
        }
    }

    fn by_ref(&self, child: &ChildRef) -> Result<ChildId, ChildError> {
        match child {
            ChildRef::Id(id) if self.place(id).is_some() => Ok(id.clone()),
            _ => Err(ChildError::NotFound),
        }
    }

    fn at_rest(&mut self, child: &ChildRef) -> Result<ChildId, ChildError> {
        let id = self.by_ref(child)?;
        match self.child(&id).1 {
            ChildPid::Undefined => Ok(id),
            ChildPid::Running(_) => Err(ChildError::Running),
            ChildPid::Restarting(_) => Err(ChildError::Restarting),
        }
    }
}
