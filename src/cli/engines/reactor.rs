//! The servers on the reactor: one thread, one loop, however many clients.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::listening::{Listening, announce, not_started, refused, resolve};
use super::target;
use super::{framing, pace};
use crate::cli::run::{connections_within, ended, log_to_stderr};
use crate::cli::{Code, Exit, chain, output};
use crate::cli::{ProxyOptions, ServeOptions};
use crate::config::{Config, Upstream};
use crate::event::{Event, Phase as Connected, TARGET};
use crate::net::{NetError, raise_descriptor_limit};
use crate::reactor::programs::{
    self, ProxyEvent, ServerEvent, TransformEvent, TransformOptions, Transforms, serve_poem, serve_proxy,
    serve_transform_proxy,
};
use crate::reactor::{Hold, ListenError, Phase, PollerKind, Port, Reactor, SystemEvent};
use crate::transform::TransformService;

/// A service, and how it is closed.
struct Open {
    port: Port,
    listening: Listening,
}

type Opened = Result<Vec<Open>, NetError>;

/// `verse serve`.
pub(in crate::cli) fn serve(poller: PollerKind, options: &ServeOptions) -> Exit {
    let config = &options.config;
    run("serve", poller, config, |reactor, most| {
        let most = most / config.poems.len().max(1);
        let open = |(it, poem): (&crate::config::PoemConfig, &crate::poem::Poem)| {
            let options = programs::ServeOptions {
                listen: resolve(&it.listen)?,
                pace: pace(it.pace),
                framing: framing(it.framing),
                max_connections: Some(most_of(config, most)),
                stall: config.limits.write_timeout,
            };
            let service: Arc<str> = it.title.as_str().into();
            let reported = Arc::clone(&service);
            let sink = move |event: &ServerEvent| log_server(&reported, event);
            let port = serve_poem(reactor, poem.bytes().clone(), &options, sink).map_err(not_listening)?;
            Ok(opened(port, service, |at| output::serving(poem.origin(), at)))
        };
        config.poems.iter().zip(&options.poems).map(open).collect()
    })
}

/// `verse transform`: the one service on a port, or on two, one a protocol.
pub(in crate::cli) fn transform(poller: PollerKind, config: &Config) -> Exit {
    run("transform", poller, config, |reactor, most| {
        let Some(it) = &config.transform else { return Ok(Vec::new()) };
        let most = most / if it.lines_listen.is_some() { 2 } else { 1 };
        let options = TransformOptions {
            limit: usize::try_from(config.limits.max_request).unwrap_or(usize::MAX),
            keep_alive: it.keep_alive,
            max_requests: it.keep_alive_requests,
            max_connections: Some(most_of(config, most)),
            idle: config.limits.idle_timeout,
            stall: config.limits.write_timeout,
            deadline: it.deadline,
            seed: it.seed.unwrap_or_else(|| fastrand::Rng::new().u64(..)),
            ..TransformOptions::default()
        };
        let transforms = Transforms::new(reactor, TransformService::default(), &options, log_transform);
        let port = transforms.serve_strings(resolve(&it.listen)?).map_err(not_listening)?;
        let mut open = vec![opened(port, "transform".into(), output::serving_transforms)];
        if let Some(lines) = &it.lines_listen {
            let port = transforms.serve_lines(resolve(lines)?).map_err(not_listening)?;
            open.push(opened(port, "transform lines".into(), output::serving_transforms));
        }
        Ok(open)
    })
}

