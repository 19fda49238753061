//! How a child is started: an actor is made, becomes a process, and has had its `started()`.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use actix::{Actor, Context};
use tokio::sync::oneshot;

use super::child::{Make, StartError};
use super::error::SpecError;
use super::spec::{ChildId, ChildKind};
use crate::place::{Chosen, StartOf, Worker};
use crate::process::{Cell, Control, ExitListener, Launch, Object, ProcessFuture, Signal, thread};
use crate::reference::Slot;
use crate::{ExitReason, Node, Overflow, Path, Place, Process, RegisterError, WhenStuck};

/// What became of a start: a process, `ignore`, or a reason.
pub(crate) type Started = Result<Option<Process>, ExitReason>;

/// A start under way. Most are done when they are asked for, and then cost the supervisor no wait.
pub(crate) enum Starting {
    Done(Started),
    Later(Pin<Box<dyn Future<Output = Started>>>),
}

/// What a start is told of the place in the tree it is for.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) node: Node,
    /// The path of the supervisor of the child to be, and the child's id; for a root, nothing.
    pub(crate) place: Option<(Arc<str>, ChildId)>,
    /// Who hears of its end.
    pub(crate) listener: Arc<dyn ExitListener>,
    /// Whom it is linked to from the start, if it is no supervisor's child.
    pub(crate) parent: Option<Process>,
}

impl Surroundings {
    /// The path of the child to be. Only supervisors ask for it.
    pub(super) fn path(&self) -> Arc<str> {
        match &self.place {
            None => "".into(),
            Some((path, id)) if path.is_empty() => id.as_str().into(),
            Some((path, id)) => format!("{path}/{id}").into(),
        }
    }
}

/// Ends a process whose supervisor is gone (OTP-133).
pub(super) fn orphan(process: &Process, kind: ChildKind) {
    let control = process.0.control();
    if control.traps() {
        control.signal(Signal::Orphaned(ExitReason::Killed));
    }
    // A worker may say goodbye, as a gen_server whose parent has ended (OTP-181), but not stay.
    if kind == ChildKind::Worker {
        control.signal(Signal::Exit(ExitReason::Killed));
    }
}

/// A process that runs while its start is not over. Its supervisor does not know of it yet; if that is killed meanwhile,
/// this is what its link would be: dropped, it ends the process, which would live on else with nobody above it.
pub(super) struct Unborn(Option<Process>, ChildKind);

impl Unborn {
    pub(super) fn new(process: Process, kind: ChildKind) -> Self {
        Self(Some(process), kind)
    }

    /// The start is over.
    pub(super) fn born(mut self) -> Option<Process> {
        self.0.take()
    }
}

impl Drop for Unborn {
    fn drop(&mut self) {
        if let Some(process) = &self.0 {
            orphan(process, self.1);
        }
    }
}

/// How a start on another thread is told.
type Tell = oneshot::Sender<Result<Option<Unborn>, ExitReason>>;

fn gone() -> ExitReason {
    ExitReason::failed("the arbiter it was to run on is gone")
}

/// What `first` gives, or `None` if `second` is over before.
async fn first_of<T>(first: impl Future<Output = T>, second: impl Future<Output = ()>) -> Option<T> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => second.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Hands over what was started on another thread. If nobody is there any more to take it, it ends.
fn hand_over(tell: Tell, started: Started) {
    let unborn = |process: Option<Process>| process.map(|process| Unborn::new(process, ChildKind::Worker));
    // Dropped within the channel or out of it, an `Unborn` does what it must.
    drop(tell.send(started.map(unborn)));
}

/// Starts one child, as often as it must be started.
pub(crate) trait Starter: Send + Sync {
    fn start(self: Arc<Self>, surroundings: Surroundings) -> Starting;

    /// The process that runs as this child, or is about to.
    fn current(&self) -> Option<Arc<dyn Object>>;

    /// Whether its child can never do what its spec asks for.
    fn check(&self, _: &ChildId) -> Result<(), SpecError> {
        Ok(())
    }
}

/// What is left of the start function of a temporary child once it was started (OTP-066): nothing can be started with
/// it (OTP reads its arguments back as `undefined`, OTP-060).
pub(super) struct NotRetained;

impl NotRetained {
    pub(super) fn start_failed() -> Starting {
        Starting::Done(Err(ExitReason::failed("its start function was not retained")))
    }
}

