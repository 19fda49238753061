//! How one child is stopped.

use super::spec::Shutdown;
use crate::process::Signal;
use crate::{ExitReason, Process};

/// Stops `process` by `shutdown` and waits for its death; gives the reason it died of (OTP-096 to OTP-102).
///
/// Nothing can end a turn that does not end: a child that blocks its thread is waited for.
pub(super) async fn stop(process: Process, shutdown: Shutdown) -> ExitReason {
    let control = process.0.control();
    match shutdown {
        Shutdown::Brutal => control.signal(Signal::Exit(ExitReason::Killed)),
        Shutdown::Infinity => control.signal(Signal::Stop(ExitReason::Shutdown)),
        Shutdown::Timeout(limit) => {
            control.signal(Signal::Stop(ExitReason::Shutdown));
            // With no time at all the kill is queued right behind, and an obedient child still says `shutdown`
            // (OTP-099).
            if !limit.is_zero()
                && let Ok(reason) = tokio::time::timeout(limit, process.exited()).await
            {
                return reason;
            }
            control.signal(Signal::Exit(ExitReason::Killed));
        }
    }
    process.exited().await
}
