//! The process that is a supervisor: carries out what its plan decides.
//!
//! Owns the children's start functions and processes. Started by its own supervisor, or by the program for the root.
//! Ends when its plan says so, with the plan's reason; killed, it takes its children with it. Never decides anything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Running, SpawnHandle, WrapFuture,
};
use tokio::sync::oneshot;

use super::child::Child;
use super::child_info::{ChildCounts, ChildInfo, ChildRef};
use super::error::ChildError;
use super::plan::{Action, Answer, Key};
use super::planner::Planner;
use super::report::Report;
use super::spec::{ChildPolicy, Shutdown};
use super::start::{NotRetained, Started, Starter, Starting, Surroundings, orphan, start};
use super::stop::stop_all;
use super::tree::{Row, Table};
use crate::process::{Cell, ContextExt, ExitListener, Tell, this_process};
use crate::{Event, ExitReason, Node, Path, Pid, Process};

/// A supervisor's actor.
pub(crate) struct SupervisorActor {
    plan: Planner,
    table: Arc<Table>,
    node: Node,
    cell: Arc<Cell<Self>>,
    /// What is still to be done, in order. Empty, or waiting for a start or stop, between messages.
    actions: VecDeque<Action>,
    /// The plan's own buffer, kept so that a message costs no allocation.
    decided: Vec<Action>,
    /// The start function of a child that has no key yet.
    newcomer: Option<Arc<dyn Starter>>,
    /// Who waits for the answer to the request being served.
    caller: Option<oneshot::Sender<Result<Answer, ChildError>>>,
    /// Told once the init children run.
    ready: Option<oneshot::Sender<()>>,
    /// The parent's wish to end, heard while a start or stop was under way.
    ending: Option<ExitReason>,
    ended: bool,
    /// Pauses before restarts, one a child at most.
    pauses: BTreeMap<Key, SpawnHandle>,
}

/// A linked child has ended.
struct ChildExited {
    pid: Pid,
    reason: ExitReason,
}

/// A retry queued by the plan (OTP-088).
struct Retry(ChildRef);

impl Message for ChildExited {
    type Result = ();
}

impl Message for Retry {
    type Result = ();
}

/// A pause before a restart is over.
struct PauseOver(ChildRef, u64);

impl Message for PauseOver {
    type Result = ();
}

/// What callers ask for.
pub(super) enum Request {
    Start(Child),
    Terminate(ChildRef),
    Restart(ChildRef),
    Delete(ChildRef),
}

impl ExitListener for Cell<SupervisorActor> {
    fn exited(&self, pid: Pid, reason: &ExitReason) {
        let exited = ChildExited { pid, reason: reason.clone() };
        let _ = self.push_unbounded(Box::new(Tell(exited)));
    }

    fn path_of(&self, pid: Pid) -> Option<Path> {
        self.control.annex()?.downcast::<Table>().ok()?.path_of(pid)
    }
}

impl SupervisorActor {
    pub(super) fn new(
        mut plan: Planner,
        children: impl IntoIterator<Item = Child>,
        cell: Arc<Cell<Self>>,
        path: Arc<str>,
        ready: oneshot::Sender<()>,
    ) -> Self {
        let table = Table::new(path);
        // Another for each supervisor and each of its lives, so that those that crash together do not pause alike.
        let life = cell.control.pid.serial().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        plan.seed(cell.control.node.seed() ^ life);
        for (key, child) in plan.keys().into_iter().zip(children) {
            table.insert(key, row(&child.policy, child.starter));
        }
        cell.control.set_annex(Arc::clone(&table) as _);
        // Its drop would, but if its thread is given up it is not dropped until that thread ends.
        let family = Arc::clone(&table);
        cell.control.add_on_abandon(Box::new(move || orphan_all(&family)));
        // Exit signals of strangers are ignored (OTP-132); those of children come through the listener.
        cell.control.set_trap(Some(Box::new(|_, _| ())));
        Self {
            plan,
            table,
            node: cell.control.node.clone(),
            cell,
            actions: VecDeque::new(),
            decided: Vec::new(),
            newcomer: None,
            caller: None,
            ready: Some(ready),
            ending: None,
            ended: false,
            pauses: BTreeMap::new(),
        }
    }

