//! The node's actors: each a process, started by a supervisor of the tree, talking only by messages.
//!
//! | actor | owns | messages |
//! |---|---|---|
//! | [`Source`] | the text of a poem | [`GetPoem`](crate::message::GetPoem) |
//! | [`Listener`] | the accepting of one listening socket | none |
//! | [`Download`] | the fetching of one poem | tells [`Downloaded`](crate::message::Downloaded) and its progress |
//! | [`PoemConnection`] | one client of a poem server | none |
//! | [`TransformConnection`] | one client of the transform service | none |
//! | [`TransformWorker`] | one request to the transform service | [`Transform`](crate::message::Transform) |
//! | [`TransformClient`] | one transform of one poem, for a client | tells [`Transformed`](crate::message::Transformed) |
//! | [`PoemCache`] | the poems of a caching proxy, and who waits | [`AskPoem`](crate::message::AskPoem) and those of operators |
//! | [`Fetch`] | one fetch of a caching proxy | tells [`FetchEnded`](crate::message::FetchEnded); [`TakePiece`](crate::message::TakePiece) |
//! | [`ProxyConnection`] | one client of a caching proxy | none |
//!
//! What they share is not an actor: the [`Service`] of a listener, the [`Session`] of a connection, the [`Limit`] of
//! connections, the [`Workers`] that a connection asks, the exchange of a client ([`download()`], [`ask`]). None knows
//! the tree or another's type; `node.rs` wires them.

mod cache;
mod download;
mod exchange;
mod fetch;
mod later;
mod limit;
mod listener;
mod passage;
mod poem_connection;
pub mod point;
mod proxy_connection;
#[cfg(test)]
pub(crate) mod scripted;
mod session;
mod source;
mod transform_client;
mod transform_connection;
mod transform_protocol;
mod transform_worker;

#[cfg(feature = "lab")]
pub(crate) use cache::WAITER_IS_FORGOTTEN;
pub use cache::{CacheOptions, CachePorts, FetchPorts, FetchWork, Fetcher, Fetching, PoemCache};
pub use download::{Download, DownloadWork};
pub use exchange::{DownloadOptions, ExchangeOptions, Piece, ask, download};
#[cfg(feature = "lab")]
pub(crate) use fetch::TRUNCATED_IS_CACHED;
pub use fetch::{Fetch, Upstream};
pub use later::Later;
pub use limit::{Limit, Permit};
pub(crate) use listener::ListenerOptions;
pub use listener::{Listener, Service, Visit};
pub use poem_connection::{PoemConnection, PoemService};
pub use proxy_connection::{ProxyConnection, ProxyKind, ProxyService};
pub use session::{ConnectionOptions, Session};
pub use source::Source;
pub use transform_client::{
    MAX_REQUEST, TransformClient, TransformRoute, TransformWork, apply, not_transformed,
};
pub use transform_connection::{TransformConnection, TransformServing, TransformServingOptions};
pub use transform_protocol::{Lines, Netstrings, TransformProtocol};
pub use transform_worker::{TransformEngine, TransformWorker, Transforming, WorkerOptions, Workers};
