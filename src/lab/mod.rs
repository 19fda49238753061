//! The fault lab: nodes and their clients in simulation, and what must hold whatever happens to them.
//!
//! Behind the feature `lab`. What knows no poems is in [`supervisors::lab`].

mod bug;
mod chronicle;
mod fault;
mod faulty;
mod ground;
pub mod laws;
mod one_fault;
mod page;
mod simulated;
mod simulation;
mod three_nodes;

pub use bug::Bug;
pub use chronicle::{Chronicle, Fact, Record};
pub use fault::{NetFault, Odds, Way};
pub use faulty::{FaultyNet, NetChange, NetFact, NetGuard, NetTell};
pub use ground::{Ground, GroundNode, SimulatedGround, SocketGround};
pub use one_fault::{Nobody, OneFault};
pub use page::{Page, Part};
pub use simulated::{Hosts, Simulated};
pub use simulation::{Host, Simulation};
pub use three_nodes::{ThreeNodes, Trial};