impl Starter for NotRetained {
    fn start(self: Arc<Self>, _: Surroundings) -> Starting {
        Self::start_failed()
    }

    fn current(&self) -> Option<Arc<dyn Object>> {
        None
    }
}

/// Starts a child, unless a fault that is armed for its start says otherwise.
pub(super) fn start(starter: Arc<dyn Starter>, surroundings: Surroundings) -> Starting {
    #[cfg(feature = "lab")]
    if surroundings.node.points().is_armed() {
        return start_by_fault(starter, surroundings);
    }
    starter.start(surroundings)
}

#[cfg(feature = "lab")]
fn start_by_fault(starter: Arc<dyn Starter>, surroundings: Surroundings) -> Starting {
    use crate::lab::{Effect, Moment, Strike, failed_start};
    let path = surroundings.place.clone().map(|(supervisor, child)| Path { supervisor, child });
    let strike = surroundings.node.strikes(Moment::Start, path.as_ref(), None);
    let Some(Strike { effect, lift }) = strike else { return starter.start(surroundings) };
    match failed_start(effect) {
        Err(reason) => Starting::Done(Err(reason)),
        Ok(Effect::Slow(time)) => Starting::Later(Box::pin(async move {
            lift.wait(time).await;
            match starter.start(surroundings) {
                Starting::Done(started) => started,
                Starting::Later(starting) => starting.await,
            }
        })),
        Ok(effect) => {
            if let Effect::Block(time) = effect {
                lift.block(time);
            }
            starter.start(surroundings)
        }
    }
}

/// Starts an actor.
pub(super) struct ActorStarter<A: Actor> {
    pub(super) make: Box<dyn Make<A>>,
    pub(super) settings: Settings<A>,
}

/// What is known of an actor's process before it is started.
pub(super) struct Settings<A: Actor> {
    pub(super) slot: Arc<Slot<A>>,
    pub(super) name: Option<Arc<str>>,
    pub(super) mailbox: usize,
    /// Most children have nothing of it, and cost nothing for it.
    pub(super) rare: Option<Box<Rare>>,
}

/// What few specs say.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) overflow: Overflow,
    pub(super) place: Place,
    /// How long its start may take.
    pub(super) start_limit: Option<Duration>,
    pub(super) when_stuck: Option<WhenStuck>,
}

/// An actor to be started, made at once or awaited.
pub(super) enum Making<A> {
    Done(Result<A, StartError>),
    Later(Pin<Box<dyn Future<Output = Result<A, StartError>>>>),
}

impl<A: Actor> Settings<A> {
    pub(super) fn new(slot: Arc<Slot<A>>, mailbox: usize) -> Self {
        Self { slot, name: None, mailbox, rare: None }
    }

    fn place(&self) -> &Place {
        self.rare.as_deref().map_or(&Place::Local, |rare| &rare.place)
    }

    fn overflow(&self) -> Overflow {
        self.rare.as_deref().map_or(Overflow::Refuse, |rare| rare.overflow)
    }

    fn start_limit(&self) -> Option<Duration> {
        self.rare.as_deref()?.start_limit
    }

    fn when_stuck(&self) -> Option<WhenStuck> {
        self.rare.as_deref()?.when_stuck
    }
}

impl<A: Actor<Context = Context<A>>> Settings<A> {
    /// The process that has the place or the name, if it is about to end: the child of a supervisor that was killed.
    /// A new one is not started beside it, nor refused because of it (in OTP it may be, OTP-134).
    pub(super) fn doomed(&self, node: &Node) -> Option<Process> {
        let in_place = self.slot.current().map(|cell| Process(cell));
        let named = || self.name.as_ref().and_then(|name| node.whereis(name));
        in_place.or_else(named).filter(|process| process.0.control().is_doomed())
    }
}

/// Starts at once, or after `doomed` has ended.
pub(super) fn start_after(doomed: Option<Process>, start: impl FnOnce() -> Starting + 'static) -> Starting {
    match doomed {
        None => start(),
        Some(doomed) => Starting::Later(Box::pin(async move {
            doomed.exited().await;
            match start() {
                Starting::Done(started) => started,
                Starting::Later(starting) => starting.await,
            }
        })),
    }
}