    /// Lets the plan decide, and carries it out.
    fn decide(&mut self, ctx: &mut Context<Self>, decide: impl FnOnce(&mut Planner, &mut Vec<Action>)) {
        decide(&mut self.plan, &mut self.decided);
        self.actions.extend(self.decided.drain(..));
        self.carry_out(ctx);
    }

    fn carry_out(&mut self, ctx: &mut Context<Self>) {
        loop {
            let Some(action) = self.actions.pop_front() else {
                match self.ending.take() {
                    Some(reason) if !self.plan.is_busy() => {
                        self.plan.parent_exited(reason, &mut self.decided);
                        self.actions.extend(self.decided.drain(..));
                        if self.actions.is_empty() {
                            return;
                        }
                        continue;
                    }
                    ending => {
                        self.ending = ending;
                        return;
                    }
                }
            };
            match action {
                Action::Start { key, last } => match self.start(key, last) {
                    Starting::Done(started) => self.was_started(key, started),
                    Starting::Later(starting) => {
                        // Nothing is taken from the mailbox meanwhile (OTP-023, OTP-043).
                        ctx.wait(starting.into_actor(self).map(move |started, this: &mut Self, ctx| {
                            this.was_started(key, started);
                            this.carry_out(ctx);
                        }));
                        return;
                    }
                },
                Action::Stop { key, pid, shutdown } => {
                    let stopping = self.still_alive(key, pid, shutdown);
                    if !stopping.is_empty() {
                        ctx.wait(stop_all(stopping).into_actor(self).map(|dead, this: &mut Self, ctx| {
                            for (key, process, reason) in dead {
                                this.was_stopped(key, process.pid(), reason);
                            }
                            this.carry_out(ctx);
                        }));
                        return;
                    }
                }
                Action::Forget { key } => self.forget(key, ctx),
                Action::QueueRetryAfter { key, child, delay, number } => {
                    self.pause(key, PauseOver(child, number), delay, ctx);
                }
                Action::DropRetry { key } => self.end_pause(key, ctx),
                Action::QueueRetry(child) => {
                    let _ = self.cell.push_unbounded(Box::new(Tell(Retry(child))));
                }
                Action::Reply(answer) => {
                    if let Some(caller) = self.caller.take() {
                        let _ = caller.send(answer);
                    }
                }
                Action::Report(report) => self.report(report),
                Action::Ready => {
                    if let Some(ready) = self.ready.take() {
                        let _ = ready.send(());
                    }
                }
                Action::Exit(reason) => {
                    self.ended = true;
                    ctx.exit(reason);
                    return;
                }
            }
        }
    }

    /// The end of the pause comes through the mailbox, so that requests and the parent's wish to end get in between.
    fn pause(&mut self, key: Key, over: PauseOver, delay: Duration, ctx: &mut Context<Self>) {
        self.end_pause(key, ctx);
        let due = self.node.now() + delay;
        self.table.with(key, |row| row.ended.get_or_insert_default().due = Some(due));
        let timer = ctx.run_later(delay, move |this, _| {
            this.pauses.remove(&key);
            this.table.with(key, |row| row.ended.get_or_insert_default().due = None);
            let _ = this.cell.push_unbounded(Box::new(Tell(over)));
        });
        self.pauses.insert(key, timer);
    }

    fn forget(&mut self, key: Key, ctx: &mut Context<Self>) {
        self.end_pause(key, ctx);
        self.table.remove(key);
    }

