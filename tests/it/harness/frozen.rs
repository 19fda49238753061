//! A clock that stands still.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use tokio::task::LocalSet;

use super::DEADLINE;

/// A wait on the frozen clock that nothing ends but the deadline of the whole test: see [`frozen`].
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Runs a test on a thread of its own runtime whose clock moves only by `tokio::time::advance`.
///
/// tokio moves a paused clock by itself when it is idle, also while bytes are on their way between two sockets: then
/// time-outs fire that should not. It does not while a blocking task runs, so one does, for as long as the test or
/// until the deadline (60 s of the real clock). Then time runs off, every [`within`] ends, and the test fails in words.
pub(crate) fn frozen<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    let local = LocalSet::new();
    // Dropped first, also by a panic: the runtime waits for its blocking tasks.
    let (running, ended) = mpsc::channel::<()>();
    let output = local.block_on(&runtime, async move {
        let _holds_the_clock = tokio::task::spawn_blocking(move || ended.recv_timeout(DEADLINE));
        test.await
    });
    // Else something waited for time that the test did not give, and got it only in the end.
    assert!(running.send(()).is_ok(), "the clock was let go after {DEADLINE:?}");
    output
}

/// Waits for something that must happen; says so if it does not.
#[track_caller]
pub(crate) fn within<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let at = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(FOR_EVER, future).await {
            Ok(output) => output,
            Err(_) => panic!("{at}: waited in vain: {what}"),
        }
    }
}
