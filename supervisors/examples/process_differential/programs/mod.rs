//! Random programs of small processes, done by a real OTP and by ours.

pub(crate) mod case;
pub(crate) mod compare;
pub(crate) mod generate;
pub(crate) mod ours;
pub(crate) mod rules;
mod rust;
pub(crate) mod theirs;
