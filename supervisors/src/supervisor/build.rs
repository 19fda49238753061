//! A supervisor to be: its flags and children, in start order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::actor::SupervisorActor;
use super::backoff::Backoff;
use super::child::Child;
use super::error::SpecError;
use super::flags::{AutoShutdown, Flags, Strategy};
use super::handle::SupervisorRef;
use super::plan::Plan;
use super::planner::Planner;
use super::spec::{ChildId, ChildKind, ChildPolicy, Restart, Shutdown, check_child_specs};
use super::start::{Settings, Started, Starter, Starting, Surroundings, Unborn, launch, start_after};
use crate::process::{Cell, ExitListener, Object};
use crate::reference::Slot;
use crate::{ExitReason, MAILBOX_BOUND, Node, Pid, Process, Ref};

/// A supervisor with its children, to be [started](Supervisor::start) as a root, or given to another supervisor as a
/// child.
///
/// Defaults as in OTP (OTP-001): one for one, 1 restart in 5 s, no automatic shutdown. As a child: permanent, all the
/// time it needs to shut down (OTP-002).
pub struct Supervisor {
    policy: ChildPolicy,
    flags: Flags,
    children: Vec<Child>,
    slot: Arc<Slot<SupervisorActor>>,
}

impl Supervisor {
    /// A supervisor called `id`, without children yet.
    pub fn new(id: impl Into<ChildId>) -> Self {
        Self {
            policy: ChildPolicy::supervisor(id),
            flags: Flags::default(),
            children: Vec::new(),
            slot: Slot::new(),
        }
    }

    /// Sets who is restarted with whom. Default one for one.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.flags.strategy = strategy;
        self
    }

    /// Allows `intensity` restarts within `period` (whole seconds, at least 1). Default 1 in 5 s.
    #[must_use]
    pub fn intensity(mut self, intensity: u32, period: Duration) -> Self {
        self.flags = self.flags.intensity(intensity, period);
        self
    }

    /// Lets significant children end it. Default never.
    #[must_use]
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.flags.auto_shutdown = auto_shutdown;
        self
    }

    /// As a child: when it is restarted. Default permanent.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// As a child: how it is stopped. Default infinity; with a limit it may be killed midway (OTP-138).
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// As a child: lets it wait before it is restarted. Default not at all, as in OTP.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy = self.policy.backoff(backoff);
        self
    }

    /// As a child: makes its end count for its parent's [`AutoShutdown`].
    #[must_use]
    pub fn significant(mut self) -> Self {
        self.policy.significant = true;
        self
    }

    /// Adds a child, to be started after those added before.
    #[must_use]
    pub fn child(mut self, child: impl Into<Child>) -> Self {
        self.children.push(child.into());
        self
    }

    /// Whoever supervises these children, now or later: it follows every restart.
    #[must_use]
    pub fn reference(&self) -> SupervisorRef {
        SupervisorRef { id: self.policy.id.clone(), target: Ref::new(Arc::clone(&self.slot)) }
    }

    /// Checks flags and children as a start would, starting nothing (OTP-012).
    ///
    /// # Errors
    /// What is wrong with the flags, else with the first child at fault.
    pub fn check(&self) -> Result<(), SpecError> {
        self.flags.check()?;
        check_child_specs(self.children.iter().map(Child::policy), Some(self.flags.auto_shutdown))?;
        self.children.iter().try_for_each(Child::check)
    }

    /// Starts it and its children on this thread, as the root of a tree; done when all init children run (OTP-021).
    ///
    /// Cancel safe: given up, what there is of it is stopped.
    ///
    /// # Errors
    /// Why it did not start: a bad spec, or the child whose start failed (OTP-024); no child runs then.
    ///
    /// # Panics
    /// Outside a tokio `LocalSet` (an `actix_rt::System` has one).
    pub async fn start(self, node: &Node) -> Result<SupervisorRef, ExitReason> {
        let reference = self.reference();
        start_root(self.into(), node).await.map(|()| reference)
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Supervisor").field(&self.policy).field(&self.flags).field(&self.children).finish()
    }
}

