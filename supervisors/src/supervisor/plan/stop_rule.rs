//! Which deaths of a child that is being stopped are worth a report.

use super::planted::{self, Fault};
use crate::exit::ExitReason;
use crate::supervisor::spec::{ChildPolicy, Shutdown};

/// OTP's rule for static children and for those of a template (OTP-096, OTP-100, OTP-101). What was asked for is
/// fine: `killed` of one that is killed, `shutdown` of one that is asked. Any other clean end is fine unless the
/// child is permanent: it then should not have ended so.
pub(super) fn otp_reports(policy: &ChildPolicy, reason: &ExitReason) -> bool {
    let asked = match policy.shutdown {
        Shutdown::Brutal => ExitReason::Killed,
        Shutdown::Timeout(_) | Shutdown::Infinity => ExitReason::Shutdown,
    };
    let permanent = policy.is_permanent() && !planted::is(Fault::LetsThePermanentEndWell);
    *reason != asked && (permanent || !reason.is_clean())
}

/// Elixir's rule for dynamic children (OTP-197): of one that is killed only `killed` is fine; else `shutdown` and
/// `{shutdown, _}` are, and `normal` unless the child is permanent.
pub(super) fn elixir_reports(policy: &ChildPolicy, reason: &ExitReason) -> bool {
    match (policy.shutdown, reason) {
        (Shutdown::Brutal, reason) => *reason != ExitReason::Killed,
        (_, ExitReason::Shutdown | ExitReason::ShutdownWith(_)) => false,
        (_, ExitReason::Normal) => policy.is_permanent(),
        (_, _) => true,
    }
}
