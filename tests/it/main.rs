//! The integration tests: one binary, a module per theme.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "all of this crate is tests, helpers included")]

mod fuzz_corpus;
mod get;
mod proxy;
mod readme;
mod server;
mod tidy;
mod tools;
mod transform;