/// Starts a supervisor that has no supervisor.
pub(super) async fn start_root(root: Child, node: &Node) -> Result<(), ExitReason> {
    start_alone(root, node, None).await.map(drop)
}

/// Starts what has no supervisor.
pub(super) async fn start_alone(child: Child, node: &Node, parent: Option<Process>) -> Started {
    let listener = Arc::new(Nobody) as Arc<dyn ExitListener>;
    match child.starter.start(Surroundings { node: node.clone(), place: None, listener, parent }) {
        Starting::Done(started) => started,
        Starting::Later(starting) => starting.await,
    }
}

/// A root has no supervisor; whoever started it watches its process.
struct Nobody;

impl ExitListener for Nobody {
    fn exited(&self, _: Pid, _: &ExitReason) {}
}

/// Starts a static supervisor.
struct StaticStarter {
    flags: Flags,
    children: Vec<Child>,
    slot: Arc<Slot<SupervisorActor>>,
}

impl Starter for StaticStarter {
    fn start(self: Arc<Self>, surroundings: Surroundings) -> Starting {
        let policies = self.children.iter().map(|child| child.policy.clone());
        let plan = Plan::new(&self.flags, policies);
        let plan = match plan.and_then(|plan| self.children.iter().try_for_each(Child::check).map(|()| plan))
        {
            Ok(plan) => plan,
            Err(error) => return Starting::Done(Err(ExitReason::failed(error))),
        };
        #[cfg(feature = "lab")]
        let plan = {
            let mut plan = plan;
            if surroundings.node.is_planted(crate::lab::planted::RESTART_COUNTED_TWICE) {
                plan.count_twice();
            }
            plan
        };
        let (children, slot) = (self.children.clone(), Arc::clone(&self.slot));
        let doomed = doomed_in(&slot);
        let plan = Planner::Static(plan);
        start_after(doomed, move || start_supervisor(plan, children, &slot, &surroundings))
    }

    fn current(&self) -> Option<Arc<dyn Object>> {
        self.slot.current().map(|cell| cell as Arc<dyn Object>)
    }
}

/// The supervisor that has the place, if it was killed and is about to end.
pub(super) fn doomed_in(slot: &Slot<SupervisorActor>) -> Option<Process> {
    slot.current().map(|cell| Process(cell)).filter(|process| process.0.control().is_doomed())
}

/// Launches the actor; started means that its init children are.
pub(super) fn start_supervisor(
    plan: Planner,
    children: Vec<Child>,
    slot: &Arc<Slot<SupervisorActor>>,
    surroundings: &Surroundings,
) -> Starting {
    let settings = Settings::new(Arc::clone(slot), MAILBOX_BOUND);
    let cell = Cell::new(surroundings.node.clone(), settings.mailbox);
    let (ready, mut told) = oneshot::channel();
    let path = surroundings.path();
    let actor = SupervisorActor::new(plan, children, Arc::clone(&cell), path, ready);
    let process = match launch(actor, &cell, &settings, surroundings) {
        Ok(process) => process,
        Err(reason) => return Starting::Done(Err(reason)),
    };
    match told.try_recv() {
        Ok(()) => Starting::Done(Ok(Some(process))),
        Err(oneshot::error::TryRecvError::Closed) => Starting::Done(Err(reason_of(&process))),
        Err(oneshot::error::TryRecvError::Empty) => {
            let unborn = Unborn::new(process.clone(), ChildKind::Supervisor);
            Starting::Later(Box::pin(async move {
                match told.await {
                    Ok(()) => Ok(unborn.born()),
                    Err(_) => Err(process.exited().await),
                }
            }))
        }
    }
}

fn reason_of(process: &Process) -> ExitReason {
    process.exit_reason().unwrap_or(ExitReason::Killed)
}

impl From<Supervisor> for Child {
    fn from(supervisor: Supervisor) -> Self {
        let Supervisor { policy, flags, children, slot } = supervisor;
        Self::supervisor(policy, Arc::new(StaticStarter { flags, children, slot }))
    }
}
