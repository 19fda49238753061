//! The command on the engines that are no actors: no runtime is built here, and no process of `supervisors` runs.
//!
//! What is said and how it ends is the same as of the actors, to the letter; so what these engines report is put into
//! the words of the node's events and of its errors.

pub(super) mod blocking;
mod listening;
pub(super) mod local;
pub(super) mod reactor;
mod told;

pub(super) use told::{cause, options, target};
use told::{framing, pace};
