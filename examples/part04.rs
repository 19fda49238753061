//! Part 4: client 1.0. Descriptors given to the reactor by hand: the lowest level of its API.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use verse::reactor::poller::Fd;
use verse::reactor::programs::Elapsed;
use verse::reactor::{DelayedCall, Descriptor, PollerKind, Reactor, ReadDescriptor, Reason};

mod series;
use series::{Args, Outcome, Program, Servers, nobody};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "client-1", about: "sockets as readers of the reactor: [POEMS]", run: client_1 },
        Program {
            name: "broken-client",
            about: "a blocking read in do_read: one after another: [POEMS]",
            run: broken,
        },
        Program {
            name: "connect-failure",
            about: "exercise: a failed connect does not end it: [POEMS]",
            run: failure,
        },
        Program {
            name: "timeout",
            about: "exercise: poems that take too long are given up: [MILLIS]",
            run: timeout,
        },
    ])
}

/// A poem on its way, watched by the reactor.
struct PoetrySocket {
    reactor: Reactor,
    task: usize,
    address: SocketAddr,
    /// None once it is closed.
    socket: RefCell<Option<Rc<TcpStream>>>,
    poem: RefCell<Vec<u8>>,
    limit: RefCell<Option<DelayedCall>>,
    whole: Rc<Cell<u32>>,
}

impl PoetrySocket {
    /// Connects, which blocks (as client 1.0 does, too), and gives the socket to the reactor.
    fn start(
        reactor: &Reactor,
        task: usize,
        address: SocketAddr,
        blocking: bool,
        whole: &Rc<Cell<u32>>,
    ) -> Result<Rc<PoetrySocket>, Box<dyn std::error::Error>> {
        let socket = TcpStream::connect(address)?;
        socket.set_nonblocking(!blocking)?;
        let it = Rc::new(PoetrySocket {
            reactor: reactor.clone(),
            task,
            address,
            socket: RefCell::new(Some(Rc::new(socket))),
            poem: RefCell::default(),
            limit: RefCell::default(),
            whole: Rc::clone(whole),
        });
        reactor.add_reader(it.clone())?;
        Ok(it)
    }

    /// Gives it up when it is not through in time.
    fn limit(self: &Rc<Self>, limit: Duration) {
        let late = Rc::downgrade(self);
        let call = self.reactor.call_later(limit, move || {
            let Some(late) = late.upgrade() else { return };
            println!("Task {}: no poem from {} within {limit:?}", late.task, late.address);
            late.reactor.remove_reader(late.as_ref());
            late.close();
        });
        *self.limit.borrow_mut() = Some(call);
    }

    fn close(&self) {
        self.socket.take();
        if let Some(limit) = self.limit.take() {
            // It may be the limit itself that closes it.
            let _ = limit.cancel();
        }
        // Good enough as long as the program does nothing else than fetch poems.
        if self.reactor.readers().is_empty() {
            let _ = self.reactor.stop();
        }
    }
}

impl Descriptor for PoetrySocket {
    fn fileno(&self) -> Option<Fd> {
        self.socket.borrow().clone().map(|socket| -> Fd { socket })
    }

    fn log_prefix(&self) -> String {
        "poetry".to_owned()
    }

    fn connection_lost(&self, reason: &Reason) {
        if reason.is_done() {
            self.whole.set(self.whole.get() + 1);
            println!("Task {} finished", self.task);
            println!("Task {}: {} bytes of poetry", self.task, self.poem.borrow().len());
        } else {
            println!("Task {}: {reason}", self.task);
        }
        self.close();
    }
}

impl ReadDescriptor for PoetrySocket {
    /// Reads what is there. With a blocking socket that is the whole poem, and everybody else waits for it.
    fn do_read(&self) -> Result<(), Reason> {
        let Some(socket) = self.socket.borrow().clone() else { return Ok(()) };
        let (mut buffer, mut got) = ([0; 1024], 0);
        let end = loop {
            match (&*socket).read(&mut buffer) {
                Ok(0) => break Err(Reason::Done),
                Ok(some) => {
                    got += some;
                    self.poem.borrow_mut().extend_from_slice(&buffer[..some]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(Reason::Lost(error.into())),
            }
        };
        if got > 0 {
            println!("Task {}: got {got} bytes of poetry from {}", self.task, self.address);
        }
        end
    }
}

/// All of them, with what `each` does to those that connected; how many poems were got.
fn fetch(addresses: &[SocketAddr], blocking: bool, each: impl Fn(&Rc<PoetrySocket>)) -> Outcome {
    let reactor = Reactor::new(PollerKind::default())?;
    let whole = Rc::default();
    let began = reactor.now();
    for (index, address) in addresses.iter().enumerate() {
        match PoetrySocket::start(&reactor, index + 1, *address, blocking, &whole) {
            Ok(socket) => each(&socket),
            Err(error) => println!("Task {}: cannot connect: {error}", index + 1),
        }
    }
    if !reactor.readers().is_empty() {
        reactor.run()?;
    }
    println!("in {}", Elapsed(reactor.now() - began));
    println!("Got {} of {} poems", whole.get(), addresses.len());
    Ok(())
}

fn client_1(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 3)?)?;
    fetch(&servers.addresses, false, |_| ())
}

fn broken(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 3)?)?;
    fetch(&servers.addresses, true, |_| ())
}

fn failure(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 2)?)?;
    let mut addresses = servers.addresses.clone();
    addresses.insert(0, nobody()?);
    fetch(&addresses, false, |_| ())
}

/// One server is in time, the other would take an hour.
fn timeout(args: &Args) -> Outcome {
    let limit = Duration::from_millis(args.number(0, 2000)?);
    let (slow, stuck) = (Servers::slow(1)?, Servers::stuck(1)?);
    fetch(&[slow.addresses[0], stuck.addresses[0]], false, |socket| socket.limit(limit))
}