/// `verse proxy`.
pub(in crate::cli) fn proxy(poller: PollerKind, options: &ProxyOptions) -> Exit {
    let config = &options.config;
    run("proxy", poller, config, |reactor, most| {
        let open = |it: &crate::config::ProxyConfig| {
            let Some(Upstream::Address(upstream)) = it.upstreams.first() else {
                return Ok(None);
            };
            let bytes = if it.transforms { config.limits.max_request } else { config.limits.max_poem };
            let get = programs::GetOptions {
                framing: framing(it.upstream_framing),
                connect_timeout: config.limits.connect_timeout,
                idle_timeout: config.limits.idle_timeout,
                timeout: config.limits.download_timeout,
                limit: usize::try_from(bytes).unwrap_or(usize::MAX),
            };
            // Each client may need a connection to the upstream as well.
            let most = most / 2;
            let options = programs::ProxyOptions {
                listen: resolve(&it.listen)?,
                version: options.version,
                ttl: Some(it.cache.ttl),
                framing: framing(it.framing),
                get,
                max_connections: Some(most_of(config, most)),
                stall: config.limits.write_timeout,
            };
            let from: Arc<str> = upstream.to_string().into();
            let sink = move |event: &ProxyEvent| log_proxy(&from, event);
            let serve = |to| match it.transforms {
                true => serve_transform_proxy(reactor, to, &options, sink),
                false => serve_proxy(reactor, to, &options, sink),
            };
            let port = serve(target(upstream)).map_err(not_listening)?;
            Ok(Some(opened(port, "proxy".into(), |at| output::proxying(upstream, at))))
        };
        config.proxies.iter().filter_map(|it| open(it).transpose()).collect()
    })
}

fn most_of(config: &Config, share: usize) -> usize {
    let asked = config.limits.max_connections.and_then(|most| usize::try_from(most).ok());
    asked.unwrap_or(share).max(1)
}

fn opened(port: Port, service: Arc<str>, line: impl FnOnce(SocketAddr) -> String) -> Open {
    let address = port.host();
    Open { listening: Listening { service, address, line: line(address) }, port }
}

fn not_listening(ListenError { address, source }: ListenError) -> NetError {
    let source = match source.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(other) => io::Error::other(other),
    };
    refused(address, source)
}

/// Opens, announces, runs until told to stop, drains.
fn run(
    subcommand: &str,
    poller: PollerKind,
    config: &Config,
    open: impl FnOnce(&Reactor, usize) -> Opened,
) -> Exit {
    log_to_stderr(config.node.log);
    let start = || {
        let failed = |error| not_started(subcommand, &error);
        let reactor = Reactor::new(poller).map_err(failed)?;
        let signals = reactor.handle_signals().map_err(failed)?;
        Ok((reactor, signals))
    };
    let (reactor, signals) = match start() {
        Ok(started) => started,
        Err(exit) => return exit,
    };
    let most = connections_within(descriptors(poller));
    let (ports, listening): (Vec<Port>, Vec<Listening>) = match open(&reactor, most) {
        Ok(opened) => opened.into_iter().map(|it| (it.port, it.listening)).unzip(),
        Err(error) => return not_started(subcommand, &error),
    };
    announce(&listening, most);
    let cut = Rc::new(Cell::new(0));
    let (draining, counted) = (reactor.clone(), Rc::clone(&cut));
    let limit = config.node.drain;
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |hold| {
        drain(&draining, ports, listening, limit, hold, counted);
    });
    match reactor.run() {
        Err(error) => Exit::error(Code::GaveUp, subcommand, &chain(&error)),
        Ok(()) if signals.second() => Exit::silent(Code::Stopped),
        Ok(()) => {
            Event::Drained { cut: cut.get() }.log();
            ended(subcommand, cut.get())
        }
    }
}

/// As many as there are, or as many as the poller can name.
fn descriptors(poller: PollerKind) -> u64 {
    let all = raise_descriptor_limit();
    if poller == PollerKind::Select { all.min(SELECT_DESCRIPTORS) } else { all }
}

/// `select(2)` watches descriptors below this one (Part 3). More clients than that wait in the backlog: one that was
/// accepted could only be reset.
const SELECT_DESCRIPTORS: u64 = 1024;

/// Closes the ports, last opened first, and holds the shutdown until every connection has ended by itself, or `limit`
/// is over: what is open then is reset, and counted in `cut`.
fn drain(
    reactor: &Reactor,
    ports: Vec<Port>,
    listening: Vec<Listening>,
    limit: Duration,
    hold: Hold,
    cut: Rc<Cell<usize>>,
) {
    Event::DrainStarted.log();
    for (port, Listening { service, address, .. }) in ports.iter().zip(listening).rev() {
        port.stop_listening();
        Event::ListenerDown { service, address }.log();
    }
    let hold = Rc::new(RefCell::new(Some(hold)));
    let late = Rc::clone(&hold);
    reactor.call_later(limit, move || {
        cut.set(ports.iter().map(Port::connections).sum());
        let hold = late.take();
        drop(hold);
    });
    reactor.when_quiet(move || {
        let hold = hold.take();
        drop(hold);
    });
}

