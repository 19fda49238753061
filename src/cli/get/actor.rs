//! `verse get` by actors: a process for each server, gathered by one that hears of all.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;

use super::bars::Bars;
use super::printer::{Out, Printer};
use super::run::{WAITING, not_started, not_written};
use super::writer::{Targets, Trouble, Writer};
use super::{GetOptions, Via};
use crate::actors::{DownloadOptions, ExchangeOptions};
use crate::cli::run::Signals;
use crate::cli::{Code, Exit, runtime};
use crate::client::{Client, Gathering, TransformWith};
use crate::event::Reporter;
use crate::transform::TransformService;

pub(super) fn get(options: &GetOptions, targets: Targets, bars: Option<Bars>) -> Exit {
    let run = runtime::run("get", async {
        let (tell, written) = mpsc::channel(1);
        let writer = Writer::start(targets, move |trouble| tell.blocking_send(trouble).is_ok())
            .map_err(|error| not_started(&format!("cannot start the output thread: {error}")))?;
        let signals =
            Signals::listen().map_err(|error| not_started(&format!("cannot listen for signals: {error}")))?;
        let reporter = Reporter::new(|node| node.name("get"));
        let began = reporter.node().now();
        let servers = options.servers.clone();
        let gathering = client(options).gather(reporter.node(), servers, transform(options)).await;
        let gathering = gathering.map_err(|reason| not_started(&reason.to_string()))?;
        let printer = Printer::new(options);
        let took = || reporter.node().now().saturating_sub(began);
        Ok(Get { gathering, printer, writer, written, bars, signals, queue: VecDeque::new() }.run(took).await)
    });
    match run {
        Ok(Ok(exit) | Err(exit)) | Err(exit) => exit,
    }
}

fn client(options: &GetOptions) -> Client {
    let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
    let exchange = ExchangeOptions {
        connect_timeout: options.connect_timeout,
        idle_timeout: options.idle_timeout,
        timeout: options.timeout,
    };
    let max_poem = size(options.max_poem);
    Client::default()
        .options(DownloadOptions { exchange, framing: options.framing, max_poem })
        .max_request(size(options.max_request))
}

fn transform(options: &GetOptions) -> Option<(TransformWith, String)> {
    let by = options.transform.as_ref()?;
    let with = match &by.via {
        Via::Server(server) => TransformWith::Service(server.clone()),
        Via::Local => TransformWith::Local(TransformService::default()),
    };
    Some((with, by.name.clone()))
}

struct Get {
    gathering: Gathering,
    printer: Printer,
    writer: Writer,
    written: mpsc::Receiver<Vec<Trouble>>,
    bars: Option<Bars>,
    signals: Signals,
    queue: VecDeque<Out>,
}

impl Get {
    async fn run(mut self, took: impl Fn() -> Duration) -> Exit {
        let (mut over, mut signalled) = (false, false);
        loop {
            self.queue.extend(self.printer.take());
            if !self.writer.is_busy() && !self.queue.is_empty() {
                self.writer.write(self.queue.drain(..).collect());
            }
            if over && !self.writer.is_busy() && self.queue.is_empty() {
                return Exit::silent(self.printer.code());
            }
            tokio::select! {
                biased;
                () = self.signals.next() => {
                    if std::mem::replace(&mut signalled, true) {
                        return Exit::silent(Code::Stopped);
                    }
                    self.gathering.cancel();
                }
                trouble = self.written.recv(), if self.writer.is_busy() => {
                    self.writer.written();
                    let trouble = trouble.unwrap_or_else(|| vec![Trouble::Gone]);
                    if let Some(exit) = not_written(&mut self.printer, trouble) {
                        return exit;
                    }
                }
                update = self.gathering.next(), if !over && self.queue.len() < WAITING => match update {
                    Some(update) => {
                        if let Some(bars) = &self.bars {
                            bars.news(&update);
                        }
                        self.printer.news(update);
                    }
                    None => {
                        over = true;
                        self.bars = None;
                        self.printer.end(took());
                    }
                },
            }
        }
    }
}
