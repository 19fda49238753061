//! `verse get` at work: asks all servers at once and writes what comes.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::Duration;

use super::bars::Bars;
use super::printer::{Out, Printer};
use super::writer::{Targets, Trouble, Writer, taken};
use super::{GetOptions, Via};
use crate::actors::{DownloadOptions, ExchangeOptions};
use crate::cli::output::file_name;
use crate::cli::run::{Signals, log_to_stderr};
use crate::cli::{Code, Exit, runtime};
use crate::client::{Client, Gathering, TransformWith};
use crate::event::Reporter;
use crate::net::raise_descriptor_limit;
use crate::transform::TransformService;

/// Lines and poems that may wait to be written. With more of them no news are taken, and in the end the servers wait:
/// whoever stops a pager in the middle of a poem stops the poem, not this program's memory.
const WAITING: usize = 4096;

/// Gets the poems. Everything but a bad start has been said when it returns.
///
/// Exit codes: 0 all poems are there (and transformed, if asked for); 1 one is not; 2 a file is in the way; 3 it could
/// not start. A reader of stdout that leaves (`head`) ends it quietly, downloads included, with the code as it is then:
/// 0 unless something had failed, since nobody wanted more.
///
/// The first SIGINT or SIGTERM gives up on poems that are still on their way, each of which is told as failed, and
/// prints those that are here; a second one stops at once (130).
pub fn get(options: &GetOptions) -> Exit {
    let names: Vec<_> =
        options.servers.iter().enumerate().map(|(task, server)| file_name(task + 1, server)).collect();
    if let Some(output) = &options.output {
        if let Some(place) = taken(output, &names) {
            let problem = format!("'{}' exists; --force overwrites it", place.display());
            return Exit::usage("get", "--output", &problem);
        }
        if let Err(error) = std::fs::create_dir_all(&output.dir) {
            let line = format!("--output: cannot create '{}': {error}", output.dir.display());
            return Exit::error(Code::NotStarted, "get", &line);
        }
    }
    log_to_stderr(options.log);
    // Each server has a connection of its own. If the limit stays as it is, those beyond it fail and say why.
    let _ = raise_descriptor_limit();
    let wants_bars = !options.quiet && !options.tasks && io::stderr().is_terminal();
    let bars = wants_bars.then(|| Bars::new(options));
    let targets = Targets { output: options.output.clone(), names, bars: bars.as_ref().map(Bars::all) };
    let run = runtime::run("get", async {
        let not_started = |what: &str| Exit::error(Code::NotStarted, "get", what);
        let writer = Writer::start(targets)
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
        Ok(Get { gathering, printer, writer, bars, signals, queue: VecDeque::new() }.run(took).await)
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

struct Get<'a> {
    gathering: Gathering,
    printer: Printer<'a>,
    writer: Writer,
    bars: Option<Bars>,
    signals: Signals,
    queue: VecDeque<Out>,
}

impl Get<'_> {
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
                trouble = self.writer.written(), if self.writer.is_busy() => {
                    if let Some(exit) = self.not_written(trouble) {
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

    /// What of a batch was not written; the end, if there is no point in going on.
    fn not_written(&mut self, trouble: Vec<Trouble>) -> Option<Exit> {
        for trouble in trouble {
            let line = match trouble {
                Trouble::Closed => return Some(Exit::silent(self.printer.code())),
                Trouble::Stdout(error) => format!("cannot write to stdout: {error}"),
                Trouble::Gone => "the output thread is gone".to_owned(),
                Trouble::File(task, error) => {
                    self.printer.no_file(task, &error);
                    continue;
                }
            };
            return Some(Exit::error(Code::NotGot, "get", &line));
        }
        None
    }
}
