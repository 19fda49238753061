#![doc = include_str!("../README.md")]
//!
//! # The words
//!
//! What an Erlang or Elixir reader looks for. Where nothing is said of a difference, there is none but the types.
//!
//! | OTP | here | what differs |
//! |---|---|---|
//! | pid | [`Pid`] | says who, and is no address: one talks through a [`Ref`]; never reused |
//! | process | [`Process`]: one life of an actor, to signal and to watch, from any thread | stays on one thread |
//! | node | [`Node`]: pids, names, clock, chance, the sink of events | a value, as many in a program as you like; so far none sees another |
//! | exit reason | [`ExitReason`] | an enum; [`Failed`](ExitReason::Failed) takes any error |
//! | `spawn`, `spawn_link`, `spawn_monitor`, `spawn_opt` | [`Node::spawn`], [`Node::spawn_link`], [`Node::spawn_monitor`], [`Node::spawn_opt`] | a process is an actor, not a function |
//! | `exit/1`, `{stop, Reason, _}` | [`ContextExt::exit`] | `stopping()` may refuse |
//! | `exit/2`, `kill` | [`Process::exit`], [`Process::kill`] | also while it awaits, but not before its [turn](guide::beam) ends |
//! | `link`, `unlink`, `process_flag(trap_exit, _)`, `{'EXIT', _, _}` | [`Process::link`], [`Process::unlink`], [`ContextExt::trap_exit`], [`Exit`] | |
//! | `monitor`, `demonitor`, `'DOWN'` | [`Process::monitor`], by name [`Node::monitor`], [`Monitor::demonitor`], [`Monitor::demonitor_flush`], [`Down`] | for code that is no actor [`Process::exited`] |
//! | `register`, `unregister`, `whereis`, `registered` | [`Node::register`], [`Node::unregister`], [`Node::whereis`], [`Node::registered`] | typed: [`Node::named`] is a [`Ref`] to whoever has the name, now or later |
//! | `self()` | [`this_process`]; typed: [`ContextExt::myself`] | |
//! | `gen_server` | any actor on `actix::Context`; [`ContextExt`] | one `Handler` a message, found by type when the program is built |
//! | `init/1`, the init ack, `proc_lib:init_ack` | the start function of a [`ChildSpec`](supervisor::ChildSpec), then `started()` | started is who has returned from `started()`; there is no earlier ack |
//! | `ignore`, `{stop, Reason}`, `{error, Reason}` of a start | [`StartError`](supervisor::StartError) | |
//! | `gen_server:start`, `start_link`, `{timeout, _}` | [`Node::start`], [`Node::start_link`]; [`ChildSpec::start_within`](supervisor::ChildSpec::start_within) | |
//! | `gen_server:call` | [`Ref::call`], with [`CallError`] | an error is a value and ends nobody; a late answer is dropped |
//! | `cast`, `!` | [`Ref::cast`], [`Ref::try_cast`] | the latter says if nobody took it |
//! | `noreply` and a later `reply` | actix's `ResponseActFuture` | the reply belongs to the actor: it goes when the actor does |
//! | a server known by its protocol only | [`Port`] | |
//! | `{continue, _}` | [`ContextExt::continue_with`] | |
//! | a time-out in milliseconds | [`ContextExt::idle_timeout`] | |
//! | `terminate/2` | `stopping()` and `stopped()`, with [`ContextExt::stop_reason`]; [`ContextExt::on_panic`] | runs for a supervisor's stop also in who does not trap exits; after a crash only if asked for |
//! | `gen_server:stop` | [`Ref::stop`] | behind the mail, as there |
//! | `code_change/3`, `hibernate`, `format_status` | none | see [`guide::beam`] |
//! | `erlang:send_after`, `cancel_timer` | [`Ref::send_after`], [`Timer::cancel`] | an actor's own timers are actix's |
//! | `pg` | [`Groups`] | typed by the message its members take; one node |
//! | Elixir's `Registry` | [`Registry`] | keys of any ordered type; no partitions, no listeners |
//! | `supervisor`, `sup_flags()`, `child_spec()` | [`Supervisor`](supervisor::Supervisor), [`ChildSpec`](supervisor::ChildSpec) | see [`supervisor`](mod@supervisor) |
//! | `start_child`, `terminate_child`, `restart_child`, `delete_child`, `which_children`, `count_children`, `get_childspec` | the methods of [`SupervisorRef`](supervisor::SupervisorRef) | errors are [`ChildError`](supervisor::ChildError) |
//! | `simple_one_for_one` | [`DynamicSupervisor::template`](supervisor::DynamicSupervisor::template), [`Template`](supervisor::Template) | the argument of `start_child` is typed |
//! | Elixir's `DynamicSupervisor` | [`DynamicSupervisor`](supervisor::DynamicSupervisor) | |
//! | Elixir's `PartitionSupervisor` | [`PartitionSupervisor`](supervisor::PartitionSupervisor) | a key is hashed alike in every run |
//! | Elixir's `Task` | [`Task`](supervisor::Task) | awaiting has no time limit: [`Task::yield_within`](supervisor::Task::yield_within) has |
//! | Elixir's `Task.Supervisor`, `async_stream` | [`TaskSupervisor`](supervisor::TaskSupervisor), [`TaskStream`](supervisor::TaskStream) | |
//! | `application` | `main`: it starts a root and awaits its end | [`Process::exited`] of the root is what a program must not miss |
//! | `gen_statem`, `gen_event` | none | an enum in the actor; [`Groups`] |
//! | `sys:suspend`, `sys:resume` | [`Process::suspend`], [`Process::resume`] | timers and futures of the actor go on |
//! | `sys:get_state`, `replace_state`, `sys:trace` | none | a message of yours; [`Event`] |
//! | `sys:statistics`, `process_info/2` | [`Process::statistics`] | |
//! | `observer`, `supervisor:which_children` through a whole tree | [`SupervisorRef::tree`](supervisor::SupervisorRef::tree) | asks nobody, so it answers also while a supervisor is busy |
//! | a supervisor's own `shutdown` | [`SupervisorRef::stop`](supervisor::SupervisorRef::stop) | for a root; a child is stopped by its supervisor |
//! | SASL's progress and crash reports, `logger` | [`Event`], [`History`]; `tracing` (feature, on by default) | a restart is told, too, with its number among those allowed |
//! | `erlang:system_monitor` with `long_schedule` | [`Watchdog`], [`Event::Stuck`] | may give the thread up |
//! | schedulers; on which one a process runs | [`Places`], [`Place`] | chosen at the start, for life |
//! | hot upgrade, distribution, selective receive | none | see [`guide::beam`] |
//!
//! # Guides
//!
//! [From `actix::Supervisor`](guide::from_actix), [from Erlang or Elixir](guide::from_erlang), [from ractor or
//! kameo](guide::from_peers), and [what the BEAM has and we do not](guide::beam).
//!
//! # Where to look
//!
//! [`supervisor`] has the supervisors, and says what is OTP's and what is not. All else is at the root: a [`Node`] starts
//! processes; a [`Ref`] or [`Port`] talks to them, and the future of an answer is a [`Call`]; a [`Process`] is watched
//! and signalled; [`Place`] says on which thread a child runs, and a [`Watchdog`] sees to it that turns end; [`Event`]s
//! tell what happened, also to `tracing`, and a [`History`] hands them on.
//!
//! # Tests
//!
//! With the feature `test-kit`, for `[dev-dependencies]`, there is `supervisors::test`: virtual time, probes, and tests that
//! fail if an actor crashes though nobody expected it. The feature `lab` has faults on purpose, laws and sweeps.
//!
//! # Which messages arrive
//!
//! Mail sent through a [`Ref`] is handled in the order it was sent. What a process had not handled when it ended is
//! dropped, and its next life does not see it: the caller of a [`call`](Ref::call) is told
//! ([`CallError::Exit`]), a [`cast`](Ref::cast) is lost without a word. [`guide::fate`] has the whole table. Between two lives nobody is there:
//! [`CallError::NoProc`].
//!
//! # A turn that does not end
//!
//! Everything above works because turns end: a handler, a timer, a step of a future each give the thread back. One that
//! waits where it stands, for a lock, a file, a service, or computes for a minute, holds its thread and all who live
//! on it. No signal reaches it, `kill` included. What the BEAM solves by counting reductions, a Rust program cannot.
//! A node has a [`Watchdog`] instead, which sees from a thread of its own which turns do not end.
//!
//! **It says so.** A turn of 1 s, unless told otherwise, is an [`Event::Stuck`] with the path, the pid and the type of
//! the actor; and again when it has lasted twice as long. An actor that floods itself through its own `Addr` or
//! `ctx.notify`, past the mailbox that a [`Ref`] fills, is seen the same way, and so is a start function. Processes that
//! [call](Ref::call) each other in a circle hold no thread; they are told by [`Event::CallCycle`].
//!
//! **It gives the thread up**, if asked to ([`WhenStuck::Abandon`], for a node or a
//! [child](supervisor::ChildSpec::when_stuck)), and if it is one of the node's own [places](Place): a supervisor's own
//! thread cannot be given up, which is refused when the spec is checked.
//!
//! ```
//! use std::time::Duration;
//!
//! use supervisors::supervisor::{ChildSpec, SpecError, Supervisor};
//! use supervisors::{Node, Place, Watchdog, WhenStuck};
//! # struct Resolver;
//! # impl actix::Actor for Resolver {
//! #     type Context = actix::Context<Self>;
//! # }
//!
//! let watchdog = Watchdog::new().limit(Duration::from_millis(500));
//! let node = Node::builder().watchdog(watchdog).arbiters(2).build();
//! let resolver = || ChildSpec::new("resolver", || Resolver).when_stuck(WhenStuck::Abandon);
//! assert!(Supervisor::new("root").child(resolver().place(Place::RoundRobin)).check().is_ok());
//! let refused = Supervisor::new("root").child(resolver()).check();
//! assert_eq!(refused, Err(SpecError::NotAbandonable("resolver".into())));
//! # drop(node);
//! ```
//!
//! What becomes of whom, then:
//!
//! | who | what |
//! |---|---|
//! | the process that is stuck | is dead, with [`ExitReason::Stuck`]: its name is free, its mailbox closed, its links, monitors and supervisor are told, all from the watchdog's thread |
//! | the others on its thread | are dead too, with [`ExitReason::Abandoned`]; their restarts are not counted against any supervisor's intensity |
//! | their supervisors | start them again on a new arbiter with the number of the old one, or wherever [`Place`] says |
//! | the call it was handling | ends with [`CallError::Exit`] as soon as the death is declared; for a caller by raw `Addr`, when the turn ends or by the caller's own time-out |
//! | a start that had begun there | fails, with `Stuck`; one that had not is made elsewhere |
//! | the turn itself | runs to its end, as nobody's: what it sends through a [`Ref`] or [`Port`] is dropped, signals it sends too, and a process it starts is dead at once. What it does past us, to a file or a shared lock, it does |
//! | what its actors hold | stays held until the turn ends, if it ever does, and the thread with it: memory, permits, locks, sockets. What others wait for is let go by [`ContextExt::on_abandon`]: a connection must, or its client waits in silence |
//! | the thread | ends when the turn does. At most 16 such threads are allowed ([`Watchdog::abandon_at_most`]); beyond, turns are only reported |
//!
//! **It ends the program** ([`WhenStuck::Exit`]), where something else starts it again.
//!
//! `examples/watchdog.rs` shows all of it. In simulation, on a paused clock, nothing is watched: time stands still there
//! while a turn runs.

