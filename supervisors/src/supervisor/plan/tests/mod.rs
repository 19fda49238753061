//! Claims about plans, by theme, and the rig that carries plans out without processes.
