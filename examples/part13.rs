//! Part 13: deferred all the way down. An outer Deferred waits for an inner one: client 6.0 waits for a transform server.
//!
//! The clients take the addresses of servers that run, as the series' do, and start servers of their own for what is not
//! said: `cargo run --example part13 -- client-6 10001 10002 10003`.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;

use bytes::Bytes;
use verse::deferred::{Deferred, Failure};
use verse::reactor::programs::{GetOptions, fetch_poetry};
use verse::reactor::{
    CONNECT_TIMEOUT, ClientFactory, ConnectFailure, Connector, Factory, Handled, NetstringReceiver,
    PollerKind, Protocol, Reactor, Reason, StringProtocol, Target, Transport, build_with, send_string,
};
use verse::wire::netstring::DEFAULT_LIMIT;

mod series;
use series::{Args, Outcome, Program, Servers, Serving, nobody, server};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "defer-10",
            about: "with plain callbacks, and with one that returns a Deferred: [VALUE]",
            run: defer_10,
        },
        Program {
            name: "client-6",
            about: "transforms over the network, falls back to the original: [XFORM [PORT...]]",
            run: client_6,
        },
        Program {
            name: "transform-by-name",
            about: "exercise: the transform chosen by name: [NAME [XFORM [PORT...]]]",
            run: by_name,
        },
        Program {
            name: "transform-optional",
            about: "exercise: without a transform server the poems stay as they are: [0 none, 1 one of ours]",
            run: optional,
        },
        Program {
            name: "make-it-fire-it",
            about: "exercise: get_poetry makes the Deferred and fires it, the factory knows none: [POEMS]",
            run: make_it_fire_it,
        },
        Program {
            name: "defer-10-errback",
            about: "exercise: an errback that returns a Deferred: [VALUE]",
            run: defer_10_errback,
        },
    ])
}

/// Three callbacks, each of which prints what it got; `second` stands in the middle.
fn chain(outer: &Deferred<u64>, second: impl FnOnce(u64) -> Deferred<u64> + 'static) {
    outer.add_callback(|got| {
        println!("callback_1 got {got}");
        got + 1
    });
    outer.add_callback(second);
    outer.add_callback(|got| {
        println!("callback_3 got {got}");
        got + 1
    });
}

fn defer_10(args: &Args) -> Outcome {
    let value = args.number(0, 1)?;
    println!("Here we have an asynchronous callback that is no such thing:");
    let plain = Deferred::new();
    chain(&plain, |got| {
        println!("callback_2 got {got}");
        verse::deferred::succeed(got + 1)
    });
    plain.callback(value)?;

    println!("And here one that returns a Deferred:");
    let (outer, inner) = (Deferred::new(), Deferred::new());
    let waits_for = inner.clone();
    chain(&outer, move |got| {
        println!("callback_2 got {got}, returns a Deferred that has not fired");
        waits_for
    });
    outer.callback(value)?;
    println!("The outer one waits: {}", outer.is_waiting());
    println!("Firing the inner one.");
    inner.callback(value * 100)?;
    let last =
        outer.take_result().ok_or("the outer one has no result")?.map_err(|failure| failure.to_string())?;
    println!("The outer one went on, to {last}");
    Ok(())
}

fn defer_10_errback(args: &Args) -> Outcome {
    let value = args.number(0, 1)?;
    let (outer, inner) = (Deferred::<u64>::new(), Deferred::new());
    let waits_for = inner.clone();
    outer.add_callback(|_| Err::<u64, _>(Failure::new("callback_1 failed")));
    outer.add_errback(move |failure| {
        println!("errback_2 got \"{failure}\", returns a Deferred that has not fired");
        waits_for
    });
    outer.add_callback(|got| {
        println!("callback_3 got {got}");
        got + 1
    });
    outer.callback(value)?;
    println!("The outer one waits: {}", outer.is_waiting());
    inner.callback(value * 100)?;
    let last =
        outer.take_result().ok_or("the outer one has no result")?.map_err(|failure| failure.to_string())?;
    println!("The outer one went on, to {last}");
    Ok(())
}

/// Sends one request as soon as it is connected, and waits for one string.
struct TransformClientProtocol {
    factory: Rc<TransformClientFactory>,
}

impl StringProtocol for TransformClientProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        let TransformClientFactory { xform_name, poem, .. } = &*self.factory;
        send_string(transport, format!("{xform_name}.{poem}"));
        Ok(())
    }

    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled {
        transport.lose_connection();
        self.factory.handle_poem(&string);
        Ok(())
    }
}

