//! The series' programs, on the reactor: servers, clients, the transform service, the proxies.
//!
//! Library functions with plain options: the command line, the examples and the tests call the same ones.

mod client;
mod fetch;
mod forward;
#[cfg(test)]
mod forward_tests;
mod idle;
mod proxy;
#[cfg(test)]
mod proxy_tests;
mod server;
#[cfg(test)]
mod tests;
mod transform;
mod transform_proxy;
mod transform_talk;
#[cfg(test)]
mod transform_tests;

pub use client::{Download, get_poems, get_poetry};
pub use fetch::{apply_transform, fetch_poetry};
pub use forward::forward_port;
pub use proxy::{ProxyEvent, ProxyOptions, ProxyVersion, serve_proxy};
pub use server::serve_poem;
pub use transform::{TransformEvent, TransformOptions, Transforms, serve_transforms};
pub use transform_proxy::serve_transform_proxy;

pub use crate::terms::{
    ClientEvent, Elapsed, Framing, GetError, GetOptions, Pace, ServeOptions, ServerEvent, SharedError,
    UnknownFraming,
};
