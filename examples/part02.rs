//! Part 2: slow poetry. A blocking server, a blocking client, and a client with a `select` loop of its own.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::rc::Rc;

use verse::blocking::{self, BlockingServer};
use verse::reactor::PollerKind;
use verse::reactor::poller::{Fd, Interest};
use verse::reactor::programs::{ClientEvent, Elapsed, GetOptions, ServeOptions};

mod series;
use series::{Args, Outcome, Program, Servers, pace, poems};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "slow-server",
            about: "the blocking server; ends when one client has a poem: [NUM_BYTES [MILLIS]]",
            run: slow_server,
        },
        Program {
            name: "blocking-client",
            about: "one poem after the other, their times add up: [POEMS]",
            run: blocking_client,
        },
        Program {
            name: "async-client",
            about: "all at once, by a select loop of its own: [POEMS]",
            run: async_client,
        },
        Program {
            name: "timing",
            about: "exercise: both clients against the same servers, timed: [POEMS [NUM_BYTES [MILLIS]]]",
            run: timing,
        },
    ])
}

/// Sends some bytes, prints a line, sleeps; nobody else is served meanwhile.
fn slow_server(args: &Args) -> Outcome {
    let num_bytes = usize::try_from(args.number(0, 100)?)?;
    let server = BlockingServer::bind(&ServeOptions {
        pace: pace(num_bytes, args.number(1, 10)?),
        ..ServeOptions::default()
    })?;
    let poem = poems(1).remove(0);
    println!("Serving poetry/ecstasy.txt on {}.", server.address());
    let to = server.address().into();
    let client = std::thread::spawn(move || blocking::get_poetry(&to, &GetOptions::default(), |_| ()));
    let mut sends = 0;
    server.serve_one(&poem, &mut |event| {
        println!("{event}");
        sends += usize::from(event.to_string().starts_with("Sending"));
    })?;
    let got = client.join().map_err(|_| "the client panicked")??;
    println!("{} bytes of poetry in {sends} sends", got.len());
    Ok(())
}

/// `Task 1: got 3003 bytes of poetry from 127.0.0.1:10000 in 0:00:10.126361`, one after the other.
fn blocking_client(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 3)?)?;
    let mut whole = std::time::Duration::ZERO;
    let outcomes = blocking::get_poems(&servers.targets(), &GetOptions::default(), |event| match event {
        ClientEvent::Started { .. } => println!("{event}"),
        ClientEvent::Poem { task, server, poem, elapsed } => {
            println!(
                "Task {task}: got {} bytes of poetry from {server} in {}",
                poem.len(),
                Elapsed(*elapsed)
            );
            whole += *elapsed;
        }
        ClientEvent::Failed { .. } => println!("{event}"),
        _ => {}
    });
    // The sum of the times.
    println!("Got {} poems in {}", outcomes.iter().flatten().count(), Elapsed(whole));
    Ok(())
}

/// One task of the client below.
struct Task {
    number: usize,
    socket: Rc<TcpStream>,
    poem: Vec<u8>,
}

/// No framework: non-blocking sockets in a table, and `select` to know which of them to read.
fn async_client(args: &Args) -> Outcome {
    let servers = Servers::slow(args.number(0, 3)?)?;
    let (mut poller, watch) = (PollerKind::Select.make()?, blocking::Stopwatch::start());
    let mut tasks: BTreeMap<RawFd, Task> = BTreeMap::new();
    for (index, address) in servers.addresses.iter().enumerate() {
        let socket = Rc::new(TcpStream::connect(address)?);
        socket.set_nonblocking(true)?;
        let fd: Fd = socket.clone();
        poller.watch(&fd, Interest { read: true, write: false })?;
        tasks.insert(socket.as_raw_fd(), Task { number: index + 1, socket, poem: Vec::new() });
    }
    let poems = tasks.len();
    let mut ready = Vec::new();
    while !tasks.is_empty() {
        poller.wait(None, &mut ready)?;
        for (number, _) in ready.drain(..) {
            let Some(task) = tasks.get_mut(&number) else { continue };
            let before = task.poem.len();
            let over = read_what_is_there(task)?;
            let address = task.socket.peer_addr()?;
            println!("Task {}: got {} bytes of poetry from {address}", task.number, task.poem.len() - before);
            if over {
                println!("Task {} finished", task.number);
                println!("Task {}: {} bytes of poetry", task.number, task.poem.len());
                let fd: Fd = task.socket.clone();
                poller.watch(&fd, Interest::default())?;
                tasks.remove(&number);
            }
        }
    }
    // The slowest of the times.
    println!("Got {poems} poems in {}", Elapsed(watch.elapsed()));
    Ok(())
}

/// Reads until there is nothing more for now (false) or ever (true).
fn read_what_is_there(task: &mut Task) -> io::Result<bool> {
    let mut buffer = [0; 1024];
    loop {
        match (&*task.socket).read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(got) => task.poem.extend_from_slice(&buffer[..got]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Blocking: the sum of the times. Asynchronous: the slowest.
fn timing(args: &Args) -> Outcome {
    let count = args.number(0, 3)?;
    let (num_bytes, millis) = (usize::try_from(args.number(1, 40)?)?, args.number(2, 10)?);
    let options = ServeOptions { pace: pace(num_bytes, millis), ..ServeOptions::default() };
    let servers = Servers::start(poems(count), options)?;
    let watch = blocking::Stopwatch::start();
    blocking::get_poems(&servers.targets(), &GetOptions::default(), |_| ());
    let blocking = watch.elapsed();
    let watch = blocking::Stopwatch::start();
    verse::reactor::programs::get_poems(
        PollerKind::default(),
        &servers.targets(),
        &GetOptions::default(),
        |_| (),
    )?;
    let asynchronous = watch.elapsed();
    println!("blocking:     {}", Elapsed(blocking));
    println!("asynchronous: {}", Elapsed(asynchronous));
    match count {
        0 | 1 => println!("{count} poems: nothing to be done at once"),
        _ if asynchronous < blocking => println!("{count} poems: at once is faster"),
        _ => println!("{count} poems: at once is no faster"),
    }
    Ok(())
}