/// As a node's connections report it, so that a log reads the same.
pub(super) fn log_server(service: &Arc<str>, event: &ServerEvent) {
    let phase =
        |peer: &SocketAddr, phase| Event::Connection { service: Arc::clone(service), peer: *peer, phase };
    let event = match event {
        ServerEvent::Asked(peer) => phase(peer, Connected::Accepted),
        ServerEvent::Sending { peer, bytes } => Event::Sending { peer: *peer, bytes: *bytes },
        ServerEvent::Ended { peer, failure: None } => phase(peer, Connected::Closed),
        ServerEvent::Ended { peer, failure: Some(why) } => {
            phase(peer, Connected::Reset { reason: why.clone() })
        }
        chunk => return tracing::debug!(target: TARGET, "{chunk}"),
    };
    event.log();
}

fn log_transform(event: &TransformEvent) {
    match event {
        TransformEvent::Answered { peer, name, bytes } => {
            Event::Transformed { peer: *peer, name: name.clone(), bytes: *bytes }.log();
        }
        TransformEvent::Refused { peer, name, why } => {
            Event::TransformFailed { peer: *peer, name: name.clone(), reason: why.clone() }.log();
        }
        TransformEvent::Malformed { peer, offset, why } => {
            Event::Malformed { peer: *peer, offset: *offset, reason: why.clone() }.log();
        }
    }
}

fn log_proxy(upstream: &Arc<str>, event: &ProxyEvent) {
    match event {
        ProxyEvent::Failed(reason) => {
            Event::FetchFailed { upstream: Arc::clone(upstream), reason: reason.clone() }.log();
        }
        ProxyEvent::Asked(_) => tracing::debug!(target: TARGET, "{event}"),
        event => tracing::info!(target: TARGET, "{event}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};
    use std::net::TcpStream;

    use bytes::Bytes;

    use super::*;

    #[test]
    fn connections_that_outlast_the_drain_are_reset_and_counted() {
        let reactor = Reactor::new(PollerKind::default()).unwrap();
        let pace = programs::Pace { delay: Duration::from_secs(3600), ..programs::Pace::default() };
        let options = programs::ServeOptions { pace: Some(pace), ..programs::ServeOptions::default() };
        let port = serve_poem(&reactor, Bytes::from_static(b"a longer poem"), &options, |_| ()).unwrap();
        let address = port.host();
        let mut clients = [(); 3].map(|()| TcpStream::connect(address).unwrap());
        let open = opened(port.clone(), "poem".into(), |_| String::new());
        let cut = Rc::new(Cell::new(0));
        let (draining, counted) = (reactor.clone(), Rc::clone(&cut));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |hold| {
            drain(&draining, vec![open.port], vec![open.listening], Duration::from_millis(10), hold, counted);
        });
        let stopping = reactor.clone();
        crate::reactor::LoopingCall::new(&reactor, move || {
            if port.connections() == 3 {
                // Again and again, until it has stopped.
                let _ = stopping.stop();
            }
        })
        .start(Duration::from_millis(1), true)
        .unwrap();
        reactor.run().unwrap();
        assert_eq!(cut.get(), 3);
        for client in &mut clients {
            let end = client.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(end.kind(), ErrorKind::ConnectionReset);
        }
        assert_eq!(ended("serve", 3).text(), "verse serve: the drain cut 3 connections\n");
        assert_eq!(ended("serve", 3).code(), Code::Cut);
    }

    #[test]
    fn select_is_not_given_more_clients_than_it_can_name() {
        assert!(descriptors(PollerKind::Select) <= 1024);
        assert_eq!(descriptors(PollerKind::Epoll), descriptors(PollerKind::Poll));
    }
}
