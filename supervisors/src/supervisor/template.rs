//! A supervisor whose children are all made from one template.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context};

use super::actor::SupervisorActor;
use super::backoff::Backoff;
use super::build::{Supervisor, doomed_in, start_root, start_supervisor};
use super::child::{Child, ChildSpec, StartError};
use super::child_info::{ChildCounts, ChildInfo, ChildRef};
use super::error::{ChildError, SpecError};
use super::flags::Flags;
use super::handle::SupervisorRef;
use super::plan::TemplatePlan;
use super::planner::Planner;
use super::spec::{ChildId, ChildPolicy, Restart, Shutdown};
use super::start::{Starter, Starting, Surroundings, start_after};
use super::tree::TreeNode;
use crate::process::Object;
use crate::reference::Slot;
use crate::{ExitReason, MAILBOX_BOUND, Node, Overflow, Pid, Place, Process, Ref, WhenStuck};

/// What all children of a [`TemplateSupervisor`] have in common: one policy, and one start function that takes the
/// argument a caller adds (in OTP it is appended to the template's own arguments; here those are captured).
///
/// `X` is what a caller adds, `T` what a child is held by. Defaults as for any child: permanent, 5 s to shut down (a
/// supervisor: as long as it takes), on the supervisor's thread, [`MAILBOX_BOUND`] messages.
///
/// ```
/// use actix::{Actor, Context, Handler, Message};
/// use supervisors::Node;
/// use supervisors::supervisor::{DynamicSupervisor, Restart, Template};
///
/// struct Account(u32);
/// impl Actor for Account {
///     type Context = Context<Self>;
/// }
/// #[derive(Message)]
/// #[rtype(result = "u32")]
/// struct Balance;
/// impl Handler<Balance> for Account {
///     type Result = u32;
///     fn handle(&mut self, _: Balance, _: &mut Self::Context) -> u32 {
///         self.0
///     }
/// }
///
/// # actix::run(async {
/// let template = Template::new("account", Account).restart(Restart::Transient);
/// let accounts = DynamicSupervisor::template("accounts", template);
/// let accounts = accounts.start(&Node::new()).await.expect("it starts");
/// let account = accounts.start_child(100).await.expect("it starts").expect("it does not ignore");
/// assert_eq!(account.reference.call(Balance).await, Ok(100));
/// accounts.terminate_child(account.pid).await.expect("it stops");
/// # }).expect("it runs");
/// ```
pub struct Template<X, T> {
    policy: ChildPolicy,
    shape: Shape,
    mold: Mold<X, T>,
}

/// How each child's process is to be, beside its policy.
#[derive(Clone)]
struct Shape {
    id: ChildId,
    mailbox: usize,
    overflow: Overflow,
    place: Place,
    when_stuck: Option<WhenStuck>,
}

/// Makes the start function of one child, and what it is held by.
type Mold<X, T> = Arc<dyn Fn(&Shape, X) -> (Arc<dyn Starter>, T) + Send + Sync>;

