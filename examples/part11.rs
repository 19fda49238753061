//! Part 11: your poetry is served. Fast, slow, by hand, on many ports.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::rc::Rc;

use bytes::Bytes;
use verse::blocking;
use verse::poem::Anthology;
use verse::reactor::poller::{Fd, Interest};
use verse::reactor::programs::{GetOptions, ServeOptions, ServerEvent, get_poems, serve_poem};
use verse::reactor::{Descriptor, PollerKind, Reactor, ReadDescriptor, Reason, Target, WriteDescriptor};

mod series;
use series::{Args, Outcome, Program, Servers, pace, poems};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "fast-server", about: "writes all, closes; ends after [CLIENTS]", run: fast_server },
        Program { name: "hundreds", about: "hundreds of clients at once: [CLIENTS]", run: hundreds },
        Program {
            name: "no-framework",
            about: "exercise: an asynchronous server on a poller alone: [CLIENTS]",
            run: no_framework,
        },
        Program {
            name: "low-level",
            about: "exercise: on the reactor, without protocols: [CLIENTS]",
            run: low_level,
        },
        Program {
            name: "slow-server",
            about: "exercise: num_bytes and delay, and a client that leaves early: [NUM_BYTES [MILLIS]]",
            run: slow_server,
        },
        Program {
            name: "many-ports",
            about: "exercise: several poems on several ports: [POEMS]",
            run: many_ports,
        },
    ])
}

/// Clients in threads, each with a connection of its own; how many bytes they got.
fn clients(to: SocketAddr, count: u64) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let targets = vec![Target::from(to); usize::try_from(count).unwrap_or(usize::MAX)];
        let outcomes = blocking::get_poems(&targets, &GetOptions::default(), |_| ());
        outcomes.iter().flatten().map(Bytes::len).sum()
    })
}

fn fast_server(args: &Args) -> Outcome {
    let count = args.number(0, 3)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let (left, stopping) = (Cell::new(count), reactor.clone());
    let port = serve_poem(&reactor, poems(1).remove(0), &ServeOptions::default(), move |event| {
        if let ServerEvent::Ended { .. } = event {
            left.set(left.get() - 1);
            if left.get() == 0 {
                // Running, and stopped by nobody else.
                let _ = stopping.stop();
            }
        } else {
            println!("{event}");
        }
    })?;
    println!("Serving poetry/ecstasy.txt on {}.", port.host());
    let clients = clients(port.host(), count);
    if count > 0 {
        reactor.run()?;
    }
    let got = clients.join().map_err(|_| "the clients panicked")?;
    println!("{count} clients got {got} bytes of poetry");
    Ok(())
}

fn hundreds(args: &Args) -> Outcome {
    let count = usize::try_from(args.number(0, 300)?)?;
    let servers = Servers::start(poems(1), ServeOptions::default())?;
    let targets = vec![Target::from(servers.addresses[0]); count];
    let outcomes = get_poems(PollerKind::default(), &targets, &GetOptions::default(), |_| ())?;
    println!("{} of {count} clients have their poem", outcomes.iter().flatten().count());
    Ok(())
}

/// A listening socket is "readable" when somebody connects; a client's socket "writable" while there is room.
fn no_framework(args: &Args) -> Outcome {
    let count = args.number(0, 3)?;
    let poem = poems(1).remove(0);
    let listener = Rc::new(TcpListener::bind("127.0.0.1:0")?);
    listener.set_nonblocking(true)?;
    let clients = clients(listener.local_addr()?, count);
    let mut poller = PollerKind::Select.make()?;
    let listening: Fd = listener.clone();
    poller.watch(&listening, Interest { read: true, write: false })?;
    let mut sending: BTreeMap<RawFd, (Rc<TcpStream>, Bytes)> = BTreeMap::new();
    let (mut ready, mut served) = (Vec::new(), 0);
    while served < count {
        poller.wait(None, &mut ready)?;
        for (number, _) in ready.drain(..) {
            if number == listener.as_raw_fd() {
                let socket = Rc::new(listener.accept()?.0);
                socket.set_nonblocking(true)?;
                let fd: Fd = socket.clone();
                poller.watch(&fd, Interest { read: false, write: true })?;
                sending.insert(socket.as_raw_fd(), (socket, poem.clone()));
            } else if let Some((socket, left)) = sending.get_mut(&number)
                && send_some(socket, left)?
            {
                let fd: Fd = socket.clone();
                poller.watch(&fd, Interest::default())?;
                sending.remove(&number);
                served += 1;
            }
        }
    }
    let got = clients.join().map_err(|_| "the clients panicked")?;
    println!("{count} clients got {got} bytes of poetry from a select loop");
    Ok(())
}

