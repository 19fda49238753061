//! A supervisor of the same child many times over, found by key.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Actor, Context};

use super::build::{Supervisor, start_root};
use super::child::{Child, ChildSpec};
use super::error::{ChildError, SpecError};
use super::flags::Strategy;
use super::handle::SupervisorRef;
use super::spec::{ChildId, Restart, Shutdown};
use super::start::{Starter, Starting, Surroundings};
use crate::process::Object;
use crate::{ExitReason, Node, Ref};

/// A supervisor of N children made alike, the partitions of one service: a caller finds its own by a key, the same one
/// each time (Elixir's `PartitionSupervisor`, OTP-198, OTP-199).
///
/// Where one process would be a bottleneck, N share its work. Defaults: as many partitions as the machine has cores, one
/// for one, 3 restarts in 5 s over all of them (OTP-191). As a child: permanent, all the time it needs to shut down.
///
/// ```
/// use actix::{Actor, Context, Handler, Message};
/// use supervisors::Node;
/// use supervisors::supervisor::{ChildSpec, PartitionSupervisor};
///
/// struct Counter(usize);
/// impl Actor for Counter {
///     type Context = Context<Self>;
/// }
/// #[derive(Message)]
/// #[rtype(result = "usize")]
/// struct Which;
/// impl Handler<Which> for Counter {
///     type Result = usize;
///     fn handle(&mut self, _: Which, _: &mut Self::Context) -> usize {
///         self.0
///     }
/// }
///
/// # actix::run(async {
/// let counters = PartitionSupervisor::with_partitions("counters", 4, |number| {
///     ChildSpec::new(format!("counter-{number}"), move || Counter(number))
/// });
/// let counters = counters.start(&Node::new()).await.expect("it starts");
/// assert_eq!(counters.which(6_u32).call(Which).await, Ok(2), "6 modulo 4");
/// let someone = counters.which("someone").call(Which).await;
/// assert_eq!(counters.which("someone").call(Which).await, someone, "the same each time");
/// # }).expect("it runs");
/// ```
pub struct PartitionSupervisor<A: Actor> {
    supervisor: Supervisor,
    partitions: Arc<Partitions<A>>,
}

struct Partitions<A: Actor> {
    ids: Vec<ChildId>,
    references: Vec<Ref<A>>,
    /// How many are in use.
    size: AtomicUsize,
}

impl<A: Actor<Context = Context<A>>> PartitionSupervisor<A> {
    /// A supervisor called `id` of as many partitions as the machine has cores. `make` is told the number of a
    /// partition, from 0, and gives its spec; the id in it is replaced by that number.
    pub fn new(id: impl Into<ChildId>, make: impl FnMut(usize) -> ChildSpec<A>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with_partitions(id, cores, make)
    }

    /// A supervisor called `id` of this many partitions, at least 1.
    pub fn with_partitions(
        id: impl Into<ChildId>,
        partitions: usize,
        mut make: impl FnMut(usize) -> ChildSpec<A>,
    ) -> Self {
        let mut supervisor = Supervisor::new(id).intensity(3, Duration::from_secs(5));
        let (mut ids, mut references) = (Vec::new(), Vec::new());
        for number in 0..partitions.max(1) {
            let spec = make(number);
            references.push(spec.reference());
            let mut child = Child::from(spec);
            child.policy.id = number.to_string().into();
            ids.push(child.policy.id.clone());
            supervisor = supervisor.child(child);
        }
        let size = AtomicUsize::new(ids.len());
        Self { supervisor, partitions: Arc::new(Partitions { ids, references, size }) }
    }

    /// Allows `intensity` restarts within `period` (whole seconds, at least 1). Default 3 in 5 s.
    #[must_use]
    pub fn intensity(mut self, intensity: u32, period: Duration) -> Self {
        self.supervisor = self.supervisor.intensity(intensity, period);
        self
    }

    /// Sets who is restarted with whom. Default one for one.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.supervisor = self.supervisor.strategy(strategy);
        self
    }

    /// As a child: when it is restarted. Default permanent.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.supervisor = self.supervisor.restart(restart);
        self
    }

    /// As a child: how it is stopped. Default infinity.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.supervisor = self.supervisor.shutdown(shutdown);
        self
    }

    /// The partitions, now or later: it follows every restart.
    #[must_use]
    pub fn reference(&self) -> PartitionRef<A> {
        PartitionRef { supervisor: self.supervisor.reference(), partitions: Arc::clone(&self.partitions) }
    }

    /// Checks flags and children as a start would.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), SpecError> {
        self.supervisor.check()
    }

    /// Starts it and its partitions on this thread, as the root of a tree.
    ///
    /// # Errors
    /// Why it did not start.
    ///
    /// # Panics
    /// Outside a tokio `LocalSet` (an `actix_rt::System` has one).
    pub async fn start(self, node: &Node) -> Result<PartitionRef<A>, ExitReason> {
        let reference = self.reference();
        start_root(self.into(), node).await.map(|()| reference)
    }
}

impl<A: Actor<Context = Context<A>>> From<PartitionSupervisor<A>> for Child {
    fn from(supervisor: PartitionSupervisor<A>) -> Self {
        let PartitionSupervisor { supervisor, partitions } = supervisor;
        let Self { policy, starter } = Self::from(supervisor);
        Self { policy, starter: Arc::new(PartitionStarter { starter, partitions }) }
    }
}

/// Started again, all partitions are in use again.
struct PartitionStarter<A: Actor> {
    starter: Arc<dyn Starter>,
    partitions: Arc<Partitions<A>>,
}