impl<X: Send + 'static, A: Actor<Context = Context<A>>> Template<X, Ref<A>> {
    /// Children whose actors are made by `make`, each from its own argument, on the thread it will run on. A restart
    /// makes it again, from the same argument (OTP-110).
    pub fn new(id: impl Into<ChildId>, make: impl Fn(X) -> A + Send + Sync + 'static) -> Self
    where
        X: Clone + Sync,
    {
        Self::fallible(id, move |argument| Ok(make(argument)))
    }

    /// Children whose start may fail, or choose to [ignore](StartError::Ignore); then nothing is kept (OTP-108, OTP-109).
    pub fn fallible(
        id: impl Into<ChildId>,
        make: impl Fn(X) -> Result<A, StartError> + Send + Sync + 'static,
    ) -> Self
    where
        X: Clone + Sync,
    {
        let make = Arc::new(make);
        Self::of_specs(id, move |id, argument| {
            let make = Arc::clone(&make);
            ChildSpec::fallible(id, move || make(argument.clone()))
        })
    }

    /// Children whose start takes time. The supervisor does nothing else until it is over (OTP-023).
    pub fn starting<Fut>(id: impl Into<ChildId>, make: impl Fn(X) -> Fut + Send + Sync + 'static) -> Self
    where
        X: Clone + Sync,
        Fut: Future<Output = Result<A, StartError>> + 'static,
    {
        let make = Arc::new(make);
        Self::of_specs(id, move |id, argument| {
            let make = Arc::clone(&make);
            ChildSpec::starting(id, move || make(argument.clone()))
        })
    }

    /// Children that can be started only once, from an argument there is only once (a connection, say): temporary,
    /// and the argument is not retained (OTP-066).
    pub fn once(id: impl Into<ChildId>, make: impl Fn(X) -> A + Send + Sync + 'static) -> Self {
        let make = Arc::new(make);
        let template = Self::of_specs(id, move |id, argument| {
            let make = Arc::clone(&make);
            ChildSpec::once(id, move || make(argument))
        });
        template.restart(Restart::Temporary)
    }

    fn of_specs(
        id: impl Into<ChildId>,
        make: impl Fn(ChildId, X) -> ChildSpec<A> + Send + Sync + 'static,
    ) -> Self {
        let mold = move |shape: &Shape, argument: X| {
            let spec = make(shape.id.clone(), argument)
                .mailbox(shape.mailbox)
                .overflow(shape.overflow)
                .place(shape.place.clone());
            let spec = match shape.when_stuck {
                Some(response) => spec.when_stuck(response),
                None => spec,
            };
            let reference = spec.reference();
            (Child::from(spec).starter, reference)
        };
        Self::of_molds(ChildPolicy::worker(id), Arc::new(mold))
    }

    /// Bounds the mailbox of each child. Default [`MAILBOX_BOUND`].
    #[must_use]
    pub fn mailbox(mut self, bound: usize) -> Self {
        self.shape.mailbox = bound;
        self
    }

    /// Sets what becomes of a message that comes while the mailbox of a child is full. Default [`Overflow::Refuse`].
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.shape.overflow = overflow;
        self
    }

    /// Sets where each child runs. Default: on its supervisor's thread.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.shape.place = place;
        self
    }

    /// Sets what is done if a child's turn does not end; see [`ChildSpec::when_stuck`]. Default what the node does.
    #[must_use]
    pub fn when_stuck(mut self, response: WhenStuck) -> Self {
        self.shape.when_stuck = Some(response);
        self
    }
}

impl<X: Send + 'static> Template<X, SupervisorRef> {
    /// Children that are supervisors, each a tree made from its argument. `make` runs once a child, where
    /// [`start_child`](TemplateRef::start_child) is called; a restart starts the same tree again.
    pub fn supervisors(
        id: impl Into<ChildId>,
        make: impl Fn(X) -> Supervisor + Send + Sync + 'static,
    ) -> Self {
        let mold = move |_: &Shape, argument: X| {
            let supervisor = make(argument);
            let reference = supervisor.reference();
            (Child::from(supervisor).starter, reference)
        };
        Self::of_molds(ChildPolicy::supervisor(id), Arc::new(mold))
    }
}

impl<X, T> Template<X, T> {
    fn of_molds(policy: ChildPolicy, mold: Mold<X, T>) -> Self {
        let (id, place, overflow) = (policy.id.clone(), Place::default(), Overflow::Refuse);
        let shape = Shape { id, mailbox: MAILBOX_BOUND, overflow, place, when_stuck: None };
        Self { policy, shape, mold }
    }

    /// Sets when a child is restarted. Default permanent.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// Lets a child wait before it is restarted. Default not at all, as in OTP.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy = self.policy.backoff(backoff);
        self
    }

    /// Sets how a child is stopped. Default 5 s, for supervisors infinity.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// Makes a child significant, which a supervisor of a template refuses when it starts (OTP-016).
    #[must_use]
    pub fn significant(mut self) -> Self {
        self.policy.significant = true;
        self
    }
}

/// A supervisor of any number of children made from one [`Template`]: OTP's `simple_one_for_one` (section L of the
/// conformance list). Made by [`DynamicSupervisor::template`](super::DynamicSupervisor::template).
///
/// It starts without children; they are told apart by pid, restarted one for one, and stopped all at once, with one time
/// limit for all (OTP-107, OTP-115). Defaults as in OTP: 1 restart in 5 s over all children together (OTP-112). As a
/// child: permanent, all the time it needs to shut down.
pub struct TemplateSupervisor<X, T> {
    policy: ChildPolicy,
    flags: Flags,
    template: Template<X, T>,
    slot: Arc<Slot<SupervisorActor>>,
}

