//! Names to addresses, without blocking the loop.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use super::event_loop::Reactor;
use crate::terms::ConnectFailure;
use crate::terms::Target;

/// Names looked up at once: each is a thread that may hang in the system's resolver for a minute.
pub const MAX_LOOKUPS: usize = 64;

impl Reactor {
    /// Looks `target` up in a thread of its own, since the system's resolver blocks, and calls `done` in the loop.
    /// An address needs no looking up and no thread; `done` is called at once then.
    pub(crate) fn resolve(
        &self,
        target: &Target,
        done: impl FnOnce(Result<Vec<SocketAddr>, ConnectFailure>) + 'static,
    ) {
        if let Some(address) = target.address() {
            return done(Ok(vec![address]));
        }
        let Some(ticket) = self.lookups().begin(&target.host, Box::new(done)) else { return };
        let (remote, asked) = (self.remote(), target.clone());
        let lookup = move || {
            let found = (asked.host.as_str(), asked.port).to_socket_addrs().map(Iterator::collect);
            let found = found.and_then(|all: Vec<SocketAddr>| {
                if all.is_empty() { Err(io::Error::from(io::ErrorKind::NotFound)) } else { Ok(all) }
            });
            let failed =
                |source| ConnectFailure::Resolve { host: asked.host.clone(), source: Arc::new(source) };
            let found = found.map_err(failed);
            // A reactor that is gone has nobody left who waits for this.
            let _ = remote.call(move |reactor| reactor.lookups().end(ticket, found));
        };
        if let Err(error) = std::thread::Builder::new().name("resolver".to_owned()).spawn(lookup) {
            let failed = ConnectFailure::Resolve { host: target.host.clone(), source: Arc::new(error) };
            self.lookups().end(ticket, Err(failed));
        }
    }
}
