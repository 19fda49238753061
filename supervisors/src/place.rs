//! Where a process runs.

use actix::ArbiterHandle;

/// The thread a process is put on.
///
/// Waking a thread that is parked on another core costs tens of microseconds where a message on the same thread costs
/// a tenth of one: keep those who talk to each other on one thread.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Place {
    /// The thread of whoever starts it: for a child, its supervisor's. The default.
    #[default]
    Local,
    /// The thread of this arbiter.
    Arbiter(ArbiterHandle),
}
