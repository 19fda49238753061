//! Part 20: wheels within wheels, Twisted and Erlang. Processes and messages in place of objects and callbacks.
//!
//! There are no callbacks from one part of the program to another here, and no loop to be seen: each process is its own
//! small reactor. The whole client, with transforms and all bounds, is `verse::client`; under it is `supervisors`.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use supervisors::{ExitReason, Node, Process};
use tokio::task::LocalSet;
use verse::actors::Limit;
use verse::config::{Config, Pace, PoemConfig, PoemSource};
use verse::event::Reporter;
use verse::net::Network;
use verse::node::{RunningNode, ServiceId, World, start};
use verse::poem::Anthology;
use verse::reactor::programs::ServeOptions;

mod client;
#[path = "../series/mod.rs"]
mod series;
mod servers;

use client::{Collected, Flags, get_poems};
use series::{Args, Outcome, Program, Servers, nobody, pace, poems};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "erlang-client",
            about: "a process a server, poems by message: [POEMS]",
            run: erlang_client,
        },
        Program {
            name: "one-down",
            about: "a process that cannot connect crashes: [SERVERS DOWN]",
            run: down,
        },
        Program { name: "reset", about: "servers that crash in mid poem: [HOW MANY]", run: reset },
        Program { name: "bug", about: "a process of ours that crashes: [TASK]", run: bug },
        Program { name: "quiet", about: "exercise: no line for each piece: [POEMS]", run: quiet },
        Program {
            name: "times",
            about: "exercise: how long each poem took: [MILLISECONDS the servers wait between pieces]",
            run: times,
        },
        Program {
            name: "in-order",
            about: "exercise: printed in the order of the command line: [POEMS]",
            run: in_order,
        },
        Program {
            name: "readable",
            about: "exercise: why there is no poem, in words: [SERVERS DOWN]",
            run: readable,
        },
        Program {
            name: "node",
            about: "exercise: the servers in the Erlang way, some processes of which are killed: [KILLED, up to 3]",
            run: node,
        },
    ])
}

/// Runs processes, in this thread: a node of theirs needs no more than a `LocalSet`.
fn on_a_local_set<T>(work: impl Future<Output = Result<T, Box<dyn Error>>>) -> Result<T, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}

/// Runs the client on a node of its own.
fn get(servers: Vec<SocketAddr>, flags: Flags) -> Result<Collected, Box<dyn Error>> {
    on_a_local_set(async { get_poems(&Node::new(), servers, flags).await })
}

/// Servers that are up, and behind them some that are not.
fn some_down(up: u64, down: u64) -> Result<(Servers, Vec<SocketAddr>), Box<dyn Error>> {
    let running = Servers::slow(up)?;
    let mut addresses = running.addresses.clone();
    for _ in 0..down {
        addresses.push(nobody()?);
    }
    Ok((running, addresses))
}

fn last_line(asked: usize, collected: &Collected) {
    let (poems, crashed) = (collected.poems.len(), collected.crashed.len());
    println!("{poems} poems from {asked} processes, {crashed} of them crashed");
}

fn erlang_client(args: &Args) -> Outcome {
    let (_running, servers) = some_down(args.number(0, 3)?, 0)?;
    let asked = servers.len();
    last_line(asked, &get(servers, Flags::default())?);
    Ok(())
}

fn down(args: &Args) -> Outcome {
    let (_running, servers) = some_down(2, args.number(0, 1)?)?;
    let asked = servers.len();
    last_line(asked, &get(servers, Flags::default())?);
    Ok(())
}

/// A poem that was cut is no poem: its process crashes with what it has, and the others do not notice.
fn reset(args: &Args) -> Outcome {
    let (_running, mut servers) = some_down(2, 0)?;
    for _ in 0..args.number(0, 1)? {
        servers.push(servers::resets(poems(1).remove(0), 40)?);
    }
    let asked = servers.len();
    last_line(asked, &get(servers, Flags { readable: true, ..Flags::default() })?);
    Ok(())
}

fn bug(args: &Args) -> Outcome {
    let bug = usize::try_from(args.number(0, 2)?)?;
    let (_running, servers) = some_down(3, 0)?;
    let collected = get(servers, Flags { bug: Some(bug), in_order: true, ..Flags::default() })?;
    let crashed: Vec<_> = collected
        .crashed
        .iter()
        .filter(|(_, reason)| matches!(reason, ExitReason::Panicked { .. }))
        .map(|(task, _)| *task)
        .collect();
    let poems: Vec<_> = collected.poems.iter().map(|poem| poem.task).collect();
    println!("crashed: {crashed:?}, poems of: {poems:?}");
    Ok(())
}

