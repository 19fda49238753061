//! The reactor: the loop that waits for descriptors and time, and calls back (Part 3).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::descriptor::{Descriptor, ReadDescriptor, Removed, Watchlist, WriteDescriptor};
use super::error::ReactorError;
use super::factories::Factories;
use super::lookups::Lookups;
use super::outcome::{BoxError, Outcome, Report, catch};
use super::poller::{Poller, PollerError, PollerKind};
use super::remote::Remote;
use super::timers::{DelayedCall, TimeSource, Timers};
use super::triggers::{Hold, Phase, SystemEvent, Triggers};

#[cfg(test)]
mod tests;
mod turn;

/// Where a reactor is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// Never run, or crashed: it may run.
    Idle,
    /// In `run`, the startup triggers not yet through.
    Starting,
    /// In `run`, calling back.
    Running,
    /// `stop` was called; what must be done before the end is being done, the loop going on meanwhile.
    Stopping,
    /// Over for good.
    Stopped,
}

type Reporter = Rc<dyn Fn(&Report)>;
type QuietCall = Box<dyn FnOnce() -> Result<(), BoxError>>;

struct Inner {
    timers: Timers,
    kind: PollerKind,
    poller: RefCell<Box<dyn Poller>>,
    watchlist: RefCell<Watchlist>,
    triggers: Triggers,
    remote: Remote,
    lookups: Lookups,
    factories: Factories,
    connections: RefCell<BTreeMap<usize, Rc<dyn Descriptor>>>,
    drains: Cell<usize>,
    drain_hold: RefCell<Option<Hold>>,
    /// What waits for the last connection's end.
    when_quiet: RefCell<Vec<QuietCall>>,
    life: Cell<Lifecycle>,
    /// `run` is on the stack and has not been told to return.
    looping: Cell<bool>,
    stop_asked: Cell<bool>,
    reporter: RefCell<Reporter>,
    scratch: RefCell<Vec<u8>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Other threads may hold handles for ever; they shall hear that nobody listens.
        self.remote.close();
    }
}

/// An event loop. Cheap to clone: a handle; all of them are one reactor, and belong to one thread.
///
/// Not a global, unlike the series': a program may have several, one after the other or one a thread.
#[derive(Clone)]
pub struct Reactor {
    inner: Rc<Inner>,
}

impl Reactor {
    /// A reactor that waits with `kind`, its time at zero.
    ///
    /// # Errors
    /// When the system has no descriptor left for the poller or the waker.
    pub fn new(kind: PollerKind) -> Result<Reactor, ReactorError> {
        let remote = Remote::new().map_err(|source| PollerError::Make { poller: kind, source })?;
        let inner = Inner {
            timers: Timers::new(TimeSource::monotonic()),
            kind,
            poller: RefCell::new(kind.make()?),
            watchlist: RefCell::default(),
            triggers: Triggers::default(),
            remote,
            lookups: Lookups::default(),
            factories: Factories::default(),
            connections: RefCell::default(),
            drains: Cell::new(0),
            drain_hold: RefCell::new(None),
            when_quiet: RefCell::default(),
            life: Cell::new(Lifecycle::Idle),
            looping: Cell::new(false),
            stop_asked: Cell::new(false),
            reporter: RefCell::new(Rc::new(|report| tracing::error!("{report}"))),
            scratch: RefCell::default(),
        };
        let reactor = Reactor { inner: Rc::new(inner) };
        reactor.add_reader(reactor.inner.remote.waker())?;
        Ok(reactor)
    }

