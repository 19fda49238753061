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