mod call;
mod event;
mod exit;
mod groups;
pub mod guide;
mod history;
mod keys;
#[cfg(feature = "lab")]
pub mod lab;
#[cfg(all(test, feature = "shuttle"))]
mod model;
mod monitor;
mod node;
mod pid;
mod place;
mod port;
mod process;
mod reference;
mod registry;
mod spawn;
pub mod supervisor;
mod sync;
#[cfg(feature = "test-kit")]
pub mod test;
mod timer;
mod unwind;
mod watch;

pub use call::{CALL_TIMEOUT, Call, CallError, CastWait};
pub use event::{Event, Path, Subject};
pub use exit::{ExitReason, Failure, ShutdownCause};
pub use groups::{GroupChange, GroupError, GroupEvent, GroupMonitor, Groups, Member};
pub use history::{History, Stamped, Subscription};
pub use keys::{Entry, Registry, RegistryError};
pub use monitor::{Down, Monitor, MonitorId};
pub use node::{MAILBOX_BOUND, Node, NodeBuilder};
pub use pid::Pid;
pub use place::{ArbiterInfo, Place, PlaceError, Places};
pub use port::Port;
pub use process::{ContextExt, Exit, Exited, Overflow, Process, Statistics, this_process};
pub use reference::Ref;
pub use registry::RegisterError;
pub use spawn::{SpawnOptions, Spawned};
pub use timer::Timer;
pub use watch::{Watchdog, WhenStuck};

#[cfg(test)]
mod directory_tests;
