//! `verse apply` at work.

use std::io::{self, Read, Write};

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;

use super::ApplyOptions;
use crate::actors::{DownloadOptions, ExchangeOptions};
use crate::cli::engines::{cause, target};
use crate::cli::{Code, Engine, Exit, chain, runtime};
use crate::client::Client;
use crate::config::HostPort;
use crate::message::{NotTransformed, PeerError};
use crate::poem::{Poem, PoemError, Title};
use crate::reactor::programs::{GetError, GetOptions, apply_transform};
use crate::reactor::{PollerKind, react};
use crate::wire::request::Request;

/// What stdin is called where a poem has a file.
const STDIN: &str = "stdin";

/// Sends the poem, prints the answer.
///
/// Exit codes: 0 the answer was printed (or nobody wanted to read it any more); 1 there was none; 2 stdin has no poem,
/// or one that is too long; 3 it could not start. A signal ends it at once, as there is nothing to finish.
pub fn apply(options: ApplyOptions) -> Exit {
    let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
    let max_request = size(options.max_request);
    let poem = match options.poem.map_or_else(|| read(max_request - options.name.len() - 1), Ok) {
        Ok(poem) => poem.bytes().clone(),
        Err(error) => return Exit::because("apply", &error),
    };
    if let Engine::Reactor(poller) = options.engine {
        let request = Request { name: options.name, poem };
        let exchange = GetOptions {
            connect_timeout: options.connect_timeout,
            idle_timeout: options.idle_timeout,
            timeout: options.timeout,
            limit: max_request,
            ..GetOptions::default()
        };
        return ended(by_reactor(poller, options.server, &request, &exchange));
    }
    let exchange = ExchangeOptions {
        connect_timeout: options.connect_timeout,
        idle_timeout: options.idle_timeout,
        timeout: options.timeout,
    };
    let client = Client::default()
        .options(DownloadOptions { exchange, ..DownloadOptions::default() })
        .max_request(max_request);
    match runtime::run("apply", client.apply(&options.server, &options.name, poem)) {
        Ok(answer) => ended(answer),
        Err(exit) => exit,
    }
}

fn ended(answer: Result<Bytes, NotTransformed>) -> Exit {
    match answer {
        Ok(answer) => print(&answer),
        Err(error) => Exit::error(Code::NotGot, "apply", &chain(&error)),
    }
}

/// Client 6.0's half of the transform protocol, on a reactor of its own.
fn by_reactor(
    poller: PollerKind,
    server: HostPort,
    request: &Request,
    options: &GetOptions,
) -> Result<Bytes, NotTransformed> {
    let answer = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&answer);
    let asked = react(poller, |reactor| {
        let asked = apply_transform(reactor, target(&server), &request.name, &request.poem, options);
        asked.add_both(move |got| {
            let got = got.map_err(|failure| match failure.check::<GetError>() {
                Some(error) => cause(error),
                None => PeerError::Cancelled,
            });
            *slot.borrow_mut() = Some(got);
            Bytes::new()
        });
        asked.map(drop)
    });
    let got = match asked {
        // A signal ends it before there is an answer.
        Ok(_) => answer.take().unwrap_or(Err(PeerError::Cancelled)),
        Err(error) => Err(PeerError::Unconnected { address: None, source: io::Error::other(error).into() }),
    };
    got.map_err(|cause| NotTransformed::Unanswered { server, cause })
}

/// The poem on stdin, of at most `limit` bytes.
fn read(limit: usize) -> Result<Poem, PoemError> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells that there are too many.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = io::stdin().lock().take(most).read_to_end(&mut bytes);
    read.map_err(|source| PoemError::Unreadable { path: STDIN.into(), source })?;
    if bytes.len() > limit {
        return Err(PoemError::TooLong { path: STDIN.into(), limit });
    }
    Poem::new(Title::of_file(STDIN.as_ref()), STDIN, bytes)
}

fn print(answer: &Bytes) -> Exit {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(answer).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Exit::error(Code::NotGot, "apply", &format!("cannot write to stdout: {error}"))
        }
        _ => Exit::silent(Code::Well),
    }
}
