//! The series' own half: an event loop, and what stands on it (Parts 2 to 19).
//!
//! Single-threaded and callback by callback, as Twisted's is; neither tokio nor actix, and no runtime but this.
//! Read it in this order: [`poller`] asks the kernel, [`Reactor`] waits and calls back, [`Descriptor`] is what it
//! watches, [`Timers`] what it remembers for later; above them [`Transport`], [`Protocol`] and [`Factory`].

pub mod poller;
pub mod programs;
pub mod service;

mod clock;
mod connection;
mod connector;
mod deferred_clock;
mod descriptor;
mod drain;
mod error;
mod event_loop;
mod factories;
mod file_lock;
mod line_receiver;
mod lookups;
mod looping_call;
mod netstring;
mod outbuffer;
mod outcome;
mod port;
mod prefixed;
mod producer;
mod protocol;
#[cfg(test)]
mod purity_tests;
mod react;
mod reason;
mod remote;
mod resolve;
mod signals;
#[cfg(test)]
mod testing;
mod timers;
mod transport;
mod triggers;

pub use crate::terms::{ConnectFailure, Target};
pub use clock::Clock;
pub use connector::{CONNECT_TIMEOUT, Connector, ConnectorError};
pub use descriptor::{Descriptor, ReadDescriptor, WriteDescriptor};
pub use error::ReactorError;
pub use event_loop::{Lifecycle, Reactor};
pub use file_lock::{FileLock, FileLockError};
pub use line_receiver::{LineProtocol, LineReceiver, Lines, MAX_LINE};
pub use looping_call::{LoopError, LoopingCall};
pub use netstring::{NetstringReceiver, StringProtocol, send_string};
pub use outcome::{BoxError, Outcome, Raised, Report};
pub use poller::PollerKind;
pub use port::{ListenError, ListenOptions, Port};
pub use prefixed::{MAX_PREFIXED, Prefix, PrefixedReceiver, StringTooLong};
pub use producer::{Producer, ProducerError};
pub use protocol::{BuildWith, ClientFactory, Factory, Handled, Protocol, build_with};
pub use react::react;
pub use reason::Reason;
pub use remote::{MAX_REMOTE_CALLS, Remote, RemoteError};
pub use resolve::MAX_LOOKUPS;
pub use signals::Signals;
pub use timers::{DelayedCall, TimerError, Timers};
pub use transport::{HIGH_WATER, MAX_BUFFERED, Transport};
pub use triggers::{Hold, Phase, SystemEvent, TriggerId};
