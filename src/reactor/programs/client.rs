//! The poetry client: any number of servers at once, in one thread (Parts 4 to 6).

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::reactor::{
    ClientFactory, ConnectFailure, Connector, DelayedCall, Factory, Handled, PollerKind, Protocol, Reactor,
    ReactorError, Reason, Target, Transport,
};
use crate::terms::ClientEvent;
use crate::terms::GetError;
use crate::terms::GetOptions;
use crate::terms::framing::PoemReader;

type Done = Box<dyn FnOnce(Result<Bytes, GetError>)>;
type OnData = Box<dyn FnMut(&[u8])>;

/// One download under way. Dropping the handle changes nothing; the reactor keeps the download.
#[derive(Clone)]
pub struct Download {
    inner: Rc<Inner>,
}

struct Inner {
    reactor: Reactor,
    server: Target,
    options: GetOptions,
    request: Option<Bytes>,
    reader: RefCell<Option<PoemReader>>,
    on_data: RefCell<OnData>,
    /// Taken when it is called: the outcome is told once.
    done: RefCell<Option<Done>>,
    connector: RefCell<Option<Connector>>,
    transport: RefCell<Option<Transport>>,
    idle: RefCell<Option<DelayedCall>>,
    total: RefCell<Option<DelayedCall>>,
    paused: Cell<bool>,
}

/// Fetches the poem of `server`. `on_data` sees the poem's bytes as they come, `done` is called once, in a later turn:
/// with the poem, or with why there is none. A reset, a time-out or an end without one byte is never a poem.
pub fn get_poetry(
    reactor: &Reactor,
    server: impl Into<Target>,
    options: &GetOptions,
    on_data: impl FnMut(&[u8]) + 'static,
    done: impl FnOnce(Result<Bytes, GetError>) + 'static,
) -> Download {
    begin(reactor, server.into(), options, None, Box::new(on_data), Box::new(done))
}

/// As [`get_poetry`], and sends `request` first: what a transform service is asked.
pub(crate) fn ask(
    reactor: &Reactor,
    server: Target,
    options: &GetOptions,
    request: Bytes,
    done: impl FnOnce(Result<Bytes, GetError>) + 'static,
) -> Download {
    begin(reactor, server, options, Some(request), Box::new(|_: &[u8]| ()), Box::new(done))
}

fn begin(
    reactor: &Reactor,
    server: Target,
    options: &GetOptions,
    request: Option<Bytes>,
    on_data: OnData,
    done: Done,
) -> Download {
    let inner = Rc::new(Inner {
        reactor: reactor.clone(),
        server: server.clone(),
        options: options.clone(),
        request,
        reader: RefCell::new(Some(PoemReader::new(options.framing, options.limit))),
        on_data: RefCell::new(on_data),
        done: RefCell::new(Some(done)),
        connector: RefCell::new(None),
        transport: RefCell::new(None),
        idle: RefCell::new(None),
        total: RefCell::new(None),
        paused: Cell::new(false),
    });
    if let Some(limit) = options.timeout {
        let late = Rc::downgrade(&inner);
        *inner.total.borrow_mut() = Some(reactor.call_later(limit, move || {
            give_up(&late, |inner| GetError::TimedOut { server: inner.server.clone(), limit });
        }));
    }
    let factory = Rc::new(GetFactory { inner: Rc::clone(&inner) });
    let connector = reactor.connect_tcp(server, factory, options.connect_timeout);
    *inner.connector.borrow_mut() = Some(connector);
    Download { inner }
}

fn give_up(late: &Weak<Inner>, error: impl FnOnce(&Inner) -> GetError) {
    if let Some(inner) = late.upgrade() {
        inner.fail(error(&inner));
    }
}

impl Download {
    /// Does not want it any more: the connection is closed, and `done` hears of [`GetError::Cancelled`] before this
    /// returns. Nothing happens if the outcome is known.
    pub fn cancel(&self) {
        self.inner.fail(GetError::Cancelled { server: self.inner.server.clone() });
    }

