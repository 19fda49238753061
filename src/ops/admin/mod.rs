//! The admin port: a node seen and steered over HTTP, from its own machine.
//!
//! | route | what | answers |
//! |---|---|---|
//! | `GET /live` | whether the root supervisor answers | 200, 503; [`view::Live`] |
//! | `GET /ready` | whether every listener listens and no drain has begun | 200, 503; [`view::Ready`] |
//! | `GET /tree` | the supervision tree as it is now | 200; [`view::Tree`] |
//! | `GET /cache` | what the caches hold | 200; [`view::Caches`] |
//! | `POST /kill` | kills a process by path or pid ([`view::KillOrder`]); its supervisor does the rest | 200, 404, 409; [`view::Killed`] |
//! | `POST /drain` | asks whoever runs the node to drain it | 202; [`view::DrainView`] |
//! | `POST /cache/purge` | drops poems ([`view::CacheOrder`]) | 200, 404, 503; [`view::Purged`] |
//! | `POST /cache/refresh` | has poems fetched anew ([`view::CacheOrder`]) | 200, 404, 503; [`view::Refreshes`] |
//!
//! Every body is JSON. A refusal is a [`view::Refused`]: 403 for a foreign `Host` or `Origin`, on every route; 401 for
//! anything but looking without the token ([`token`]); 400, 404, 405, 413 for what makes no sense.
//!
//! Bounds: 32 connections at once, the rest wait; one request a connection; 128 KiB for its head, which has 5 s to come,
//! 16 KiB for its body, 30 s for all of it.
//!
//! In the tree it is the branch `ops/admin`: connections and a listener, as every service has them, started before all
//! others and stopped after them. A connection is actix-web on a socket that the tree has accepted, in a process of its
//! own, because actix-web's server would bring threads, signals and restarts that no supervisor knows of.

mod caches;
pub mod client;
mod connection;
mod desk;
mod guard;
mod refusal;
mod routes;
mod socket;
pub mod token;
pub mod view;

use std::sync::Arc;

pub use desk::{CacheSeat, Desk, Seat};
pub use refusal::Refusal;
use token::Token;

/// Connections of the admin port at once; more wait in the backlog. 32: some operators, some probes, a script gone wild.
pub const MAX_CONNECTIONS: usize = 32;

/// What the connections of an admin port are for.
#[derive(Clone, Debug)]
pub struct Admin {
    /// What can be seen and done.
    pub desk: Desk,
    /// What opens it.
    pub token: Arc<Token>,
}
