//! One transform of one poem, as a client has it done.

use std::fmt;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use bytes::Bytes;
use supervisors::supervisor::{ChildId, ChildSpec};
use supervisors::{Node, Port, this_process};

use super::exchange::{ExchangeOptions, ask};
use crate::config::HostPort;
use crate::message::{NotTransformed, PeerError, TaskId, TaskStarted, Transformed};
use crate::net::Network;
use crate::transform::{TransformError, TransformService};
use crate::wire::request::Request;
use crate::wire::{Malformed, Reason, netstring};

/// Who does the transform.
#[derive(Clone, Debug)]
pub enum TransformRoute {
    /// A transform service over the network (client 6.0, Part 12).
    Service {
        /// Which.
        server: HostPort,
        /// Over which network.
        network: Network,
        /// Its time-outs.
        options: ExchangeOptions,
        /// The longest request (name, dot and poem) and the longest answer, in bytes. Default 1 MiB.
        max_request: usize,
    },
    /// The client's own program (client 5.0, Part 9).
    Local(TransformService),
}

/// The longest request to a service and its answer unless told otherwise: what a service takes by default.
pub const MAX_REQUEST: usize = netstring::DEFAULT_LIMIT;

/// What is to be transformed, how, and whom to tell.
#[derive(Clone)]
pub struct TransformWork {
    /// Which task of its owner it is.
    pub task: TaskId,
    /// The name of the transform.
    pub name: String,
    /// The poem.
    pub poem: Bytes,
    /// By whom.
    pub engine: TransformRoute,
    /// Where an engine that needs chance gets it from.
    pub node: Node,
    /// Told first, with the process to monitor.
    pub started: Port<TaskStarted>,
    /// Told the result.
    pub done: Port<Transformed>,
}

/// Has one poem transformed, by a service over the network or by the engine in this program, and tells its owner.
///
/// Owns the poem while it does, and the connection if there is one. Started by a dynamic supervisor, as a temporary
/// child, for an owner that is told by message. Ends when it has told the result; an engine that panics ends it, and
/// its owner hears of that by the monitor. Never tries again.
pub struct TransformClient {
    work: Option<TransformWork>,
}

impl TransformClient {
    /// One transform, as a child of a dynamic supervisor. The owner hears what that of a
    /// [`Download`](super::Download) hears, with [`Transformed`] at the end.
    #[must_use]
    pub fn child_spec(id: impl Into<ChildId>, work: TransformWork) -> ChildSpec<Self> {
        ChildSpec::once(id, move || Self { work: Some(work) })
    }
}

/// Has `poem` transformed by the service at `server`: the transform protocol of Part 12, one request, one answer.
///
/// # Errors
/// As [`ask`]; [`PeerError::RequestTooLong`] before anything is sent if name, dot and poem are longer than
/// `max_request`; the answer may not be longer either. [`PeerError::Malformed`] for a name that the protocol cannot
/// carry. A service that cannot do what it is asked for just ends the
/// connection: [`PeerError::Empty`].
///
/// # Cancel safety
/// As [`ask`].
///
/// # Panics
/// As [`ask`].
pub async fn apply(
    network: &Network,
    server: &HostPort,
    options: &ExchangeOptions,
    request: &Request,
    max_request: usize,
) -> Result<Bytes, PeerError> {
    let bytes = request.name.len() + 1 + request.poem.len();
    if bytes > max_request {
        return Err(PeerError::RequestTooLong { bytes, limit: max_request });
    }
    let frame = request.to_frame();
    // The service would take what follows the dot of a name for the poem.
    let read = Request::parse(&frame)?;
    if read.name != request.name {
        return Err(Malformed { offset: read.name.len() as u64, reason: Reason::BadName(b'.') }.into());
    }
    ask(network, server, options, frame, max_request).await
}

async fn transform(work: TransformWork) {
    let result = match work.engine {
        TransformRoute::Service { server, network, options, max_request } => {
            let request = Request { name: work.name, poem: work.poem };
            let answer = apply(&network, &server, &options, &request, max_request).await;
            answer.map_err(|cause| NotTransformed::Unanswered { server, cause })
        }
        TransformRoute::Local(service) => {
            let mut chance = work.node.random();
            service.transform(&work.name, &work.poem, &mut chance).map_err(|error| not_transformed(&error))
        }
    };
    work.done.cast(Transformed { task: work.task, result });
}

/// What a client is told of an engine that fails in its own program.
pub fn not_transformed(error: &TransformError) -> NotTransformed {
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        text = format!("{text}: {source}");
    }
    match error {
        TransformError::Gibberish { .. } => NotTransformed::Gibberish(text.into()),
        _ => NotTransformed::Failed(text.into()),
    }
}

impl Actor for TransformClient {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(work) = self.work.take() else { return };
        if let Some(process) = this_process() {
            work.started.cast(TaskStarted { task: work.task, process });
        }
        ctx.spawn(transform(work).into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

impl fmt::Debug for TransformClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.work {
            Some(work) => write!(f, "TransformClient({} {})", work.task, work.name),
            None => f.write_str("TransformClient"),
        }
    }
}
