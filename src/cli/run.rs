//! Runs a node for a server subcommand: from a valid configuration to an exit code.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::LocalSet;

use super::exit::{Code, Exit, chain};
use super::node::NodeOptions;
use super::output::{self, Row};
use crate::actors::Limit;
use crate::config::{Config, LogLevel, Upstream};
use crate::event::Reporter;
use crate::net::{NetError, Network, raise_descriptor_limit};
use crate::node::{self, Listening, RunningNode, ServiceId, StartNodeError, World};
use crate::poem::Poem;

/// Descriptors kept back from clients: listeners, poller, log, and an upstream connection here and there.
const RESERVED_DESCRIPTORS: u64 = 64;

/// What to do when a port of the embedded configuration is taken.
const PORT_BASE: &str = "; try --port-base N, with services on N+1 ... (0 takes any free ports)";

/// Runs `verse node`: as [`run`], and tells the way out if a port is taken and there is one. A configuration of the
/// user's own has its ports in it, and cannot be combined with `--port-base`.
#[must_use]
pub fn run_node(options: &NodeOptions) -> Exit {
    let taken = if options.file.is_none() { PORT_BASE } else { "" };
    start("node", &options.config, &options.poems, taken)
}

/// Runs `config` until it is told to end, and says how that went. `subcommand` is who is asked to in errors.
#[must_use]
pub fn run(subcommand: &str, config: &Config, poems: &[Poem]) -> Exit {
    start(subcommand, config, poems, "")
}

fn start(subcommand: &str, config: &Config, poems: &[Poem], taken: &str) -> Exit {
    log_to_stderr(config.node.log);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return Exit::error(Code::NotStarted, subcommand, &format!("cannot start the runtime: {error}"));
        }
    };
    // A node needs no `actix::System`: a `LocalSet` is all its processes ask for.
    let local = LocalSet::new();
    local.block_on(&runtime, serve(subcommand, config, poems, taken))
}

async fn serve(subcommand: &str, config: &Config, poems: &[Poem], taken: &str) -> Exit {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            return Exit::error(Code::NotStarted, subcommand, &format!("cannot listen for signals: {error}"));
        }
    };
    let connections = connection_limit();
    let world = World {
        network: Network::tcp(),
        reporter: Reporter::new(|node| node.name("verse")),
        limit: Limit::new(connections),
        ..World::default()
    };
    let node = match node::start(config, poems, world).await {
        Ok(node) => node,
        Err(error) => return Exit::error(Code::NotStarted, subcommand, &not_started(&error, taken)),
    };
    announce(subcommand, config, poems, &node, connections);
    let mut signalled = false;
    tokio::select! {
        biased;
        () = signals.next() => signalled = true,
        () = node.drain_asked() => {}
        reason = node.exited() => return gave_up(subcommand, &node, &reason),
    }
    // To a node that drains because the admin port was told so, the first signal says nothing new.
    let second = async {
        if !signalled {
            signals.next().await;
            tracing::info!(target: crate::event::TARGET, "draining already; another signal stops at once");
        }
        signals.next().await;
    };
    tokio::select! {
        biased;
        () = second => Exit::silent(Code::Stopped),
        drained = node.drain() => ended(subcommand, drained.cut),
    }
}

/// The end of a drain that had to cut so many connections.
pub(super) fn ended(subcommand: &str, cut: usize) -> Exit {
    match cut {
        0 => Exit::silent(Code::Well),
        1 => Exit::error(Code::Cut, subcommand, "the drain cut 1 connection"),
        cut => Exit::error(Code::Cut, subcommand, &format!("the drain cut {cut} connections")),
    }
}

/// SIGINT and SIGTERM, which mean the same.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next of either. Cancel safe.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn connection_limit() -> usize {
    connections_within(raise_descriptor_limit())
}

