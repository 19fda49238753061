//! The integration tests: one binary, a module per theme.

mod fuzz_corpus;
mod series;
