//! The node's actors: each a process, started by a supervisor of the tree, talking only by messages.
//!
//! | actor | owns | messages |
//! |---|---|---|
//! | [`Source`] | the text of a poem | [`GetPoem`](crate::message::GetPoem) |
//! | [`Listener`] | the accepting of one listening socket | none |
//! | [`PoemConnection`] | one client of a poem server | none |
//! | [`TransformConnection`] | one client of the transform service | none |
//! | [`TransformWorker`] | one request to the transform service | [`Transform`](crate::message::Transform) |
//!
//! What they share is not an actor: the [`Service`] of a listener, the [`Session`] of a connection, the [`Limit`] of
//! connections, the [`Workers`] that a connection asks. None knows the tree or another's type; `node.rs` wires them.

mod limit;
mod listener;
mod poem_connection;
mod session;
mod source;
mod transform_connection;
mod transform_protocol;
mod transform_worker;

pub use limit::{Limit, Permit};
pub(crate) use listener::ListenerOptions;
pub use listener::{Listener, Service, Visit};
pub use poem_connection::{PoemConnection, PoemService};
pub use session::{ConnectionOptions, Session};
pub use source::Source;
pub use transform_connection::{Exchange, ExchangeOptions, TransformConnection};
pub use transform_protocol::{Lines, Netstrings, TransformProtocol};
pub use transform_worker::{TransformEngine, TransformWorker, Transforming, WorkerOptions, Workers};
