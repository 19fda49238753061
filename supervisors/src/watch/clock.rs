//! The one clock that is not the node's: a watchdog must not stand still with those it watches.

use std::time::Instant;

/// Now, by the machine.
#[allow(clippy::disallowed_methods, reason = "a watchdog measures what really happens to threads")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Whether tokio's clock, as it is on this thread, is the machine's. A paused one, as in tests and simulations, stands
/// still or has run ahead.
pub(super) fn is_real() -> bool {
    let before = now();
    let between = tokio::time::Instant::now().into_std();
    before <= between && between <= now()
}

#[cfg(test)]
mod tests {
    use super::is_real;

    #[test]
    fn a_paused_clock_is_told_from_a_running_one() {
        let paused = || {
            let builder = &mut tokio::runtime::Builder::new_current_thread();
            builder.enable_time().start_paused(true).build().expect("a runtime")
        };
        let running = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        assert!(is_real());
        assert!(running.block_on(async { is_real() }));
        assert!(!paused().block_on(async { is_real() }));
        let ahead = async {
            tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
            is_real()
        };
        assert!(!paused().block_on(ahead));
    }
}
