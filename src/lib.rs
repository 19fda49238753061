//! Poetry servers, clients, a transform service and a caching proxy as a supervised, Erlang-style actor system.

pub mod actors;
pub mod blocking;
pub mod cache;
pub mod cli;
pub mod client;
pub mod config;
pub mod deferred;
pub mod event;
#[cfg(feature = "lab")]
pub mod lab;
pub mod message;
pub mod net;
pub mod node;
pub mod ops;
pub mod poem;
pub mod reactor;
pub mod terms;
pub mod transform;
pub mod wire;
