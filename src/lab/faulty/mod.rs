//! A network with faults: a [`Net`] around any other, simulated or real.
//!
//! A fault is armed from code, for one address or all, so many times, and lifted by dropping its guard; or the fate of
//! each connection is drawn, while a storm lasts. Faults of a storm befall connections on the side that asks for them;
//! armed ones also on the side that accepts them. Knows nothing of poems.

mod listen;
mod open;
mod stream;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::io::Errno;

use self::listen::FaultyListen;
use self::open::Open;
pub use self::open::{NetChange, NetFact, NetTell};
use self::stream::{FaultyStream, Side};
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
    /// Bounded by the guards that are held.
    armed: Vec<Armed>,
    next_guard: u64,
    storm: Option<(Odds, fastrand::Rng)>,
    /// Of jitter.
    chance: fastrand::Rng,
}

/// A connection that something may befall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// One that is asked for, to this address.
    Connected(SocketAddr),
    /// One that is accepted, by whoever listens at this one.
    Accepted(SocketAddr),
}

struct Armed {
    guard: u64,
    side: Side,
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
        let chance = fastrand::Rng::with_seed(0);
        let state = State { connections: 0, armed: Vec::new(), next_guard: 0, storm: None, chance };
        Self { inner, tell: Arc::new(tell), state: Arc::new(Mutex::new(state)) }
    }

    /// The seed of its own chance, which draws jitter. Default 0.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.state.lock().chance = fastrand::Rng::with_seed(seed);
        self
    }

    /// Arms a fault for the next `times` connections to `target`, or to anybody.
    pub fn arm(&self, target: Option<SocketAddr>, fault: NetFault, times: u32) -> NetGuard {
        self.arm_on(Side::Connected, target, fault, times)
    }

    /// Arms a fault for the next `times` connections that are accepted at `target`, or anywhere. They are told of when
    /// it strikes, and only then.
    pub fn arm_accepted(&self, target: Option<SocketAddr>, fault: NetFault, times: u32) -> NetGuard {
        self.arm_on(Side::Accepted, target, fault, times)
    }

    fn arm_on(&self, side: Side, target: Option<SocketAddr>, fault: NetFault, times: u32) -> NetGuard {
        let mut state = self.state.lock();
        state.next_guard += 1;
        let guard = state.next_guard;
        state.armed.push(Armed { guard, side, target, fault, times });
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

    /// The number of a new connection, what befalls it, and its chance; of an accepted one only if something does.
    fn fate_of(&self, target: Target) -> Option<(u64, NetFault, fastrand::Rng)> {
        let mut state = self.state.lock();
        let fault = state.fault_of(target)?;
        state.connections += 1;
        let chance = state.chance.fork();
        Some((state.connections, fault, chance))
    }

    fn begin(&self, to: SocketAddr) -> (u64, Option<NetFault>, fastrand::Rng) {
        let mut state = self.state.lock();
        let fault = state.fault_of(Target::Connected(to));
        state.connections += 1;
        let chance = state.chance.fork();
        (state.connections, fault, chance)
    }
}

impl State {
    fn fault_of(&mut self, target: Target) -> Option<NetFault> {
        let (side, at) = match target {
            Target::Connected(to) => (Side::Connected, to),
            Target::Accepted(at) => (Side::Accepted, at),
        };
        let mut armed = self.armed.iter_mut().filter(|armed| {
            armed.times > 0 && armed.side == side && armed.target.is_none_or(|target| target == at)
        });
        if let Some(armed) = armed.next() {
            armed.times -= 1;
            return Some(armed.fault);
        }
        let (odds, rng) = self.storm.as_mut().filter(|_| side == Side::Connected)?;
        odds.draw(rng)
    }
}

impl Net for FaultyNet {
    fn bind(&self, address: SocketAddr, options: ListenOptions) -> Result<Bound, NetError> {
        let inner = self.inner.bind(address, options)?;
        let address = inner.address();
        Ok(Bound::new(FaultyListen { net: self.clone(), inner }, address))
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, Result<Stream, NetError>> {
        let net = self.clone();
        Box::pin(async move {
            let (connection, fault, mut chance) = net.begin(address);
            let mut open = Open::new(Arc::clone(&net.tell), connection, address);
            if fault == Some(NetFault::Refused) {
                open.struck(NetFault::Refused);
                return Err(NetError::Connect { address, source: Errno::CONNREFUSED.into() });
            }
            if let Some(NetFault::Late { by, jitter }) = fault {
                open.struck(NetFault::Late { by, jitter });
                tokio::time::sleep(by + jitter.mul_f64(chance.f64())).await;
            }
            let inner = net.inner.connect(address).await?;
            open.tell(NetChange::Opened);
            let stream = FaultyStream::new(inner, Side::Connected, fault, chance, open);
            Ok(Stream::Other(Box::new(stream)))
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