impl<A: Actor<Context = Context<A>>> Starter for ActorStarter<A> {
    fn start(self: Arc<Self>, surroundings: Surroundings) -> Starting {
        if self.settings.when_stuck().is_some() {
            // Already for its start function.
            surroundings.node.watch().is_needed(&surroundings.node);
        }
        let doomed = self.settings.doomed(&surroundings.node);
        let limit = self.settings.start_limit();
        within(limit, start_after(doomed, move || self.start_there(surroundings)))
    }

    fn current(&self) -> Option<Arc<dyn Object>> {
        self.settings.slot.current().map(|cell| cell as Arc<dyn Object>)
    }

    fn check(&self, id: &ChildId) -> Result<(), SpecError> {
        match self.settings.when_stuck() {
            Some(WhenStuck::Abandon) if !self.settings.place().is_own() => {
                Err(SpecError::NotAbandonable(id.clone()))
            }
            _ => Ok(()),
        }
    }
}

/// Gives up a start that takes longer than `limit`; what there is of it by then is dropped, wherever it is (OTP-180).
fn within(limit: Option<Duration>, starting: Starting) -> Starting {
    match (limit, starting) {
        (Some(limit), Starting::Later(starting)) => Starting::Later(Box::pin(async move {
            tokio::time::timeout(limit, starting).await.unwrap_or(Err(ExitReason::Timeout))
        })),
        (_, starting) => starting,
    }
}

/// Awaits a start on another thread, unless nobody waits for it there any more.
async fn unless_given_up(tell: &mut Tell, starting: impl Future<Output = Started>) -> Option<Started> {
    let mut starting = pin!(starting);
    poll_fn(|cx| {
        if tell.poll_closed(cx).is_ready() {
            return Poll::Ready(None);
        }
        starting.as_mut().poll(cx).map(Some)
    })
    .await
}

impl<A: Actor<Context = Context<A>>> ActorStarter<A> {
    fn start_there(self: Arc<Self>, surroundings: Surroundings) -> Starting {
        let arbiter = match self.settings.place() {
            Place::Local => return self.start_here(surroundings),
            Place::Arbiter(arbiter) => arbiter.clone(),
            own => {
                return match surroundings.node.pool().choose(own) {
                    Ok(Chosen::Here) => self.start_here(surroundings),
                    Ok(Chosen::There(worker)) => {
                        Starting::Later(Box::pin(self.start_on(worker, surroundings)))
                    }
                    Err(error) => Starting::Done(Err(ExitReason::failed(error))),
                };
            }
        };
        let (tell, told) = oneshot::channel();
        // Dropped unrun if the arbiter is gone; then `told` says so.
        arbiter.spawn_fn(move || self.start_and_tell(surroundings, tell));
        Starting::Later(Box::pin(async move {
            let started = told.await.unwrap_or_else(|_| Err(gone()))?;
            Ok(started.and_then(Unborn::born))
        }))
    }

    /// Starts it on this thread for a supervisor on another one.
    fn start_and_tell(self: Arc<Self>, surroundings: Surroundings, mut tell: Tell) {
        let node = surroundings.node.clone();
        let start_of = {
            let place = surroundings.place.clone();
            let path = place.map(|(supervisor, child)| Path { supervisor, child });
            let when_stuck = self.settings.when_stuck();
            move || StartOf { path: path.clone(), when_stuck }
        };
        match thread::enter_start(&node, &start_of, || self.start_here(surroundings)) {
            Starting::Done(started) => hand_over(tell, started),
            Starting::Later(mut starting) => {
                tokio::task::spawn_local(async move {
                    let step =
                        poll_fn(|cx| thread::enter_start(&node, &start_of, || starting.as_mut().poll(cx)));
                    if let Some(started) = unless_given_up(&mut tell, step).await {
                        hand_over(tell, started);
                    }
                });
            }
        }
    }