impl<X, T> TemplateSupervisor<X, T> {
    pub(super) fn new(id: impl Into<ChildId>, template: Template<X, T>) -> Self {
        Self { policy: ChildPolicy::supervisor(id), flags: Flags::default(), template, slot: Slot::new() }
    }

    /// Allows `intensity` restarts within `period` (whole seconds, at least 1). Default 1 in 5 s.
    #[must_use]
    pub fn intensity(mut self, intensity: u32, period: Duration) -> Self {
        self.flags = self.flags.intensity(intensity, period);
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

    /// As a child: makes its end count for its parent's [`AutoShutdown`](super::AutoShutdown).
    #[must_use]
    pub fn significant(mut self) -> Self {
        self.policy.significant = true;
        self
    }

    /// Whoever supervises under this id, now or later: it follows every restart (which starts without children).
    #[must_use]
    pub fn reference(&self) -> TemplateRef<X, T> {
        let target = Ref::new(Arc::clone(&self.slot));
        TemplateRef {
            supervisor: SupervisorRef { id: self.policy.id.clone(), target },
            policy: self.template.policy.clone(),
            shape: self.template.shape.clone(),
            mold: Arc::clone(&self.template.mold),
        }
    }

    /// Checks flags and template as a start would (OTP-015, OTP-016).
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), SpecError> {
        TemplatePlan::new(&self.flags, self.template.policy.clone()).map(drop)
    }

    /// Starts it on this thread, as the root of a tree.
    ///
    /// Cancel safe: given up, what there is of it is stopped.
    ///
    /// # Errors
    /// Why it did not start: bad flags, a bad template.
    ///
    /// # Panics
    /// Outside a tokio `LocalSet` (an `actix_rt::System` has one).
    pub async fn start(self, node: &Node) -> Result<TemplateRef<X, T>, ExitReason> {
        let reference = self.reference();
        start_root(self.into(), node).await.map(|()| reference)
    }
}

struct TemplateStarter {
    flags: Flags,
    template: ChildPolicy,
    slot: Arc<Slot<SupervisorActor>>,
}

impl Starter for TemplateStarter {
    fn start(self: Arc<Self>, surroundings: Surroundings) -> Starting {
        let plan = match TemplatePlan::new(&self.flags, self.template.clone()) {
            Ok(plan) => Planner::Template(plan),
            Err(error) => return Starting::Done(Err(ExitReason::failed(error))),
        };
        let slot = Arc::clone(&self.slot);
        start_after(doomed_in(&slot), move || start_supervisor(plan, Vec::new(), &slot, &surroundings))
    }

    fn current(&self) -> Option<Arc<dyn Object>> {
        self.slot.current().map(|cell| cell as Arc<dyn Object>)
    }
}

impl<X, T> From<TemplateSupervisor<X, T>> for Child {
    fn from(supervisor: TemplateSupervisor<X, T>) -> Self {
        let TemplateSupervisor { policy, flags, template, slot } = supervisor;
        Self::supervisor(policy, Arc::new(TemplateStarter { flags, template: template.policy, slot }))
    }
}

/// A supervisor of a template, held by its place in the tree. Requests as to a [`SupervisorRef`].
pub struct TemplateRef<X, T> {
    supervisor: SupervisorRef,
    policy: ChildPolicy,
    shape: Shape,
    mold: Mold<X, T>,
}

/// A child that was started from a template.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TemplateChild<T> {
    /// Who it was when it started.
    pub pid: Pid,
    /// Its place: it follows the child's restarts.
    pub reference: T,
}

impl<X, T> TemplateRef<X, T> {
    /// Starts a child from the template and this argument; `None` if its start chose to ignore, and then nothing is
    /// kept (OTP-107, OTP-109).
    ///
    /// # Errors
    /// [`ChildError::Failed`], bare, and nothing is kept (OTP-108).
    pub async fn start_child(&self, argument: X) -> Result<Option<TemplateChild<T>>, ChildError> {
        let (starter, reference) = (self.mold)(&self.shape, argument);
        let child = Child { policy: self.policy.clone(), starter };
        let pid = self.supervisor.start_child(child).await?;
        Ok(pid.map(|pid| TemplateChild { pid, reference }))
    }

