//! The process that gathers what downloads and transforms tell.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, ResponseActFuture, WrapFuture};
use bytes::Bytes;
use supervisors::supervisor::{ChildError, ChildSpec, DynamicRef};
use supervisors::{Down, ExitReason, MonitorId, Node, Process, Ref};
use tokio::sync::mpsc;

use super::Client;
use super::gather::{Outcome, TransformWith, Update};
use crate::actors::{Download, DownloadWork, TransformClient, TransformRoute, TransformWork};
use crate::config::HostPort;
use crate::message::{
    DownloadError, DownloadProgress, Downloaded, NotTransformed, PeerError, TaskId, TaskStarted, Transformed,
};

/// Starts a process for each server, hears what they tell, and passes it on.
///
/// Owns the state of the tasks. Started by the client's supervisor, last, once. Ends with its supervisor. Never touches
/// a connection.
pub(super) struct Gatherer {
    pub(super) client: Client,
    pub(super) node: Node,
    pub(super) began: Duration,
    pub(super) tasks: Vec<Task>,
    pub(super) transform: Option<(TransformWith, String)>,
    pub(super) downloads: DynamicRef,
    pub(super) transforms: DynamicRef,
    pub(super) monitors: BTreeMap<MonitorId, (TaskId, Process)>,
    /// Dropped when the last task is over.
    pub(super) tell: Option<mpsc::Sender<Update>>,
    pub(super) me: Ref<Self>,
}

pub(super) struct Task {
    server: HostPort,
    stage: Stage,
}

impl Task {
    /// A poem that `server` is to send.
    pub(super) fn new(server: HostPort) -> Self {
        Self { server, stage: Stage::Downloading }
    }
}

/// The life of a task.
enum Stage {
    /// Its poem is on its way.
    Downloading,
    /// Its poem is here and is being transformed; this is the original.
    Transforming(Bytes),
    /// Its end was told.
    Over,
}

/// Task numbers: even for a server's download, odd for the transform of its poem.
fn download_of(task: usize) -> TaskId {
    TaskId { incarnation: 0, number: 2 * task as u64 }
}

fn transform_of(task: usize) -> TaskId {
    TaskId { incarnation: 0, number: 2 * task as u64 + 1 }
}

fn index(task: TaskId) -> usize {
    usize::try_from(task.number / 2).unwrap_or(usize::MAX)
}

impl Gatherer {
    /// The actor is made when it starts, with a way to be told things that is only there once the spec is.
    pub(super) fn child_spec(make: impl FnOnce(Ref<Self>) -> Self + Send + 'static) -> ChildSpec<Self> {
        let place = Arc::new(OnceLock::<Ref<Self>>::new());
        let me = Arc::clone(&place);
        let spec = ChildSpec::once("gatherer", move || make(me.wait().clone()));
        let _ = place.set(spec.reference());
        spec
    }

    /// Starts the process of each server. One that does not start has failed like one that crashed.
    async fn start(downloads: DynamicRef, works: Vec<DownloadWork>) {
        for work in works {
            let (task, server, done) = (work.task, work.server.clone(), work.done.clone());
            let id = format!("download-{}", index(task) + 1);
            if let Err(error) = downloads.start_child(Download::child_spec(id, work)).await {
                let cause = PeerError::Crashed(reason_of(error));
                done.cast(Downloaded { task, result: Err(DownloadError { server, cause }) });
            }
        }
    }

    fn works(&self) -> Vec<DownloadWork> {
        let work = |(number, task): (usize, &Task)| DownloadWork {
            task: download_of(number),
            server: task.server.clone(),
            network: self.client.network.clone(),
            options: self.client.options,
            started: (&self.me).into(),
            progress: Some((&self.me).into()),
            done: (&self.me).into(),
        };
        self.tasks.iter().enumerate().map(work).collect()
    }

    /// The server has sent its poem.
    fn arrived(&mut self, task: usize, poem: Bytes, ctx: &mut Context<Self>) {
        let Some((with, name)) = self.transform.clone() else {
            let received = poem.len();
            return self.over(task, Outcome::Poem { poem, received }, ctx);
        };
        self.tasks[task].stage = Stage::Transforming(poem.clone());
        let work = TransformWork {
            task: transform_of(task),
            name,
            poem,
            engine: self.engine(with),
            node: self.node.clone(),
            started: (&self.me).into(),
            done: (&self.me).into(),
        };
        let transforms = self.transforms.clone();
        let start = async move {
            let (id, done) = (format!("transform-{}", task + 1), work.done.clone());
            if let Err(error) = transforms.start_child(TransformClient::child_spec(id, work)).await {
                let result = Err(NotTransformed::Failed(reason_of(error).to_string().into()));
                done.cast(Transformed { task: transform_of(task), result });
            }
        };
        ctx.spawn(start.into_actor(self));
    }

