//! Random supervision trees and scripts, on the installed OTP's own `supervisor` and on ours.
//!
//! A [`case`] is made by [`generate`] from a seed, run by [`theirs`] and by [`ours`], and the traces are compared by
//! [`compare`] line by line. [`releases`] is the table of what is not the same, [`rules`] counts what was come to;
//! [`erlang`] and [`rust`] write a case down, [`shrink`] makes it smaller.

pub(crate) mod case;
pub(crate) mod compare;
pub(crate) mod erlang;
pub(crate) mod generate;
pub(crate) mod ours;
pub(crate) mod releases;
pub(crate) mod rules;
pub(crate) mod rust;
pub(crate) mod shrink;
pub(crate) mod theirs;

/// How many cases are run unless told otherwise: as many as come to each rule a hundred times.
pub(crate) const CASES: u64 = 8000;
