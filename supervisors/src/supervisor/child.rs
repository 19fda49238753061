//! A child: its policy, and how to make its actor.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context};
use parking_lot::Mutex;

use super::backoff::Backoff;
use super::error::SpecError;
use super::spec::{ChildId, ChildKind, ChildPolicy, Restart, Shutdown};
use super::start::{ActorStarter, Making, Settings, Starter};
use crate::reference::Slot;
use crate::{ExitReason, MAILBOX_BOUND, Node, Overflow, Place, Process, Ref, WhenStuck};

/// Why a start function gives no actor. Any error becomes one by `?`.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It chose not to run: no failure, and no restart (OTP `ignore`, OTP-029).
    Ignore,
    /// It could not.
    Failed(ExitReason),
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for StartError {
    fn from(error: E) -> Self {
        Self::Failed(ExitReason::failed(error))
    }
}

/// Makes an actor each time its child is started.
pub(super) trait Make<A>: Send + Sync {
    fn make(&self) -> Making<A>;
}

struct Plainly<F>(F);
struct Fallibly<F>(F);
struct Eventually<F>(F);
struct Once<F>(Mutex<Option<F>>);

impl<A, F: Fn() -> A + Send + Sync> Make<A> for Plainly<F> {
    fn make(&self) -> Making<A> {
        Making::Done(Ok((self.0)()))
    }
}

impl<A, F: Fn() -> Result<A, StartError> + Send + Sync> Make<A> for Fallibly<F> {
    fn make(&self) -> Making<A> {
        Making::Done((self.0)())
    }
}

impl<A, F, Fut> Make<A> for Eventually<F>
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Result<A, StartError>> + 'static,
{
    fn make(&self) -> Making<A> {
        Making::Later(Box::pin((self.0)()))
    }
}

impl<A, F: FnOnce() -> A + Send> Make<A> for Once<F> {
    fn make(&self) -> Making<A> {
        let make = self.0.lock().take();
        Making::Done(match make {
            Some(make) => Ok(make()),
            None => Err(StartError::Failed(ExitReason::failed("what it was to start with is used up"))),
        })
    }
}

/// How to start, restart and stop one actor as a child (OTP `child_spec()`).
///
/// The actor is any `actix::Actor` on `actix::Context`, unchanged. Defaults: permanent, 5 s to shut down, not
/// significant, on its supervisor's thread, no registered name, [`MAILBOX_BOUND`] messages.
pub struct ChildSpec<A: Actor> {
    policy: ChildPolicy,
    make: Box<dyn Make<A>>,
    settings: Settings<A>,
}

impl<A: Actor<Context = Context<A>>> ChildSpec<A> {
    /// A child whose actor is made by `make`, on the thread it will run on.
    pub fn new(id: impl Into<ChildId>, make: impl Fn() -> A + Send + Sync + 'static) -> Self {
        Self::from_make(id, Box::new(Plainly(make)))
    }

    /// A child whose start may fail, or choose to [ignore](StartError::Ignore).
    pub fn fallible(
        id: impl Into<ChildId>,
        make: impl Fn() -> Result<A, StartError> + Send + Sync + 'static,
    ) -> Self {
        Self::from_make(id, Box::new(Fallibly(make)))
    }

    /// A child whose start takes time. Its supervisor does nothing else until it is over (OTP-023).
    pub fn starting<Fut>(id: impl Into<ChildId>, make: impl Fn() -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<A, StartError>> + 'static,
    {
        Self::from_make(id, Box::new(Eventually(make)))
    }

    /// A child that can be started only once, from what is there only once (a connection, say): temporary.
    pub fn once(id: impl Into<ChildId>, make: impl FnOnce() -> A + Send + 'static) -> Self {
        Self::from_make(id, Box::new(Once(Mutex::new(Some(make))))).restart(Restart::Temporary)
    }

    fn from_make(id: impl Into<ChildId>, make: Box<dyn Make<A>>) -> Self {
        let settings = Settings::new(Slot::new(), MAILBOX_BOUND);
        Self { policy: ChildPolicy::worker(id), make, settings }
    }

    /// Sets when it is restarted. Default permanent.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// Sets how it is stopped. Default 5 s.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// Lets it wait before it is restarted. Default not at all, as in OTP.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy = self.policy.backoff(backoff);
        self
    }

