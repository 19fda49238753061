//! The integration tests: one binary, a module per theme.

mod deferred;
mod fuzz_corpus;
mod get;
mod proxy;
mod series;
mod series_deferreds;
mod server;
mod simulator;
mod tidy;
mod transform;
