//! Random supervision trees and scripts, on the installed OTP's own `supervisor` and on ours.

pub(crate) mod case;
pub(crate) mod compare;
mod erlang;
pub(crate) mod generate;
mod ours;
pub(crate) mod releases;
pub(crate) mod rules;
mod shrink;
pub(crate) mod theirs;
