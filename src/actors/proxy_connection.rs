//! One client of a caching proxy.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Running, WrapFuture};
use bytes::Bytes;
use supervisors::supervisor::{Child, ChildSpec, Shutdown};
use supervisors::{CallError, Port};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::cache::{CachePorts, told};
use super::limit::Permit;
use super::listener::{Service, Visit};
use super::session::{ConnectionOptions, Life, Session};
use crate::cache::{CacheError, FailureKind, Key, Label, Taken, WaiterId};
use crate::config::{Framing, Pace};
use crate::event::Event;
use crate::message::{AskPoem, LeavePoem, Refused, Served, TakePiece};
use crate::net::Accepted;
use crate::wire::request::Request;
use crate::wire::{Malformed, netstring};

/// What one follower of a large poem takes at once: a socket buffer's worth.
const PIECE: usize = 64 << 10;

/// What a caching proxy does for whoever connects.
#[derive(Clone, Debug)]
pub struct ProxyService {
    cache: CachePorts,
    upstream: Arc<str>,
    kind: ProxyKind,
    options: ConnectionOptions,
    /// The next waiter. Shared by all connections, so that none has another's number, not even one that is gone.
    waiters: Arc<AtomicU64>,
}

/// Which protocol a proxy speaks to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// A poem for whoever connects.
    Poems(Framing),
    /// The transform protocol of Part 12: one request, one answer.
    Transforms {
        /// The longest request, in bytes. Default 1 MiB, as the service's own.
        max_request: usize,
        /// How long a request may take to its last byte. Default 5 min, as with the service itself: the idle time-out
        /// alone would let a client that sends a byte now and then hold its connection for ever.
        request_timeout: Duration,
    },
}

impl ProxyService {
    /// A proxy of the upstream called so.
    #[must_use]
    pub fn new(cache: CachePorts, upstream: Arc<str>, kind: ProxyKind, options: ConnectionOptions) -> Self {
        Self { cache, upstream, kind, options, waiters: Arc::default() }
    }
}

impl Service for ProxyService {
    fn connection(&self, visit: Visit) -> Child {
        let service = self.clone();
        ChildSpec::once(visit.id.clone(), move || ProxyConnection::new(service, visit))
            .shutdown(Shutdown::Timeout(self.options.drain))
            .into()
    }
}

/// Serves one client: asks the cache, waits, and sends what it gets.
///
/// Owns the client's connection and its permit. Started by the branch's connections, on behalf of the listener. Ends
/// when the poem is sent and the client has gone, or when there is no poem: then the client is reset (one that asked for
/// a transform that the service does not do gets the service's own answer to that, an orderly end). Asked to stop, it
/// finishes first. Never fetches: a client that leaves takes nothing away from the others, and one that waits and
/// leaves is forgotten at once.
pub struct ProxyConnection {
    work: Option<(ProxyService, Accepted)>,
    life: Life,
    _permit: Permit,
}

impl ProxyConnection {
    fn new(service: ProxyService, visit: Visit) -> Self {
        let life = Life::new(visit.service, visit.accepted.peer(), visit.reporter);
        Self { work: Some((service, visit.accepted)), life, _permit: visit.permit }
    }
}

/// A place in the cache. Given up by drop: however its process ends, the cache hears that nobody waits there any more.
struct Place {
    waiter: WaiterId,
    leave: Port<LeavePoem>,
    /// The cache has answered, and knows this waiter no more.
    answered: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.answered {
            self.leave.cast(LeavePoem(self.waiter));
        }
    }
}

