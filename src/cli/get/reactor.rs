//! `verse get` by the reactor: all servers at once, in one thread, by callbacks (clients 3.1 to 6.0).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::{Rc, Weak};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use bytes::Bytes;

use super::bars::Bars;
use super::printer::{Out, Printer};
use super::run::{WAITING, not_started, not_written};
use super::writer::{Targets, Trouble, Writer};
use super::{GetOptions, TransformBy, Via};
use crate::cli::engines::{self, cause, local, target};
use crate::cli::{Code, Exit, chain};
use crate::client::{Outcome, Update};
use crate::config::HostPort;
use crate::deferred::{Deferred, Failure};
use crate::message::{DownloadError, NotTransformed, PeerError};
use crate::reactor::poller::Fd;
use crate::reactor::programs::{self, Download, GetError, apply_transform, get_poetry};
use crate::reactor::{
    Descriptor, Hold, Phase, PollerKind, Reactor, ReactorError, ReadDescriptor, Reason, SystemEvent,
};

pub(super) fn get(options: &GetOptions, poller: PollerKind, targets: Targets, bars: Option<Bars>) -> Exit {
    match run(options, poller, targets, bars) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn run(options: &GetOptions, poller: PollerKind, targets: Targets, bars: Option<Bars>) -> Result<Exit, Exit> {
    let refused = |error: ReactorError| not_started(&chain(&error));
    let reactor = Reactor::new(poller).map_err(refused)?;
    let signals = reactor.handle_signals().map_err(refused)?;
    let no_thread = |error| not_started(&format!("cannot start the output thread: {error}"));
    let (bell, rings) = UnixStream::pair().map_err(no_thread)?;
    bell.set_nonblocking(true).map_err(no_thread)?;
    let (tell, told) = channel();
    let tell = move |trouble| tell.send(trouble).is_ok() && (&rings).write_all(&[0]).is_ok();
    let writer = Writer::start(targets, tell).map_err(no_thread)?;
    let output = Output { printer: Printer::new(options), writer, queue: VecDeque::new(), bars };
    let get = Rc::new(Get {
        reactor: reactor.clone(),
        options: options.clone(),
        began: reactor.now(),
        output: RefCell::new(output),
        tasks: RefCell::new(options.servers.iter().map(|_| Task::Waiting).collect()),
        left: Cell::new(options.servers.len()),
        paused: Cell::new(false),
        hold: RefCell::new(None),
        exit: RefCell::new(None),
    });
    let written = Written { bell: Rc::new(bell), told, get: Rc::downgrade(&get) };
    reactor.add_reader(Rc::new(written)).map_err(refused)?;
    let (asking, stopping) = (Rc::clone(&get), Rc::clone(&get));
    reactor.call_when_running(move || asking.ask_all());
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |hold| stopping.stop(hold));
    reactor.run().map_err(|error| Exit::error(Code::NotGot, "get", &chain(&error)))?;
    if signals.second() {
        return Ok(Exit::silent(Code::Stopped));
    }
    let exit = get.exit.take();
    Ok(exit.unwrap_or_else(|| Exit::silent(get.output.borrow().printer.code())))
}

/// What one server is at.
enum Task {
    Waiting,
    Downloading(Download),
    Transforming(Deferred<Bytes>),
    Over,
}

struct Output {
    printer: Printer,
    writer: Writer,
    queue: VecDeque<Out>,
    bars: Option<Bars>,
}

struct Get {
    reactor: Reactor,
    options: GetOptions,
    began: Duration,
    output: RefCell<Output>,
    tasks: RefCell<Vec<Task>>,
    /// Servers that are not over.
    left: Cell<usize>,
    paused: Cell<bool>,
    /// Keeps the reactor from ending before all is written.
    hold: RefCell<Option<Hold>>,
    /// How it ends, if not as the printer has it.
    exit: RefCell<Option<Exit>>,
}

impl Get {
    fn ask_all(self: &Rc<Self>) {
        let options = engines::options(&self.options);
        for (task, server) in self.options.servers.iter().enumerate() {
            let (coming, done) = (Rc::clone(self), Rc::clone(self));
            let on_data = move |bytes: &[u8]| coming.came(task, bytes);
            let done = move |outcome| done.got(task, outcome);
            let download = get_poetry(&self.reactor, target(server), &options, on_data, done);
            self.tasks.borrow_mut()[task] = Task::Downloading(download);
        }
    }

    fn came(self: &Rc<Self>, task: usize, bytes: &[u8]) {
        self.news(Update::Progress { task, piece: Bytes::copy_from_slice(bytes), announced: None });
    }

    fn got(self: &Rc<Self>, task: usize, outcome: Result<Bytes, GetError>) {
        match (outcome, &self.options.transform) {
            (Ok(poem), None) => {
                let received = poem.len();
                self.over(task, Outcome::Poem { poem, received });
            }
            (Ok(poem), Some(by)) => self.transform(task, by, poem),
            (Err(error), _) => self.failed(task, cause(&error)),
        }
    }

    fn transform(self: &Rc<Self>, task: usize, by: &TransformBy, original: Bytes) {
        let service = match &by.via {
            Via::Local => return self.over(task, local::transform(&by.name, original, self.server(task))),
            Via::Server(service) => service.clone(),
        };
        let limit = usize::try_from(self.options.max_request).unwrap_or(usize::MAX);
        let bytes = by.name.len() + 1 + original.len();
        if bytes > limit {
            let cause = PeerError::RequestTooLong { bytes, limit };
            let cause = NotTransformed::Unanswered { server: service, cause };
            return self.over(task, Outcome::Untransformed { original, cause });
        }
        // The total time is one for both.
        let timeout = self.options.timeout.map(|limit| limit.saturating_sub(self.took()));
        let options = programs::GetOptions { limit, timeout, ..engines::options(&self.options) };
        let answer = apply_transform(&self.reactor, target(&service), &by.name, &original, &options);
        let done = Rc::clone(self);
        self.tasks.borrow_mut()[task] = Task::Transforming(answer.clone());
        answer.add_both(move |answer| {
            done.transformed(task, &original, service, answer);
            Bytes::new()
        });
    }

