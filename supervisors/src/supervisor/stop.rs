//! How children are stopped.

use std::collections::BTreeMap;
use std::time::Duration;

use super::plan::Key;
use super::spec::Shutdown;
use crate::process::Signal;
use crate::{ExitReason, Process};

/// Stops all of `children` at once, each by its own rule, and waits for their deaths; gives the reason each died of
/// (OTP-096 to OTP-102, OTP-197).
///
/// Nothing can end a turn that does not end: a child that blocks its thread is waited for, until the watchdog declares
/// it dead, if that is what it does about it.
pub(super) async fn stop_all(children: Vec<(Key, Process, Shutdown)>) -> Vec<(Key, Process, ExitReason)> {
    let begun = tokio::time::Instant::now();
    // One timer for each distinct limit, the shortest first: while it runs, the others stop, too.
    let mut limited: BTreeMap<Duration, Vec<&Process>> = BTreeMap::new();
    for (_, process, shutdown) in &children {
        let control = process.0.control();
        match *shutdown {
            Shutdown::Brutal => control.signal(Signal::Exit(ExitReason::Killed)),
            Shutdown::Infinity => control.signal(Signal::Stop(ExitReason::Shutdown)),
            Shutdown::Timeout(limit) => {
                control.signal(Signal::Stop(ExitReason::Shutdown));
                if limit.is_zero() {
                    // Right behind: an obedient child still says `shutdown` (OTP-099).
                    control.signal(Signal::Exit(ExitReason::Killed));
                } else {
                    limited.entry(limit).or_default().push(process);
                }
            }
        }
    }
    for (limit, processes) in limited {
        let all = async {
            for process in &processes {
                process.exited().await;
            }
        };
        if tokio::time::timeout_at(begun + limit, all).await.is_err() {
            for process in processes {
                process.0.control().signal(Signal::Exit(ExitReason::Killed));
            }
        }
    }
    let mut dead = Vec::with_capacity(children.len());
    for (key, process, _) in children {
        let reason = process.exited().await;
        dead.push((key, process, reason));
    }
    dead
}
