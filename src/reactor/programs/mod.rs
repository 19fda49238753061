//! The series' programs, on the reactor: servers, clients, the transform service, the proxies.
//!
//! Library functions with plain options: the command line, the examples and the tests call the same ones.

mod client;
mod error;
mod events;
pub(crate) mod framing;
mod options;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Download, get_poems, get_poetry};
pub use error::{GetError, SharedError};
pub use events::{ClientEvent, Elapsed, ServerEvent};
pub use options::{Framing, GetOptions, Pace, ServeOptions, UnknownFraming};
pub use server::serve_poem;