    /// Makes its end count for [`AutoShutdown`](super::AutoShutdown).
    #[must_use]
    pub fn significant(mut self) -> Self {
        self.policy.significant = true;
        self
    }

    /// Registers each of its lives under `name`. If the name is held elsewhere, the start fails (OTP-040).
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// Bounds its mailbox: what becomes of a message beyond it, [`overflow`](Self::overflow) says. Default
    /// [`MAILBOX_BOUND`].
    #[must_use]
    pub fn mailbox(mut self, bound: usize) -> Self {
        self.settings.mailbox = bound;
        self
    }

    /// Sets what becomes of a message that comes while its mailbox is full. Default [`Overflow::Refuse`]: a cast is lost,
    /// a call answered [`Overloaded`](crate::CallError::Overloaded).
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.settings.rare.get_or_insert_default().overflow = overflow;
        self
    }

    /// Gives up a start that takes longer than `limit`: it then fails with [`ExitReason::Timeout`], and what there is of
    /// it is dropped or killed (OTP `{timeout, _}`, OTP-180). Default none. Only what is awaited counts
    /// ([`starting`](Self::starting), a place on another thread): nothing can end a function that does not return.
    #[must_use]
    pub fn start_within(mut self, limit: Duration) -> Self {
        self.settings.rare.get_or_insert_default().start_limit = Some(limit);
        self
    }

    /// Sets where it runs. Default: on its supervisor's thread.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.settings.rare.get_or_insert_default().place = place;
        self
    }

    /// Sets what is done if a turn of it does not end. Default: what its node's [`Watchdog`](crate::Watchdog) does.
    /// [`WhenStuck::Abandon`] is refused ([`SpecError::NotAbandonable`](super::SpecError::NotAbandonable)) unless the
    /// child's place is on the node's own arbiters: a supervisor's own thread cannot be given up.
    #[must_use]
    pub fn when_stuck(mut self, response: WhenStuck) -> Self {
        self.settings.rare.get_or_insert_default().when_stuck = Some(response);
        self
    }

    /// Whoever runs as this child, now or later: it follows every restart.
    ///
    /// A spec stands for one place in a tree: give each child a spec of its own. While one child made from a spec
    /// runs, a second one fails to start (`already started`).
    #[must_use]
    pub fn reference(&self) -> Ref<A> {
        Ref::new(Arc::clone(&self.settings.slot))
    }

    /// Who has the name it is to have, unless that is about to end.
    pub(super) fn holder(&self, node: &Node) -> Option<Process> {
        let holder = node.whereis(self.settings.name.as_ref()?)?;
        (!holder.0.control().is_doomed()).then_some(holder)
    }
}

impl<A: Actor> fmt::Debug for ChildSpec<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)
    }
}

/// A child of any kind, as a supervisor takes it: made from a [`ChildSpec`] or from another supervisor.
#[derive(Clone)]
pub struct Child {
    pub(crate) policy: ChildPolicy,
    pub(crate) starter: Arc<dyn Starter>,
}

impl Child {
    pub(crate) fn supervisor(policy: ChildPolicy, starter: Arc<dyn Starter>) -> Self {
        debug_assert_eq!(policy.kind, ChildKind::Supervisor, "made by `ChildPolicy::supervisor`");
        Self { policy, starter }
    }

    /// Whether it can be what its spec asks for, wherever it is put.
    pub(crate) fn check(&self) -> Result<(), SpecError> {
        self.starter.check(&self.policy.id)
    }

    /// Its policy.
    #[must_use]
    pub fn policy(&self) -> &ChildPolicy {
        &self.policy
    }
}

impl<A: Actor<Context = Context<A>>> From<ChildSpec<A>> for Child {
    fn from(spec: ChildSpec<A>) -> Self {
        let starter = ActorStarter { make: spec.make, settings: spec.settings };
        Self { policy: spec.policy, starter: Arc::new(starter) }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)
    }
}
