//! Part 16: Twisted daemonologie. The log, services, collections of services, an application.
//!
//! The configured applications are the files in `examples/part16`; what runs them is `verse node`.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use verse::deferred::{Deferred, Failure, coroutine, fail, succeed};
use verse::poem::Anthology;
use verse::reactor::programs::{GetOptions, ProxyEvent, ProxyOptions, fetch_poetry, serve_proxy};
use verse::reactor::service::{MultiService, Service, ServiceError, ServiceNode, TcpServer};
use verse::reactor::{
    Factory, Handled, ListenOptions, PollerKind, Port, Protocol, Reactor, Target, Transport,
};

mod series;
use series::{Args, Outcome, Program, errand};

fn main() -> ExitCode {
    series::main(&[
        Program { name: "log", about: "messages, an error, failures: [MESSAGES]", run: log },
        Program {
            name: "services",
            about: "a poem and its port, started and stopped together: [CLIENTS]",
            run: services,
        },
        Program {
            name: "application",
            about: "exercise: each poem with a group of services of its own: [POEMS, up to 4]",
            run: application,
        },
        Program {
            name: "service-maker",
            about: "exercise: options in, services out, a second poem if you like: [0 one, 1 two]",
            run: service_maker,
        },
        Program { name: "proxy", about: "exercise: the proxy as a service: [CLIENTS]", run: proxy },
    ])
}

/// Where the log goes: to stdout, and into a copy that is counted in the end.
#[derive(Clone, Default)]
struct Tee(Arc<Mutex<Vec<u8>>>);

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write_all(bytes)?;
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// Libraries only speak (`tracing`); where that goes is the business of the program, and only of the program.
fn log(args: &Args) -> Outcome {
    let messages = args.number(0, 1)?;
    let tee = Tee::default();
    let to = tee.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || to.clone()).with_ansi(false);
    subscriber.try_init().map_err(|error| format!("the log cannot be opened: {error}"))?;

    for number in 1..=messages {
        tracing::info!("message {number} of {messages}");
    }
    // Something was expected to go well, and did not; the words are ours.
    tracing::error!("the poem is gone");
    // A failure knows where it comes from, as a traceback would.
    let _logged = fail::<()>(Failure::new("no poem today"))
        .add_errback(|failure| tracing::error!(from = %failure.place(), "{failure}"));
    // What a callback raises, and nobody handles, the reactor logs, and goes on.
    let reactor = Reactor::new(PollerKind::default())?;
    reactor.call_when_running(|| Err::<(), _>("a callback has failed"));
    let stopping = reactor.clone();
    reactor.call_when_running(move || stopping.stop());
    reactor.run()?;

    let text = String::from_utf8_lossy(&tee.0.lock()).into_owned();
    let of = |level: &str| text.lines().filter(|line| line.contains(level)).count();
    println!("logged {} messages and {} errors", of(" INFO "), of(" ERROR "));
    Ok(())
}

/// A service that provides a poem to whoever asks for it: it knows no protocol, and no port.
#[derive(Clone)]
struct PoetryService {
    title: &'static str,
    poem: Rc<RefCell<Option<Bytes>>>,
}

impl PoetryService {
    fn new(title: &'static str) -> PoetryService {
        PoetryService { title, poem: Rc::default() }
    }
}

impl Service for PoetryService {
    fn start(&self) -> Handled {
        let poem = Anthology::poem(self.title).ok_or_else(|| format!("no poem {}", self.title))?;
        println!("loaded a poem from: {}", poem.origin());
        *self.poem.borrow_mut() = Some(poem.bytes().clone());
        Ok(())
    }

    /// It has nothing to wait for, so its Deferred has fired already.
    fn stop(&self) -> Deferred<()> {
        self.poem.take();
        println!("let go of {}", self.title);
        succeed(())
    }
}

/// What joins the two: the protocol, which gets the poem from the service.
struct PoetryFactory(PoetryService);

impl Factory for PoetryFactory {
    fn build_protocol(&self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        Some(Box::new(PoetryProtocol(self.0.clone())))
    }
}

struct PoetryProtocol(PoetryService);

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        let poem = self.0.poem.borrow().clone().ok_or("the poetry service is not running")?;
        println!("sending {} bytes of poetry to {}", poem.len(), transport.peer());
        transport.write(poem);
        transport.lose_connection();
        Ok(())
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Handled {
        Ok(())
    }
}

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A poem and the port it is served on: a collection that is a service itself. The poem is loaded first, and let go of
/// last, so that the port never serves what is not there.
fn group(reactor: &Reactor, title: &'static str) -> Result<(MultiService, TcpServer), ServiceError> {
    let (group, poetry) = (MultiService::new(), PoetryService::new(title));
    ServiceNode::named("poetry", poetry.clone()).set_parent(&group)?;
    let factory = Rc::new(PoetryFactory(poetry));
    let tcp = TcpServer::new(reactor, ANY_PORT, factory, ListenOptions::default());
    ServiceNode::named("tcp", tcp.clone()).set_parent(&group)?;
    Ok((group, tcp))
}

/// Where a server of TCP listens: known once it is started.
fn at(tcp: &TcpServer) -> Result<SocketAddr, Failure> {
    tcp.port().map(|port| port.host()).ok_or_else(|| Failure::new("it does not listen"))
}

/// A start that fails is a failure like any other.
fn started(handled: Handled) -> Result<(), Failure> {
    handled.map_err(Failure::new)
}

/// What is asked of each address in turn: how many gave a poem.
async fn ask(reactor: &Reactor, addresses: &[SocketAddr]) -> usize {
    let mut poems = 0;
    for address in addresses {
        match fetch_poetry(reactor, *address, &GetOptions::default()).await {
            Ok(_) => poems += 1,
            Err(failure) => println!("no poem: {failure}"),
        }
    }
    poems
}