/// From the request to the good end. An error is the bad end, in words: the client is reset.
async fn serve(service: ProxyService, mut session: Session) -> Result<(), String> {
    let request = match service.kind {
        ProxyKind::Poems(_) => Some((Key::poem(Arc::clone(&service.upstream)), Bytes::new())),
        // Apart, as is following: the room it needs is not every connection's.
        ProxyKind::Transforms { max_request, request_timeout } => {
            Box::pin(requested(&service.upstream, &mut session, max_request, request_timeout)).await?
        }
    };
    // Nothing that could be answered, as its event has told: an orderly end, as the service itself would.
    let Some((key, input)) = request else { return finish(session).await };
    let waiter = WaiterId(service.waiters.fetch_add(1, Ordering::Relaxed));
    let mut place = Place { waiter, leave: service.cache.leave.clone(), answered: false };
    let ask = service.cache.ask.call(AskPoem { waiter, key, input }).forever();
    let answer = wait(ask, &mut session, service.kind).await?;
    let (peer, reporter) = (session.life().peer(), session.life().reporter().clone());
    let answered = |label: Label, bytes| Event::ProxyAnswered { peer, label: label.as_str(), bytes };
    match answer.map_err(|error| format!("its cache gave no answer: {error}"))? {
        Ok(Served::Whole { poem, label, .. }) => {
            place.answered = true;
            let bytes = poem.len();
            reporter.report(answered(label, bytes));
            // The line of the answer has told the log as much.
            reporter.note(|| Event::Sending { peer, bytes });
            let sent = match service.kind {
                ProxyKind::Poems(Framing::Raw) => session.send_last(&[poem], Pace::Fast).await,
                _ => session.send_last(&netstring::parts(poem), Pace::Fast).await,
            };
            sent.map_err(|error| error.to_string())?;
            finish(session).await
        }
        Ok(Served::Passing { pieces, end }) => {
            reporter.report(answered(Label::Passed, 0));
            Box::pin(follow(waiter, &pieces, end, &mut session)).await?;
            place.answered = true;
            finish(session).await
        }
        Err(Refused { label, error }) => {
            place.answered = true;
            reporter.report(answered(label, 0));
            match service.kind {
                ProxyKind::Transforms { .. } if is_no(&error) => finish(session).await,
                _ => Err(told(&error)),
            }
        }
    }
}

/// Whether the upstream was asked and had nothing: the transform protocol has an end of its own for that.
fn is_no(error: &CacheError) -> bool {
    match error {
        CacheError::Fetch(failure) | CacheError::Remembered { failure, .. } => {
            failure.kind == FailureKind::Negative
        }
        _ => false,
    }
}

async fn finish(session: Session) -> Result<(), String> {
    session.finish().await.map_err(|error| error.to_string())
}

/// The one request of a client of the transformation proxy: its key and its poem; nothing if it sent nonsense. An error
/// if it is not whole within `limit`.
async fn requested(
    upstream: &Arc<str>,
    session: &mut Session,
    max_request: usize,
    limit: Duration,
) -> Result<Option<(Key, Bytes)>, String> {
    let deadline = Instant::now() + limit;
    let mut decoder = netstring::Decoder::new(max_request);
    let wrong = loop {
        match decoder.decode(&mut session.input) {
            Ok(Some(frame)) => match request_key(upstream, &frame) {
                Ok(request) => return Ok(Some(request)),
                Err(wrong) => break wrong,
            },
            Ok(None) => {}
            Err(malformed) => break (malformed.offset, malformed.reason.to_string()),
        }
        let read = timeout_at(deadline, session.read()).await;
        match read.map_err(|_| format!("its request was not whole after {limit:?}"))? {
            Ok(1..) => {}
            Ok(0) => match decoder.finish() {
                // It came, said nothing and left.
                Ok(()) => return Ok(None),
                Err(malformed) => break (malformed.offset, malformed.reason.to_string()),
            },
            Err(error) => return Err(error.to_string()),
        }
    };
    let (peer, (offset, reason)) = (session.life().peer(), wrong);
    session.life().reporter().report(Event::Malformed { peer, offset, reason });
    Ok(None)
}

