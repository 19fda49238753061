//! The integration tests: one binary, a module per theme.

mod fuzz_corpus;
mod get;
mod proxy;
mod server;
mod tidy;
mod transform;
