//! A kit for tests of actors and trees: virtual time, probes, and no exit that nobody expected.
//!
//! [`run`] gives a test a [`Kit`]: a [`Node`] grown from a seed, on a clock that stands still and jumps as soon as
//! everybody waits, so that a time limit of an hour costs nothing and is met exactly. A [`Probe`] is a process that keeps
//! what it is sent. An actor that crashes though the test did not [expect](Kit::expect_exit) it fails the test with the
//! reason: a supervisor would hide it by a restart.
//!
//! Behind the feature `test-kit`, to be enabled in `[dev-dependencies]`.
//!
//! ```
//! use std::time::Duration;
//!
//! use actix::{Actor, Context, Handler, Message};
//! use supervisors::supervisor::ChildSpec;
//! use supervisors::{ExitReason, Port, test};
//!
//! #[derive(Message)]
//! #[rtype(result = "()")]
//! struct Order(u32);
//!
//! #[derive(Debug, PartialEq, Message)]
//! #[rtype(result = "()")]
//! struct Bill(u32);
//!
//! /// Bills an order an hour after it came.
//! struct Shop(Port<Bill>);
//! impl Actor for Shop {
//!     type Context = Context<Self>;
//! }
//! impl Handler<Order> for Shop {
//!     type Result = ();
//!     fn handle(&mut self, Order(price): Order, ctx: &mut Self::Context) {
//!         use actix::AsyncContext;
//!         assert!(price > 0, "nothing to bill");
//!         ctx.run_later(Duration::from_secs(3600), move |shop, _| shop.0.cast(Bill(price)));
//!     }
//! }
//!
//! test::run(1, async |kit| {
//!     let customer = kit.probe::<Bill>();
//!     let port = customer.port();
//!     let shop = ChildSpec::new("shop", move || Shop(port.clone()));
//!     let orders = shop.reference();
//!     kit.supervise(shop).await;
//!
//!     orders.cast(Order(3));
//!     customer.expect_no_msg(Duration::from_secs(3599)).await;
//!     assert_eq!(customer.expect_msg().await, Bill(3));
//!
//!     let process = orders.process().expect("it runs");
//!     orders.cast(Order(0));
//!     // Without this the test would fail when it ends.
//!     let reason = kit.expect_exit(&process).await;
//!     assert!(matches!(reason, ExitReason::Panicked { .. }));
//! });
//! ```
//!
//! The same without the expectation:
//!
//! ```should_panic
//! # use actix::{Actor, Context};
//! # struct Crashing;
//! # impl Actor for Crashing {
//! #     type Context = Context<Self>;
//! #     fn started(&mut self, _: &mut Self::Context) {
//! #         panic!("nobody expected this");
//! #     }
//! # }
//! supervisors::test::run(1, async |kit| {
//!     kit.spawn(Crashing);
//!     kit.settle().await;
//! });
//! ```

mod probe;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context};
use parking_lot::Mutex;
use tokio::task::LocalSet;

use crate::process::Object;
use crate::supervisor::{Child, ChildPid, Report, Supervisor, SupervisorRef, Who};
use crate::{Event, ExitReason, Node, Pid, Process, Ref};

pub use probe::{Probe, ProbeActor};

/// How long an expectation waits, by the test's clock: 10 s, twice what a call waits.
pub const EXPECTED_WITHIN: Duration = Duration::from_secs(10);

/// How long a tree may take to stop when the test is over, by the test's clock. One that takes longer never would.
const STOPPED_WITHIN: Duration = Duration::from_secs(3600);

/// Runs a test with a [`Kit`] on a clock that stands still unless everybody waits, then stops its trees.
///
/// # Panics
/// As `test` does; if an exit was not expected; if a tree does not stop.
pub fn run<T>(seed: u64, test: impl AsyncFnOnce(&Kit) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, async {
        let kit = Kit::new(seed);
        let result = test(&kit).await;
        kit.finish().await;
        result
    })
}

/// What a test works with. Made by [`run`].
pub struct Kit {
    node: Node,
    exits: Arc<Mutex<Exits>>,
    roots: Mutex<Vec<SupervisorRef>>,
}

/// Ends that were not in good order.
#[derive(Default)]
struct Exits {
    seen: Vec<UnexpectedExit>,
    expected: BTreeSet<Pid>,
    allowed: Vec<Allowed>,
}

type Allowed = Box<dyn Fn(&UnexpectedExit) -> bool + Send>;

/// The end of a process that the test has not expected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnexpectedExit {
    /// Where in its tree, or what it is.
    pub path: String,
    /// Who, if it is one process: a supervisor of a template counts its children.
    pub pid: Option<Pid>,
    /// Why.
    pub reason: ExitReason,
}

impl Kit {
    fn new(seed: u64) -> Self {
        let exits = Arc::<Mutex<Exits>>::default();
        let heard = Arc::clone(&exits);
        let node = Node::builder().name("test").seed(seed).on_event(move |_, event| {
            heard.lock().hear(&event);
        });
        Self { node: node.build(), exits, roots: Mutex::default() }
    }

