//! The integration tests: one binary, a module per theme.

#![allow(clippy::unwrap_used, reason = "all of it is tests, of which clippy sees only the functions")]

mod fuzz_corpus;
mod proxy;
