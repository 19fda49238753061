//! Fuzz targets of the wire protocols. `tests/fuzz/run SECONDS` runs them.
//!
//! The wire module is compiled in by itself: that keeps the build short and every instrumented branch relevant,
//! and shows that the module needs no socket, no clock and no runtime.

pub mod targets;
#[path = "../../../src/wire/mod.rs"]
pub mod wire;