/// Nothing listens before the start, and nothing after the stop.
fn services(args: &Args) -> Outcome {
    let clients = usize::try_from(args.number(0, 2)?)?;
    errand::run(move |reactor| {
        let reactor = reactor.clone();
        coroutine(async move {
            let (fast, tcp) = group(&reactor, "ecstasy")?;
            println!("before the start: running {}, listening {}", fast.is_running(), tcp.port().is_some());
            started(fast.start())?;
            let address = at(&tcp)?;
            let served = ask(&reactor, &vec![address; clients]).await;
            fast.stop().await?;
            let refused = ask(&reactor, &[address]).await == 0;
            Ok(format!(
                "{served} of {clients} clients served, stopped: {}, gone: {refused}",
                !fast.is_running()
            ))
        })
    })
}

const TITLES: [&str; 4] = ["ecstasy", "fascination", "science", "mariner"];

/// The application is the service above all others. Each poem has a group of its own, so that one can be stopped while
/// the others are served.
fn application(args: &Args) -> Outcome {
    let poems = usize::try_from(args.number(0, 2)?)?.min(TITLES.len());
    errand::run(move |reactor| {
        let reactor = reactor.clone();
        coroutine(async move {
            let application = MultiService::new();
            let mut servers = Vec::new();
            for title in &TITLES[..poems] {
                let (group, tcp) = group(&reactor, title)?;
                ServiceNode::named(title, group).set_parent(&application)?;
                servers.push(tcp);
            }
            started(application.start())?;
            let addresses = servers.iter().map(at).collect::<Result<Vec<_>, _>>()?;
            let all = ask(&reactor, &addresses).await;
            // Looked up by its name, and stopped alone.
            application.get(TITLES[0])?.stop().await?;
            let left = ask(&reactor, &addresses).await;
            application.stop().await?;
            Ok(format!("{all} poems from {poems} groups, and {left} with {} stopped", TITLES[0]))
        })
    })
}

/// What a user may say on the command line.
struct Options {
    poem: &'static str,
    second: Option<&'static str>,
}

/// Has a name and a line that says what for, and makes services of options: a plugin is no more than that.
/// `verse serve` is this one, grown up.
struct ServiceMaker;

impl ServiceMaker {
    const NAME: &'static str = "fastpoetry";
    const ABOUT: &'static str = "A fast poetry service.";

    fn make(reactor: &Reactor, options: &Options) -> Result<(MultiService, Vec<TcpServer>), ServiceError> {
        let (top, mut servers) = (MultiService::new(), Vec::new());
        for title in std::iter::once(options.poem).chain(options.second) {
            let (group, tcp) = group(reactor, title)?;
            ServiceNode::named(title, group).set_parent(&top)?;
            servers.push(tcp);
        }
        Ok((top, servers))
    }
}

fn service_maker(args: &Args) -> Outcome {
    let second = (args.number(0, 0)? == 1).then_some("science");
    errand::run(move |reactor| {
        let reactor = reactor.clone();
        coroutine(async move {
            println!("{:<12} {}", ServiceMaker::NAME, ServiceMaker::ABOUT);
            let (top, servers) = ServiceMaker::make(&reactor, &Options { poem: "ecstasy", second })?;
            started(top.start())?;
            let addresses = servers.iter().map(at).collect::<Result<Vec<_>, _>>()?;
            let got = ask(&reactor, &addresses).await;
            top.stop().await?;
            Ok(format!("{} serves {got} poems on {} ports", ServiceMaker::NAME, addresses.len()))
        })
    })
}

/// The proxy of Part 14, as something that is started and stopped.
#[derive(Clone)]
struct ProxyService {
    reactor: Reactor,
    upstream: SocketAddr,
    port: Rc<RefCell<Option<Port>>>,
    fetches: Rc<Cell<u32>>,
}

impl Service for ProxyService {
    fn start(&self) -> Handled {
        let fetches = Rc::clone(&self.fetches);
        let sink = move |event: &ProxyEvent| {
            println!("{event}");
            fetches.set(fetches.get() + u32::from(*event == ProxyEvent::Fetching));
        };
        let upstream = Target::from(self.upstream);
        let port = serve_proxy(&self.reactor, upstream, &ProxyOptions::default(), sink)?;
        *self.port.borrow_mut() = Some(port);
        Ok(())
    }

    fn stop(&self) -> Deferred<()> {
        if let Some(port) = self.port.take() {
            port.stop_listening();
        }
        succeed(())
    }
}

fn proxy(args: &Args) -> Outcome {
    let clients = usize::try_from(args.number(0, 3)?)?;
    errand::run(move |reactor| {
        let reactor = reactor.clone();
        coroutine(async move {
            let (application, (fast, tcp)) = (MultiService::new(), group(&reactor, "ecstasy")?);
            ServiceNode::named("fastpoetry", fast).set_parent(&application)?;
            started(application.start())?;
            // What is added to a collection that runs is started at once.
            let proxy = ProxyService {
                reactor: reactor.clone(),
                upstream: at(&tcp)?,
                port: Rc::default(),
                fetches: Rc::default(),
            };
            ServiceNode::named("proxy", proxy.clone()).set_parent(&application)?;
            let address = proxy.port.borrow().as_ref().map(Port::host);
            let address = address.ok_or_else(|| Failure::new("the proxy does not listen"))?;
            let served = ask(&reactor, &vec![address; clients]).await;
            application.stop().await?;
            Ok(format!("{served} of {clients} clients served, {} fetches", proxy.fetches.get()))
        })
    })
}
