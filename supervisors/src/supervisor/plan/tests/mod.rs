//! Claims about plans, by theme, and the rig that carries plans out without processes.

mod backoff;
mod dynamic;
mod exhaustive;
mod histories;
mod laws;
mod pool_histories;
mod reference;
mod requests;
mod restarts;
mod rig;
mod significant;
mod starting;
mod stopping;
mod template;
mod window;