    /// Runs the loop until [`Reactor::stop`] has been called and all shutdown triggers are through. With nothing to
    /// do it waits in the kernel and uses no CPU.
    ///
    /// When it returns after a stop, every connection is gone and every pending call dropped.
    ///
    /// # Errors
    /// When it is running, or was stopped before (TW-084), or the kernel refuses to wait.
    pub fn run(&self) -> Result<(), ReactorError> {
        match self.inner.life.get() {
            Lifecycle::Idle => {}
            Lifecycle::Stopped => return Err(ReactorError::NotRestartable),
            Lifecycle::Starting | Lifecycle::Running | Lifecycle::Stopping => {
                return Err(ReactorError::AlreadyRunning);
            }
        }
        self.inner.life.set(Lifecycle::Starting);
        self.inner.looping.set(true);
        self.inner.stop_asked.set(false);
        self.fire_event(SystemEvent::Startup);
        let mut result = Ok(());
        while self.inner.looping.get() && result.is_ok() {
            self.run_due();
            if self.inner.looping.get() {
                result = self.wait_and_dispatch(self.longest_wait());
            }
        }
        self.inner.looping.set(false);
        if self.inner.life.get() == Lifecycle::Stopped {
            self.inner.timers.clear();
        }
        result
    }

    /// One turn, for those who have a loop of their own, tests above all: waits at most `limit` for a descriptor or for
    /// what is due next, dispatches, and does what is due. The first turn fires the startup triggers. In `run` it does
    /// nothing.
    ///
    /// # Errors
    /// When the kernel refuses to wait.
    pub fn iterate(&self, limit: Duration) -> Result<(), ReactorError> {
        if self.inner.life.get() != Lifecycle::Idle {
            return Ok(());
        }
        self.inner.life.set(Lifecycle::Starting);
        self.inner.looping.set(true);
        self.fire_event(SystemEvent::Startup);
        let wait = self.longest_wait().map_or(limit, |wait| wait.min(limit));
        let result = self.wait_and_dispatch(Some(wait));
        if self.inner.looping.get() {
            self.run_due();
        }
        if self.inner.looping.replace(false) {
            self.inner.life.set(Lifecycle::Idle);
        }
        result
    }

    /// Asks the loop to end. Returns at once; the shutdown triggers run at the end of this turn, and then the
    /// connections are ended with [`Reason::Stopped`](super::Reason::Stopped) (TW-080, TW-083).
    ///
    /// # Errors
    /// When it is not running or was asked before.
    pub fn stop(&self) -> Result<(), ReactorError> {
        match self.inner.life.get() {
            Lifecycle::Starting | Lifecycle::Running => {
                self.inner.life.set(Lifecycle::Stopping);
                self.inner.stop_asked.set(true);
                Ok(())
            }
            Lifecycle::Idle | Lifecycle::Stopping | Lifecycle::Stopped => Err(ReactorError::NotRunning),
        }
    }

    /// Makes `run` return after the current callback's turn, with no trigger fired and no connection ended
    /// (TW-084). It may run again.
    pub fn crash(&self) {
        if self.inner.looping.replace(false) {
            self.inner.life.set(Lifecycle::Idle);
        }
    }

    /// Where it is in its life.
    #[must_use]
    pub fn lifecycle(&self) -> Lifecycle {
        self.inner.life.get()
    }

