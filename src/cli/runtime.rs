//! What the clients' subcommands run on.

use std::future::Future;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use super::{Code, Exit};

/// Runs `work` to its end on this thread: a tokio runtime with one thread and a `LocalSet`, which is all that the
/// processes of a client need. An `actix_rt::System` would add arbiters that nobody uses and a global that everybody
/// could reach.
///
/// Does not wait for a name that the system is still looking up: nobody wants its address any more.
pub(super) fn run<T>(subcommand: &str, work: impl Future<Output = T>) -> Result<T, Exit> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
        Exit::error(Code::NotStarted, subcommand, &format!("cannot start the runtime: {error}"))
    })?;
    let local = LocalSet::new();
    let done = local.block_on(&runtime, work);
    drop(local);
    runtime.shutdown_background();
    Ok(done)
}