    fn transformed(
        self: &Rc<Self>,
        task: usize,
        original: &Bytes,
        server: HostPort,
        answer: Result<Bytes, Failure>,
    ) {
        let original = original.clone();
        match answer {
            Ok(poem) => self.over(task, Outcome::Poem { poem, received: original.len() }),
            // Cancelled: there is no poem, as nobody waits for what was asked for.
            Err(_) if self.hold.borrow().is_some() => self.failed(task, PeerError::Cancelled),
            Err(failure) => {
                let cause = failure.check::<GetError>().map_or(PeerError::Cancelled, cause);
                let cause = NotTransformed::Unanswered { server, cause };
                self.over(task, Outcome::Untransformed { original, cause });
            }
        }
    }

    fn failed(self: &Rc<Self>, task: usize, cause: PeerError) {
        let server = self.server(task).clone();
        self.over(task, Outcome::Failed(DownloadError { server, cause }));
    }

    fn over(self: &Rc<Self>, task: usize, outcome: Outcome) {
        let before = std::mem::replace(&mut self.tasks.borrow_mut()[task], Task::Over);
        drop(before);
        self.left.set(self.left.get() - 1);
        self.news(Update::Done { task, took: self.took(), outcome });
    }

    fn news(self: &Rc<Self>, update: Update) {
        // Nobody reads any more; that their downloads end with it is no news.
        if self.exit.borrow().is_some() {
            return;
        }
        let mut output = self.output.borrow_mut();
        if let Some(bars) = &output.bars {
            bars.news(&update);
        }
        let is_last = self.left.get() == 0;
        output.printer.news(update);
        if is_last {
            output.bars = None;
            output.printer.end(self.took());
        }
        drop(output);
        self.write();
    }

    /// Has written what there is to be written, and ends it all when that was the last.
    fn write(self: &Rc<Self>) {
        let mut output = self.output.borrow_mut();
        let Output { printer, writer, queue, .. } = &mut *output;
        queue.extend(printer.take());
        if !writer.is_busy() && !queue.is_empty() {
            writer.write(queue.drain(..).collect());
        }
        let (is_full, is_done) = (queue.len() >= WAITING, !writer.is_busy() && self.left.get() == 0);
        drop(output);
        if self.paused.replace(is_full) != is_full {
            for task in &*self.tasks.borrow() {
                match task {
                    Task::Downloading(download) if is_full => download.pause(),
                    Task::Downloading(download) => download.resume(),
                    _ => {}
                }
            }
        }
        if is_done {
            self.end();
        }
    }

    fn written(self: &Rc<Self>, trouble: Vec<Trouble>) {
        let mut output = self.output.borrow_mut();
        output.writer.written();
        let exit = not_written(&mut output.printer, trouble);
        drop(output);
        match exit {
            Some(exit) => {
                *self.exit.borrow_mut() = Some(exit);
                self.end();
            }
            None => self.write(),
        }
    }

    fn end(&self) {
        // Refused if a signal has stopped it; then the hold is what it waits for.
        let _ = self.reactor.stop();
        let hold = self.hold.take();
        drop(hold);
    }

    /// The reactor stops: after the end, or at a signal, which gives up on all that is not here.
    fn stop(self: &Rc<Self>, hold: Hold) {
        let is_over =
            self.exit.borrow().is_some() || (self.left.get() == 0 && !self.output.borrow().writer.is_busy());
        if is_over {
            return;
        }
        *self.hold.borrow_mut() = Some(hold);
        for task in 0..self.options.servers.len() {
            let now = std::mem::replace(&mut self.tasks.borrow_mut()[task], Task::Over);
            match now {
                Task::Downloading(download) => download.cancel(),
                Task::Transforming(answer) => answer.cancel(),
                Task::Waiting => self.failed(task, PeerError::Cancelled),
                Task::Over => {}
            }
        }
    }

    fn took(&self) -> Duration {
        self.reactor.now().saturating_sub(self.began)
    }

    fn server(&self, task: usize) -> &HostPort {
        &self.options.servers[task]
    }
}

/// Rung by the output thread when it has written a batch.
struct Written {
    bell: Rc<UnixStream>,
    told: Receiver<Vec<Trouble>>,
    get: Weak<Get>,
}

impl Descriptor for Written {
    fn fileno(&self) -> Option<Fd> {
        Some(self.bell.clone())
    }

    fn log_prefix(&self) -> String {
        "the output thread's bell".to_owned()
    }
}

impl ReadDescriptor for Written {
    fn do_read(&self) -> Result<(), Reason> {
        let rung = (&*self.bell).read(&mut [0; 64]);
        let Some(get) = self.get.upgrade() else { return Err(Reason::Done) };
        loop {
            match self.told.try_recv() {
                Ok(trouble) => get.written(trouble),
                Err(TryRecvError::Disconnected) if matches!(rung, Ok(0)) => {
                    get.written(vec![Trouble::Gone]);
                    return Err(Reason::Done);
                }
                Err(_) => return Ok(()),
            }
        }
    }
}