/// The connections that so many descriptors leave room for.
pub(super) fn connections_within(descriptors: u64) -> usize {
    usize::try_from(descriptors.saturating_sub(RESERVED_DESCRIPTORS)).unwrap_or(usize::MAX).clamp(1, 1 << 20)
}

/// Keeps a log of `level` on stderr.
pub(super) fn log_to_stderr(level: LogLevel) {
    let level = match level {
        LogLevel::Off => return,
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(level)
        .with_target(false);
    // Only a program that embeds us can have set one before; then that one is meant.
    let _ = log.try_init();
}

fn not_started(error: &StartNodeError, taken: &str) -> String {
    let mut text = chain(error);
    if let StartNodeError::Net(NetError::Taken { .. }) = error {
        text.push_str(taken);
    }
    text
}

fn gave_up(subcommand: &str, node: &RunningNode, reason: &supervisors::ExitReason) -> Exit {
    let mut text = format!("the supervision tree gave up ({reason})");
    let story: Vec<Arc<str>> = node.story();
    for (number, line) in story.iter().enumerate() {
        text.push_str(if number == 0 { ": " } else { "; " });
        text.push_str(line);
    }
    Exit::error(Code::GaveUp, subcommand, &text)
}

/// Says what listens where: a table for people, else a line a listener; always on stdout, and flushed, so that whoever
/// waits for it may connect.
fn announce(subcommand: &str, config: &Config, poems: &[Poem], node: &RunningNode, connections: usize) {
    let mut text = String::new();
    if subcommand == "node" && std::io::stdout().is_terminal() {
        let rows: Vec<Row> = node.listening().iter().map(|it| row(config, poems, node, it)).collect();
        text.push_str(&output::table(&rows));
        text.push_str(&format!("\nAt most {connections} connections at once. Ctrl-C drains, twice stops.\n"));
    } else {
        for it in node.listening() {
            text.push_str(&line(config, poems, node, it));
            text.push('\n');
        }
        tracing::info!(target: crate::event::TARGET, "at most {connections} connections at once");
    }
    if let Some(token) = node.admin_token() {
        tracing::info!(target: crate::event::TARGET, "the token of the admin port is in {}", token.display());
    }
    let mut out = std::io::stdout().lock();
    // Whoever closed our stdout does not want to know.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn line(config: &Config, poems: &[Poem], node: &RunningNode, it: &Listening) -> String {
    match it.service {
        ServiceId::Poem(number) => output::serving(poems[number].origin(), it.address),
        ServiceId::Transform | ServiceId::TransformLines => output::serving_transforms(it.address),
        ServiceId::Admin => output::serving_admin(it.address),
        ServiceId::Proxy(number) => output::proxying(&upstreams(config, node, number), it.address),
    }
}

fn row(config: &Config, poems: &[Poem], node: &RunningNode, it: &Listening) -> Row {
    match it.service {
        ServiceId::Poem(number) => Row::poem(&config.poems[number], poems[number].bytes().len(), it.address),
        ServiceId::Transform => Row::transform(it.address),
        ServiceId::TransformLines => Row::lines(it.address),
        ServiceId::Admin => Row::admin(it.address),
        ServiceId::Proxy(number) => {
            Row::proxy(&config.proxies[number], &upstreams(config, node, number), it.address)
        }
    }
}

/// Where a proxy asks; for a poem of this node, where that turned out to listen.
fn upstreams(config: &Config, node: &RunningNode, proxy: usize) -> String {
    let at = |upstream: &Upstream| match upstream {
        Upstream::Address(at) => at.to_string(),
        Upstream::Poem(title) => {
            let number = config.poems.iter().position(|poem| poem.title == *title);
            let at = number.and_then(|number| node.address(ServiceId::Poem(number)));
            at.map_or_else(|| upstream.to_string(), |at| at.to_string())
        }
    };
    config.proxies[proxy].upstreams.iter().map(at).collect::<Vec<_>>().join(", ")
}
