//! A network with faults: a [`Net`] around any other, simulated or real.
//!
//! A fault is armed from code, for one address or all, so many times, and lifted by dropping its guard; or the fate of
//! each connection is drawn, while a storm lasts. Faults befall connections on the side that asks for them; listening
//! goes through as it is. Knows nothing of poems.

mod open;
mod stream;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::io::Errno;

use self::open::Open;
pub use self::open::{NetChange, NetFact, NetTell};
use self::stream::FaultyStream;
use super::fault::{NetFault, Odds};
use crate::net::{Bound, BoxFuture, ListenOptions, Net, NetError, Network, Stream};

/// A network around another. Clones share everything.
#[derive(Clone)]
pub struct FaultyNet {
    inner: Network,
    tell: NetTell,
    state: Arc<Mutex<State>>,
}

struct State {
    connections: u64,
    armed: Vec<Armed>,
    next_guard: u64,
    storm: Option<(Odds, fastrand::Rng)>,
}

struct Armed {
    guard: u64,
    target: Option<SocketAddr>,
    fault: NetFault,
    times: u32,
}

/// A fault that is armed; dropped, it is lifted. Connections it has befallen keep it.
#[must_use = "dropped, it lifts the fault"]
pub struct NetGuard {
    state: Arc<Mutex<State>>,
    guard: u64,
}

impl FaultyNet {
    /// `inner`, without faults so far; each connection is told of to `tell`.
    pub fn new(inner: Network, tell: impl Fn(NetFact) + Send + Sync + 'static) -> Self {
        let state = State { connections: 0, armed: Vec::new(), next_guard: 0, storm: None };
        Self { inner, tell: Arc::new(tell), state: Arc::new(Mutex::new(state)) }
    }

    /// Arms a fault for the next `times` connections to `target`, or to anybody.
    pub fn arm(&self, target: Option<SocketAddr>, fault: NetFault, times: u32) -> NetGuard {
        let mut state = self.state.lock();
        state.next_guard += 1;
        let guard = state.next_guard;
        state.armed.push(Armed { guard, target, fault, times });
        NetGuard { state: Arc::clone(&self.state), guard }
    }

    /// From now on the fate of each connection for which nothing is armed is drawn.
    pub fn storm(&self, odds: Odds, rng: fastrand::Rng) {
        self.state.lock().storm = Some((odds, rng));
    }

    /// Fates are drawn no more; connections keep what they have.
    pub fn calm(&self) {
        self.state.lock().storm = None;
    }

    fn begin(&self, to: SocketAddr) -> (u64, Option<NetFault>) {
        let mut state = self.state.lock();
        state.connections += 1;
        let armed = state.armed.iter_mut();
        let mut armed = armed.filter(|armed| armed.times > 0 && armed.target.is_none_or(|it| it == to));
        let fault = match armed.next() {
            Some(armed) => {
                armed.times -= 1;
                Some(armed.fault)
            }
            None => state.storm.as_mut().and_then(|(odds, rng)| odds.draw(rng)),
        };
        (state.connections, fault)
    }
}

impl Net for FaultyNet {
    fn bind(&self, address: SocketAddr, options: ListenOptions) -> Result<Bound, NetError> {
        self.inner.bind(address, options)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, Result<Stream, NetError>> {
        let net = self.clone();
        Box::pin(async move {
            let (connection, fault) = net.begin(address);
            let mut open = Open::new(Arc::clone(&net.tell), connection, address);
            if fault == Some(NetFault::Refused) {
                open.struck(NetFault::Refused);
                return Err(NetError::Connect { address, source: Errno::CONNREFUSED.into() });
            }
            let inner = net.inner.connect(address).await?;
            open.tell(NetChange::Opened);
            Ok(Stream::Other(Box::new(FaultyStream::new(inner, fault, open))))
        })
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, Result<Vec<SocketAddr>, NetError>> {
        self.inner.resolve(host, port)
    }
}

impl Drop for NetGuard {
    fn drop(&mut self) {
        let guard = self.guard;
        self.state.lock().armed.retain(|armed| armed.guard != guard);
    }
}

impl fmt::Debug for FaultyNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyNet({} connections so far)", self.state.lock().connections)
    }
}

impl fmt::Debug for NetGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetGuard({})", self.guard)
    }
}

#[cfg(test)]
mod tests;
