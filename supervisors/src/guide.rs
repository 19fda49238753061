//! Pages to read: what the crate does in cases that the page of one type cannot tell.

#[doc = include_str!("../docs/fate.md")]
pub mod fate {}
