//! Part 12: a poetry transformation server. Netstrings, a service apart from its protocols, and hostile requests.
#![allow(clippy::print_stdout, reason = "printing is what these programs do")]

use std::cell::RefCell;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitCode};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use verse::deferred::{Deferred, defer_later};
use verse::poem::Anthology;
use verse::reactor::programs::{
    Framing, GetOptions, ServeOptions, TransformOptions, get_poems, serve_transforms,
};
use verse::reactor::{
    Handled, ListenOptions, NetstringReceiver, PollerKind, Protocol, Reactor, Reason, StringProtocol,
    Transport, build_with, send_string,
};
use verse::transform::TransformService;
use verse::wire::lines::{Answer, RequestDecoder};
use verse::wire::netstring::{DEFAULT_LIMIT, Decoder};
use verse::wire::request::Request;

mod series;
use series::{Args, Outcome, Program, Servers, Serving, nc, transform_request};

fn main() -> ExitCode {
    series::main(&[
        Program {
            name: "transform-server",
            about: "one request, one answer, as nc would ask: [REPEATS]",
            run: server,
        },
        Program {
            name: "netcat",
            about: "the series' test script, transform-test.sh, which is two lines of nc: [REPEATS]",
            run: netcat,
        },
        Program {
            name: "bad-requests",
            about: "exercise: malformed and huge netstrings, no dot, no such name: [REQUESTS]",
            run: bad,
        },
        Program { name: "another", about: "exercise: one more transformation: [REPEATS]", run: another },
        Program {
            name: "two-protocols",
            about: "exercise: netstrings and lines, one service: [REPEATS]",
            run: two_protocols,
        },
        Program {
            name: "asynchronous",
            about: "exercise: a service whose methods return Deferreds: [MILLIS]",
            run: asynchronous,
        },
        Program {
            name: "synchronous-client",
            about: "exercise: ask, wait, print: [REPEATS]",
            run: synchronous_client,
        },
        Program {
            name: "netstring-poems",
            about: "exercise: poems in netstrings: [POEMS]",
            run: netstring_poems,
        },
    ])
}

/// The transform server of this Part, with what `service` knows.
fn transforms(service: TransformService) -> Result<Serving, Box<dyn Error>> {
    Serving::start(move |reactor| {
        let sink = |event: &verse::reactor::programs::TransformEvent| println!("server: {event}");
        Ok(vec![serve_transforms(reactor, service, &TransformOptions::default(), sink)?.host()])
    })
}

/// `HERE IS MY POEM`, that many times.
fn my_poem(args: &Args, default: u64) -> Result<String, Box<dyn Error>> {
    Ok("HERE IS MY POEM ".repeat(usize::try_from(args.number(0, default)?)?))
}

