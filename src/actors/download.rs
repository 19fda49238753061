//! The download of one poem: the client's process.

use std::fmt;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use bytes::{Bytes, BytesMut};
use supervisors::supervisor::{ChildId, ChildSpec};
use supervisors::{Port, this_process};

use super::exchange::{DownloadOptions, Piece, download};
use crate::config::HostPort;
use crate::message::{DownloadError, DownloadProgress, Downloaded, PeerError, TaskId, TaskStarted};
use crate::net::Network;

/// What a download is to get, and whom it tells.
#[derive(Clone)]
pub struct DownloadWork {
    /// Which task of its owner it is.
    pub task: TaskId,
    /// From where.
    pub server: HostPort,
    /// Over which network.
    pub network: Network,
    /// Framing and bounds.
    pub options: DownloadOptions,
    /// Told first, with the process to monitor.
    pub started: Port<TaskStarted>,
    /// Told of each piece, if anybody wants to know; the download waits for the answer, and gives up if there is nobody
    /// to answer any more.
    pub progress: Option<Port<DownloadProgress>>,
    /// Told the result.
    pub done: Port<Downloaded>,
}

/// Gets one poem from one server, as the client process of Part 20 does, and tells its owner.
///
/// Owns the connection and what has come of the poem. Started by a dynamic supervisor, as a temporary child, for an
/// owner that is told by message. Ends when it has told the result; stopped or killed, it closes the connection and
/// tells nothing more, and its owner hears of that by the monitor. Never tries again, and never takes a poem for whole
/// that may not be.
pub struct Download {
    work: Option<DownloadWork>,
}

impl Download {
    /// One download, as a child of a dynamic supervisor.
    ///
    /// The owner gets [`TaskStarted`], [`DownloadProgress`] as often as something comes, and [`Downloaded`]. If it
    /// monitors the process when it hears of it, it cannot miss a crash: the `Down` stands behind all of these, and of
    /// a process that has ended already [`exit_reason`](supervisors::Process::exit_reason) tells why.
    #[must_use]
    pub fn child_spec(id: impl Into<ChildId>, work: DownloadWork) -> ChildSpec<Self> {
        ChildSpec::once(id, move || Self { work: Some(work) })
    }
}

async fn get(work: DownloadWork) {
    let mut poem = BytesMut::new();
    let got = download(&work.network, &work.server, &work.options, async |Piece { bytes, announced }| {
        poem.extend_from_slice(&bytes);
        let Some(progress) = &work.progress else { return Ok(()) };
        let told = progress.call(DownloadProgress { task: work.task, piece: bytes, announced });
        told.forever().await.map_err(|_| PeerError::Cancelled)
    });
    let result = match got.await {
        Ok(()) => Ok(Bytes::from(poem)),
        Err(cause) => Err(DownloadError { server: work.server, cause }),
    };
    work.done.cast(Downloaded { task: work.task, result });
}

impl Actor for Download {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(work) = self.work.take() else { return };
        if let Some(process) = this_process() {
            work.started.cast(TaskStarted { task: work.task, process });
        }
        ctx.spawn(get(work).into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.work {
            Some(work) => write!(f, "Download({} from {})", work.task, work.server),
            None => f.write_str("Download"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use actix::Handler;
    use parking_lot::Mutex;
    use supervisors::{ExitReason, Node, Process, Ref};
    use tokio::task::LocalSet;

    use super::*;
    use crate::actors::scripted::{Scripted, Step};

    /// What an owner has heard.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<(Vec<Process>, Vec<String>)>>);

    struct Owner(Heard);

    impl Actor for Owner {
        type Context = Context<Self>;
    }

    impl Handler<TaskStarted> for Owner {
        type Result = ();
        fn handle(&mut self, started: TaskStarted, _: &mut Self::Context) {
            self.0.0.lock().0.push(started.process);
        }
    }

    impl Handler<DownloadProgress> for Owner {
        type Result = ();
        fn handle(&mut self, progress: DownloadProgress, _: &mut Self::Context) {
            self.0.0.lock().1.push(format!("{} bytes", progress.piece.len()));
        }
    }

    impl Handler<Downloaded> for Owner {
        type Result = ();
        fn handle(&mut self, downloaded: Downloaded, _: &mut Self::Context) {
            let result = downloaded.result.map_err(|error| format!("{error}: {}", error.cause));
            self.0.0.lock().1.push(format!("{result:?}"));
        }
    }

    /// Runs a download from a server that does `steps`, with `with` in hand after a second.
    fn run(
        steps: impl Into<Vec<Step>>,
        with: impl FnOnce(&Process, &Ref<Owner>),
    ) -> (Vec<String>, ExitReason) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.expect("a runtime can be built");
        let (heard, net) = (Heard::default(), Scripted::default().server(1, steps));
        let reason = LocalSet::new().block_on(&runtime, async {
            let node = Node::builder().seed(1).build();
            let owner = node.spawn(Owner(heard.clone()));
            let work = DownloadWork {
                task: TaskId { incarnation: 1, number: 1 },
                server: HostPort::loopback(1),
                network: net.network(),
                options: DownloadOptions::default(),
                started: (&owner).into(),
                progress: Some((&owner).into()),
                done: (&owner).into(),
            };
            node.spawn(Download { work: Some(work) });
            tokio::time::sleep(Duration::from_secs(1)).await;
            let process = heard.0.lock().0.first().cloned().expect("the owner has heard of it");
            with(&process, &owner);
            let reason = process.exited().await;
            // So that the owner has handled what was sent before.
            tokio::time::sleep(Duration::from_secs(1)).await;
            reason
        });
        assert_eq!(net.open(), 0, "the connection is closed");
        let heard = heard.0.lock().1.clone();
        (heard, reason)
    }

    fn half_and_two_seconds_later_the_rest() -> [Step; 3] {
        [Step::send("half"), Step::wait(2), Step::send(" and half")]
    }

    #[test]
    fn its_owner_hears_of_each_piece_and_of_the_end() {
        let (heard, reason) = run(half_and_two_seconds_later_the_rest(), |_, _| {});
        assert_eq!(heard, ["4 bytes", "9 bytes", "Ok(b\"half and half\")"]);
        assert_eq!(reason, ExitReason::Normal);
        let (heard, _) = run([Step::send("half"), Step::wait(2), Step::Reset], |_, _| {});
        let failed = r#"Err("cannot get a poem from 127.0.0.1:1: after 4 bytes: connection reset")"#;
        assert_eq!(heard, ["4 bytes", failed]);
    }

    #[test]
    fn stopped_or_killed_it_closes_the_connection_and_tells_nothing_more() {
        let (heard, reason) = run(half_and_two_seconds_later_the_rest(), |process, _| process.stop());
        assert_eq!((heard, reason), (vec!["4 bytes".to_owned()], ExitReason::Shutdown));
        let (heard, reason) = run(half_and_two_seconds_later_the_rest(), |process, _| process.kill());
        assert_eq!((heard, reason), (vec!["4 bytes".to_owned()], ExitReason::Killed));
    }

    #[test]
    fn it_ends_when_there_is_nobody_to_tell_any_more() {
        let steps = [Step::send("half"), Step::wait(2), Step::send(" and half"), Step::Silence];
        let (heard, reason) = run(steps, |_, owner| owner.kill());
        assert_eq!((heard, reason), (vec!["4 bytes".to_owned()], ExitReason::Normal));
    }
}
