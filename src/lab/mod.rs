//! The fault lab: nodes and their clients in simulation, and what must hold whatever happens to them.
//!
//! Behind the feature `lab`. What knows no poems is in [`supervisors::lab`].

mod simulated;

pub use simulated::{Hosts, Simulated};
