//! One client of the transform service.

use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Running, WrapFuture};
use bytes::Bytes;
use supervisors::supervisor::{Child, ChildSpec, Shutdown};
use tokio::sync::watch;

use super::limit::Permit;
use super::listener::{Service, Visit};
use super::session::{ConnectionOptions, Life, Session};
use super::transform_protocol::TransformProtocol;
use super::transform_worker::Workers;
use crate::config::Pace;
use crate::event::Event;
use crate::message::{Transform, TransformFailed};
use crate::net::Accepted;
use crate::wire::request::Request;

/// The bounds of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct TransformServingOptions {
    /// Bounds of the connection.
    pub connection: ConnectionOptions,
    /// Requests of one connection, 1 or more, answered in order; then it is closed. Default 1, as in the series.
    pub requests: u32,
    /// The longest request and the longest answer, in bytes. Default 1 MiB.
    pub longest: usize,
    /// How long a request may take, from when it is waited for to its last byte. Default 5 min: the idle time-out alone
    /// would let a client that sends a byte now and then hold its connection for ever.
    pub request_timeout: Duration,
}

impl Default for TransformServingOptions {
    fn default() -> Self {
        let longest = crate::wire::netstring::DEFAULT_LIMIT;
        let request_timeout = Duration::from_secs(300);
        Self { connection: ConnectionOptions::default(), requests: 1, longest, request_timeout }
    }
}

/// What the transform service does for whoever connects: it answers requests, in the protocol `P`.
#[derive(Debug)]
pub struct TransformServing<P> {
    workers: Workers,
    options: TransformServingOptions,
    protocol: PhantomData<fn() -> P>,
}

impl<P> TransformServing<P> {
    /// Answers by `workers`.
    #[must_use]
    pub fn new(workers: Workers, options: TransformServingOptions) -> Self {
        Self { workers, options, protocol: PhantomData }
    }
}

impl<P> Clone for TransformServing<P> {
    fn clone(&self) -> Self {
        Self::new(self.workers.clone(), self.options)
    }
}

impl<P: TransformProtocol> Service for TransformServing<P> {
    fn connection(&self, visit: Visit) -> Child {
        let exchange = self.clone();
        ChildSpec::once(visit.id.clone(), move || TransformConnection::new(exchange, visit))
            .shutdown(Shutdown::Timeout(self.options.connection.drain))
            .into()
    }
}

/// Answers the requests of one client, one after the other.
///
/// Owns the client's connection and its permit. Started by the branch's connections, on behalf of the listener. Ends
/// when it has answered as many requests as it may, when the client has no more, or at the first that is not to be
/// answered; asked to stop, it answers the request it has begun. Never transforms: that is done, and may be died of,
/// by a worker; and never takes the end of what the client sends for its leaving.
#[derive(Debug)]
pub struct TransformConnection<P> {
    work: Option<(TransformServing<P>, Accepted)>,
    life: Life,
    stop: watch::Sender<bool>,
    _permit: Permit,
}

impl<P> TransformConnection<P> {
    fn new(exchange: TransformServing<P>, visit: Visit) -> Self {
        let life = Life::new(visit.service, visit.accepted.peer(), visit.reporter);
        let stop = watch::Sender::new(false);
        Self { work: Some((exchange, visit.accepted)), life, stop, _permit: visit.permit }
    }
}

/// What a client says.
enum Said {
    /// A whole request.
    Request(Request),
    /// Nothing more; or it is not listened to any longer.
    Nothing,
    /// What no protocol allows, from this byte on.
    Nonsense { offset: u64, reason: String },
}

/// From the first request to the good end. An error is the bad end: the client is gone.
async fn converse<P: TransformProtocol>(
    exchange: TransformServing<P>,
    mut session: Session,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut protocol = P::new(exchange.options.longest);
    for served in 0..exchange.options.requests {
        let limit = exchange.options.request_timeout;
        match listen(&mut session, &mut protocol, served, limit, &mut stop).await? {
            Said::Request(request) => {
                if !answer::<P>(&exchange, &mut session, request).await? {
                    break;
                }
            }
            Said::Nothing => break,
            Said::Nonsense { offset, reason } => {
                let peer = session.life().peer();
                if let Some(refusal) = P::refusal(&reason) {
                    session.send(&[refusal], Pace::Fast).await?;
                }
                session.life().reporter().report(Event::Malformed { peer, offset, reason });
                break;
            }
        }
        // What it sent ahead is not begun.
        if *stop.borrow() {
            break;
        }
    }
    session.finish().await
}

