//! Where the servers of these engines listen, and what is said about it.

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use crate::cli::{Code, Exit, chain};
use crate::config::{Host, HostPort};
use crate::event::{Event, TARGET};
use crate::net::NetError;

/// A service that listens.
#[derive(Debug)]
pub(super) struct Listening {
    /// What it is called in the log.
    pub(super) service: Arc<str>,
    /// Where.
    pub(super) address: SocketAddr,
    /// What is printed about it.
    pub(super) line: String,
}

/// A name listens on its first address, as a node's does. It is looked up before anything runs that could be kept
/// waiting.
pub(super) fn resolve(at: &HostPort) -> Result<SocketAddr, NetError> {
    let name = match &at.host {
        Host::Ip(ip) => return Ok(SocketAddr::new(*ip, at.port)),
        Host::Name(name) => name,
    };
    let failed = |source| NetError::Resolve { host: name.clone(), source };
    let mut found = (name.as_str(), at.port).to_socket_addrs().map_err(failed)?;
    found.next().ok_or_else(|| failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")))
}

/// Why an address cannot be listened on.
pub(super) fn refused(address: SocketAddr, source: io::Error) -> NetError {
    match source.kind() {
        io::ErrorKind::AddrInUse => NetError::Taken { address },
        _ => NetError::Bind { address, source },
    }
}

/// It could not start.
pub(super) fn not_started(subcommand: &str, error: &dyn std::error::Error) -> Exit {
    Exit::error(Code::NotStarted, subcommand, &chain(error))
}

/// Says what listens where, flushed, so that whoever waits for it may connect.
pub(super) fn announce(all: &[Listening], connections: usize) {
    let mut text = String::new();
    for Listening { service, address, line } in all {
        Event::ListenerUp { service: Arc::clone(service), address: *address }.log();
        text.push_str(line);
        text.push('\n');
    }
    tracing::info!(target: TARGET, "at most {connections} connections at once");
    let mut out = io::stdout().lock();
    // Whoever closed our stdout does not want to know.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
