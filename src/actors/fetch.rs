//! One fetch of a caching proxy: a poem from the first of its upstream's addresses that has it.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use bytes::{Bytes, BytesMut};
use supervisors::supervisor::{ChildSpec, Shutdown};
use supervisors::{Ref, this_process};

use super::cache::{FetchWork, Fetcher, Fetching};
use super::exchange::{DownloadOptions, Piece, ask, download};
use super::later::{Later, later};
use super::passage::Passage;
use crate::cache::{Failure, FailureKind, FetchId, Key, Taken, Trust};
use crate::config::{Framing, HostPort};
use crate::message::{
    FetchEnded, FetchOutcome, FetchOversize, FetchStarted, PeerError, StopFollowing, TakePiece,
};
use crate::net::Network;
use crate::wire::request::Request;

/// How far a follower of a poem that is passed through may always be behind the fastest, in bytes, however small the
/// longest poem is that is held: 256 KiB, four of the pieces that a follower takes. With less, the first to take its
/// piece would leave those behind who have not had their turn.
const LEAST_LAG: usize = 256 << 10;

/// How a proxy's fetches are made, all alike.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The network.
    pub network: Network,
    /// Alternatives for the same poem, tried in this order, each when the one before has failed. At least one.
    pub servers: Vec<HostPort>,
    /// Framing, time-outs and the longest poem.
    pub download: DownloadOptions,
    /// The longest answer of a transform service, in bytes. Default 1 MiB, as the service's own.
    pub max_answer: usize,
    /// The longest poem that is held, in bytes; a longer one is passed through. None: each is held, because the clients'
    /// framing needs its length before its first byte.
    pub max_held: Option<usize>,
    /// How long followers may take for the rest of a poem that was passed through. Default 5 min.
    pub max_drain: Duration,
}

impl Fetcher for Arc<Upstream> {
    fn fetch(&self, work: FetchWork) -> Fetching {
        let upstream = Self::clone(self);
        let spec = ChildSpec::once("fetch", move || Fetch::new(upstream, work))
            // It has nothing to tidy up: what ends it closes its connection, and that is all there is to do.
            .shutdown(Shutdown::Brutal);
        let fetch: Ref<Fetch> = spec.reference();
        Fetching { pieces: (&fetch).into(), unfollow: fetch.into(), child: spec.into() }
    }
}

/// Gets one poem for the cache and tells it, or passes one that is too large to be held through to its followers.
///
/// Owns the connection to the upstream and what has come of the poem. Started by the branch's downloads, as a temporary
/// child, for the cache; no client owns it. Ends when it has told how it went; ended by the cache when nobody waits any
/// more, or with the branch. Never tries a server twice, and never takes a poem for whole that may not be.
pub struct Fetch {
    work: Option<(Arc<Upstream>, FetchWork)>,
    passage: Rc<Passage>,
    id: FetchId,
}

impl Fetch {
    fn new(upstream: Arc<Upstream>, work: FetchWork) -> Self {
        let passage = Passage::new(work.fetch, work.ports.cut.clone());
        Self { id: work.fetch, work: Some((upstream, work)), passage: Rc::new(passage) }
    }
}

/// Tries the servers in order. Success is the first that has the poem; a poem that broke while it was passed through
/// cannot be begun again.
async fn fetch(upstream: &Upstream, work: &FetchWork, passage: &Passage) -> FetchOutcome {
    // Until the fetch before for the same key has closed its connection: the upstream must never see two.
    let _turn = work.turn.lock().await;
    let mut failures = Vec::new();
    for server in &upstream.servers {
        let got = match &work.key {
            Key::Poem { .. } => poem(upstream, server, work, passage).await,
            Key::Transformed { transform, .. } => transformed(upstream, server, transform, &work.input).await,
        };
        match got {
            Ok(outcome) => return outcome,
            Err(error) => failures.push((server, error)),
        }
        if passage.is_open() {
            break;
        }
    }
    FetchOutcome::Failed(failure(&failures))
}