fn request_key(upstream: &Arc<str>, frame: &Bytes) -> Result<(Key, Bytes), (u64, String)> {
    let malformed = |Malformed { offset, reason }| (offset, reason.to_string());
    let Request { name, poem } = Request::parse(frame).map_err(malformed)?;
    let key = Key::transformed(Arc::clone(upstream), &name, &poem);
    key.map(|key| (key, poem)).map_err(|error| (0, error.to_string()))
}

/// Waits for the cache's answer, and no longer than the client does.
///
/// A client that waits for a poem has nothing to say, so the end of what it sends is its leaving (Part 19). One of the
/// transform protocol may well say that its request was all; only a broken connection is its leaving.
async fn wait<R>(
    answer: impl Future<Output = Result<R, CallError>>,
    session: &mut Session,
    kind: ProxyKind,
) -> Result<Result<R, CallError>, String> {
    let mut answer = pin!(answer);
    // What is kept comes in the cache's next turn: watching the client before that would only cost system calls.
    let mut yielded = false;
    let at_once = poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if yielded => Poll::Ready(None),
        Poll::Pending => {
            yielded = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    });
    if let Some(answer) = at_once.await {
        return Ok(answer);
    }
    let left = async {
        match kind {
            ProxyKind::Poems(_) => session.left().await,
            ProxyKind::Transforms { .. } => session.broken().await,
        }
    };
    tokio::select! {
        biased;
        answer = answer => Ok(answer),
        () = left => Err("it left while it waited".to_owned()),
    }
}

/// Passes a poem on that is too large to be held, until it is whole and all of it is written.
async fn follow(
    waiter: WaiterId,
    pieces: &Port<TakePiece>,
    mut end: oneshot::Receiver<Result<(), String>>,
    session: &mut Session,
) -> Result<(), String> {
    let ended = |end: Result<Result<(), String>, _>| match end {
        Ok(how) => how.map_err(|reason| format!("the poem broke: {reason}")),
        Err(oneshot::error::RecvError { .. }) => Err("its cache ended in mid poem".to_owned()),
    };
    let mut over = false;
    while !over {
        let mut taking = pin!(pieces.call(TakePiece { waiter, most: PIECE }).forever());
        let taken = tokio::select! {
            biased;
            taken = &mut taking => taken,
            how = &mut end => {
                ended(how)?;
                over = true;
                // What was taken counts as delivered: a piece that is on its way has to be written.
                taking.await
            }
        };
        let piece = match taken {
            Ok(Taken::Piece(piece)) => piece,
            Ok(Taken::Nothing) => continue,
            Ok(Taken::Stranger) if !over => return Err("it fell too far behind the others".to_owned()),
            // All of it, if the cache agrees. Also if the fetch is gone: the cache knows how it went.
            Ok(Taken::End | Taken::Stranger) | Err(_) if over => return Ok(()),
            Ok(Taken::End | Taken::Stranger) | Err(_) => return ended((&mut end).await),
        };
        let mut writing = pin!(session.send(std::slice::from_ref(&piece), Pace::Fast));
        loop {
            tokio::select! {
                biased;
                // A client that takes nothing must not keep a poem that broke, or itself when it was cut off.
                how = &mut end, if !over => {
                    ended(how)?;
                    over = true;
                }
                wrote = &mut writing => break wrote.map_err(|error| error.to_string())?,
            }
        }
    }
    Ok(())
}

impl Actor for ProxyConnection {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some((service, accepted)) = self.work.take() else { return };
        let session = Session::new(accepted, self.life.clone(), service.options);
        let served = serve(service, session).into_actor(self);
        ctx.spawn(served.map(|served, this, ctx| {
            if let Err(reason) = served {
                this.life.reset(|| reason);
            }
            ctx.stop();
        }));
    }

    /// A drain waits for the poem to be whole; whoever asked has a time limit.
    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        if self.life.is_over() { Running::Stop } else { Running::Continue }
    }
}

impl Drop for ProxyConnection {
    fn drop(&mut self) {
        self.life.reset(|| "its process ended".to_owned());
    }
}

impl fmt::Debug for ProxyConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyConnection({})", self.life.peer())
    }
}
