//! The series' programs, on the reactor: servers, clients, the transform service, the proxies.
//!
//! Library functions with plain options: the command line, the examples and the tests call the same ones.

mod client;
mod error;
mod events;
mod fetch;
pub(crate) mod framing;
mod idle;
mod options;
mod proxy;
#[cfg(test)]
mod proxy_tests;
mod server;
#[cfg(test)]
mod tests;
mod transform;
mod transform_proxy;
#[cfg(test)]
mod transform_tests;

pub use client::{Download, get_poems, get_poetry};
pub use error::{GetError, SharedError};
pub use events::{ClientEvent, Elapsed, ServerEvent};
pub use fetch::{apply_transform, fetch_poetry};
pub use options::{Framing, GetOptions, Pace, ServeOptions, UnknownFraming};
pub use proxy::{ProxyEvent, ProxyOptions, ProxyVersion, serve_proxy};
pub use server::serve_poem;
pub use transform::{TransformEvent, TransformOptions, serve_transforms};
pub use transform_proxy::serve_transform_proxy;
