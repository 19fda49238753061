//! The workers of the transform service: each request a process of its own.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, WrapFuture,
};
use bytes::Bytes;
use fastrand::Rng;
use parking_lot::Mutex;
use supervisors::supervisor::{ChildSpec, DynamicRef};
use supervisors::{CallError, ContextExt, ExitReason, ShutdownCause};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::limit::{Limit, Permit};
use crate::message::{Transform, TransformFailed};
use crate::transform::TransformService;

/// A transformation under way.
pub type Transforming = Pin<Box<dyn Future<Output = Result<Bytes, TransformFailed>>>>;

/// What a worker runs: a function of the request and of chance that knows no protocol.
///
/// What it does before it returns, and between the waits of what it returns, cannot be interrupted: only a wait can be
/// killed. It may panic in both; that is its worker's end and nobody else's.
pub trait TransformEngine: Send + Sync + 'static {
    /// Transforms. `chance` is this request's own: the n-th request to a service gets the n-th generator.
    fn transform(&self, request: Transform, chance: Rng) -> Transforming;
}

impl TransformEngine for TransformService {
    /// At once: the functions of the table are plain.
    fn transform(&self, request: Transform, mut chance: Rng) -> Transforming {
        let done = Self::transform(self, &request.name, &request.poem, &mut chance);
        // As `Debug` an error tells its cause, too.
        Box::pin(ready(done.map_err(|error| TransformFailed(format!("{error:?}")))))
    }
}

/// The bounds of the workers.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// Transforms at once, 1 or more. Default 64; the rest wait, who asked first comes first.
    pub most: usize,
    /// How long a request may take from its last byte on, the wait for a worker included. Default 10 s.
    pub deadline: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self { most: 64, deadline: Duration::from_secs(10) }
    }
}

/// The way to a worker, shared by all connections of the service, whatever their protocol.
///
/// Workers run on the thread of their supervisor, as the connections do: a conversation stays on one thread. So the
/// deadline bounds the wait for a free worker, the wait for its start, and whatever the engine awaits; a plain function
/// that computes is let run to its end, and holds its thread as long. The limit of a request (1 MiB by default) is what
/// bounds the functions of [`TransformService`], which are all linear in it.
#[derive(Clone)]
pub struct Workers(Arc<Shared>);

struct Shared {
    engine: Arc<dyn TransformEngine>,
    supervisor: DynamicRef,
    limit: Limit,
    deadline: Duration,
    chance: Mutex<Rng>,
}

impl Workers {
    /// Workers that run `engine`, started under `supervisor`; each draws from a generator forked from `chance`, in
    /// the order of the requests.
    pub fn new(
        engine: impl TransformEngine,
        supervisor: DynamicRef,
        options: WorkerOptions,
        chance: Rng,
    ) -> Self {
        Self(Arc::new(Shared {
            engine: Arc::new(engine),
            supervisor,
            limit: Limit::new(options.most),
            deadline: options.deadline,
            chance: Mutex::new(chance),
        }))
    }

    /// Has `request` carried out by a worker of its own. Cancel safe: a worker whose answer nobody waits for any more
    /// ends at its next wait.
    ///
    /// # Errors
    /// Why there is no poem: the engine said so, or panicked, or was killed, or the deadline has passed.
    pub async fn transform(&self, request: Transform) -> Result<Bytes, TransformFailed> {
        let shared = &self.0;
        let deadline = Instant::now() + shared.deadline;
        // Drawn before any wait, so that its order is that of the requests, not that of whoever is done first.
        let chance = shared.chance.lock().fork();
        let Ok(permit) = timeout_at(deadline, shared.limit.permit()).await else {
            return Err(TransformFailed(format!("no worker was free within {:?}", shared.deadline)));
        };
        let (_lease, leased) = oneshot::channel();
        let engine = Arc::clone(&shared.engine);
        let spec = ChildSpec::once("worker", move || TransformWorker {
            engine,
            chance,
            leased: Some(leased),
            _permit: permit,
        });
        let worker = spec.reference();
        let work = async {
            if let Err(error) = shared.supervisor.start_child(spec).await {
                return Err(TransformFailed(format!("no worker could be started: {error}")));
            }
            worker.call(request).forever().await.unwrap_or_else(|error| Err(failed(error)))
        };
        timeout_at(deadline, work).await.unwrap_or_else(|_| {
            worker.kill();
            Err(TransformFailed(format!("not done within {:?}", shared.deadline)))
        })
    }

    /// How many requests have a worker now.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.0.limit.used()
    }
}

/// What the end of a worker is to whoever asked. The place of a panic is in the event of its process, not here: it is
/// no business of a client.
fn failed(error: CallError) -> TransformFailed {
    TransformFailed(match error {
        CallError::Exit(ExitReason::Panicked { message, .. }) => format!("its process panicked: {message}"),
        CallError::Exit(reason) => format!("its process ended: {reason}"),
        error => error.to_string(),
    })
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Workers({} of {} busy)", self.busy(), self.0.limit.most())
    }
}

/// Carries out one request.
///
/// Owns its permit and its chance. Started by the branch's workers, on behalf of the connection that asks it. Ends
/// when it has answered, when nobody waits for its answer any more, or killed at the deadline of its request. Never
/// sees a connection: what becomes of it is told by its reply, or by its exit reason.
pub struct TransformWorker {
    engine: Arc<dyn TransformEngine>,
    chance: Rng,
    /// Its other end is dropped by a connection that ends first.
    leased: Option<oneshot::Receiver<Infallible>>,
    _permit: Permit,
}

impl Actor for TransformWorker {
    type Context = Context<Self>;

    /// Without the watch for its connection, a worker started for one that has just died would wait for its request,
    /// and hold its permit, for ever.
    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(leased) = self.leased.take() else { return };
        ctx.spawn(leased.into_actor(self).map(|_, _, ctx| {
            let why = "nobody waits for its answer any more".into();
            ctx.exit(ExitReason::ShutdownWith(ShutdownCause::Other(why)));
        }));
    }
}

impl Handler<Transform> for TransformWorker {
    type Result = ResponseActFuture<Self, Result<Bytes, TransformFailed>>;

    fn handle(&mut self, request: Transform, _: &mut Self::Context) -> Self::Result {
        let transforming = self.engine.transform(request, self.chance.clone());
        Box::pin(transforming.into_actor(self).map(|done, _, ctx| {
            ctx.stop();
            done
        }))
    }
}

impl fmt::Debug for TransformWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransformWorker")
    }
}

#[cfg(test)]
mod tests;
