//! What whoever operates a node needs of it, beside its services: to see how it is, and to tell it what to do.

pub mod admin;
mod lifecycle;

pub use lifecycle::{Lifecycle, Phase};
