//! `--transform local` without a process for it: the engine runs in the caller's own turn.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use bytes::Bytes;

use crate::actors::not_transformed;
use crate::client::Outcome;
use crate::config::HostPort;
use crate::message::{DownloadError, NotTransformed, PeerError};
use crate::transform::TransformService;

/// What client 5.0 makes of a poem: the transformed one, the original if the engine fails (or panics), a failed download
/// if it calls the poem gibberish. Whoever calls it waits for it: without processes nothing can bound that.
pub(in crate::cli) fn transform(name: &str, original: Bytes, server: &HostPort) -> Outcome {
    let mut chance = fastrand::Rng::new();
    // A panic of the engine is one of its outcomes, told like the others, not a fault of this program.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(|| {
        TransformService::default().transform(name, &original, &mut chance)
    }));
    set_hook(hook);
    let failed = match result {
        Ok(Ok(poem)) => return Outcome::Poem { poem, received: original.len() },
        Ok(Err(error)) => not_transformed(&error),
        Err(_) => NotTransformed::Failed("it panicked".into()),
    };
    match failed {
        NotTransformed::Gibberish(text) => {
            let (server, cause) = (server.clone(), PeerError::Gibberish(text));
            Outcome::Failed(DownloadError { server, cause })
        }
        cause => Outcome::Untransformed { original, cause },
    }
}
