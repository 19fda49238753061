//! What the programs of the series share: the list of a Part's programs, and servers in a thread to try clients on.
#![allow(dead_code, reason = "each Part uses what it needs")]
#![allow(unreachable_pub, reason = "a module of several programs, public to none")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what these programs do")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use verse::poem::Anthology;
use verse::reactor::programs::{
    Pace, ServeOptions, TransformEvent, TransformOptions, serve_poem, serve_transforms,
};
use verse::reactor::{PollerKind, Reactor, Remote, Target};
use verse::transform::TransformService;
use verse::wire::netstring::encode;
use verse::wire::request::Request;

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

/// What stands behind the program's name: numbers, mostly, all optional.
pub struct Args(Vec<String>);

impl Args {
    /// The word at `place`, counted from 0.
    pub fn word(&self, place: usize) -> Option<&str> {
        self.0.get(place).map(String::as_str)
    }

    /// The servers that are named from `place` on, each `[HOST:]PORT`, as the series' clients take them.
    pub fn servers(&self, place: usize) -> Result<Vec<Target>, Box<dyn Error>> {
        self.0.iter().skip(place).map(|word| server(word)).collect()
    }

    /// The number at `place`, counted from 0, or `default`.
    pub fn number(&self, place: usize, default: u64) -> Result<u64, Box<dyn Error>> {
        match self.0.get(place) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("{text} is not a number").into()),
        }
    }
}

/// `[HOST:]PORT`; no host is this machine.
pub fn server(word: &str) -> Result<Target, Box<dyn Error>> {
    let (host, port) = word.rsplit_once(':').unwrap_or(("127.0.0.1", word));
    let port = port.parse::<u16>().map_err(|_| format!("{word} is no [HOST:]PORT"))?;
    Ok(Target::from((host, port)))
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

/// Something that is served by a reactor in a thread of its own, until dropped.
pub struct Serving {
    pub addresses: Vec<SocketAddr>,
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// `listen` opens what is to be served, and says where.
    pub fn start(
        listen: impl FnOnce(&Reactor) -> Result<Vec<SocketAddr>, Box<dyn Error>> + Send + 'static,
    ) -> Result<Serving, Box<dyn Error>> {
        let (tell, told) = mpsc::channel();
        let serve = move || -> Result<(), Box<dyn Error>> {
            let reactor = Reactor::new(PollerKind::default())?;
            tell.send((listen(&reactor)?, reactor.remote()))?;
            Ok(reactor.run()?)
        };
        let thread = std::thread::spawn(move || {
            if let Err(error) = serve() {
                eprintln!("the servers ended: {error}");
            }
        });
        let (addresses, remote) = told.recv()?;
        Ok(Serving { addresses, remote, thread: Some(thread) })
    }

    /// The transform server of Part 12.
    pub fn transforms() -> Result<Serving, Box<dyn Error>> {
        Serving::start(|reactor| {
            let (service, options) = (TransformService::default(), TransformOptions::default());
            let sink = |event: &TransformEvent| println!("transform server: {event}");
            Ok(vec![serve_transforms(reactor, service, &options, sink)?.host()])
        })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Gone already if it failed, and then it has said so.
        let _ = self.remote.call(Reactor::stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Poetry servers in a thread of their own, until dropped.
pub struct Servers {
    pub addresses: Vec<SocketAddr>,
    _serving: Serving,
}

impl Servers {
    /// One server a poem.
    pub fn start(poems: Vec<Bytes>, options: ServeOptions) -> Result<Servers, Box<dyn Error>> {
        let serving = Serving::start(move |reactor| {
            let mut addresses = Vec::new();
            for poem in poems {
                addresses.push(serve_poem(reactor, poem, &options, |_| ())?.host());
            }
            Ok(addresses)
        })?;
        Ok(Servers { addresses: serving.addresses.clone(), _serving: serving })
    }

    /// The usual three (or as many as are wanted), all at once.
    pub fn fast(count: u64) -> Result<Servers, Box<dyn Error>> {
        Servers::start(poems(count), ServeOptions::default())
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

/// What `nc` does: sends the bytes and its end, and shows what comes back.
pub fn nc(to: SocketAddr, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// A request of the transform service, and the bytes in which it asks.
pub fn transform_request(name: &str, poem: &str) -> Bytes {
    encode(&Request { name: name.to_owned(), poem: poem.to_owned().into() }.to_frame())
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
