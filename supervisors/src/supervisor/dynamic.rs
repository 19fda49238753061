//! A supervisor whose children come and go.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::actor::SupervisorActor;
use super::build::{doomed_in, start_root, start_supervisor};
use super::child::Child;
use super::child_info::{ChildCounts, ChildInfo, ChildRef};
use super::error::{ChildError, SpecError};
use super::flags::DynamicFlags;
use super::handle::SupervisorRef;
use super::plan::DynamicPlan;
use super::planner::Planner;
use super::spec::{ChildId, ChildPolicy, Restart, Shutdown};
use super::start::{Starter, Starting, Surroundings, start_after};
use super::template::{Template, TemplateSupervisor};
use super::tree::TreeNode;
use crate::process::Object;
use crate::reference::Slot;
use crate::{ExitReason, Node, Pid, Process, Ref};

/// A supervisor that starts without children and is given them while it runs, each with a spec of its own (Elixir's
/// `DynamicSupervisor`, OTP-191 to OTP-197).
///
/// Defaults: 3 restarts in 5 s over all children together, no limit of children. As a child: permanent, all the time
/// it needs to shut down. Its children are restarted one for one, told apart by pid, and stopped all at once.
///
/// `E` is what every child is given beside what its own spec says, see [`extra_arguments`](Self::extra_arguments).
pub struct DynamicSupervisor<E = ()> {
    policy: ChildPolicy,
    flags: DynamicFlags,
    slot: Arc<Slot<SupervisorActor>>,
    extra: Arc<E>,
}

impl DynamicSupervisor {
    /// A dynamic supervisor called `id`.
    pub fn new(id: impl Into<ChildId>) -> Self {
        let (policy, flags) = (ChildPolicy::supervisor(id), DynamicFlags::default());
        Self { policy, flags, slot: Slot::new(), extra: Arc::new(()) }
    }

    /// A supervisor of any number of children made from one template (OTP `simple_one_for_one`); its defaults and
    /// answers are OTP's, not those of this type.
    pub fn template<X, T>(id: impl Into<ChildId>, template: Template<X, T>) -> TemplateSupervisor<X, T> {
        TemplateSupervisor::new(id, template)
    }
}

impl<E> DynamicSupervisor<E> {
    /// What every child is given first, before what its own spec says (Elixir's `extra_arguments`, OTP-195): specs are
    /// then made by [`start_child_with`](DynamicRef::start_child_with). Default nothing.
    #[must_use]
    pub fn extra_arguments<F>(self, extra: F) -> DynamicSupervisor<F> {
        let Self { policy, flags, slot, .. } = self;
        DynamicSupervisor { policy, flags, slot, extra: Arc::new(extra) }
    }

    /// Allows `intensity` restarts within `period` (whole seconds, at least 1). Default 3 in 5 s.
    #[must_use]
    pub fn intensity(mut self, intensity: u32, period: Duration) -> Self {
        self.flags = self.flags.intensity(intensity, period);
        self
    }

    /// Refuses to start a child while `max_children` are present, restarting ones included; 0 refuses all.
    #[must_use]
    pub fn max_children(mut self, max_children: usize) -> Self {
        self.flags = self.flags.max_children(max_children);
        self
    }

    /// As a child: when it is restarted. Default permanent.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// As a child: how it is stopped. Default infinity.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// Whoever supervises under this id, now or later: it follows every restart (which starts without children).
    #[must_use]
    pub fn reference(&self) -> DynamicRef<E> {
        let target = Ref::new(Arc::clone(&self.slot));
        DynamicRef(SupervisorRef { id: self.policy.id.clone(), target }, Arc::clone(&self.extra))
    }

    /// Checks the flags as a start would.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), SpecError> {
        self.flags.check()
    }

    /// Starts it on this thread, as the root of a tree.
    ///
    /// # Errors
    /// Why it did not start: bad flags.
    ///
    /// # Panics
    /// Outside a tokio `LocalSet` (an `actix_rt::System` has one).
    pub async fn start(self, node: &Node) -> Result<DynamicRef<E>, ExitReason> {
        let reference = self.reference();
        start_root(self.into(), node).await.map(|()| reference)
    }
}