async fn poem(
    upstream: &Upstream,
    server: &HostPort,
    work: &FetchWork,
    passage: &Passage,
) -> Result<FetchOutcome, PeerError> {
    let mut held = BytesMut::new();
    let got = download(&upstream.network, server, &upstream.download, async |Piece { bytes, .. }| {
        if passage.is_open() {
            passage.pass(bytes).await;
            return Ok(());
        }
        held.extend_from_slice(&bytes);
        match upstream.max_held {
            Some(max_held) if held.len() > max_held => {
                let head = held.split().freeze();
                let oversize = FetchOversize { fetch: work.fetch, head: head.clone() };
                let followers = work.ports.oversize.call(oversize).forever().await;
                let followers = followers.map_err(|_| PeerError::Cancelled)?;
                passage.open(head, followers, max_held.max(LEAST_LAG));
                passage.wanted().await;
            }
            _ => {}
        }
        Ok(())
    })
    .await;
    #[cfg(feature = "lab")]
    let got = got.or_else(|error| match takes_parts_for_whole() && !held.is_empty() {
        true => Ok(()),
        false => Err(error),
    });
    got?;
    if passage.is_open() {
        passage.finish(upstream.max_drain).await;
        return Ok(FetchOutcome::Streamed);
    }
    let trust = match upstream.download.framing {
        Framing::Raw => Trust::Unverified,
        Framing::Netstring => Trust::Verified,
    };
    Ok(FetchOutcome::Whole { poem: tight(held), trust })
}

/// A planted bug: see [`NodeBuilder::plant`](supervisors::NodeBuilder::plant).
#[cfg(feature = "lab")]
fn takes_parts_for_whole() -> bool {
    this_process().is_some_and(|process| process.node().is_planted(TRUNCATED_IS_CACHED))
}

/// Its name.
#[cfg(feature = "lab")]
pub(crate) const TRUNCATED_IS_CACHED: &str = "a truncated poem is cached";

async fn transformed(
    upstream: &Upstream,
    server: &HostPort,
    transform: &str,
    original: &Bytes,
) -> Result<FetchOutcome, PeerError> {
    let request = Request { name: transform.to_owned(), poem: original.clone() };
    let options = &upstream.download.exchange;
    let poem = ask(&upstream.network, server, options, request.to_frame(), upstream.max_answer).await?;
    Ok(FetchOutcome::Whole { poem: tight(poem.into()), trust: Trust::Verified })
}

/// The poem in a buffer of its own size: it is kept for hours, and the one it grew in may be twice as large.
fn tight(held: BytesMut) -> Bytes {
    if held.capacity() - held.len() > held.len() / 8 { Bytes::copy_from_slice(&held) } else { held.freeze() }
}

/// What is to be learnt from the failures of all servers: that there is no poem only if one said so and none broke,
/// that the upstream cannot be reached only if no server could.
fn failure(failures: &[(&HostPort, PeerError)]) -> Failure {
    let kind = |error: &PeerError| match error {
        PeerError::Unresolved { .. } | PeerError::Unconnected { .. } | PeerError::ConnectTimeout(_) => {
            FailureKind::Unreachable
        }
        PeerError::Empty => FailureKind::Negative,
        _ => FailureKind::Broken,
    };
    let worst = failures.iter().map(|(_, error)| kind(error)).max_by_key(|kind| match kind {
        FailureKind::Unreachable => 0,
        FailureKind::Negative => 1,
        FailureKind::Broken | FailureKind::Crashed => 2,
    });
    let told: Vec<String> = failures.iter().map(|(server, error)| format!("{server}: {error}")).collect();
    Failure::new(worst.unwrap_or(FailureKind::Unreachable), &told.join("; "))
}

impl Actor for Fetch {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some((upstream, work)) = self.work.take() else { return };
        if let Some(process) = this_process() {
            work.ports.started.cast(FetchStarted { fetch: work.fetch, process });
        }
        let passage = Rc::clone(&self.passage);
        let work = async move {
            let outcome = fetch(&upstream, &work, &passage).await;
            work.ports.ended.cast(FetchEnded { fetch: work.fetch, outcome });
        };
        ctx.spawn(work.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

impl Handler<TakePiece> for Fetch {
    type Result = Later<Taken>;

    fn handle(&mut self, TakePiece { waiter, most }: TakePiece, _: &mut Self::Context) -> Later<Taken> {
        let (answer, later) = later();
        self.passage.take(waiter, most, answer);
        later
    }
}

impl Handler<StopFollowing> for Fetch {
    type Result = ();

    fn handle(&mut self, StopFollowing(waiter): StopFollowing, _: &mut Self::Context) {
        self.passage.leave(waiter);
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetch({})", self.id)
    }
}