    /// Takes nothing more from the server until [`resume`](Self::resume), so that in the end the server waits; for
    /// whoever cannot go on with what has come. The idle time-out does not run meanwhile, the total one does.
    pub fn pause(&self) {
        self.inner.paused.set(true);
        if let Some(transport) = &*self.inner.transport.borrow() {
            transport.pause_producing();
        }
        if let Some(idle) = self.inner.idle.take() {
            // It may have gone off already, and the download be over.
            let _ = idle.cancel();
        }
    }

    /// Goes on after a [`pause`](Self::pause).
    pub fn resume(&self) {
        if self.inner.paused.replace(false)
            && let Some(transport) = &*self.inner.transport.borrow()
        {
            transport.resume_producing();
            self.inner.watch_idle();
        }
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("server", &self.inner.server).finish_non_exhaustive()
    }
}

impl Inner {
    /// The outcome, once; everything that still runs for it ends.
    fn finish(&self, outcome: Result<Bytes, GetError>) {
        let Some(done) = self.done.take() else { return };
        for call in [self.idle.take(), self.total.take()].into_iter().flatten() {
            // It may be this very time-out that brought us here.
            let _ = call.cancel();
        }
        if let Some(transport) = self.transport.take() {
            if outcome.is_ok() { transport.lose_connection() } else { transport.abort_connection() }
        } else if let Some(connector) = self.connector.take() {
            // Refused when the failure of connecting is what is being told.
            let _ = connector.stop_connecting();
        }
        self.connector.take();
        done(outcome);
    }

    fn fail(&self, error: GetError) {
        self.finish(Err(error));
    }

    fn watch_idle(self: &Rc<Self>) {
        let limit = self.options.idle_timeout;
        let mut idle = self.idle.borrow_mut();
        if idle.as_ref().is_some_and(|call| call.reset(limit).is_ok()) {
            return;
        }
        let late = Rc::downgrade(self);
        *idle = Some(self.reactor.call_later(limit, move || {
            give_up(&late, |inner| GetError::Idle {
                server: inner.server.clone(),
                bytes: inner.bytes(),
                limit,
            });
        }));
    }

    fn received(&self, data: &[u8]) {
        let mut reader = self.reader.borrow_mut();
        let Some(taken) = reader.as_mut().map(|reader| reader.feed(data)) else { return };
        let whole = reader.as_ref().is_some_and(PoemReader::is_whole);
        drop(reader);
        match taken {
            Ok(part) => {
                if !part.is_empty() {
                    (self.on_data.borrow_mut())(part);
                }
                if whole {
                    self.ended();
                }
            }
            Err(source) => self.fail(GetError::Malformed { server: self.server.clone(), source }),
        }
    }

    /// The stream has ended well, or the poem is whole before that.
    fn ended(&self) {
        let Some(reader) = self.reader.take() else { return };
        let outcome = reader.finish();
        self.finish(outcome.map_err(|source| GetError::Malformed { server: self.server.clone(), source }));
    }

    fn lost(&self, reason: &Reason) {
        self.transport.take();
        if reason.is_done() {
            return self.ended();
        }
        let (server, bytes) = (self.server.clone(), self.bytes());
        self.fail(GetError::Lost { server, bytes, source: Arc::new(reason.clone()) });
    }

    /// What has come of the poem.
    fn bytes(&self) -> usize {
        self.reader.borrow().as_ref().map_or(0, PoemReader::bytes)
    }
}

struct GetFactory {
    inner: Rc<Inner>,
}

impl Factory for GetFactory {
    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        Some(Box::new(GetProtocol { inner: Rc::clone(&self.inner) }))
    }
}

impl ClientFactory for GetFactory {
    fn client_connection_failed(&self, connector: &Connector, reason: &ConnectFailure) {
        let (server, source) = (self.inner.server.clone(), reason.clone());
        self.inner.fail(GetError::Connect { server, address: connector.tried(), source });
    }
}