struct DynamicStarter {
    flags: DynamicFlags,
    slot: Arc<Slot<SupervisorActor>>,
}

impl Starter for DynamicStarter {
    fn start(self: Arc<Self>, surroundings: Surroundings) -> Starting {
        let plan = match DynamicPlan::new(&self.flags) {
            Ok(plan) => Planner::Dynamic(plan),
            Err(error) => return Starting::Done(Err(ExitReason::failed(error))),
        };
        let slot = Arc::clone(&self.slot);
        start_after(doomed_in(&slot), move || start_supervisor(plan, Vec::new(), &slot, &surroundings))
    }

    fn current(&self) -> Option<Arc<dyn Object>> {
        self.slot.current().map(|cell| cell as Arc<dyn Object>)
    }
}

impl<E> From<DynamicSupervisor<E>> for Child {
    fn from(supervisor: DynamicSupervisor<E>) -> Self {
        let DynamicSupervisor { policy, flags, slot, .. } = supervisor;
        Self::supervisor(policy, Arc::new(DynamicStarter { flags, slot }))
    }
}

impl<E> fmt::Debug for DynamicSupervisor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynamicSupervisor").field(&self.policy).field(&self.flags).finish()
    }
}

/// A dynamic supervisor, held by its place in the tree. Requests as to a [`SupervisorRef`].
pub struct DynamicRef<E = ()>(SupervisorRef, Arc<E>);

impl<E> Clone for DynamicRef<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), Arc::clone(&self.1))
    }
}

impl<E> fmt::Debug for DynamicRef<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynamicRef").field(&self.0).finish()
    }
}

impl<E> DynamicRef<E> {
    /// [`start_child`](Self::start_child), with a spec made from the supervisor's extra arguments (OTP-195). What the
    /// spec captures of them it has again at each restart.
    ///
    /// # Errors
    /// As [`start_child`](Self::start_child).
    pub async fn start_child_with<C: Into<Child>>(
        &self,
        spec: impl FnOnce(&E) -> C,
    ) -> Result<Option<Pid>, ChildError> {
        self.0.start_child(spec(&self.1)).await
    }

    /// Starts a child; `None` if its start chose to ignore, and then nothing is kept (OTP-194).
    ///
    /// # Errors
    /// [`ChildError::MaxChildren`], [`ChildError::Failed`], [`ChildError::Spec`] if it is significant (OTP-192).
    pub async fn start_child(&self, child: impl Into<Child>) -> Result<Option<Pid>, ChildError> {
        self.0.start_child(child).await
    }

    /// Stops and forgets the child with this pid, which it has or had before the restart it waits for (OTP-196).
    ///
    /// # Errors
    /// [`ChildError::NotFound`].
    pub async fn terminate_child(&self, child: impl Into<ChildRef>) -> Result<(), ChildError> {
        self.0.terminate_child(child).await
    }

    /// The children, in the order of their pids.
    ///
    /// # Errors
    /// [`ChildError::Supervisor`] if the supervisor does not run.
    pub async fn which_children(&self) -> Result<Vec<ChildInfo>, ChildError> {
        self.0.which_children().await
    }

    /// One child, by its pid or process (OTP-057).
    ///
    /// # Errors
    /// [`ChildError::NotFound`].
    pub async fn which_child(&self, child: impl Into<ChildRef>) -> Result<ChildInfo, ChildError> {
        self.0.which_child(child).await
    }

    /// How many children there are (OTP-196).
    ///
    /// # Errors
    /// [`ChildError::Supervisor`] if the supervisor does not run.
    pub async fn count_children(&self) -> Result<ChildCounts, ChildError> {
        self.0.count_children().await
    }

    /// Its process, if it runs.
    #[must_use]
    pub fn process(&self) -> Option<Process> {
        self.0.process()
    }

    /// The whole tree below it as it is now. Asks nobody.
    #[must_use]
    pub fn tree(&self) -> TreeNode {
        self.0.tree()
    }
}