fn quiet(args: &Args) -> Outcome {
    let (_running, servers) = some_down(args.number(0, 3)?, 0)?;
    let collected = get(servers, Flags { quiet: true, ..Flags::default() })?;
    let lines: usize = collected.poems.iter().map(|poem| poem.lines).sum();
    println!("{} poems, and {lines} lines on the way", collected.poems.len());
    Ok(())
}

/// A server waits before each piece but the first, so that there is a time no poem can be faster than.
fn times(args: &Args) -> Outcome {
    const PIECE: usize = 100;
    let pause = args.number(0, 10)?;
    let options = ServeOptions { pace: pace(PIECE, pause), ..ServeOptions::default() };
    let running = Servers::start(poems(3), options)?;
    let flags = Flags { quiet: true, times: true, ..Flags::default() };
    let collected = get(running.addresses.clone(), flags)?;
    let too_soon = collected.poems.iter().filter(|poem| {
        let pauses = poem.text.len().div_ceil(PIECE) - 1;
        poem.took < Duration::from_millis(pause * pauses as u64)
    });
    let (too_soon, all) = (too_soon.count(), collected.poems.len());
    println!("{too_soon} of {all} poems came sooner than {pause} ms a piece allow");
    Ok(())
}

fn in_order(args: &Args) -> Outcome {
    let servers = servers::backwards(poems(args.number(0, 3)?))?;
    let collected = get(servers, Flags { quiet: true, in_order: true, ..Flags::default() })?;
    let printed: Vec<_> = collected.poems.iter().map(|poem| poem.task).collect();
    println!("came as {:?}, printed as {printed:?}", collected.came);
    Ok(())
}

fn readable(args: &Args) -> Outcome {
    let (_running, servers) = some_down(1, args.number(0, 1)?)?;
    let asked = servers.len();
    let collected = get(servers, Flags { readable: true, ..Flags::default() })?;
    let reasons = collected.crashed.iter().map(|(_, reason)| reason.to_string());
    let reasons: Vec<_> = reasons.filter_map(|it| it.rsplit(": ").next().map(str::to_owned)).collect();
    println!("{} of {asked} servers gave no poem: {}", collected.crashed.len(), reasons.join(", "));
    Ok(())
}

/// The process of a poem's only connection, if somebody is connected.
fn connection(node: &RunningNode, title: &str) -> Option<Process> {
    let mut here = node.tree();
    for step in ["poems", title, "connections"] {
        here = here.children.into_iter().find(|child| child.id.to_string() == step)?;
    }
    here.children.into_iter().find_map(|child| child.process)
}

/// A server is a tree of processes, one for each client. Some send their first bytes and then wait for an hour; those
/// are killed, and nobody but their clients notices. The client and the servers are in one thread here.
fn node(args: &Args) -> Outcome {
    let killed = usize::try_from(args.number(0, 1)?)?.min(3);
    let (mut config, mut poems) = (Config::default(), Vec::new());
    for (number, poem) in Anthology::embedded().take(3).enumerate() {
        let waits = Pace::Slow { num_bytes: 10, delay: Duration::from_secs(3600) };
        let pace = if number < killed { waits } else { Pace::Fast };
        let source = PoemSource::Embedded(poem.title().clone());
        config.poems.push(PoemConfig { pace, ..PoemConfig::new(source) });
        poems.push(poem);
    }
    let reporter = Reporter::new(|node| node.name("servers"));
    let mut events = reporter.history().subscribe(1 << 10);
    let world = World { network: Network::tcp(), reporter, limit: Limit::new(16), ..World::default() };
    let collected = on_a_local_set(async {
        let servers = start(&config, &poems, world).await?;
        let addresses = (0..poems.len()).filter_map(|number| servers.address(ServiceId::Poem(number)));
        let client = tokio::task::spawn_local({
            let addresses = addresses.collect();
            async move { get_poems(&Node::new(), addresses, Flags::default()).await.map_err(|e| e.to_string()) }
        });
        for poem in &poems[..killed] {
            while connection(&servers, poem.title().as_str()).is_none() {
                events.next().await;
            }
            if let Some(process) = connection(&servers, poem.title().as_str()) {
                process.kill();
            }
        }
        let collected = client.await??;
        servers.drain().await;
        Ok(collected)
    })?;
    last_line(poems.len(), &collected);
    Ok(())
}