    fn end_pause(&mut self, key: Key, ctx: &mut Context<Self>) {
        if let Some(timer) = self.pauses.remove(&key) {
            ctx.cancel_future(timer);
            self.table.with(key, |row| row.ended.get_or_insert_default().due = None);
        }
    }

    fn start(&mut self, key: Key, last: bool) -> Starting {
        let newcomer = self.newcomer.take();
        if let Some(starter) = newcomer {
            self.table.insert(key, row(self.plan.policy(key), starter));
        }
        let starter = self.table.with(key, |row| {
            row.starts += 1;
            if last { row.starter.take() } else { row.starter.clone() }
        });
        let Some(Some(starter)) = starter else {
            return NotRetained::start_failed();
        };
        #[cfg(feature = "lab")]
        if self.node.points().is_armed() {
            self.table.is_starting(Some(self.plan.policy(key).id.clone()));
        }
        start(
            starter,
            Surroundings {
                node: self.node.clone(),
                place: Some((Arc::clone(self.table.path()), self.plan.policy(key).id.clone())),
                listener: Arc::clone(&self.cell) as Arc<dyn ExitListener>,
                parent: None,
            },
        )
    }

    fn was_started(&mut self, key: Key, started: Started) {
        #[cfg(feature = "lab")]
        if self.node.points().is_armed() {
            self.table.is_starting(None);
        }
        match started {
            Ok(Some(process)) => {
                let pid = process.pid();
                self.table.with(key, |row| row.process = Some(process));
                self.plan.started(key, pid, &mut self.decided);
            }
            Ok(None) => self.plan.ignored(key, &mut self.decided),
            Err(reason) => {
                self.table.with(key, |row| row.ended.get_or_insert_default().reason = Some(reason.clone()));
                self.plan.start_failed(key, reason, &mut self.decided);
            }
        }
        self.actions.extend(self.decided.drain(..));
    }

    /// Those of this and the stops right behind it that are not dead yet; the plan is told of those that are.
    fn still_alive(&mut self, key: Key, pid: Pid, shutdown: Shutdown) -> Vec<(Key, Process, Shutdown)> {
        let mut stops = vec![(key, pid, shutdown)];
        while let Some(&Action::Stop { key, pid, shutdown }) = self.actions.front() {
            self.actions.pop_front();
            stops.push((key, pid, shutdown));
        }
        let mut alive = Vec::new();
        for (key, pid, shutdown) in stops {
            let process = self.table.with(key, |row| row.process.clone()).flatten();
            match process.filter(|process| process.pid() == pid) {
                None => self.was_stopped(key, pid, ExitReason::NoProc),
                Some(process) => match process.exit_reason() {
                    Some(reason) => self.was_stopped(key, pid, reason),
                    None => alive.push((key, process, shutdown)),
                },
            }
        }
        alive
    }

    fn was_stopped(&mut self, key: Key, pid: Pid, reason: ExitReason) {
        self.bury(key, pid, &reason);
        self.plan.stopped(key, reason, &mut self.decided);
        self.actions.extend(self.decided.drain(..));
    }

    /// Notes a death in the table and in the history, once.
    fn bury(&self, key: Key, pid: Pid, reason: &ExitReason) {
        let noted = self.table.with(key, |row| {
            if row.process.as_ref().is_none_or(|process| process.pid() != pid) {
                return None;
            }
            row.process = None;
            row.ended.get_or_insert_default().reason = Some(reason.clone());
            Some(row.id.clone())
        });
        if let Some(Some(id)) = noted {
            self.node.report(|| Event::Exited {
                path: Path { supervisor: Arc::clone(self.table.path()), child: id },
                pid,
                reason: reason.clone(),
            });
        }
    }

    fn report(&self, report: Report) {
        self.node.report(|| Event::Report { supervisor: Arc::clone(self.table.path()), report });
    }

    pub(super) fn template(&self, child: &ChildRef) -> Result<ChildPolicy, ChildError> {
        let (child, alive) = child.clone().resolve();
        self.plan.template(&child, alive).cloned()
    }

