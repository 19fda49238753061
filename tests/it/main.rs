//! The integration tests: one binary, a module per theme.

#![allow(clippy::unwrap_used, reason = "all of it is tests, of which clippy sees only the functions")]

mod deferred;
mod fuzz_corpus;
mod get;
mod lab;
mod proxy;
mod series;
mod server;
mod tidy;
mod transform;