/// Waits, up to `limit`, for the next thing the client says, after so many requests that were `served`.
async fn listen<P: TransformProtocol>(
    session: &mut Session,
    protocol: &mut P,
    served: u32,
    limit: Duration,
    stop: &mut watch::Receiver<bool>,
) -> io::Result<Said> {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        match protocol.decode(&mut session.input) {
            Ok(Some(request)) => return Ok(Said::Request(request)),
            Ok(None) => {}
            Err(wrong) => {
                return Ok(Said::Nonsense { offset: wrong.offset, reason: wrong.reason.to_string() });
            }
        }
        let begun = protocol.finish().err();
        let got = tokio::select! {
            // What has arrived is served, also when both are so.
            biased;
            got = session.read() => got,
            () = tokio::time::sleep_until(deadline) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, format!("it was not whole after {limit:?}")))
            }
            _ = stop.wait_for(|stop| *stop), if begun.is_none() => return Ok(Said::Nothing),
        };
        return Ok(match (got, begun) {
            (Ok(1..), _) => continue,
            (Ok(0), None) => Said::Nothing,
            (Ok(0), Some(wrong)) => Said::Nonsense { offset: wrong.offset, reason: wrong.reason.to_string() },
            (Err(error), begun) if error.kind() == io::ErrorKind::TimedOut => match begun {
                // A kept connection that is not needed any more.
                None if served > 0 => Said::Nothing,
                begun => {
                    Said::Nonsense { offset: begun.map_or(0, |at| at.offset), reason: error.to_string() }
                }
            },
            (Err(error), _) => return Err(error),
        });
    }
}

/// Serves one request; `false` if the conversation is over with it.
async fn answer<P: TransformProtocol>(
    exchange: &TransformServing<P>,
    session: &mut Session,
    Request { name, poem }: Request,
) -> io::Result<bool> {
    let peer = session.life().peer();
    let done = exchange.workers.transform(Transform { name: name.clone(), poem }).await;
    match done.and_then(|poem| fitting(poem, exchange.options.longest)) {
        Ok(poem) => {
            let bytes = poem.len();
            session.send(&P::answer(poem), Pace::Fast).await?;
            session.life().reporter().report(Event::Transformed { peer, name, bytes });
            Ok(true)
        }
        Err(TransformFailed(reason)) => {
            let refusal = P::refusal(&reason);
            session.life().reporter().report(Event::TransformFailed { peer, name, reason });
            let Some(refusal) = refusal else { return Ok(false) };
            session.send(&[refusal], Pace::Fast).await?;
            Ok(true)
        }
    }
}

/// A client with the same limit would refuse a longer one, at the cost of sending it.
fn fitting(poem: Bytes, longest: usize) -> Result<Bytes, TransformFailed> {
    match poem.len() {
        length if length > longest => {
            Err(TransformFailed(format!("the poem became {length} bytes long; {longest} is the limit")))
        }
        _ => Ok(poem),
    }
}

impl<P: TransformProtocol> Actor for TransformConnection<P> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some((exchange, accepted)) = self.work.take() else { return };
        let session = Session::new(accepted, self.life.clone(), exchange.options.connection);
        let conversation = converse(exchange, session, self.stop.subscribe()).into_actor(self);
        ctx.spawn(conversation.map(|ended, this, ctx| {
            if let Err(error) = ended {
                this.life.reset(|| error.to_string());
            }
            ctx.stop();
        }));
    }

    /// A drain waits for the answer to what was asked; whoever drains has a time limit.
    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        self.stop.send_replace(true);
        if self.life.is_over() { Running::Stop } else { Running::Continue }
    }
}

impl<P> Drop for TransformConnection<P> {
    fn drop(&mut self) {
        self.life.reset(|| "its process ended".to_owned());
    }
}

#[cfg(test)]
mod tests;