fn server(args: &Args) -> Outcome {
    let serving = transforms(TransformService::default())?;
    let request = transform_request("cummingsify", &my_poem(args, 1)?);
    println!("asked:    {}", String::from_utf8_lossy(&request));
    let answer = nc(serving.addresses[0], &request)?;
    drop(serving);
    println!("answered: {}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// Somebody else's client, told what to send on its stdin.
fn netcat(args: &Args) -> Outcome {
    let serving = transforms(TransformService::default())?;
    let port = serving.addresses[0].port().to_string();
    let mut script = Command::new("sh");
    script.args(["-c", include_str!("transform-test.sh"), "transform-test.sh", &port]);
    let output = script.arg(my_poem(args, 1)?).output()?;
    drop(serving);
    if !output.status.success() {
        return Err(format!("the script failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    println!("nc got: {}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// Each is closed without an answer; a huge one on its prefix, before a byte of it is kept.
fn bad(args: &Args) -> Outcome {
    let count = usize::try_from(args.number(0, 6)?)?.min(6);
    let serving = transforms(TransformService::default())?;
    let mut closed = 0;
    for request in
        ["hello", "999999999999:", "5:hello;", "6:no dot,", "8:nosuch.x,", "5:he"].into_iter().take(count)
    {
        let answer = nc(serving.addresses[0], request.as_bytes())?;
        println!("{request:<14} -> {} bytes", answer.len());
        closed += usize::from(answer.is_empty());
    }
    drop(serving);
    println!("{closed} of {count} closed without an answer");
    Ok(())
}

fn another(args: &Args) -> Outcome {
    let mut service = TransformService::default();
    service.register("whisper", "each line in brackets", |poem, _| {
        Ok(poem.lines().map(|line| format!("({line})")).collect())
    })?;
    let serving = transforms(service)?;
    let answer = nc(serving.addresses[0], &transform_request("whisper", &my_poem(args, 1)?))?;
    drop(serving);
    println!("{}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// The second protocol, `NAME LENGTH\n` and the poem, on the very same service.
struct LinesProtocol {
    service: Rc<TransformService>,
    chance: fastrand::Rng,
    decoder: RequestDecoder,
}

impl Protocol for LinesProtocol {
    fn data_received(&mut self, transport: &Transport, mut data: &[u8]) -> Handled {
        match self.decoder.decode(&mut data) {
            Ok(None) => {}
            Ok(Some(Request { name, poem })) => {
                let answer = match self.service.transform(&name, &poem, &mut self.chance) {
                    Ok(poem) => Answer::Ok(poem),
                    Err(error) => Answer::Err(error.to_string()),
                };
                transport.write(answer.to_lines());
                transport.lose_connection();
            }
            Err(malformed) => {
                transport.write(Answer::Err(malformed.to_string()).to_lines());
                transport.lose_connection();
            }
        }
        Ok(())
    }

    fn handles_half_close(&self) -> bool {
        true
    }
}

fn two_protocols(args: &Args) -> Outcome {
    let serving = Serving::start(|reactor| {
        let service = TransformService::default();
        let strings = serve_transforms(reactor, service.clone(), &TransformOptions::default(), |_| ())?;
        let service = Rc::new(service);
        let lines = build_with(move |_| LinesProtocol {
            service: Rc::clone(&service),
            chance: fastrand::Rng::with_seed(1),
            decoder: RequestDecoder::new(DEFAULT_LIMIT),
        });
        let lines = reactor.listen_tcp(([127, 0, 0, 1], 0).into(), lines, &ListenOptions::default())?;
        Ok(vec![strings.host(), lines.host()])
    })?;
    let poem = my_poem(args, 1)?;
    let strings = nc(serving.addresses[0], &transform_request("shout", &poem.to_lowercase()))?;
    let lines =
        nc(serving.addresses[1], format!("shout {}\n{}", poem.len(), poem.to_lowercase()).as_bytes())?;
    println!("{}", String::from_utf8_lossy(&strings));
    println!("{}", String::from_utf8_lossy(&lines).replace('\n', " / "));
    Ok(())
}

/// A service that answers later; its protocol needs no more than two callbacks.
struct LaterProtocol {
    reactor: Reactor,
    service: Rc<TransformService>,
    delay: Duration,
    /// Kept, so that it can be cancelled when the client has left.
    answer: Option<Deferred<()>>,
}

impl LaterProtocol {
    fn transform(&self, frame: &Bytes) -> Deferred<Bytes> {
        let (service, request) = (Rc::clone(&self.service), Request::parse(frame));
        defer_later(&self.reactor, self.delay, move || {
            let Request { name, poem } = request?;
            Ok(service.transform(&name, &poem, &mut fastrand::Rng::with_seed(1))?)
        })
    }
}

impl StringProtocol for LaterProtocol {
    fn string_received(&mut self, transport: &Transport, string: Bytes) -> Handled {
        let (sending, closing) = (transport.clone(), transport.clone());
        let answer = self.transform(&string).map(move |poem| send_string(&sending, poem));
        answer.add_errback(|failure| println!("server: no answer: {failure}"));
        answer.add_callback(move |()| closing.lose_connection());
        self.answer = Some(answer);
        Ok(())
    }

    fn connection_lost(&mut self, _reason: &Reason, _ending: Result<(), verse::wire::Malformed>) {
        if let Some(answer) = self.answer.take() {
            answer.cancel();
        }
    }

    fn handles_half_close(&self) -> bool {
        true
    }

    /// The answer is still to come.
    fn read_connection_lost(&mut self, _transport: &Transport) -> Handled {
        Ok(())
    }
}

fn asynchronous(args: &Args) -> Outcome {
    let delay = Duration::from_millis(args.number(0, 100)?);
    let serving = Serving::start(move |reactor| {
        let (handle, service) = (reactor.clone(), Rc::new(TransformService::default()));
        let factory = build_with(move |_| {
            let protocol =
                LaterProtocol { reactor: handle.clone(), service: Rc::clone(&service), delay, answer: None };
            NetstringReceiver::new(protocol, DEFAULT_LIMIT)
        });
        Ok(vec![reactor.listen_tcp(([127, 0, 0, 1], 0).into(), factory, &ListenOptions::default())?.host()])
    })?;
    let answer = nc(serving.addresses[0], &transform_request("reverse-lines", "HERE\nIS MY POEM\n"))?;
    println!("after {delay:?}: {}", String::from_utf8_lossy(&answer).replace('\n', " / "));
    Ok(())
}

/// No reactor, no callback: what a script would do.
fn transform(to: SocketAddr, name: &str, poem: &str) -> Result<Bytes, Box<dyn Error>> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(&transform_request(name, poem))?;
    let (mut decoder, mut buffer) = (Decoder::new(DEFAULT_LIMIT), [0; 4096]);
    loop {
        match stream.read(&mut buffer)? {
            0 => return Err("the server closed without an answer".into()),
            got => {
                if let Some(answer) = decoder.decode(&mut &buffer[..got])? {
                    return Ok(answer);
                }
            }
        }
    }
}

fn synchronous_client(args: &Args) -> Outcome {
    let serving = transforms(TransformService::default())?;
    let refused = transform(serving.addresses[0], "nosuch", "x").err().map(|error| error.to_string());
    println!("nosuch: {}", refused.unwrap_or_default());
    let answer = transform(serving.addresses[0], "title", &my_poem(args, 1)?)?;
    drop(serving);
    println!("{}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// Client and server of the first Parts, in netstrings: half a poem is never taken for a whole one.
fn netstring_poems(args: &Args) -> Outcome {
    let framing = Framing::Netstring;
    let poems: Vec<Bytes> = Anthology::embedded()
        .take(usize::try_from(args.number(0, 4)?)?)
        .map(|poem| poem.bytes().clone())
        .collect();
    let servers = Servers::start(poems.clone(), ServeOptions { framing, ..ServeOptions::default() })?;
    let options = GetOptions { framing, ..GetOptions::default() };
    let chunks = Rc::new(RefCell::new(0));
    let count = Rc::clone(&chunks);
    let outcomes = get_poems(PollerKind::default(), &servers.targets(), &options, move |event| {
        *count.borrow_mut() += usize::from(event.to_string().contains("got"));
    })?;
    let same =
        outcomes.iter().zip(&poems).filter(|(got, sent)| got.as_ref().is_ok_and(|got| got == *sent)).count();
    println!("{same} poems, each the one that was sent");
    Ok(())
}
