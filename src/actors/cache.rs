//! The cache of a proxy: the actor around [`cache::Cache`](crate::cache::Cache), which decides.

mod fetching;
mod turns;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, MessageResult, WrapFuture};
use bytes::Bytes;
use supervisors::supervisor::{ChildSpec, DynamicRef};
use supervisors::{Down, ExitReason, MonitorId, Port, Process, Ref};
use tokio::sync::oneshot;

use super::later::{Answer, Later, later};
use super::point;
use crate::cache::{Cache, CacheConfig, Effect, Event, FetchId, Key, Listed, RefreshReply, Trust, WaiterId};
use crate::event::{self, Reporter};
use crate::message::{
    AskPoem, FetchEnded, FetchOutcome, FetchOversize, FetchStarted, FollowerCut, LeavePoem, ListPoems,
    PurgePoems, RefreshPoem, Refused, Served, StopFollowing, TakePiece,
};
pub use fetching::{FetchPorts, FetchWork, Fetcher, Fetching};
use turns::Turns;

/// What a cache needs to know.
#[derive(Clone)]
pub struct CacheOptions {
    /// Policy and bounds.
    pub config: CacheConfig,
    /// Where fetches run.
    pub downloads: DynamicRef,
    /// How they are made.
    pub fetcher: Arc<dyn Fetcher>,
    /// Where it reports.
    pub reporter: Reporter,
}

/// The cache, as connections and operators know it. Survives restarts.
#[derive(Clone, Debug)]
pub struct CachePorts {
    /// A poem, please.
    pub ask: Port<AskPoem>,
    /// Never mind.
    pub leave: Port<LeavePoem>,
    /// What is kept.
    pub list: Port<ListPoems>,
    /// Forget.
    pub purge: Port<PurgePoems>,
    /// Fetch anew.
    pub refresh: Port<RefreshPoem>,
}

impl From<&Ref<PoemCache>> for CachePorts {
    fn from(cache: &Ref<PoemCache>) -> Self {
        Self {
            ask: cache.into(),
            leave: cache.into(),
            list: cache.into(),
            purge: cache.into(),
            refresh: cache.into(),
        }
    }
}

/// Keeps poems, and has each fetched once for all who wait for it.
///
/// Owns the poems and the knowledge of who waits. Started by its branch, before the downloads: if it ends, they end with
/// it, as nobody else knows what they are for. Ends only with its branch, or by a fault; then all who wait are told by
/// their calls. Never touches a socket, never blocks, never decides: that is the pure core's.
pub struct PoemCache {
    cache: Cache,
    options: CacheOptions,
    own: Ref<Self>,
    seats: BTreeMap<WaiterId, Seat>,
    /// Whoever asks in this turn: most are answered in it, and need no seat.
    asking: Option<(WaiterId, Answer<Result<Served, Refused>>)>,
    /// Those that are wanted; what others report is ignored.
    fetches: BTreeMap<FetchId, Running>,
    monitors: BTreeMap<MonitorId, FetchId>,
    turns: Turns,
    /// Whether a tick will come. One timer is enough: deadlines are added behind those there are.
    armed: bool,
}

/// One who waits, or follows.
enum Seat {
    Waiting(Answer<Result<Served, Refused>>),
    Following { fetch: FetchId, end: oneshot::Sender<Result<(), String>> },
}

struct Running {
    upstream: Arc<str>,
    pieces: Port<TakePiece>,
    unfollow: Port<StopFollowing>,
    /// None until it has started.
    process: Option<Process>,
}

/// What an event gives besides effects on others: the answer to whoever sent it.
#[derive(Default)]
struct Reply {
    followers: Vec<WaiterId>,
    purged: usize,
    listing: Vec<Listed>,
    refresh: Option<RefreshReply>,
}

impl PoemCache {
    /// The cache of a branch. An invalid config is a failed start.
    #[must_use]
    pub fn child_spec(options: CacheOptions) -> ChildSpec<Self> {
        // Fetches report to whoever runs as this child, and each life tells its own from those of the one before.
        let (own, lives) = (Arc::new(OnceLock::<Ref<Self>>::new()), AtomicU64::new(0));
        let reference = Arc::clone(&own);
        let spec = ChildSpec::fallible("cache", move || {
            let incarnation = lives.fetch_add(1, Ordering::Relaxed) + 1;
            let random = options.reporter.node().random();
            let own = reference.get().cloned().ok_or(Unplaced)?;
            let cache = Cache::new(options.config.clone(), incarnation, random)?;
            #[cfg(feature = "lab")]
            let cache = {
                let mut cache = cache;
                cache.plant(options.reporter.node().is_planted(WAITER_IS_FORGOTTEN));
                cache
            };
            Ok(Self {
                cache,
                options: options.clone(),
                own,
                seats: BTreeMap::new(),
                asking: None,
                fetches: BTreeMap::new(),
                monitors: BTreeMap::new(),
                turns: Turns::default(),
                armed: false,
            })
        });
        // Nobody else has it: this cannot fail.
        let _ = own.set(spec.reference());
        spec
    }