    /// Starts it on an arbiter of the node's; on the next one, if that is abandoned before it comes to it.
    async fn start_on(self: Arc<Self>, mut worker: Arc<Worker>, surroundings: Surroundings) -> Started {
        loop {
            let (tell, told) = oneshot::channel();
            let begun = Arc::new(AtomicBool::new(false));
            let (this, at, begins, there) =
                (Arc::clone(&self), surroundings.clone(), Arc::clone(&begun), Arc::clone(&worker));
            worker.run(move || {
                if there.is_abandoned() {
                    return;
                }
                begins.store(true, Ordering::Release);
                this.start_and_tell(at, tell);
            });
            match first_of(told, worker.abandoned()).await {
                Some(Ok(started)) => return Ok(started?.and_then(Unborn::born)),
                // Dropped unrun: the arbiters were stopped, or this one was abandoned, which is told in the same moment.
                Some(Err(_)) if !worker.is_abandoned() => return Err(gone()),
                // It may be what the arbiter is stuck in.
                _ if begun.load(Ordering::Acquire) => return Err(ExitReason::Stuck),
                _ => match surroundings.node.pool().choose(self.settings.place()) {
                    Ok(Chosen::There(next)) => worker = next,
                    Ok(Chosen::Here) => return Err(gone()),
                    Err(error) => return Err(ExitReason::failed(error)),
                },
            }
        }
    }

    /// Makes the actor and starts it on this thread. A panic on the way is a failed start.
    fn start_here(self: Arc<Self>, surroundings: Surroundings) -> Starting {
        match crate::process::catch(|| self.make.make()) {
            Err(panicked) => Starting::Done(Err(panicked)),
            Ok(Making::Done(made)) => Starting::Done(launch_made(made, &self.settings, &surroundings)),
            Ok(Making::Later(making)) => Starting::Later(Box::pin(async move {
                let made = crate::process::CatchPanic(making).await;
                let made = made.unwrap_or_else(|reason| Err(StartError::Failed(reason)));
                launch_made(made, &self.settings, &surroundings)
            })),
        }
    }
}

fn launch_made<A>(made: Result<A, StartError>, settings: &Settings<A>, surroundings: &Surroundings) -> Started
where
    A: Actor<Context = Context<A>>,
{
    match made {
        Ok(actor) => {
            let node = surroundings.node.clone();
            let cell = Cell::with_overflow(node, settings.mailbox, settings.overflow());
            launch(actor, &cell, settings, surroundings).map(Some)
        }
        Err(StartError::Ignore) => Ok(None),
        Err(StartError::Failed(reason)) => Err(reason),
    }
}

/// Takes the names and runs the first turn.
pub(super) fn launch<A>(
    actor: A,
    cell: &Arc<Cell<A>>,
    settings: &Settings<A>,
    surroundings: &Surroundings,
) -> Result<Process, ExitReason>
where
    A: Actor<Context = Context<A>>,
{
    if let Err(reason) = take_names(cell, settings, &surroundings.node) {
        // Frees what names it got.
        cell.declare(reason.clone(), &mut || ());
        return Err(reason);
    }
    cell.control.set_listener(Arc::clone(&surroundings.listener));
    cell.control.set_when_stuck(settings.when_stuck());
    if surroundings.place.is_none() {
        surroundings.node.watch().note_unsupervised(&(Arc::clone(cell) as Arc<dyn Object>));
    }
    let process = Process(Arc::clone(cell) as Arc<dyn Object>);
    match ProcessFuture::new(actor, Arc::clone(cell)).launch() {
        Launch::Running => {}
        // It started, and ended in its first turn: a child that ran, and whose end is in the supervisor's mailbox.
        Launch::Ended(_) if cell.control.is_started() => {}
        Launch::Ended(reason) => return Err(reason),
    }
    // Now that it has started: a failed start is told by its result, and by no exit signal beside (OTP-019, OTP-185).
    if let Some(parent) = &surroundings.parent {
        Control::link_newborn(&parent.0, &process.0);
    }
    Ok(process)
}

/// Takes the place of the child, and its name if it has one. Whoever is there already is the reason of the failure, be
/// it of the same type or not (OTP-020, OTP-040).
fn take_names<A>(cell: &Arc<Cell<A>>, settings: &Settings<A>, node: &Node) -> Result<(), ExitReason>
where
    A: Actor<Context = Context<A>>,
{
    settings.slot.fill(cell).map_err(|holder| ExitReason::AlreadyStarted(holder.pid()))?;
    let Some(name) = &settings.name else { return Ok(()) };
    match node.registry().register(name, cell) {
        // It was ended before it ran: its supervisor will hear.
        Ok(()) | Err(RegisterError::Dead { .. }) => Ok(()),
        Err(RegisterError::Taken { holder, .. }) => Err(ExitReason::AlreadyStarted(holder.pid())),
        Err(error) => Err(match node.whereis(name) {
            Some(holder) => ExitReason::AlreadyStarted(holder.pid()),
            None => ExitReason::failed(error),
        }),
    }
}
