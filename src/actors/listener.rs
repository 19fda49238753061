//! The listener of a service: permit, accept, hand over.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, WrapFuture};
use supervisors::supervisor::{Child, ChildError, ChildId, ChildSpec, DynamicRef, StartError};
use supervisors::{ContextExt, ExitReason};

use super::limit::{Limit, Permit};
use super::point;
use crate::event::{Event, Reporter};
use crate::net::{Accept, AcceptError, Accepted, Bound};

/// A connection on its way to its process.
pub struct Visit {
    /// The service it came to.
    pub service: Arc<str>,
    /// The id its process has among the connections.
    pub id: ChildId,
    /// The connection.
    pub accepted: Accepted,
    /// Its right to be.
    pub permit: Permit,
    /// Where its process reports.
    pub reporter: Reporter,
}

/// What a listener's connections are for: makes the process of each.
pub trait Service: Send + Sync + 'static {
    /// The process that will serve this visit, as a child of the branch's connections.
    fn connection(&self, visit: Visit) -> Child;
}

/// What a listener needs to know.
#[derive(Clone)]
pub(crate) struct ListenerOptions {
    pub(crate) service: Arc<str>,
    pub(crate) bound: Bound,
    pub(crate) limit: Limit,
    pub(crate) connections: DynamicRef,
    pub(crate) serve: Arc<dyn Service>,
    pub(crate) reporter: Reporter,
    /// How long it does not accept after descriptors or memory ran out. Default 100 ms.
    pub(crate) pause: Duration,
}

/// Accepts the connections of one listening socket and hands each to a process of its own.
///
/// Owns the accepting, not the socket: that outlives a crash, so that nobody in its backlog is lost. Started by its
/// branch, last, so that whoever it hands connections to runs. Ends when its socket is broken. Never reads or writes.
pub struct Listener {
    options: ListenerOptions,
    accept: Option<Box<dyn Accept>>,
}

impl Listener {
    /// The listener `id` of a branch.
    pub(crate) fn child_spec(id: &str, options: ListenerOptions) -> ChildSpec<Self> {
        ChildSpec::fallible(id, move || {
            let accept = options.bound.attach().map_err(StartError::from)?;
            Ok(Self { options: options.clone(), accept: Some(accept) })
        })
    }
}

/// Goes on until the socket is broken, or there is nobody to hand a connection to.
async fn accept_all(options: ListenerOptions, mut accept: Box<dyn Accept>) -> ExitReason {
    let id = ChildId::from("connection");
    loop {
        // A permit first: who cannot be served yet waits in the backlog, where it costs no descriptor.
        let permit = options.limit.permit().await;
        let error = match poll_fn(|cx| accept.poll_accept(cx)).await {
            Ok(accepted) => {
                options.reporter.node().fault_point_async(point::ACCEPTED).await;
                let visit = Visit {
                    service: Arc::clone(&options.service),
                    id: id.clone(),
                    accepted,
                    permit,
                    reporter: options.reporter.clone(),
                };
                match options.connections.start_child(options.serve.connection(visit)).await {
                    // One connection that does not start is its own affair.
                    Ok(_) | Err(ChildError::Failed(_) | ChildError::MaxChildren) => {}
                    Err(error) => return ExitReason::failed(error),
                }
                continue;
            }
            Err(error) => error,
        };
        let reason = ExitReason::failed(error.to_string());
        options.reporter.report(Event::AcceptFailed {
            service: Arc::clone(&options.service),
            reason: source_text(&error),
        });
        match error {
            AcceptError::Peer(_) => {}
            AcceptError::Exhausted(_) => tokio::time::sleep(options.pause).await,
            AcceptError::Broken(_) => return reason,
        }
    }
}

fn source_text(error: &AcceptError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

impl Actor for Listener {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(accept) = self.accept.take() else { return };
        let (service, address) = (Arc::clone(&self.options.service), self.options.bound.address());
        self.options.reporter.report(Event::ListenerUp { service, address });
        let accepting = accept_all(self.options.clone(), accept).into_actor(self);
        ctx.spawn(accepting.map(|reason, _, ctx| ctx.exit(reason)));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let (service, address) = (Arc::clone(&self.options.service), self.options.bound.address());
        self.options.reporter.report(Event::ListenerDown { service, address });
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({} on {})", self.options.service, self.options.bound.address())
    }
}