    fn engine(&self, with: TransformWith) -> TransformRoute {
        let mut options = self.client.options.exchange;
        if let Some(limit) = &mut options.timeout {
            *limit = limit.saturating_sub(self.took());
        }
        match with {
            TransformWith::Local(service) => TransformRoute::Local(service),
            TransformWith::Service(server) => TransformRoute::Service {
                server,
                network: self.client.network.clone(),
                options,
                max_request: self.client.max_request,
            },
        }
    }

    /// The transform of a poem has ended.
    fn transformed(&mut self, task: usize, result: Result<Bytes, NotTransformed>, ctx: &mut Context<Self>) {
        let Stage::Transforming(original) = &self.tasks[task].stage else { return };
        let original = original.clone();
        let outcome = match result {
            Ok(poem) => Outcome::Poem { poem, received: original.len() },
            Err(NotTransformed::Gibberish(text)) => {
                let (server, cause) = (self.tasks[task].server.clone(), PeerError::Gibberish(text));
                Outcome::Failed(DownloadError { server, cause })
            }
            Err(cause) => Outcome::Untransformed { original, cause },
        };
        self.over(task, outcome, ctx);
    }

    fn over(&mut self, task: usize, outcome: Outcome, ctx: &mut Context<Self>) {
        self.tasks[task].stage = Stage::Over;
        let took = self.took();
        let Some(tell) = self.tell.clone() else { return };
        if self.tasks.iter().all(|task| matches!(task.stage, Stage::Over)) {
            self.tell = None;
        }
        // That nobody listens any more means that the tree is being stopped.
        let told = async move { tell.send(Update::Done { task, took, outcome }).await.unwrap_or(()) };
        ctx.spawn(told.into_actor(self));
    }

    fn took(&self) -> Duration {
        self.node.now().saturating_sub(self.began)
    }
}

fn reason_of(error: ChildError) -> ExitReason {
    match error {
        ChildError::Failed(reason) => reason,
        other => ExitReason::failed(other),
    }
}

impl Actor for Gatherer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Self::start(self.downloads.clone(), self.works()).into_actor(self));
    }
}

impl Handler<TaskStarted> for Gatherer {
    type Result = ();

    fn handle(&mut self, TaskStarted { task, process }: TaskStarted, _: &mut Self::Context) {
        let monitor = process.monitor(&self.me).id();
        self.monitors.insert(monitor, (task, process));
    }
}

impl Handler<DownloadProgress> for Gatherer {
    type Result = ResponseActFuture<Self, ()>;

    /// The download waits until the news is with whoever takes them: that bounds what is on its way.
    fn handle(&mut self, news: DownloadProgress, _: &mut Self::Context) -> Self::Result {
        let DownloadProgress { task, piece, announced } = news;
        let tell = self.tell.clone();
        let told = async move {
            if let Some(tell) = tell {
                let _ = tell.send(Update::Progress { task: index(task), piece, announced }).await;
            }
        };
        Box::pin(told.into_actor(self))
    }
}

impl Handler<Downloaded> for Gatherer {
    type Result = ();

    fn handle(&mut self, Downloaded { task, result }: Downloaded, ctx: &mut Self::Context) {
        let task = index(task);
        match (&self.tasks[task].stage, result) {
            (Stage::Downloading, Ok(poem)) => self.arrived(task, poem, ctx),
            (Stage::Downloading, Err(error)) => self.over(task, Outcome::Failed(error), ctx),
            _ => {}
        }
    }
}

impl Handler<Transformed> for Gatherer {
    type Result = ();

    fn handle(&mut self, Transformed { task, result }: Transformed, ctx: &mut Self::Context) {
        self.transformed(index(task), result, ctx);
    }
}

impl Handler<Down> for Gatherer {
    type Result = ();

    /// Stands behind all that the process told; if its end is not among that, it crashed or was killed.
    fn handle(&mut self, down: Down, ctx: &mut Self::Context) {
        let Some((id, process)) = self.monitors.remove(&down.monitor) else { return };
        let task = index(id);
        let reason = process.exit_reason().unwrap_or(down.reason);
        match &self.tasks[task].stage {
            Stage::Downloading if id == download_of(task) => {
                let (server, cause) = (self.tasks[task].server.clone(), PeerError::Crashed(reason));
                self.over(task, Outcome::Failed(DownloadError { server, cause }), ctx);
            }
            Stage::Transforming(_) if id == transform_of(task) => {
                self.transformed(task, Err(NotTransformed::Failed(reason.to_string().into())), ctx);
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Gatherer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gatherer({} servers)", self.tasks.len())
    }
}
