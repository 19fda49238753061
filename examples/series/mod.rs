//! What the programs of the series share: the list of a Part's programs, and servers in a thread to try clients on.
#![allow(dead_code, reason = "each Part uses what it needs")]
#![allow(unreachable_pub, reason = "a module of several programs, public to none")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what these programs do")]

use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use verse::poem::Anthology;
use verse::reactor::programs::{Pace, ServeOptions, serve_poem};
use verse::reactor::{PollerKind, Reactor, Remote, Target};

pub mod errand;

/// What a program hands back: an error is printed, and is exit code 1.
pub type Outcome = Result<(), Box<dyn Error>>;

/// One program of a Part.
pub struct Program {
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    pub run: fn(&Args) -> Outcome,
}

/// What stands behind the program's name: numbers, all optional.
pub struct Args(Vec<String>);

impl Args {
    /// The number at `place`, counted from 0, or `default`.
    pub fn number(&self, place: usize, default: u64) -> Result<u64, Box<dyn Error>> {
        match self.0.get(place) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("{text} is not a number").into()),
        }
    }
}

/// Runs the program that the command line names; without a name, lists them.
pub fn main(programs: &[Program]) -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(name) = words.next() else {
        for Program { name, about, .. } in programs {
            println!("{name:<20} {about}");
        }
        return ExitCode::SUCCESS;
    };
    let Some(program) = programs.iter().find(|program| program.name == name) else {
        eprintln!("no program here is called {name}; without an argument they are listed");
        return ExitCode::from(2);
    };
    match (program.run)(&Args(words.collect())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The first `count` short poems, in the series' order: ecstasy, fascination, science, and again from the first.
pub fn poems(count: u64) -> Vec<Bytes> {
    let short: Vec<Bytes> = Anthology::embedded().take(3).map(|poem| poem.bytes().clone()).collect();
    (0..count).filter_map(|n| short.get(usize::try_from(n % 3).ok()?).cloned()).collect()
}

/// A pace for the impatient: the series' own poems take ten seconds.
pub fn pace(num_bytes: usize, millis: u64) -> Option<Pace> {
    NonZeroUsize::new(num_bytes).map(|num_bytes| Pace { num_bytes, delay: Duration::from_millis(millis) })
}

/// Poetry servers in a thread of their own, until dropped.
pub struct Servers {
    pub addresses: Vec<SocketAddr>,
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

impl Servers {
    /// One server a poem.
    pub fn start(poems: Vec<Bytes>, options: ServeOptions) -> Result<Servers, Box<dyn Error>> {
        let (tell, told) = mpsc::channel();
        let serve = move || -> Result<(), Box<dyn Error>> {
            let reactor = Reactor::new(PollerKind::default())?;
            let mut addresses = Vec::new();
            for poem in poems {
                addresses.push(serve_poem(&reactor, poem, &options, |_| ())?.host());
            }
            tell.send((addresses, reactor.remote()))?;
            Ok(reactor.run()?)
        };
        let thread = std::thread::spawn(move || {
            if let Err(error) = serve() {
                eprintln!("the servers ended: {error}");
            }
        });
        let (addresses, remote) = told.recv()?;
        Ok(Servers { addresses, remote, thread: Some(thread) })
    }

    /// The usual three (or as many as are wanted), 40 bytes each 10 ms.
    pub fn slow(count: u64) -> Result<Servers, Box<dyn Error>> {
        Servers::start(poems(count), ServeOptions { pace: pace(40, 10), ..ServeOptions::default() })
    }

    /// Servers that send ten bytes and then nothing for an hour.
    pub fn stuck(count: u64) -> Result<Servers, Box<dyn Error>> {
        Servers::start(poems(count), ServeOptions { pace: pace(10, 3_600_000), ..ServeOptions::default() })
    }

    pub fn targets(&self) -> Vec<Target> {
        self.addresses.iter().copied().map(Target::from).collect()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // Gone already if it failed, and then it has said so.
        let _ = self.remote.call(Reactor::stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An address at which nobody listens.
pub fn nobody() -> Result<SocketAddr, Box<dyn Error>> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The functions of this project that lead to here, the innermost first: what Part 3 shows of a callback.
pub fn print_stack() {
    let text = std::backtrace::Backtrace::force_capture().to_string();
    for line in text.lines() {
        let name = line.trim_start().split_once(": ").map_or("", |(_, name)| name);
        let ours = name.starts_with("verse::") || name.starts_with("part");
        if ours && !name.contains("print_stack") && !name.contains("outcome::catch") {
            println!("    {name}");
        }
    }
}