    /// Lets the core decide, and carries out what it decides, in order.
    fn decide(&mut self, event: Event, ctx: &mut Context<Self>) -> Reply {
        let now = self.options.reporter.node().now();
        let mut reply = Reply::default();
        for effect in self.cache.handle(event, now) {
            self.carry_out(effect, &mut reply, ctx);
        }
        self.arm(ctx);
        reply
    }

    fn carry_out(&mut self, effect: Effect, reply: &mut Reply, ctx: &mut Context<Self>) {
        match effect {
            Effect::Answer { waiter, label, poem, trust } => {
                self.answer(waiter, Ok(Served::Whole { poem, label, trust }));
            }
            Effect::Fail { waiter, label, error } => self.answer(waiter, Err(Refused { label, error })),
            Effect::Stream { waiter, fetch, head: _ } => {
                let Some(running) = self.fetches.get(&fetch) else { return };
                let (end, ended) = oneshot::channel();
                let pieces = running.pieces.clone();
                self.answer(waiter, Ok(Served::Passing { pieces, end: ended }));
                self.seats.insert(waiter, Seat::Following { fetch, end });
                reply.followers.push(waiter);
            }
            Effect::EndStream { waiter } => self.end_stream(waiter, Ok(())),
            Effect::CutStream { waiter, error } => self.end_stream(waiter, Err(told(&error))),
            Effect::StartFetch { fetch, key, input, .. } => self.start(fetch, key, input, ctx),
            Effect::CancelFetch { fetch, key } => {
                let upstream = Arc::clone(key.upstream());
                self.options.reporter.report(event::Event::FetchCancelled { upstream });
                // One that has not said that it runs is ended when it does.
                if let Some(Running { process: Some(process), .. }) = self.fetches.remove(&fetch) {
                    process.exit(ExitReason::Shutdown);
                }
            }
            Effect::Stored { key, bytes, trust } => self.options.reporter.note(|| {
                let verified = trust == Trust::Verified;
                event::Event::PoemKept { key: key.to_string().into(), bytes, verified }
            }),
            Effect::Dropped { key, reason } => self
                .options
                .reporter
                .note(|| event::Event::PoemDropped { key: key.to_string().into(), reason: reason.as_str() }),
            Effect::Purged { poems } => reply.purged = poems,
            Effect::Refreshing(refresh) => reply.refresh = Some(refresh),
            Effect::Listing(listing) => reply.listing = listing,
        }
    }

    fn answer(&mut self, waiter: WaiterId, answer: Result<Served, Refused>) {
        if let Some((_, asking)) = self.asking.take_if(|(asking, _)| *asking == waiter) {
            asking.give(answer);
        } else if let Some(Seat::Waiting(seat)) = self.seats.remove(&waiter) {
            seat.give(answer);
        }
    }

    fn end_stream(&mut self, waiter: WaiterId, how: Result<(), String>) {
        if let Some(Seat::Following { end, .. }) = self.seats.remove(&waiter) {
            // It may have left in this moment.
            let _ = end.send(how);
        }
    }

    fn start(&mut self, fetch: FetchId, key: Key, input: Bytes, ctx: &mut Context<Self>) {
        let upstream = Arc::clone(key.upstream());
        self.options.reporter.report(event::Event::FetchStarted { upstream: Arc::clone(&upstream) });
        let turn = self.turns.of(&key);
        let own = &self.own;
        let ports =
            FetchPorts { started: own.into(), oversize: own.into(), cut: own.into(), ended: own.into() };
        let Fetching { child, pieces, unfollow } =
            self.options.fetcher.fetch(FetchWork { fetch, key, input, turn, ports });
        self.fetches.insert(fetch, Running { upstream, pieces, unfollow, process: None });
        let downloads = self.options.downloads.clone();
        let starting = async move { downloads.start_child(child).await };
        ctx.spawn(starting.into_actor(self).map(move |started, this, ctx| {
            if let Err(error) = started {
                this.died(fetch, format!("the fetch was not started: {error}"), ctx);
            }
        }));
    }

    /// A fetch ended without a word, or never began. After its report, nothing happens.
    fn died(&mut self, fetch: FetchId, cause: String, ctx: &mut Context<Self>) {
        if let Some(Running { upstream, .. }) = self.fetches.remove(&fetch) {
            self.options.reporter.report(event::Event::FetchFailed { upstream, reason: cause.clone() });
        }
        self.decide(Event::Died { fetch, cause }, ctx);
    }

    /// Those who wait are not held longer than the config allows, whatever the fetch does.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        if self.armed {
            return;
        }
        let Some(due) = self.cache.next_timer() else { return };
        self.armed = true;
        ctx.run_later(due.saturating_sub(self.options.reporter.node().now()), |this, ctx| {
            this.armed = false;
            this.decide(Event::Tick, ctx);
        });
    }
}

/// The name of a planted bug: see [`NodeBuilder::plant`](supervisors::NodeBuilder::plant).
#[cfg(feature = "lab")]
pub(crate) const WAITER_IS_FORGOTTEN: &str = "a waiter is forgotten";