/// One transformation request, and the one Deferred of its result: made here, fired here.
struct TransformClientFactory {
    xform_name: String,
    poem: String,
    /// None when it has been fired.
    deferred: RefCell<Option<Deferred<String>>>,
}

impl TransformClientFactory {
    fn handle_poem(&self, poem: &Bytes) {
        if let Some(deferred) = self.deferred.take() {
            // Refused only if somebody else had cancelled it, and nobody here does.
            let _ = deferred.callback(String::from_utf8_lossy(poem).into_owned());
        }
    }

    fn failed(&self, failure: Failure) {
        if let Some(deferred) = self.deferred.take() {
            let _ = deferred.errback(failure);
        }
    }
}

/// The handle on it that the reactor and the protocols hold.
#[derive(Clone)]
struct Shared(Rc<TransformClientFactory>);

impl Factory for Shared {
    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        let protocol = TransformClientProtocol { factory: Rc::clone(&self.0) };
        Some(Box::new(NetstringReceiver::new(protocol, DEFAULT_LIMIT)))
    }
}

impl ClientFactory for Shared {
    fn client_connection_failed(&self, _connector: &Connector, reason: &ConnectFailure) {
        self.0.failed(Failure::new(reason.clone()));
    }

    /// Called also when the poem has come; then there is nothing left to fail.
    fn client_connection_lost(&self, _connector: &Connector, reason: &Reason) {
        self.0.failed(Failure::new(reason.clone()));
    }
}

/// One transform server. Whoever asks it sees neither addresses nor connections.
#[derive(Clone)]
struct TransformProxy {
    reactor: Reactor,
    server: Target,
}

impl TransformProxy {
    fn xform(&self, xform_name: &str, poem: &str) -> Deferred<String> {
        let deferred = Deferred::new();
        let factory = TransformClientFactory {
            xform_name: xform_name.to_owned(),
            poem: poem.to_owned(),
            deferred: RefCell::new(Some(deferred.clone())),
        };
        self.reactor.connect_tcp(self.server.clone(), Rc::new(Shared(Rc::new(factory))), CONNECT_TIMEOUT);
        deferred
    }
}

/// What client 6.0 does to a poem on its way: the outer Deferred waits for the inner one that is returned here.
fn try_to_transform(
    poem: String,
    name: &str,
    proxy: &TransformProxy,
    transformed: &Rc<Cell<usize>>,
) -> Deferred<String> {
    let count = Rc::clone(transformed);
    proxy.xform(name, &poem).add_callbacks(
        move |poem| {
            count.set(count.get() + 1);
            poem
        },
        move |_| {
            println!("Cummingsify failed!");
            poem
        },
    )
}

/// Client 6.0 from its main function on; without a transform server nothing is transformed.
fn client(name: &str, xform: Option<Target>, servers: Vec<Target>) -> Outcome {
    let reactor = Reactor::new(PollerKind::default())?;
    let proxy = xform.map(|server| TransformProxy { reactor: reactor.clone(), server });
    let (poems, errors, transformed) =
        (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(0)), Rc::default());
    let all = servers.len();
    for server in servers {
        let mut poem = fetch_poetry(&reactor, server, &GetOptions::default())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if let Some(proxy) = proxy.clone() {
            let (name, transformed) = (name.to_owned(), Rc::clone(&transformed));
            poem = poem.add_callback(move |poem| try_to_transform(poem, &name, &proxy, &transformed));
        }
        let (got, failed) = (Rc::clone(&poems), Rc::clone(&errors));
        let (kept, count, stopping) = (Rc::clone(&poems), Rc::clone(&errors), reactor.clone());
        poem.map(move |poem| got.borrow_mut().push(poem))
            .add_errback(move |_| {
                println!("The poem download failed.");
                failed.set(failed.get() + 1);
            })
            .add_both(move |_| {
                if kept.borrow().len() + count.get() == all {
                    stopping.stop()?;
                }
                Ok::<_, Failure>(())
            });
    }
    if all > 0 {
        reactor.run()?;
    }
    let poems = poems.take();
    poems.iter().for_each(|poem| println!("{poem}"));
    let first = poems.iter().filter_map(|poem| poem.lines().next()).min().unwrap_or_default();
    println!("the first line of the first by the alphabet: {first}");
    println!("{} poems, {} errors, {} by {name}", poems.len(), errors.get(), transformed.get());
    Ok(())
}

