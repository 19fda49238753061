#![doc = include_str!("../README.md")]
//!
//! # The words
//!
//! | OTP | here |
//! |---|---|
//! | pid, process | [`Pid`]: who; [`Process`]: one life of an actor, to signal and to watch, from any thread |
//! | node | [`Node`]: pids, names, clock, chance, the sink of events |
//! | exit reason | [`ExitReason`] |
//! | `spawn`, `spawn_link`, `spawn_monitor`, `spawn_opt` | [`Node::spawn`], [`Node::spawn_link`], [`Node::spawn_monitor`], [`Node::spawn_opt`] |
//! | `gen_server:start`, `start_link` with `{timeout, _}` | [`Node::start`], [`Node::start_link`]; [`ChildSpec::start_within`](supervisor::ChildSpec::start_within) |
//! | `exit/1`, `{stop, Reason, _}` | [`ContextExt::exit`] |
//! | `exit/2`, `kill` | [`Process::exit`], [`Process::kill`] |
//! | `link`, `unlink`, `trap_exit`, `{'EXIT', _, _}` | [`Process::link`], [`Process::unlink`], [`ContextExt::trap_exit`], [`Exit`] |
//! | `monitor`, `demonitor`, `'DOWN'` | [`Process::monitor`], by name [`Node::monitor`], [`Monitor::demonitor`], [`Down`]; for code that is no actor [`Process::exited`] |
//! | `register`, `whereis`, `registered` | [`Node::register`], [`Node::whereis`], [`Node::registered`]; typed: [`Node::named`] |
//! | Elixir's `Registry` | [`Registry`], with unique or duplicate keys of any type |
//! | `pg` | [`Groups`] |
//! | `self()` | [`this_process`]; typed: [`ContextExt::myself`] |
//! | `gen_server:call`, `cast`, `noreply` and a later `reply` | [`Ref::call`], [`Ref::cast`]; `ResponseActFuture`. To whom only the message is known: [`Port`] |
//! | `{continue, _}`, a time-out in milliseconds, `terminate/2` | [`ContextExt::continue_with`], [`ContextExt::idle_timeout`]; `stopping()` and `stopped()` with [`ContextExt::stop_reason`], [`ContextExt::on_panic`] |
//! | `gen_server:stop` | [`Ref::stop`] |
//! | `erlang:send_after`, `cancel_timer` | [`Ref::send_after`], [`Timer::cancel`] |
//! | `supervisor` | [`Supervisor`](supervisor::Supervisor), [`ChildSpec`](supervisor::ChildSpec) |
//! | `simple_one_for_one` | [`DynamicSupervisor::template`](supervisor::DynamicSupervisor::template), [`Template`](supervisor::Template): the argument of `start_child` is typed |
//! | Elixir's `DynamicSupervisor` | [`DynamicSupervisor`](supervisor::DynamicSupervisor), also with `extra_arguments` |
//! | Elixir's `PartitionSupervisor` | [`PartitionSupervisor`](supervisor::PartitionSupervisor) |
//! | Elixir's `Task`, `Task.Supervisor` | [`Task`](supervisor::Task), [`TaskSupervisor`](supervisor::TaskSupervisor), [`TaskStream`](supervisor::TaskStream) |
//! | `sys:suspend`, `sys:resume` | [`Process::suspend`], [`Process::resume`] |
//! | `observer` | [`SupervisorRef::tree`](supervisor::SupervisorRef::tree), [`Event`], [`History`] |
//!
//! # Where to look
//!
//! [`supervisor`] has the supervisors, and says what is OTP's and what is not. All else is at the root: a [`Node`] starts
//! processes; a [`Ref`] or [`Port`] talks to them, and the future of an answer is a [`Call`]; a [`Process`] is watched
//! and signalled; [`Place`] says on which thread a child runs; [`Event`]s tell what happened, and a [`History`] hands
//! them on.
//!
//! # Tests
//!
//! With the feature `test-kit` there is [`test`](mod@test): virtual time, probes, and tests that fail if an actor crashes
//! though nobody expected it.
//!
//! # Which messages arrive
//!
//! Mail sent through a [`Ref`] is handled in the order it was sent. What a process had not handled when it ended is
//! dropped, and its next life does not see it: the caller of a [`call`](Ref::call) is told
//! ([`CallError::Exit`]), a [`cast`](Ref::cast) is lost without a word. Between two lives nobody is there:
//! [`CallError::NoProc`].

mod call;
mod event;
mod exit;
mod groups;
mod history;
mod keys;
#[cfg(feature = "lab")]
pub mod lab;
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
