#![doc = include_str!("../README.md")]
//!
//! # The words
//!
//! | OTP | here |
//! |---|---|
//! | pid, process | [`Pid`]: who; [`Process`]: one life of an actor, to signal and to watch, from any thread |
//! | node | [`Node`]: pids, names, clock, chance, the sink of events |
//! | exit reason | [`ExitReason`] |
//! | `spawn`, `spawn_link`, `spawn_monitor` | [`Node::spawn`], [`Node::spawn_link`], [`Node::spawn_monitor`] |
//! | `exit/1`, `{stop, Reason, _}` | [`ContextExt::exit`] |
//! | `exit/2`, `kill` | [`Process::exit`], [`Process::kill`] |
//! | `link`, `unlink`, `trap_exit`, `{'EXIT', _, _}` | [`Process::link`], [`Process::unlink`], [`ContextExt::trap_exit`], [`Exit`] |
//! | `monitor`, `demonitor`, `'DOWN'` | [`Process::monitor`], [`Monitor::demonitor`], [`Down`]; for code that is no actor [`Process::exited`] |
//! | `register`, `whereis`, `registered` | [`Node::register`], [`Node::whereis`], [`Node::registered`]; typed: [`Node::named`] |
//! | `self()` | [`this_process`] |
//! | `gen_server:call`, `cast`, `noreply` and a later `reply` | [`Ref::call`], [`Ref::cast`]; `ResponseActFuture`. To whom only the message is known: [`Port`] |
//! | `supervisor` | [`Supervisor`](supervisor::Supervisor), [`ChildSpec`](supervisor::ChildSpec) |
//! | `simple_one_for_one`, `DynamicSupervisor` | [`DynamicSupervisor`](supervisor::DynamicSupervisor) |
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
//! # Which messages arrive
//!
//! Mail sent through a [`Ref`] is handled in the order it was sent. What a process had not handled when it ended is
//! dropped, and its next life does not see it: the caller of a [`call`](Ref::call) is told
//! ([`CallError::Exit`]), a [`cast`](Ref::cast) is lost without a word. Between two lives nobody is there:
//! [`CallError::NoProc`].

mod call;
mod event;
mod exit;
mod history;
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
pub mod supervisor;
mod watch;

pub use call::{CALL_TIMEOUT, Call, CallError};
pub use event::{Event, Path, Subject};
pub use exit::{ExitReason, Failure, ShutdownCause};
pub use history::{History, Stamped, Subscription};
pub use monitor::{Down, Monitor, MonitorId};
pub use node::{MAILBOX_BOUND, Node, NodeBuilder};
pub use pid::Pid;
pub use place::{ArbiterInfo, Place, PlaceError, Places};
pub use port::Port;
pub use process::{ContextExt, Exit, Exited, Process, Statistics, this_process};
pub use reference::Ref;
pub use registry::RegisterError;
pub use watch::{Watchdog, WhenStuck};
