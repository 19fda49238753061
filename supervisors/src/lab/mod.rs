//! The parts of a fault lab that any program of supervised actors can use.
