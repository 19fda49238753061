//! `verse serve` of Part 2: each poem has a thread, and one client at a time.
//!
//! The threads block, and so cannot hear of a signal: one more thread waits for that, and the main thread for them all.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use super::listening::{Listening, announce, not_started, refused, resolve};
use super::reactor::log_server;
use super::{framing, pace};
use crate::blocking::{BlockingServer, ServeError, Signals, Stopper, Stopwatch};
use crate::cli::run::{ended, log_to_stderr};
use crate::cli::{Code, Exit, ServeOptions, chain, output};
use crate::event::Event;
use crate::net::{NetError, raise_descriptor_limit};
use crate::poem::Poem;
use crate::reactor::programs;

/// What the main thread waits for.
enum Word {
    Signal,
    /// The server of that number has returned.
    Ended(usize, Result<(), ServeError>),
}

struct Open {
    server: BlockingServer,
    listening: Listening,
}

/// Serves until told to stop.
pub(in crate::cli) fn serve(options: &ServeOptions) -> Exit {
    log_to_stderr(options.config.node.log);
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return not_started("serve", &error),
    };
    let open: Result<Vec<Open>, NetError> = open(options).collect();
    let (servers, listening): (Vec<_>, Vec<_>) = match open {
        Ok(open) => open.into_iter().map(|it| (it.server, it.listening)).unzip(),
        Err(error) => return not_started("serve", &error),
    };
    // For the sake of a poem's file: they are read already, and a client at a time needs few.
    let _ = raise_descriptor_limit();
    announce(&listening, servers.len());
    let stoppers = servers.iter().map(BlockingServer::stopper).enumerate().collect();
    let (tell, told) = channel();
    if let Err(error) = start(signals, servers, options, &listening, &tell) {
        return not_started("serve", &error);
    }
    Main { stoppers, listening, told }.wait(options.config.node.drain)
}

fn open(options: &ServeOptions) -> impl Iterator<Item = Result<Open, NetError>> {
    let config = &options.config;
    config.poems.iter().zip(&options.poems).map(|(it, poem): (_, &Poem)| {
        let listen = resolve(&it.listen)?;
        let stall = config.limits.write_timeout;
        let framing = framing(it.framing);
        let options =
            programs::ServeOptions { listen, pace: pace(it.pace), framing, max_connections: Some(1), stall };
        let server = BlockingServer::bind(&options).map_err(|error| match error {
            ServeError::Listen { address, source } | ServeError::Accept { address, source } => {
                refused(address, source)
            }
        })?;
        let address = server.address();
        let line = output::serving(poem.origin(), address);
        Ok(Open { server, listening: Listening { service: it.title.as_str().into(), address, line } })
    })
}

fn start(
    mut signals: Signals,
    servers: Vec<BlockingServer>,
    options: &ServeOptions,
    listening: &[Listening],
    tell: &Sender<Word>,
) -> io::Result<()> {
    let signal = tell.clone();
    Builder::new()
        .name("signals".to_owned())
        .spawn(move || while signals.wait().is_ok() && signal.send(Word::Signal).is_ok() {})?;
    for (number, (server, poem)) in servers.into_iter().zip(&options.poems).enumerate() {
        let (bytes, over, service) =
            (poem.bytes().clone(), tell.clone(), Arc::clone(&listening[number].service));
        let serve = move || {
            let served = server.serve(&bytes, |event| log_server(&service, event));
            // Nobody hears it who has been told to stop at once.
            drop(over.send(Word::Ended(number, served)));
        };
        Builder::new().name(format!("poem {}", number + 1)).spawn(serve)?;
    }
    Ok(())
}

/// The main thread: waits for signals and for the ends of the others.
struct Main {
    /// Of the servers that have not ended.
    stoppers: BTreeMap<usize, Stopper>,
    listening: Vec<Listening>,
    told: Receiver<Word>,
}

impl Main {
    fn wait(mut self, limit: Duration) -> Exit {
        match self.told.recv() {
            Ok(Word::Signal) => {}
            // Without a signal it ends only when it must.
            Ok(Word::Ended(_, Err(error))) => return Exit::error(Code::GaveUp, "serve", &chain(&error)),
            Ok(Word::Ended(..)) | Err(_) => return Exit::error(Code::GaveUp, "serve", "a server ended"),
        }
        Event::DrainStarted.log();
        for (Listening { service, address, .. }, stopper) in
            self.listening.iter().zip(self.stoppers.values()).rev()
        {
            stopper.finish();
            Event::ListenerDown { service: Arc::clone(service), address: *address }.log();
        }
        let watch = Stopwatch::start();
        while !self.stoppers.is_empty() {
            match self.told.recv_timeout(limit.saturating_sub(watch.elapsed())) {
                Ok(Word::Signal) => return Exit::silent(Code::Stopped),
                Ok(Word::Ended(number, _)) => drop(self.stoppers.remove(&number)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        // Those that are still at it serve a client each; the end of the program resets them, if not this.
        let cut = self.stoppers.len();
        self.stoppers.values().for_each(Stopper::stop);
        Event::Drained { cut }.log();
        ended("serve", cut)
    }
}
