//! An actor started as a child is, without a supervisor.

use actix::{Actor, Context};

use super::build::start_alone;
use super::child::{Child, ChildSpec};
use crate::{ExitReason, Node, Process, Ref};

impl Node {
    /// Starts an actor as `spec` says, under no supervisor, and waits until it has started (OTP `gen_server:start`);
    /// `None` if it chose to ignore. What `spec` says of restarts is not used.
    ///
    /// Cancel safe: given up, what there is of the start is dropped or killed.
    ///
    /// # Errors
    /// Why it did not start; the names it was to have are free again (OTP-179). [`ExitReason::AlreadyStarted`] if
    /// somebody has them (OTP-185), [`ExitReason::Timeout`] if it took longer than
    /// [allowed](ChildSpec::start_within) (OTP-180).
    ///
    /// # Panics
    /// Outside a tokio `LocalSet`, unless its place is elsewhere.
    pub async fn start<A>(&self, spec: ChildSpec<A>) -> Result<Option<Ref<A>>, ExitReason>
    where
        A: Actor<Context = Context<A>>,
    {
        start(self, spec, None).await
    }

    /// [`start`](Self::start), linked to the process whose turn it is, which is its parent from then on (OTP-181). A
    /// start that fails is told by its result only: no exit signal comes beside (OTP-019, OTP-180, OTP-185). Outside a
    /// process it is `start`.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_link<A>(&self, spec: ChildSpec<A>) -> Result<Option<Ref<A>>, ExitReason>
    where
        A: Actor<Context = Context<A>>,
    {
        start(self, spec, crate::this_process()).await
    }
}

async fn start<A>(
    node: &Node,
    spec: ChildSpec<A>,
    parent: Option<Process>,
) -> Result<Option<Ref<A>>, ExitReason>
where
    A: Actor<Context = Context<A>>,
{
    let reference = spec.reference();
    let started = start_alone(Child::from(spec), node, parent).await?;
    Ok(started.map(|_| reference))
}