/// Sends what there is room for; whether that was all.
fn send_some(mut socket: &TcpStream, left: &mut Bytes) -> io::Result<bool> {
    match socket.write(left) {
        Ok(sent) => drop(left.split_to(sent)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(error) => return Err(error),
    }
    Ok(left.is_empty())
}

/// The listening socket, as a reader of the reactor.
struct Listener {
    reactor: Reactor,
    socket: Rc<TcpListener>,
    poem: Bytes,
    left: Rc<Cell<u64>>,
}

impl Descriptor for Listener {
    fn fileno(&self) -> Option<Fd> {
        Some(self.socket.clone())
    }
}

impl ReadDescriptor for Listener {
    fn do_read(&self) -> Result<(), Reason> {
        let lost = |error: io::Error| Reason::Lost(error.into());
        let (socket, _) = self.socket.accept().map_err(lost)?;
        socket.set_nonblocking(true).map_err(lost)?;
        let client = Client {
            reactor: self.reactor.clone(),
            socket: RefCell::new(Some(Rc::new(socket))),
            poem: RefCell::new(self.poem.clone()),
            left: Rc::clone(&self.left),
        };
        self.reactor.add_writer(Rc::new(client)).map_err(|error| lost(io::Error::other(error)))
    }
}

/// One client's socket, as a writer of the reactor.
struct Client {
    reactor: Reactor,
    socket: RefCell<Option<Rc<TcpStream>>>,
    poem: RefCell<Bytes>,
    left: Rc<Cell<u64>>,
}

impl Descriptor for Client {
    fn fileno(&self) -> Option<Fd> {
        self.socket.borrow().clone().map(|socket| -> Fd { socket })
    }

    fn connection_lost(&self, _reason: &Reason) {
        self.socket.take();
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() == 0 {
            // Stopping already, for all but the last.
            let _ = self.reactor.stop();
        }
    }
}

impl WriteDescriptor for Client {
    fn do_write(&self) -> Result<(), Reason> {
        let Some(socket) = self.socket.borrow().clone() else { return Ok(()) };
        let all =
            send_some(&socket, &mut self.poem.borrow_mut()).map_err(|error| Reason::Lost(error.into()))?;
        if all { Err(Reason::Done) } else { Ok(()) }
    }
}

fn low_level(args: &Args) -> Outcome {
    let count = args.number(0, 3)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let socket = TcpListener::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let clients = clients(socket.local_addr()?, count);
    let left = Rc::new(Cell::new(count));
    let listener =
        Listener { reactor: reactor.clone(), socket: Rc::new(socket), poem: poems(1).remove(0), left };
    reactor.add_reader(Rc::new(listener))?;
    if count > 0 {
        reactor.run()?;
    }
    let got = clients.join().map_err(|_| "the clients panicked")?;
    println!("{count} clients got {got} bytes of poetry from readers and writers");
    Ok(())
}

/// One client gets the whole poem, another leaves after the first bytes: that costs nobody anything.
fn slow_server(args: &Args) -> Outcome {
    let num_bytes = usize::try_from(args.number(0, 100)?)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let options = ServeOptions { pace: pace(num_bytes, args.number(1, 10)?), ..ServeOptions::default() };
    let (left, stopping) = (Cell::new(2), reactor.clone());
    let lost = Rc::new(Cell::new(0));
    let noted = Rc::clone(&lost);
    let port = serve_poem(&reactor, poems(1).remove(0), &options, move |event| {
        println!("{event}");
        if let ServerEvent::Ended { failure, .. } = event {
            noted.set(noted.get() + u32::from(failure.is_some()));
            left.set(left.get() - 1);
            if left.get() == 0 {
                // Running, and stopped by nobody else.
                let _ = stopping.stop();
            }
        }
    })?;
    let to = port.host();
    let leaver =
        std::thread::spawn(move || TcpStream::connect(to).and_then(|mut stream| stream.read(&mut [0; 10])));
    let stayer = clients(to, 1);
    reactor.run()?;
    leaver.join().map_err(|_| "the client that leaves panicked")??;
    let got = stayer.join().map_err(|_| "the client panicked")?;
    println!("one client got {got} bytes, {} left early", lost.get());
    Ok(())
}

fn many_ports(args: &Args) -> Outcome {
    let count = usize::try_from(args.number(0, 4)?)?;
    let reactor = Reactor::new(PollerKind::default())?;
    let mut targets = Vec::new();
    for poem in Anthology::embedded().take(count) {
        let port = serve_poem(&reactor, poem.bytes().clone(), &ServeOptions::default(), |_| ())?;
        println!("Serving {} on {}.", poem.origin(), port.host());
        targets.push(Target::from(port.host()));
    }
    let remote = reactor.remote();
    let client = std::thread::spawn(move || {
        let outcomes = blocking::get_poems(&targets, &GetOptions::default(), |_| ());
        // The reactor runs until this very call.
        let _ = remote.call(Reactor::stop);
        outcomes.iter().flatten().map(Bytes::len).collect::<Vec<_>>()
    });
    reactor.run()?;
    let lengths = client.join().map_err(|_| "the client panicked")?;
    println!("{} poems from {} ports: {lengths:?} bytes", lengths.len(), lengths.len());
    Ok(())
}