    pub(super) fn which_child(&self, child: &ChildRef) -> Result<ChildInfo, ChildError> {
        self.plan.which_child(&child.clone().resolve().0)
    }

    pub(super) fn child(&self, child: &ChildRef) -> Result<Child, ChildError> {
        let (key, policy) = self.plan.child_spec(&child.clone().resolve().0)?;
        let starter = self.table.with(key, |row| row.starter.clone()).flatten();
        let starter = starter.unwrap_or_else(|| Arc::new(NotRetained));
        Ok(Child { policy: policy.clone(), starter })
    }

    pub(super) fn children(&self) -> Vec<ChildInfo> {
        self.plan.which_children()
    }

    pub(super) fn counts(&self) -> ChildCounts {
        let alive: BTreeSet<_> =
            self.table.processes().iter().filter(|(it, _)| it.is_alive()).map(|(it, _)| it.pid()).collect();
        self.plan.count_children(|pid| alive.contains(&pid))
    }

    /// Serves a request; the answer goes to `caller` once it is known.
    pub(super) fn serve(
        &mut self,
        request: Request,
        caller: oneshot::Sender<Result<Answer, ChildError>>,
        ctx: &mut Context<Self>,
    ) {
        self.caller = Some(caller);
        match request {
            Request::Start(child) => {
                self.newcomer = Some(child.starter);
                self.decide(ctx, |plan, actions| plan.start_child(child.policy, actions));
                self.newcomer = None;
            }
            Request::Terminate(child) => {
                let (child, alive) = child.resolve();
                self.decide(ctx, |plan, actions| plan.terminate_child(&child, alive, actions));
            }
            Request::Restart(child) => {
                self.decide(ctx, |plan, actions| plan.restart_child(&child, actions));
            }
            Request::Delete(child) => {
                self.decide(ctx, |plan, actions| plan.delete_child(&child, actions));
            }
        }
    }
}

fn row(policy: &ChildPolicy, starter: Arc<dyn Starter>) -> Row {
    Row {
        id: policy.id.clone(),
        kind: policy.kind,
        restart: policy.restart,
        starter: Some(starter),
        process: None,
        starts: 0,
        ended: None,
    }
}

impl Actor for SupervisorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.decide(ctx, Planner::begin);
    }

    /// Asked to end: the children go first, then it does (OTP-131).
    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        if !self.ended {
            let asked = this_process().and_then(|process| process.0.control().exit_as());
            self.ending = Some(asked.unwrap_or(ExitReason::Shutdown));
            if !self.plan.is_busy() {
                self.carry_out(ctx);
            }
        }
        if self.ended { Running::Stop } else { Running::Continue }
    }
}

impl Drop for SupervisorActor {
    /// Killed: its children die through their links (OTP-133). After a good end there are none.
    fn drop(&mut self) {
        orphan_all(&self.table);
    }
}

fn orphan_all(table: &Table) {
    for (child, kind) in table.processes() {
        orphan(&child, kind);
    }
}

impl Handler<ChildExited> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, exited: ChildExited, ctx: &mut Self::Context) {
        let now = self.node.now();
        if let Some(key) = self.plan.running_as(exited.pid) {
            self.bury(key, exited.pid, &exited.reason);
        }
        self.decide(ctx, |plan, actions| plan.exited(exited.pid, exited.reason, now, actions));
    }
}

impl Handler<Retry> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, Retry(child): Retry, ctx: &mut Self::Context) {
        let now = self.node.now();
        self.decide(ctx, |plan, actions| plan.retry(&child, now, actions));
    }
}

impl Handler<PauseOver> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, PauseOver(child, number): PauseOver, ctx: &mut Self::Context) {
        let now = self.node.now();
        self.decide(ctx, |plan, actions| plan.retry_after_pause(&child, number, now, actions));
    }
}
