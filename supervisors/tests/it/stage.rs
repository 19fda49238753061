//! What the themes have in common: a clock that stands still unless everybody waits, and waiting.

use std::time::Duration;

use actix::{Actor, Context};
use supervisors::supervisor::{Child, Supervisor, SupervisorRef};
use supervisors::{ExitReason, Node, Process, Ref};
use tokio::task::LocalSet;

/// Runs `play` in a plain `LocalSet`, without an actix `System`, on a clock that jumps as soon as everybody waits.
pub(crate) fn on_a_paused_clock<T>(play: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, play)
}

/// Lets the clock run, by its own count.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// A tree of one child that may crash often.
pub(crate) async fn supervised(node: &Node, child: impl Into<Child>) -> SupervisorRef {
    let root = Supervisor::new("root").intensity(100, Duration::from_secs(1)).child(child);
    root.start(node).await.expect("it starts")
}

/// Waits until `child` runs as another process than `before`.
///
/// # Panics
/// After 10 s, by tokio's clock.
pub(crate) async fn reborn<A: Actor<Context = Context<A>>>(child: &Ref<A>, before: &Process) -> Process {
    let wait = async {
        loop {
            match child.process() {
                Some(process) if process != *before => return process,
                _ => pass(Duration::from_millis(1)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it is restarted")
}

/// The process that runs as `child`.
pub(crate) fn life<A: Actor<Context = Context<A>>>(child: &Ref<A>) -> Process {
    child.process().expect("it runs")
}

/// Stops a tree and waits for its end.
pub(crate) async fn stop(root: &SupervisorRef) -> ExitReason {
    root.stop().await
}
