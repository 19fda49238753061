//! `verse get` by the blocking client: one server after the other, so that their times add up (Part 2).
//!
//! It waits in the system call that reads, and so cannot wait for a signal as well: a thread does that, and another one
//! is the client, so that a second signal ends the program whatever the client is stuck in.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread::Builder;

use bytes::Bytes;

use super::bars::Bars;
use super::printer::Printer;
use super::run::{not_started, not_written};
use super::writer::Targets;
use super::{GetOptions, TransformBy, Via};
use crate::blocking::{Client, Signals, Stopwatch};
use crate::cli::engines::{self, cause, local, target};
use crate::cli::{Code, Exit, chain};
use crate::client::{Outcome, Update};
use crate::config::HostPort;
use crate::message::{DownloadError, NotTransformed, PeerError};
use crate::reactor::programs;

/// What the main thread waits for.
enum Word {
    Signal,
    Over(Exit),
}

pub(super) fn get(options: &GetOptions, targets: Targets, bars: Option<Bars>) -> Exit {
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return not_started(&chain(&error)),
    };
    let client = Client::default();
    let printer = Printer::new(options);
    let work = Work { options: options.clone(), client: client.clone(), printer, targets, bars, exit: None };
    let (tell, told) = channel();
    if let Err(error) = start(signals, work, &tell) {
        return not_started(&format!("cannot start a thread: {error}"));
    }
    // Ours would keep the channel open for ever.
    drop(tell);
    let mut signalled = false;
    loop {
        match told.recv() {
            Ok(Word::Signal) if std::mem::replace(&mut signalled, true) => {
                return Exit::silent(Code::Stopped);
            }
            Ok(Word::Signal) => client.cancel(),
            Ok(Word::Over(exit)) => return exit,
            Err(_) => return Exit::error(Code::NotGot, "get", "the client's thread is gone"),
        }
    }
}

fn start(mut signals: Signals, work: Work, tell: &Sender<Word>) -> io::Result<()> {
    let (signal, over) = (tell.clone(), tell.clone());
    Builder::new()
        .name("signals".to_owned())
        .spawn(move || while signals.wait().is_ok() && signal.send(Word::Signal).is_ok() {})?;
    // Nobody hears it who has been told to stop at once.
    Builder::new().name("client".to_owned()).spawn(move || drop(over.send(Word::Over(work.run()))))?;
    Ok(())
}

struct Work {
    options: GetOptions,
    client: Client,
    printer: Printer,
    targets: Targets,
    bars: Option<Bars>,
    /// How it ends, if not as the printer has it.
    exit: Option<Exit>,
}

impl Work {
    fn run(mut self) -> Exit {
        let all = Stopwatch::start();
        let options = engines::options(&self.options);
        for (task, server) in self.options.servers.clone().iter().enumerate() {
            self.printer.asks(task);
            self.write();
            let watch = Stopwatch::start();
            let client = self.client.clone();
            let on_data = |bytes: &[u8]| {
                self.news(Update::Progress { task, piece: Bytes::copy_from_slice(bytes), announced: None });
            };
            let got = client.get_poetry(&target(server), &options, on_data);
            let outcome = match got {
                Ok(poem) => self.transform(server, poem, &watch),
                Err(error) => failed(server, cause(&error)),
            };
            self.news(Update::Done { task, took: watch.elapsed(), outcome });
        }
        self.bars = None;
        self.printer.end(all.elapsed());
        self.write();
        self.exit.unwrap_or_else(|| Exit::silent(self.printer.code()))
    }

    fn transform(&self, from: &HostPort, poem: Bytes, watch: &Stopwatch) -> Outcome {
        let Some(TransformBy { via, name }) = &self.options.transform else {
            let received = poem.len();
            return Outcome::Poem { poem, received };
        };
        let service = match via {
            Via::Local => return local::transform(name, poem, from),
            Via::Server(service) => service,
        };
        let limit = usize::try_from(self.options.max_request).unwrap_or(usize::MAX);
        let bytes = name.len() + 1 + poem.len();
        let answer = if bytes > limit {
            Err(PeerError::RequestTooLong { bytes, limit })
        } else {
            // The total time is one for both.
            let timeout = self.options.timeout.map(|limit| limit.saturating_sub(watch.elapsed()));
            let options = programs::GetOptions { limit, timeout, ..engines::options(&self.options) };
            self.client.apply(&target(service), name, &poem, &options).map_err(|error| cause(&error))
        };
        match answer {
            Ok(answer) => Outcome::Poem { poem: answer, received: poem.len() },
            Err(PeerError::Cancelled) => failed(from, PeerError::Cancelled),
            Err(cause) => {
                let cause = NotTransformed::Unanswered { server: service.clone(), cause };
                Outcome::Untransformed { original: poem, cause }
            }
        }
    }

    fn news(&mut self, update: Update) {
        if let Some(bars) = &self.bars {
            bars.news(&update);
        }
        self.printer.news(update);
        self.write();
    }

    /// Writes what there is, in this thread: while nobody takes it, nothing is asked for.
    fn write(&mut self) {
        loop {
            let batch = self.printer.take();
            if batch.is_empty() || self.exit.is_some() {
                return;
            }
            let trouble = self.targets.write(batch);
            self.exit = not_written(&mut self.printer, trouble);
            if self.exit.is_some() {
                self.client.cancel();
            }
        }
    }
}

fn failed(server: &HostPort, cause: PeerError) -> Outcome {
    Outcome::Failed(DownloadError { server: server.clone(), cause })
}