#[derive(Debug, thiserror::Error)]
#[error("starting the cache: it has no place in a tree")]
struct Unplaced;

/// An error with its causes, in one line.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl Actor for PoemCache {
    type Context = Context<Self>;
}

impl Handler<AskPoem> for PoemCache {
    type Result = Later<Result<Served, Refused>>;

    fn handle(&mut self, asked: AskPoem, ctx: &mut Self::Context) -> Self::Result {
        let AskPoem { waiter, key, input } = asked;
        self.options.reporter.node().fault_point(point::ASKED);
        let (answer, later) = later();
        self.asking = Some((waiter, answer));
        self.decide(Event::Request { waiter, key, input }, ctx);
        if let Some((_, answer)) = self.asking.take() {
            self.seats.insert(waiter, Seat::Waiting(answer));
        }
        later
    }
}

impl Handler<LeavePoem> for PoemCache {
    type Result = ();

    fn handle(&mut self, LeavePoem(waiter): LeavePoem, ctx: &mut Self::Context) {
        if let Some(Seat::Following { fetch, .. }) = self.seats.remove(&waiter)
            && let Some(running) = self.fetches.get(&fetch)
        {
            running.unfollow.cast(StopFollowing(waiter));
        }
        self.decide(Event::Left { waiter }, ctx);
    }
}

impl Handler<FetchStarted> for PoemCache {
    type Result = ();

    fn handle(&mut self, FetchStarted { fetch, process }: FetchStarted, _: &mut Self::Context) {
        match self.fetches.get_mut(&fetch) {
            Some(running) => {
                self.monitors.insert(process.monitor(&self.own).id(), fetch);
                running.process = Some(process);
            }
            None => process.exit(ExitReason::Shutdown),
        }
    }
}

impl Handler<FetchOversize> for PoemCache {
    type Result = MessageResult<FetchOversize>;

    fn handle(&mut self, oversize: FetchOversize, ctx: &mut Self::Context) -> Self::Result {
        let FetchOversize { fetch, head } = oversize;
        MessageResult(self.decide(Event::Oversize { fetch, head }, ctx).followers)
    }
}

impl Handler<FollowerCut> for PoemCache {
    type Result = ();

    fn handle(&mut self, FollowerCut { waiter, .. }: FollowerCut, ctx: &mut Self::Context) {
        self.end_stream(waiter, Err("it fell too far behind the others".to_owned()));
        self.decide(Event::Left { waiter }, ctx);
    }
}

impl Handler<FetchEnded> for PoemCache {
    type Result = ();

    fn handle(&mut self, FetchEnded { fetch, outcome }: FetchEnded, ctx: &mut Self::Context) {
        if let Some(Running { upstream, .. }) = self.fetches.remove(&fetch) {
            match &outcome {
                FetchOutcome::Whole { poem, .. } => {
                    let bytes = poem.len();
                    self.options.reporter.report(event::Event::Fetched { upstream, bytes });
                }
                FetchOutcome::Streamed => {}
                FetchOutcome::Failed(failure) => {
                    let reason = failure.to_string();
                    self.options.reporter.report(event::Event::FetchFailed { upstream, reason });
                }
            }
        }
        let event = match outcome {
            FetchOutcome::Whole { poem, trust } => Event::Whole { fetch, poem, trust },
            FetchOutcome::Streamed => Event::StreamEnded { fetch },
            FetchOutcome::Failed(failure) => Event::Failed { fetch, failure },
        };
        self.decide(event, ctx);
    }
}

impl Handler<Down> for PoemCache {
    type Result = ();

    fn handle(&mut self, down: Down, ctx: &mut Self::Context) {
        if let Some(fetch) = self.monitors.remove(&down.monitor) {
            self.died(fetch, format!("the fetch ended: {}", down.reason), ctx);
        }
    }
}

impl Handler<ListPoems> for PoemCache {
    type Result = MessageResult<ListPoems>;

    fn handle(&mut self, _: ListPoems, ctx: &mut Self::Context) -> Self::Result {
        MessageResult(self.decide(Event::List, ctx).listing)
    }
}

impl Handler<PurgePoems> for PoemCache {
    type Result = MessageResult<PurgePoems>;

    fn handle(&mut self, PurgePoems(what): PurgePoems, ctx: &mut Self::Context) -> Self::Result {
        MessageResult(self.decide(Event::Purge(what), ctx).purged)
    }
}

impl Handler<RefreshPoem> for PoemCache {
    type Result = MessageResult<RefreshPoem>;

    fn handle(&mut self, RefreshPoem(key): RefreshPoem, ctx: &mut Self::Context) -> Self::Result {
        let refresh = self.decide(Event::Refresh(key), ctx).refresh;
        MessageResult(refresh.expect("the core answers each wish to refresh"))
    }
}

impl fmt::Debug for PoemCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoemCache({:?})", self.cache.counts())
    }
}

#[cfg(test)]
mod tests;