struct GetProtocol {
    inner: Rc<Inner>,
}

impl Protocol for GetProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        if self.inner.done.borrow().is_none() {
            // Cancelled in the very turn in which it was connected.
            transport.abort_connection();
            return Ok(());
        }
        *self.inner.transport.borrow_mut() = Some(transport.clone());
        if self.inner.paused.get() {
            transport.pause_producing();
        } else {
            self.inner.watch_idle();
        }
        if let Some(request) = &self.inner.request {
            transport.set_stall_limit(Some(self.inner.options.idle_timeout));
            transport.write(request.clone());
        }
        Ok(())
    }

    fn data_received(&mut self, _transport: &Transport, data: &[u8]) -> Handled {
        if !self.inner.paused.get() {
            self.inner.watch_idle();
        }
        self.inner.received(data);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        self.inner.lost(reason);
    }
}

/// Fetches the poems of all `servers` at once, on a reactor of its own, and returns when the last outcome is known:
/// the outcomes in the order of `servers`. `sink` hears of everything as it happens.
///
/// # Errors
/// When the reactor cannot be made or cannot wait.
pub fn get_poems(
    kind: PollerKind,
    servers: &[Target],
    options: &GetOptions,
    sink: impl FnMut(&ClientEvent<'_>) + 'static,
) -> Result<Vec<Result<Bytes, GetError>>, ReactorError> {
    let reactor = Reactor::new(kind)?;
    if servers.is_empty() {
        return Ok(Vec::new());
    }
    let tasks = Rc::new(Tasks {
        reactor: reactor.clone(),
        sink: RefCell::new(Box::new(sink)),
        outcomes: RefCell::new(servers.iter().map(|_| None).collect()),
        left: Cell::new(servers.len()),
    });
    for (index, server) in servers.iter().enumerate() {
        let (task, tasks, server, options) = (index + 1, Rc::clone(&tasks), server.clone(), options.clone());
        let handle = reactor.clone();
        reactor.call_when_running(move || tasks.start(task, &handle, &server, &options));
    }
    reactor.run()?;
    let outcomes = tasks.outcomes.take().into_iter().zip(servers);
    Ok(outcomes
        .map(|(outcome, server)| {
            // Only a signal ends the loop before all outcomes are known.
            outcome.unwrap_or_else(|| Err(GetError::Cancelled { server: server.clone() }))
        })
        .collect())
}

type Sink = Box<dyn FnMut(&ClientEvent<'_>)>;

struct Tasks {
    reactor: Reactor,
    sink: RefCell<Sink>,
    outcomes: RefCell<Vec<Option<Result<Bytes, GetError>>>>,
    left: Cell<usize>,
}

impl Tasks {
    fn tell(&self, event: &ClientEvent<'_>) {
        (self.sink.borrow_mut())(event);
    }

    fn start(self: &Rc<Self>, task: usize, reactor: &Reactor, server: &Target, options: &GetOptions) {
        self.tell(&ClientEvent::Started { task, server });
        let began = reactor.now();
        let (data, from) = (Rc::clone(self), server.clone());
        let on_data = move |bytes: &[u8]| data.tell(&ClientEvent::Data { task, server: &from, bytes });
        let (tasks, from) = (Rc::clone(self), server.clone());
        let done = move |outcome| tasks.finished(task, &from, began, outcome);
        get_poetry(reactor, server.clone(), options, on_data, done);
    }

    fn finished(&self, task: usize, server: &Target, began: Duration, outcome: Result<Bytes, GetError>) {
        let elapsed = self.reactor.now().saturating_sub(began);
        match &outcome {
            Ok(poem) => self.tell(&ClientEvent::Poem { task, server, poem, elapsed }),
            Err(error) => self.tell(&ClientEvent::Failed { task, server, error, elapsed }),
        }
        self.outcomes.borrow_mut()[task - 1] = Some(outcome);
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            // Refused when something else has stopped it already, which is as well.
            let _ = self.reactor.stop();
        }
    }
}
