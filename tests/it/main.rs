//! The integration tests: one binary, a module per theme.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "all of it is tests, helpers included")]

mod deferred;
mod fuzz_corpus;
mod get;
mod proxy;
mod readme;
mod series;
mod server;
mod tidy;
mod tools;
mod transform;