    /// Stops and forgets a child, named by its process or pid, also by the one it had before the restart it waits for;
    /// a process that is dead already is as good as stopped (OTP-113).
    ///
    /// Of a bare pid that is no child's the supervisor cannot tell whether it is alive, and takes it for a child that
    /// has ended: pass the [`Process`] to have a living stranger refused.
    ///
    /// # Errors
    /// [`ChildError::SimpleOneForOne`] for an id, [`ChildError::NotFound`] for a living stranger.
    pub async fn terminate_child(&self, child: impl Into<ChildRef>) -> Result<(), ChildError> {
        self.supervisor.terminate_child(child).await
    }

    /// Refused: the children of a template are not restarted by request (OTP-114).
    ///
    /// # Errors
    /// [`ChildError::SimpleOneForOne`], always.
    pub async fn restart_child(&self, child: impl Into<ChildRef>) -> Result<Option<Pid>, ChildError> {
        self.supervisor.restart_child(child).await
    }

    /// Refused: the children of a template have no spec of their own to delete (OTP-114).
    ///
    /// # Errors
    /// [`ChildError::SimpleOneForOne`], always.
    pub async fn delete_child(&self, child: impl Into<ChildRef>) -> Result<(), ChildError> {
        self.supervisor.delete_child(child).await
    }

    /// The children, in the order of their pids, without ids (OTP-107).
    ///
    /// # Errors
    /// [`ChildError::Supervisor`] if the supervisor does not run.
    pub async fn which_children(&self) -> Result<Vec<ChildInfo>, ChildError> {
        self.supervisor.which_children().await
    }

    /// One child, by its process or pid (OTP-057).
    ///
    /// # Errors
    /// [`ChildError::SimpleOneForOne`] for an id, [`ChildError::NotFound`] for strangers and children that ended.
    pub async fn which_child(&self, child: impl Into<ChildRef>) -> Result<ChildInfo, ChildError> {
        self.supervisor.which_child(child).await
    }

    /// How many children there are; one spec, however many (OTP-059).
    ///
    /// # Errors
    /// [`ChildError::Supervisor`] if the supervisor does not run.
    pub async fn count_children(&self) -> Result<ChildCounts, ChildError> {
        self.supervisor.count_children().await
    }

    /// The template's policy, asked for by its id or by a child (OTP-061: a dead process is taken for a child).
    ///
    /// # Errors
    /// [`ChildError::NotFound`] for a living stranger.
    pub async fn get_child_spec(&self, child: impl Into<ChildRef>) -> Result<ChildPolicy, ChildError> {
        let child = child.into();
        self.supervisor.look(move |supervisor| supervisor.template(&child)).await?
    }

    /// Its process, if it runs.
    #[must_use]
    pub fn process(&self) -> Option<Process> {
        self.supervisor.process()
    }

    /// Stops it and all below it: see [`SupervisorRef::stop`](super::SupervisorRef::stop).
    pub async fn stop(&self) -> ExitReason {
        self.supervisor.stop().await
    }

    /// The whole tree below it as it is now. Asks nobody.
    #[must_use]
    pub fn tree(&self) -> TreeNode {
        self.supervisor.tree()
    }
}

impl<X, T> Clone for TemplateRef<X, T> {
    fn clone(&self) -> Self {
        Self {
            supervisor: self.supervisor.clone(),
            policy: self.policy.clone(),
            shape: self.shape.clone(),
            mold: Arc::clone(&self.mold),
        }
    }
}

impl<X, T> fmt::Debug for Template<X, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)
    }
}

impl<X, T> fmt::Debug for TemplateSupervisor<X, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TemplateSupervisor")
            .field(&self.policy)
            .field(&self.flags)
            .field(&self.template)
            .finish()
    }
}

impl<X, T> fmt::Debug for TemplateRef<X, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TemplateRef").field(&self.supervisor).finish()
    }
}
