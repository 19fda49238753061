//! Part 21: lazy is as lazy doesn't, Twisted and Haskell. A poem as a lazy sequence of its lines.
//!
//! An iterator is a lazy list: nothing of it is there before somebody asks, and no more than is asked for. Here a thread
//! for each poem, as light as the poem is short, gathers what has come; who reads the lines waits only for the next one.
//! In the program itself this is `verse get --order stream`.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::Cell;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use bytes::Bytes;
use verse::reactor::programs::ServeOptions;

mod series;
#[path = "part20/servers.rs"]
#[allow(dead_code, reason = "one of its servers is enough here")]
mod servers;
use series::{Args, Outcome, Program, Servers, nobody, poems};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "lazy", about: "endless lists, of which only so much is made: [WHICH]", run: lazy },
        Program {
            name: "client-1",
            about: "says of each line who got it, prints a poem when it is whole: [POEMS]",
            run: client_1,
        },
        Program {
            name: "client-2",
            about: "prints lines as they come, poem after poem: [POEMS]",
            run: client_2,
        },
        Program {
            name: "as-they-come",
            about: "the same, from a server that waits until each line is printed: [POEMS]",
            run: as_they_come,
        },
        Program {
            name: "failures",
            about: "exercise: all poems that can be had, and why the others cannot: [SERVERS DOWN]",
            run: failures,
        },
    ])
}

/// How long connecting may take, and how long no byte may come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest poem: 64 MiB, as everywhere.
const MOST: u64 = 64 << 20;

/// Lines that may wait to be read: more than these poems have. When there are more, their thread waits, and at last the
/// server.
const LINES: usize = 4096;

/// A line of poetry, its end included, or why there is none.
type Line = Result<String, String>;

/// A poem: its lines, those that are still to come as well.
struct Poem {
    server: SocketAddr,
    lines: Receiver<Line>,
}

impl Iterator for Poem {
    type Item = Line;

    /// Waits for the next line, if it has not come.
    fn next(&mut self) -> Option<Line> {
        self.lines.recv().ok()
    }
}

/// The poem of `server`, before anything of it has come. `got_line` is told of each line and its bytes when it is
/// gathered, and `over` when there are no more: nobody needs them, they only show what is going on.
fn get_poetry(
    server: SocketAddr,
    got_line: impl Fn(usize) + Send + 'static,
    over: impl FnOnce() + Send + 'static,
) -> Poem {
    let (send, lines) = mpsc::sync_channel(LINES);
    std::thread::spawn(move || {
        if let Err(error) = gather(server, &send, got_line) {
            // Whoever read the lines may have gone.
            let _ = send.send(Err(words(&error)));
        }
        over();
    });
    Poem { server, lines }
}

fn gather(server: SocketAddr, send: &SyncSender<Line>, got_line: impl Fn(usize)) -> io::Result<()> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.take(MOST));
    let mut bytes = 0;
    loop {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line)? {
            0 if bytes == 0 => return Err(io::Error::other("it ended without a single byte")),
            0 if bytes as u64 == MOST => return Err(io::Error::other("it is too long")),
            0 => return Ok(()),
            length => bytes += length,
        }
        got_line(line.len());
        if send.send(Ok(String::from_utf8_lossy(&line).into_owned())).is_err() {
            return Ok(());
        }
    }
}

/// An error of the system without its number.
fn words(error: &io::Error) -> String {
    if error.raw_os_error().is_some() { error.kind().to_string() } else { error.to_string() }
}

/// Only as much of the lists is made as is asked for: their ends, which they have not got, are never needed.
fn lazy(args: &Args) -> Outcome {
    let which = usize::try_from(args.number(0, 3)?)?.max(1);
    let made = Cell::new(0);
    let count = |number: u64| {
        made.set(made.get() + 1);
        number
    };
    let (x, y, z) = ((1..).map(count), (2..).step_by(2).map(count), (3..).step_by(3).map(count));
    let element = x.zip(y).zip(z).map(|((x, y), z)| (x, y, z)).nth(which - 1);
    let element = element.ok_or("an endless list has ended")?;
    println!("number {which} is {element:?}, and {} numbers were made", made.get());
    Ok(())
}

/// The poems of `servers`, all of which are being gathered from now on.
fn get_all(servers: &[SocketAddr]) -> Vec<Poem> {
    servers.iter().map(|server| get_poetry(*server, |_| (), || ())).collect()
}

