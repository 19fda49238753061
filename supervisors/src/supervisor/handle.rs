//! A supervisor as its callers see it.

use std::fmt;

use actix::Context;
use tokio::sync::oneshot;

use super::actor::{Request, SupervisorActor};
use super::child::Child;
use super::child_info::{ChildCounts, ChildInfo, ChildRef};
use super::error::ChildError;
use super::plan::Answer;
use super::spec::ChildId;
use super::tree::TreeNode;
use crate::process::Envelope;
use crate::{Pid, Process, Ref};

/// A supervisor, held by its place in the tree: it follows restarts.
///
/// Requests are served one at a time, in order, and wait as long as the supervisor starts or stops children: they have
/// no time limit (OTP-043). All are cancel safe: a request that was sent is served, its answer dropped.
#[derive(Clone)]
pub struct SupervisorRef {
    pub(super) id: ChildId,
    pub(super) target: Ref<SupervisorActor>,
}

impl SupervisorRef {
    /// Adds a child and starts it; `None` if its start chose to ignore (OTP-029, OTP-036).
    ///
    /// # Errors
    /// What OTP's `start_child` gives ([`ChildError`]); nothing has changed then.
    pub async fn start_child(&self, child: impl Into<Child>) -> Result<Option<Pid>, ChildError> {
        let child = child.into();
        child.check()?;
        self.ask(Request::Start(child)).await.map(started)
    }

    /// Stops a child and keeps its spec, unless it is temporary (OTP-046 to OTP-050).
    ///
    /// # Errors
    /// [`ChildError::NotFound`].
    pub async fn terminate_child(&self, child: impl Into<ChildRef>) -> Result<(), ChildError> {
        self.ask(Request::Terminate(child.into())).await.map(drop)
    }

    /// Starts a child that has no process (OTP-051).
    ///
    /// # Errors
    /// [`ChildError::Running`], [`ChildError::Restarting`], [`ChildError::NotFound`], [`ChildError::Failed`].
    pub async fn restart_child(&self, child: impl Into<ChildRef>) -> Result<Option<Pid>, ChildError> {
        self.ask(Request::Restart(child.into())).await.map(started)
    }

    /// Removes the spec of a child that has no process (OTP-053).
    ///
    /// # Errors
    /// [`ChildError::Running`], [`ChildError::Restarting`], [`ChildError::NotFound`].
    pub async fn delete_child(&self, child: impl Into<ChildRef>) -> Result<(), ChildError> {
        self.ask(Request::Delete(child.into())).await.map(drop)
    }

    /// The children, youngest first (OTP-055, OTP-056).
    ///
    /// # Errors
    /// [`ChildError::Supervisor`] if the supervisor does not run.
    pub async fn which_children(&self) -> Result<Vec<ChildInfo>, ChildError> {
        self.look(SupervisorActor::children).await
    }

    /// One child, by its id (OTP-057).
    ///
    /// # Errors
    /// [`ChildError::NotFound`].
    pub async fn which_child(&self, child: impl Into<ChildRef>) -> Result<ChildInfo, ChildError> {
        let child = child.into();
        self.look(move |supervisor| supervisor.which_child(&child)).await?
    }

    /// How many children there are (OTP-058).
    ///
    /// # Errors
    /// [`ChildError::Supervisor`] if the supervisor does not run.
    pub async fn count_children(&self) -> Result<ChildCounts, ChildError> {
        self.look(SupervisorActor::counts).await
    }

    /// The spec of a child, to be looked at or given to another supervisor (OTP-060). That of a temporary child can only
    /// be looked at: its start function is not retained, and a start of it fails (OTP-066).
    ///
    /// # Errors
    /// [`ChildError::NotFound`].
    pub async fn get_child_spec(&self, child: impl Into<ChildRef>) -> Result<Child, ChildError> {
        let child = child.into();
        self.look(move |supervisor| supervisor.child(&child)).await?
    }

    /// Its process, if it runs.
    #[must_use]
    pub fn process(&self) -> Option<Process> {
        self.target.process()
    }

    /// The whole tree below it as it is now. Asks nobody: it answers also while the supervisor is busy.
    #[must_use]
    pub fn tree(&self) -> TreeNode {
        TreeNode::root(self.id.clone(), self.process())
    }

    async fn ask(&self, request: Request) -> Result<Answer, ChildError> {
        self.target.call_by(|reply| Box::new(Serve(request, reply))).forever().await?
    }

    pub(super) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&SupervisorActor) -> R + Send + 'static,
    ) -> Result<R, ChildError> {
        Ok(self.target.call_by(|reply| Box::new(Look(look, reply))).forever().await?)
    }
}

const fn started(answer: Answer) -> Option<Pid> {
    match answer {
        Answer::Started(pid) => Some(pid),
        Answer::Ignored | Answer::Done => None,
    }
}

impl fmt::Debug for SupervisorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SupervisorRef").field(&self.id).field(&self.process()).finish()
    }
}

/// A request in the mailbox, with whom to answer: its answer may come a start or a stop later.
struct Serve(Request, oneshot::Sender<Result<Answer, ChildError>>);

impl Envelope<SupervisorActor> for Serve {
    fn open(self: Box<Self>, actor: &mut SupervisorActor, ctx: &mut Context<SupervisorActor>) {
        actor.serve(self.0, self.1, ctx);
    }
}

/// A question that is answered at once.
struct Look<R, F>(F, oneshot::Sender<R>);

impl<R, F> Envelope<SupervisorActor> for Look<R, F>
where
    R: Send,
    F: FnOnce(&SupervisorActor) -> R + Send,
{
    fn open(self: Box<Self>, actor: &mut SupervisorActor, _: &mut Context<SupervisorActor>) {
        let Self(look, reply) = *self;
        // Whoever asked may have left.
        let _ = reply.send(look(actor));
    }
}