    /// The test's node. Its seed is the one given to [`run`].
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Starts a process as [`Node::spawn`] does, and sees to it that its end is expected. What is spawned by the node
    /// itself, or by actors, is seen only if it is [watched](Self::watch) or a supervisor's child.
    pub fn spawn<A: Actor<Context = Context<A>>>(&self, actor: A) -> Ref<A> {
        let reference = self.node.spawn(actor);
        if let Some(process) = reference.process() {
            self.watch(&process, std::any::type_name::<A>());
        }
        reference
    }

    /// Fails the test if this process ends otherwise than in good order and nobody expected it.
    pub fn watch(&self, process: &Process, called: &str) {
        let (exits, path) = (Arc::clone(&self.exits), called.to_owned());
        Object::control(&*process.0).watch(Box::new(move |pid, reason| {
            exits.lock().note(UnexpectedExit { path, pid: Some(pid), reason: reason.clone() });
        }));
    }

    /// Starts `child`, of whatever kind, under a root of its own that allows 1000 restarts a second; the root is stopped
    /// when the test is over.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn supervise(&self, child: impl Into<Child>) -> SupervisorRef {
        self.start(Supervisor::new("root").intensity(1000, Duration::from_secs(1)).child(child)).await
    }

    /// Starts a tree, to be stopped when the test is over, the last started first.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(&self, root: Supervisor) -> SupervisorRef {
        match root.start(&self.node).await {
            Ok(root) => {
                self.roots.lock().push(root.clone());
                root
            }
            Err(reason) => panic!("the tree did not start: {reason} (seed {})", self.node.seed()),
        }
    }

    /// A process that keeps the messages it is sent.
    #[must_use]
    pub fn probe<M>(&self) -> Probe<M>
    where
        M: actix::Message<Result = ()> + Send + 'static,
    {
        Probe::new(self, |_| ())
    }

    /// A process that keeps the messages it is sent, and answers each.
    #[must_use]
    pub fn probe_answering<M>(&self, answer: impl Fn(&M) -> M::Result + 'static) -> Probe<M>
    where
        M: actix::Message + Send + 'static,
        M::Result: Send,
    {
        Probe::new(self, answer)
    }

    /// A process that traps exits and keeps them: to be [linked](Process::link) to others.
    #[must_use]
    pub fn probe_exits(&self) -> Probe<crate::Exit> {
        Probe::trapping(self)
    }

    /// Waits for the end of a process, within [`EXPECTED_WITHIN`], and gives its reason. This end, whenever it comes and
    /// whatever the reason, is expected.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn expect_exit(&self, process: &Process) -> ExitReason {
        self.exits.lock().expected.insert(process.pid());
        match tokio::time::timeout(EXPECTED_WITHIN, process.exited()).await {
            Ok(reason) => reason,
            Err(_) => panic!("{process:?} has not ended within {EXPECTED_WITHIN:?}"),
        }
    }

    /// Expects every end that `allowed` says yes to, those before included: for a test that has many.
    pub fn allow_exits(&self, allowed: impl Fn(&UnexpectedExit) -> bool + Send + 'static) {
        self.exits.lock().allowed.push(Box::new(allowed));
    }

    /// The ends so far that nobody has expected; they will not fail the test any more.
    #[must_use]
    pub fn take_unexpected_exits(&self) -> Vec<UnexpectedExit> {
        self.exits.lock().unexpected()
    }

    /// Goes on until everybody waits. It takes a millisecond of the test's time, the least a clock can tell.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Lets so much time pass, as everybody here sees it, and everybody do what is due by then.
    pub async fn advance(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn finish(self) {
        let roots = std::mem::take(&mut *self.roots.lock());
        for root in roots.into_iter().rev() {
            let Some(process) = root.process() else { continue };
            process.stop();
            if tokio::time::timeout(STOPPED_WITHIN, process.exited()).await.is_err() {
                panic!("{root:?} does not stop:\n{}", root.tree());
            }
        }
        self.settle().await;
        let unexpected = self.exits.lock().unexpected();
        let told: Vec<_> = unexpected.iter().map(ToString::to_string).collect();
        let seed = self.node.seed();
        assert!(told.is_empty(), "exits nobody expected (seed {seed}):\n  {}", told.join("\n  "));
    }
}

impl Exits {
    fn hear(&mut self, event: &Event) {
        let Event::Report { supervisor, report } = event else { return };
        let (Report::ChildTerminated { child, reason } | Report::ShutdownError { child, reason }) = report
        else {
            return;
        };
        let pid = match child.who {
            Who::Child(ChildPid::Running(pid) | ChildPid::Restarting(Some(pid))) => Some(pid),
            Who::Child(_) | Who::Count(_) => None,
        };
        let above = if supervisor.is_empty() { "root" } else { supervisor };
        self.note(UnexpectedExit { path: format!("{above}/{}", child.id), pid, reason: reason.clone() });
    }

    fn note(&mut self, exit: UnexpectedExit) {
        if !exit.reason.is_clean() {
            self.seen.push(exit);
        }
    }

    fn unexpected(&mut self) -> Vec<UnexpectedExit> {
        let mut seen = std::mem::take(&mut self.seen);
        seen.retain(|exit| !exit.pid.is_some_and(|pid| self.expected.contains(&pid)));
        seen.retain(|exit| !self.allowed.iter().any(|allowed| allowed(exit)));
        seen
    }
}

impl fmt::Display for UnexpectedExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(pid) = self.pid {
            write!(f, " {pid}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").field("node", &self.node).finish_non_exhaustive()
    }
}