    /// Whether it calls back: from the startup's during phase to the shutdown's (TW-079, TW-083).
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.inner.life.get(), Lifecycle::Running | Lifecycle::Stopping)
    }

    /// Runs `call` once the reactor runs: now, if it does, else after its startup, in the order asked (TW-078).
    pub fn call_when_running<R: Outcome>(&self, call: impl FnOnce() -> R + 'static) {
        if self.is_running() {
            self.guard(|| "in a call when running".to_owned(), call);
        } else {
            self.add_system_event_trigger(Phase::After, SystemEvent::Startup, move |_| call());
        }
    }

    /// As [`Timers::call_later`].
    pub fn call_later<R: Outcome>(&self, after: Duration, call: impl FnOnce() -> R + 'static) -> DelayedCall {
        self.inner.timers.call_later(after, call)
    }

    /// The time since this reactor was made.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.inner.timers.now()
    }

    /// Every call that is still to come, the next one first.
    #[must_use]
    pub fn delayed_calls(&self) -> Vec<DelayedCall> {
        self.inner.timers.delayed_calls()
    }

    /// A handle for other threads.
    #[must_use]
    pub fn remote(&self) -> Remote {
        self.inner.remote.clone()
    }

    /// Which system call it waits with.
    #[must_use]
    pub fn poller(&self) -> PollerKind {
        self.inner.kind
    }

    /// Sends what nobody else can be told, a callback that failed above all, to `reporter` from now on, in place of
    /// the log (`tracing`, level error).
    pub fn set_reporter(&self, reporter: impl Fn(&Report) + 'static) {
        *self.inner.reporter.borrow_mut() = Rc::new(reporter);
    }

    /// Watches `reader` for reading from now on. Adding it twice is adding it once (TW-085); another reader with
    /// the same descriptor takes its place.
    ///
    /// # Errors
    /// When it is closed, or the poller refuses it: `select` from descriptor 1024 on, `epoll` a plain file.
    pub fn add_reader(&self, reader: Rc<dyn ReadDescriptor>) -> Result<(), ReactorError> {
        let fd = reader.fileno().ok_or_else(|| ReactorError::Closed(reader.log_prefix()))?;
        let mut poller = self.inner.poller.borrow_mut();
        let replaced = self.inner.watchlist.borrow_mut().add_reader(&mut **poller, &fd, reader)?;
        drop((poller, replaced));
        Ok(())
    }

    /// Watches `writer` for writing from now on.
    ///
    /// # Errors
    /// As for [`Reactor::add_reader`].
    pub fn add_writer(&self, writer: Rc<dyn WriteDescriptor>) -> Result<(), ReactorError> {
        let fd = writer.fileno().ok_or_else(|| ReactorError::Closed(writer.log_prefix()))?;
        let mut poller = self.inner.poller.borrow_mut();
        let replaced = self.inner.watchlist.borrow_mut().add_writer(&mut **poller, &fd, writer)?;
        drop((poller, replaced));
        Ok(())
    }

    /// No more `do_read` for it from now on. Nothing happens if it is not watched.
    pub fn remove_reader(&self, reader: &dyn ReadDescriptor) {
        let mut poller = self.inner.poller.borrow_mut();
        let removed = self.inner.watchlist.borrow_mut().remove_reader(&mut **poller, reader);
        drop(poller);
        self.complain(removed.err());
    }

    /// No more `do_write` for it from now on. Nothing happens if it is not watched.
    pub fn remove_writer(&self, writer: &dyn WriteDescriptor) {
        let mut poller = self.inner.poller.borrow_mut();
        let removed = self.inner.watchlist.borrow_mut().remove_writer(&mut **poller, writer);
        drop(poller);
        self.complain(removed.err());
    }

    /// Removes every reader and writer but the reactor's own, and returns each of the readers and those writers that
    /// are not readers, for their owner to close (TW-085).
    pub fn remove_all(&self) -> Vec<Rc<dyn Descriptor>> {
        self.take_all().into_iter().map(Removed::into_descriptor).collect()
    }

    /// What is watched for reading, the reactor's own excepted.
    #[must_use]
    pub fn readers(&self) -> Vec<Rc<dyn ReadDescriptor>> {
        self.inner.watchlist.borrow().readers()
    }

    /// What is watched for writing.
    #[must_use]
    pub fn writers(&self) -> Vec<Rc<dyn WriteDescriptor>> {
        self.inner.watchlist.borrow().writers()
    }

    /// Tells the reporter of a failure that is nobody else's.
    pub fn report(&self, report: &Report) {
        let reporter = Rc::clone(&self.inner.reporter.borrow());
        // A reporter that fails has nobody to be reported to.
        let _ = catch(|| reporter(report));
    }

    /// Runs `call`, reports it if it fails, and says whether it went well.
    pub(crate) fn guard<R: Outcome>(
        &self,
        context: impl FnOnce() -> String,
        call: impl FnOnce() -> R,
    ) -> bool {
        let result = catch(call);
        if let Err(raised) = result {
            self.report(&Report { context: context(), raised });
            return false;
        }
        true
    }

    pub(crate) fn triggers(&self) -> &Triggers {
        &self.inner.triggers
    }

    /// Whether anything is left that could happen: a call, a descriptor, a name being looked up.
    pub(crate) fn has_work(&self) -> bool {
        let idle = self.delayed_calls().is_empty() && self.readers().is_empty() && self.writers().is_empty();
        !idle || self.inner.remote.has_calls() || self.inner.lookups.any()
    }

    pub(crate) fn lookups(&self) -> &Lookups {
        &self.inner.lookups
    }

    pub(crate) fn factories(&self) -> &Factories {
        &self.inner.factories
    }

    /// Keeps a connection until it is let go: one that is paused is neither reader nor writer, and is no less open.
    pub(crate) fn keep_connection(&self, connection: Rc<dyn Descriptor>) {
        self.inner.connections.borrow_mut().insert(identity(connection.as_ref()), connection);
    }

    /// The connection has ended.
    pub(crate) fn let_go(&self, connection: &dyn Descriptor) {
        let gone = self.inner.connections.borrow_mut().remove(&identity(connection));
        drop(gone);
        self.call_if_quiet();
    }

    /// Calls `call` once, in a turn of its own, when no connection is open and none is being read empty after its end;
    /// in the next turn if that is so now. What a drain waits for.
    pub fn when_quiet<R: Outcome>(&self, call: impl FnOnce() -> R + 'static) {
        self.inner.when_quiet.borrow_mut().push(Box::new(|| call().into_result()));
        self.call_if_quiet();
    }

    fn call_if_quiet(&self) {
        if self.inner.connections.borrow().is_empty() && self.inner.drains.get() == 0 {
            for call in self.inner.when_quiet.take() {
                self.call_later(Duration::ZERO, call);
            }
        }
    }

    /// How many connections are open, paused ones included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inner.connections.borrow().len()
    }

    /// One connection more, or less, is being read empty after its end. A shutdown waits for them, or else their
    /// clients could lose the tail of what was sent.
    pub(crate) fn count_drain(&self, begins: bool) {
        let drains = self.inner.drains.get();
        self.inner.drains.set(if begins { drains + 1 } else { drains.saturating_sub(1) });
        if self.inner.drains.get() == 0 {
            let hold = self.inner.drain_hold.take();
            drop(hold);
            self.call_if_quiet();
        }
    }

    /// Holds the shutdown while anything is being drained.
    pub(crate) fn hold_for_drains(&self, hold: Hold) {
        if self.inner.drains.get() > 0 {
            *self.inner.drain_hold.borrow_mut() = Some(hold);
        }
    }

    /// Between an event's before and during phases.
    pub(crate) fn enter_event(&self, event: SystemEvent) {
        match event {
            SystemEvent::Startup if self.inner.life.get() == Lifecycle::Starting => {
                self.inner.life.set(Lifecycle::Running);
            }
            SystemEvent::Startup => {}
            SystemEvent::Shutdown => {
                self.inner.life.set(Lifecycle::Stopped);
                self.disconnect_all();
            }
        }
    }

    /// Behind an event's last phase.
    pub(crate) fn leave_event(&self, event: SystemEvent) {
        if event == SystemEvent::Shutdown {
            self.inner.looping.set(false);
        }
    }

    /// Lends the buffer that all reads of this reactor share. Taken, not borrowed, so that a callback that reads on
    /// its own gets another one instead of a panic.
    pub(crate) fn with_scratch<T>(&self, size: usize, read: impl FnOnce(&mut [u8]) -> T) -> T {
        let mut buffer = self.inner.scratch.take();
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        let result = read(&mut buffer[..size]);
        self.inner.scratch.replace(buffer);
        result
    }

    fn complain(&self, error: Option<PollerError>) {
        if let Some(error) = error {
            let error: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
            self.report(&Report {
                context: "while a descriptor was removed".to_owned(),
                raised: error.into(),
            });
        }
    }
}

/// What tells one descriptor from another: where it is. Its entry keeps it there.
fn identity(descriptor: &dyn Descriptor) -> usize {
    std::ptr::from_ref(descriptor).addr()
}

impl AsRef<Timers> for Reactor {
    fn as_ref(&self) -> &Timers {
        &self.inner.timers
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("poller", &self.inner.kind)
            .field("life", &self.inner.life.get())
            .finish()
    }
}