/// Who is asked: the servers named from `place` on, or two of our own, as in the series.
fn poetry(args: &Args, place: usize) -> Result<(Servers, Vec<Target>), Box<dyn std::error::Error>> {
    let ours = Servers::fast(3)?;
    let servers = match args.servers(place)? {
        named if named.is_empty() => ours.targets().split_off(1),
        named => named,
    };
    Ok((ours, servers))
}

/// `NAME` and on: with addresses, or with servers of our own for those that are not said.
fn ask(args: &Args, place: usize, name: &str) -> Outcome {
    let transforms = Serving::transforms()?;
    let (_ours, servers) = poetry(args, place + 1)?;
    let xform = match args.word(place) {
        // What the series calls crashing the transform server.
        Some("0") => nobody()?.into(),
        Some(word) => server(word)?,
        None => transforms.addresses[0].into(),
    };
    client(name, Some(xform), servers)
}

fn client_6(args: &Args) -> Outcome {
    ask(args, 0, "cummingsify")
}

fn by_name(args: &Args) -> Outcome {
    ask(args, 1, args.word(0).unwrap_or("shout"))
}

fn optional(args: &Args) -> Outcome {
    let transforms = Serving::transforms()?;
    let (_ours, servers) = poetry(args, 1)?;
    let xform = (args.number(0, 0)? == 1).then(|| transforms.addresses[0].into());
    client("cummingsify", xform, servers)
}

/// How a download ended: all that the factory below knows of.
type Ended = Rc<dyn Fn(Result<Vec<u8>, Failure>)>;

/// A protocol that knows neither a Deferred nor who waits.
struct PoetryProtocol {
    poem: Vec<u8>,
    ended: Ended,
}

impl Protocol for PoetryProtocol {
    fn data_received(&mut self, _transport: &Transport, data: &[u8]) -> Handled {
        self.poem.extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Reason) {
        let poem = std::mem::take(&mut self.poem);
        (self.ended)(if reason.is_done() { Ok(poem) } else { Err(Failure::new(reason.clone())) });
    }
}

/// A factory that hears of a failed connect, and hands on what it is told.
struct PoetryClientFactory(Ended);

impl Factory for PoetryClientFactory {
    fn build_protocol(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        let ended = Rc::clone(&self.0);
        build_with(move |_| PoetryProtocol { poem: Vec::new(), ended: Rc::clone(&ended) })
            .build_protocol(peer)
    }
}

impl ClientFactory for PoetryClientFactory {
    fn client_connection_failed(&self, _connector: &Connector, reason: &ConnectFailure) {
        (self.0)(Err(Failure::new(reason.clone())));
    }
}

/// Makes the Deferred, and is the one place that fires it: nobody else is given it to fire.
fn get_poetry(reactor: &Reactor, address: SocketAddr) -> Deferred<Vec<u8>> {
    let deferred = Deferred::new();
    let fire = deferred.clone();
    // Refused a second time, if ever there were one.
    let ended: Ended = Rc::new(move |outcome| drop(fire.fire(outcome)));
    reactor.connect_tcp(address, Rc::new(PoetryClientFactory(ended)), CONNECT_TIMEOUT);
    deferred
}

/// Some poems, and one server that is not there: each Deferred fires once.
fn make_it_fire_it(args: &Args) -> Outcome {
    let servers = Servers::fast(args.number(0, 2)?)?;
    let mut addresses = servers.addresses.clone();
    addresses.push(nobody()?);
    let reactor = Reactor::new(PollerKind::default())?;
    let (poems, errors, all) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)), addresses.len());
    for address in addresses {
        let (poems, errors, stopping) = (Rc::clone(&poems), Rc::clone(&errors), reactor.clone());
        get_poetry(&reactor, address).add_both(move |outcome| {
            match outcome {
                Ok(poem) => {
                    println!("{} bytes of poetry", poem.len());
                    poems.set(poems.get() + 1);
                }
                Err(failure) => {
                    println!("Poem failed: {failure}");
                    errors.set(errors.get() + 1);
                }
            }
            if poems.get() + errors.get() == all {
                stopping.stop()?;
            }
            Ok::<_, Failure>(Vec::new())
        });
    }
    reactor.run()?;
    println!("{all} Deferreds fired once each: {} poems, {} errors", poems.get(), errors.get());
    Ok(())
}
