//! The node's actors: each a process, started by a supervisor of the tree, talking only by messages.
//!
//! | actor | owns | messages |
//! |---|---|---|
//! | [`Source`] | the text of a poem | [`GetPoem`](crate::message::GetPoem) |
//! | [`Listener`] | the accepting of one listening socket | none |
//! | [`Download`] | the fetching of one poem | tells [`Downloaded`](crate::message::Downloaded) and its progress |
//! | [`PoemConnection`] | one client of a poem server | none |
//! | [`TransformClient`] | one transform of one poem, for a client | tells [`Transformed`](crate::message::Transformed) |
//!
//! What they share is not an actor: the [`Service`] of a listener, the [`Session`] of a connection, the [`Limit`] of
//! connections, the exchange of a client ([`download()`], [`ask`]). None knows the tree or another's type; `node.rs` wires them.

mod download;
mod exchange;
mod limit;
mod listener;
mod poem_connection;
#[cfg(test)]
pub(crate) mod scripted;
mod session;
mod source;
mod transform_client;

pub use download::{Download, DownloadWork};
pub use exchange::{DownloadOptions, ExchangeOptions, Piece, ask, download};
pub use limit::{Limit, Permit};
pub(crate) use listener::ListenerOptions;
pub use listener::{Listener, Service, Visit};
pub use poem_connection::{PoemConnection, PoemService};
pub use session::{ConnectionOptions, Session};
pub use source::Source;
pub use transform_client::{MAX_REQUEST, TransformClient, TransformEngine, TransformWork, apply};
