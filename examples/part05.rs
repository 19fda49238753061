//! Part 5: client 2.0. Protocols, factories and transports.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use verse::reactor::programs::Elapsed;
use verse::reactor::{
    CONNECT_TIMEOUT, ClientFactory, ConnectFailure, Connector, DelayedCall, Factory, Handled, PollerKind,
    Protocol, Reactor, Reason, Transport,
};

mod series;
use series::{Args, Outcome, Program, Servers, nobody, print_stack};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "client-2",
            about: "a protocol a connection, one factory for all: [POEMS]",
            run: client_2,
        },
        Program { name: "client-2.1", about: "the same, simpler: no task numbers: [POEMS]", run: client_2_1 },
        Program {
            name: "connect-failure",
            about: "the factory hears of a connection that fails: [POEMS]",
            run: failure,
        },
        Program { name: "stack", about: "who calls data_received: [POEMS]", run: stack_of_data },
        Program {
            name: "lost-stack",
            about: "exercise: who calls connection_lost: [POEMS]",
            run: stack_of_loss,
        },
        Program {
            name: "timeout",
            about: "exercise: lose_connection on a poem that takes too long: [MILLIS]",
            run: timeout,
        },
    ])
}

/// What a run of the client is to show.
#[derive(Clone, Copy, Default)]
struct Show {
    tasks: bool,
    data_stack: bool,
    loss_stack: bool,
    limit: Option<Duration>,
}

/// Counts the poems, and stops the reactor after the last.
struct PoetryFactory {
    reactor: Reactor,
    show: Show,
    left: Cell<usize>,
    next_task: Cell<usize>,
    poems: RefCell<Vec<Vec<u8>>>,
}

impl PoetryFactory {
    /// A poem, or nothing, for one of those that were asked for.
    fn poem_finished(&self, poem: Option<Vec<u8>>) {
        self.poems.borrow_mut().extend(poem);
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            // Running, and nobody else stops it.
            let _ = self.reactor.stop();
        }
    }
}

/// A handle on the one factory, which its protocols also have: `protocol.factory` of the series.
#[derive(Clone)]
struct Shared(Rc<PoetryFactory>);

impl Factory for Shared {
    fn build_protocol(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        let task = self.0.next_task.get();
        self.0.next_task.set(task + 1);
        let factory = Rc::clone(&self.0);
        Some(Box::new(PoetryProtocol {
            factory,
            task,
            peer,
            poem: Vec::new(),
            limit: None,
            late: Rc::default(),
        }))
    }
}

impl ClientFactory for Shared {
    fn client_connection_failed(&self, connector: &Connector, reason: &ConnectFailure) {
        println!("Failed to connect to {}: {reason}", connector.target());
        self.0.poem_finished(None);
    }
}

struct PoetryProtocol {
    factory: Rc<PoetryFactory>,
    task: usize,
    peer: SocketAddr,
    poem: Vec<u8>,
    limit: Option<DelayedCall>,
    late: Rc<Cell<bool>>,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        if let Some(limit) = self.factory.show.limit {
            let (transport, late) = (transport.clone(), Rc::clone(&self.late));
            self.limit = Some(self.factory.reactor.call_later(limit, move || {
                late.set(true);
                transport.lose_connection();
            }));
        }
        Ok(())
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled {
        self.poem.extend_from_slice(data);
        if self.factory.show.tasks {
            println!("Task {}: got {} bytes of poetry from {}", self.task, data.len(), self.peer);
        }
        if self.factory.show.data_stack {
            print_stack();
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        if self.factory.show.loss_stack {
            print_stack();
        }
        if let Some(limit) = self.limit.take() {
            // Over already, if it is the limit that has closed the connection.
            let _ = limit.cancel();
        }
        let whole = reason.is_done() && !self.late.get();
        match (whole, self.late.get()) {
            (true, _) if self.factory.show.tasks => {
                println!("Task {}: {} bytes of poetry", self.task, self.poem.len());
            }
            (false, true) => println!("Task {}: took too long, {} bytes came", self.task, self.poem.len()),
            (false, false) => println!("Task {}: {reason}", self.task),
            (true, _) => {}
        }
        self.factory.poem_finished(whole.then(|| std::mem::take(&mut self.poem)));
    }
}

fn fetch(addresses: &[SocketAddr], show: Show) -> Outcome {
    let reactor = Reactor::new(PollerKind::default())?;
    let factory = Rc::new(PoetryFactory {
        reactor: reactor.clone(),
        show,
        left: Cell::new(addresses.len()),
        next_task: Cell::new(1),
        poems: RefCell::default(),
    });
    for address in addresses {
        reactor.connect_tcp(*address, Rc::new(Shared(Rc::clone(&factory))), CONNECT_TIMEOUT);
    }
    if !addresses.is_empty() {
        reactor.run()?;
    }
    let poems = factory.poems.take();
    if !show.tasks {
        println!("{} bytes of poetry", poems.iter().map(Vec::len).sum::<usize>());
    }
    println!("in {}", Elapsed(reactor.now()));
    println!("Got {} of {} poems", poems.len(), addresses.len());
    Ok(())
}

fn client_2(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 3)?)?;
    fetch(&servers.addresses, Show { tasks: true, ..Show::default() })
}

fn client_2_1(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 3)?)?;
    fetch(&servers.addresses, Show::default())
}

fn failure(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 2)?)?;
    let mut addresses = servers.addresses.clone();
    addresses.insert(0, nobody()?);
    fetch(&addresses, Show::default())
}

fn stack_of_data(args: &Args) -> Outcome {
    let servers = Servers::stuck(args.number(0, 1)?)?;
    fetch(&servers.addresses, Show { data_stack: true, ..Show::default() })
}

fn stack_of_loss(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 1)?)?;
    fetch(&servers.addresses, Show { loss_stack: true, ..Show::default() })
}

fn timeout(args: &Args) -> Outcome {
    let limit = Some(Duration::from_millis(args.number(0, 2000)?));
    let (slow, stuck) = (Servers::slow(1)?, Servers::stuck(1)?);
    fetch(&[slow.addresses[0], stuck.addresses[0]], Show { limit, ..Show::default() })
}