/// "Callbacks" for each line, which are told of all poems at once; the poems are printed one after the other, each as
/// soon as it is whole.
fn client_1(args: &Args) -> Outcome {
    let running = Servers::slow(args.number(0, 3)?)?;
    let tasks = running.addresses.iter().enumerate().map(|(number, server)| {
        let (task, from) = (number + 1, *server);
        let got_line = move |bytes| println!("Task {task}: got {bytes} bytes of poetry from {from}");
        get_poetry(*server, got_line, || ())
    });
    // All of them begin here; a lazy list of tasks would get one poem after the other.
    let tasks: Vec<Poem> = tasks.collect();
    let (mut poems, mut lines) = (0, 0);
    for poem in tasks {
        let text = poem.collect::<Result<Vec<_>, _>>()?;
        println!("{}", text.concat());
        poems += 1;
        lines += text.len();
    }
    println!("{poems} poems, {lines} lines");
    Ok(())
}

/// What is wanted is said in a line: the lines of all poems, one after the other. What is waited for, and when, follows.
fn client_2(args: &Args) -> Outcome {
    let running = Servers::slow(args.number(0, 3)?)?;
    let mut lines = 0;
    for line in get_all(&running.addresses).into_iter().flatten() {
        print!("{}", line?);
        lines += 1;
    }
    println!("{} poems, {lines} lines", running.addresses.len());
    Ok(())
}

/// A server that sends each line of a poem when `printed` says that the one before was printed, and the last only when
/// all who hold the other end of `others` are done.
fn waits(poem: Bytes, printed: Receiver<()>, others: Receiver<()>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> Result<(), Box<dyn Error + Send + Sync>> {
        let (mut client, _) = listener.accept()?;
        let lines: Vec<_> = poem.split_inclusive(|byte| *byte == b'\n').collect();
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                printed.recv_timeout(PATIENCE)?;
            }
            if number + 1 == lines.len() {
                // It ends without a message, when nobody holds it any more.
                if let Err(late @ RecvTimeoutError::Timeout) = others.recv_timeout(PATIENCE) {
                    return Err(late.into());
                }
            }
            client.write_all(line)?;
        }
        Ok(())
    });
    Ok(address)
}

/// A client that waited for whole poems, or got one after the other, would wait here for ever (or until a time-out).
fn as_they_come(args: &Args) -> Outcome {
    let mut texts = poems(args.number(0, 3)?.max(1));
    let (tell, printed) = mpsc::channel();
    let (running, others) = mpsc::channel::<()>();
    let first = waits(texts.remove(0), printed, others)?;
    let fast = Servers::start(texts, ServeOptions::default())?;
    let first = get_poetry(first, |_| (), || ());
    let rest: Vec<Poem> = fast
        .addresses
        .iter()
        .map(|server| {
            let running = running.clone();
            get_poetry(*server, |_| (), move || drop(running))
        })
        .collect();
    drop(running);
    let mut lines = 0;
    for line in first {
        print!("{}", line?);
        lines += 1;
        // Its server is gone when this was the last line.
        let _ = tell.send(());
    }
    // What has been gathered meanwhile is there without waiting.
    let ready = rest.iter().flat_map(|poem| poem.lines.try_iter());
    let ready = ready.collect::<Result<Vec<_>, _>>()?;
    print!("{}", ready.concat());
    println!("{lines} lines printed as they came, and {} of other poems gathered meanwhile", ready.len());
    Ok(())
}

/// A poem with an error in it is an error. One whose first lines were printed before it was cut cannot be taken back: that
/// is the price of laziness; so each is looked at as a whole here.
fn failures(args: &Args) -> Outcome {
    let running = Servers::slow(2)?;
    let mut servers = vec![servers::resets(poems(1).remove(0), 100)?];
    servers.extend(&running.addresses);
    for _ in 0..args.number(0, 1)? {
        servers.push(nobody()?);
    }
    let (mut got, mut failed) = (0, 0);
    for poem in get_all(&servers) {
        let server = poem.server;
        match poem.collect::<Result<String, _>>() {
            Ok(text) => {
                print!("{text}");
                got += 1;
            }
            Err(why) => {
                println!("No poem from {server}: {why}.");
                failed += 1;
            }
        }
    }
    println!("{got} of {} poems, {failed} servers had none", servers.len());
    Ok(())
}