impl<A: Actor<Context = Context<A>>> Starter for PartitionStarter<A> {
    fn start(self: Arc<Self>, surroundings: Surroundings) -> Starting {
        self.partitions.size.store(self.partitions.ids.len(), Ordering::Release);
        Arc::clone(&self.starter).start(surroundings)
    }

    fn current(&self) -> Option<Arc<dyn Object>> {
        self.starter.current()
    }

    fn check(&self, id: &ChildId) -> Result<(), SpecError> {
        self.starter.check(id)
    }
}

/// The partitions of a service, held by their places in the tree.
pub struct PartitionRef<A: Actor> {
    supervisor: SupervisorRef,
    partitions: Arc<Partitions<A>>,
}

impl<A: Actor<Context = Context<A>>> PartitionRef<A> {
    /// The partition that `key` belongs to: the same for the same key, in every run and every program, as long as the
    /// number of partitions is. With no partition in use there is nobody: a call gives
    /// [`NoProc`](crate::CallError::NoProc) (Elixir raises, OTP-199).
    #[must_use]
    pub fn which(&self, key: impl PartitionKey) -> Ref<A> {
        let partitions = self.partitions();
        // The first partition is stopped when none is in use.
        let number = if partitions == 0 { 0 } else { key.partition(partitions) };
        self.partitions.references[number].clone()
    }

    /// All partitions in use, in order.
    #[must_use]
    pub fn all(&self) -> Vec<Ref<A>> {
        self.partitions.references[..self.partitions()].to_vec()
    }

    /// How many partitions are in use.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.partitions.size.load(Ordering::Acquire)
    }

    /// Uses only the first `partitions` from now on, from 0 to as many as there were at first: those above are stopped,
    /// and started again when they are to be used again. Gives how many were in use (OTP-199).
    ///
    /// Two at once take turns by partition: call it from one place. Given up midway, some partitions are as they were.
    ///
    /// # Errors
    /// [`ChildError::NotFound`] for more than there were at first; why a partition did not start again.
    pub async fn resize(&self, partitions: usize) -> Result<usize, ChildError> {
        if partitions > self.partitions.ids.len() {
            return Err(ChildError::NotFound);
        }
        let before = self.partitions();
        if partitions < before {
            // Nobody is sent to a partition that is about to stop.
            self.partitions.size.store(partitions, Ordering::Release);
            for id in self.partitions.ids[partitions..before].iter().rev() {
                self.supervisor.terminate_child(id.clone()).await?;
            }
        }
        for (number, id) in self.partitions.ids.iter().enumerate().take(partitions).skip(before) {
            match self.supervisor.restart_child(id.clone()).await {
                Ok(_) | Err(ChildError::Running) => {
                    self.partitions.size.store(number + 1, Ordering::Release);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(before)
    }

    /// The supervisor of the partitions, whose ids are `0` to N-1.
    #[must_use]
    pub fn supervisor(&self) -> &SupervisorRef {
        &self.supervisor
    }
}

/// What a partition is found by: a number by its remainder, anything else by a hash that is the same everywhere
/// (OTP-198).
pub trait PartitionKey: Sized {
    /// Which of `partitions` (at least 1) it belongs to.
    fn partition(self, partitions: usize) -> usize;
}

/// Anything that can be hashed, as the key of a partition. Its [`Hash`] must not depend on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed<K>(pub K);

impl<K: Hash> PartitionKey for Hashed<K> {
    fn partition(self, partitions: usize) -> usize {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        self.0.hash(&mut hasher);
        // FNV's low bits are its weak ones.
        let hash = hasher.finish();
        usize::try_from((hash ^ (hash >> 32)) % partitions as u64).unwrap_or_default()
    }
}

/// FNV-1a: small, and without a seed, so that a key is at the same place in every run.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl PartitionKey for &str {
    fn partition(self, partitions: usize) -> usize {
        Hashed(self).partition(partitions)
    }
}

impl PartitionKey for &String {
    fn partition(self, partitions: usize) -> usize {
        Hashed(self).partition(partitions)
    }
}

impl PartitionKey for String {
    fn partition(self, partitions: usize) -> usize {
        Hashed(self).partition(partitions)
    }
}

/// By remainder, whatever the sign (`abs(k) rem N`).
macro_rules! numbers {
    ($($number:ty => $magnitude:ident),*) => {$(
        impl PartitionKey for $number {
            fn partition(self, partitions: usize) -> usize {
                let magnitude = numbers!($magnitude self);
                usize::try_from(magnitude as u128 % partitions as u128).unwrap_or_default()
            }
        }
    )*};
    (signed $number:ident) => { $number.unsigned_abs() };
    (unsigned $number:ident) => { $number };
}

numbers!(i8 => signed, i16 => signed, i32 => signed, i64 => signed, isize => signed);
numbers!(u8 => unsigned, u16 => unsigned, u32 => unsigned, u64 => unsigned, usize => unsigned);

impl<A: Actor> Clone for PartitionRef<A> {
    fn clone(&self) -> Self {
        Self { supervisor: self.supervisor.clone(), partitions: Arc::clone(&self.partitions) }
    }
}

impl<A: Actor> fmt::Debug for PartitionRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PartitionRef").field(&self.supervisor).field(&self.partitions.size).finish()
    }
}

impl<A: Actor> fmt::Debug for PartitionSupervisor<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PartitionSupervisor").field(&self.supervisor).finish()
    }
}
