//! The supervisor of tasks.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::oneshot;

use super::stream::{StreamOptions, TaskStream};
use super::{Task, TaskActor, Unclaimed};
use crate::supervisor::{
    Child, ChildCounts, ChildError, ChildId, ChildRef, ChildSpec, DynamicRef, DynamicSupervisor, Restart,
    Shutdown, TreeNode,
};
use crate::{ExitReason, Node, Pid, Place, Process, WhenStuck, this_process};

/// A supervisor of tasks (Elixir's `Task.Supervisor`, OTP-204 to OTP-208).
///
/// Defaults: no limit of tasks, 5 s for each to stop, on the supervisor's thread. Tasks are temporary: none is restarted.
/// As a child: permanent, all the time it needs to shut down.
///
/// ```
/// use supervisors::supervisor::{StreamOptions, TaskSupervisor};
/// use supervisors::{ExitReason, Node};
///
/// # actix::run(async {
/// let tasks = TaskSupervisor::new("tasks").start(&Node::new()).await.expect("it starts");
///
/// let sum = tasks.spawn_nolink(|| async { 1 + 2 }).await.expect("it starts");
/// assert_eq!(sum.await, Ok(3));
///
/// let crash = tasks.spawn_nolink(|| async { panic!("no") }).await.expect("it starts");
/// assert!(matches!(crash.await, Err::<(), _>(ExitReason::Panicked { .. })));
///
/// let mut squares = tasks.stream_nolink([1, 2, 3], StreamOptions::default(), |n| async move { n * n });
/// assert_eq!(squares.next().await, Some(Ok(1)));
/// # }).expect("it runs");
/// ```
#[derive(Debug)]
pub struct TaskSupervisor {
    dynamic: DynamicSupervisor,
    manner: Manner,
}

/// How each task's process is to be.
#[derive(Clone, Debug)]
struct Manner {
    shutdown: Shutdown,
    place: Place,
    when_stuck: Option<WhenStuck>,
}

impl TaskSupervisor {
    /// A supervisor of tasks called `id`.
    pub fn new(id: impl Into<ChildId>) -> Self {
        let shutdown = Shutdown::Timeout(Duration::from_secs(5));
        let manner = Manner { shutdown, place: Place::default(), when_stuck: None };
        Self { dynamic: DynamicSupervisor::new(id), manner }
    }

    /// Refuses to start a task while `max_children` run (OTP-205). Default: as many as memory holds.
    #[must_use]
    pub fn max_children(mut self, max_children: usize) -> Self {
        self.dynamic = self.dynamic.max_children(max_children);
        self
    }

    /// How a task is stopped when the supervisor is. Default 5 s; a future that awaits is dropped at once, so it is one
    /// that does not return that is waited for.
    #[must_use]
    pub fn task_shutdown(mut self, shutdown: Shutdown) -> Self {
        self.manner.shutdown = shutdown;
        self
    }

    /// Where tasks run. Default: on the supervisor's thread.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.manner.place = place;
        self
    }

    /// Sets what is done if a task's turn does not end; see [`ChildSpec::when_stuck`]. Default what the node does.
    #[must_use]
    pub fn when_stuck(mut self, response: WhenStuck) -> Self {
        self.manner.when_stuck = Some(response);
        self
    }

    /// As a child: when it is restarted. Default permanent.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.dynamic = self.dynamic.restart(restart);
        self
    }

    /// As a child: how it is stopped. Default infinity.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.dynamic = self.dynamic.shutdown(shutdown);
        self
    }

    /// Whoever supervises tasks under this id, now or later.
    #[must_use]
    pub fn reference(&self) -> TaskRef {
        TaskRef { dynamic: self.dynamic.reference(), manner: self.manner.clone() }
    }

    /// Starts it on this thread, as the root of a tree.
    ///
    /// # Errors
    /// Why it did not start.
    ///
    /// # Panics
    /// Outside a tokio `LocalSet` (an `actix_rt::System` has one).
    pub async fn start(self, node: &Node) -> Result<TaskRef, ExitReason> {
        let reference = self.reference();
        self.dynamic.start(node).await.map(|_| reference)
    }
}

impl From<TaskSupervisor> for Child {
    fn from(supervisor: TaskSupervisor) -> Self {
        supervisor.dynamic.into()
    }
}

/// A supervisor of tasks, held by its place in the tree: it follows restarts.
///
/// A task is a function that makes a future on the thread it will run on, so the future itself need not be `Send`.
#[derive(Clone, Debug)]
pub struct TaskRef {
    dynamic: DynamicRef,
    manner: Manner,
}

impl TaskRef {
    /// Starts a task linked to the process whose turn it is: it ends with its owner, and its crash is its owner's,
    /// unless that traps exits (Elixir `async`, OTP-204). Outside a process it is [`spawn_nolink`](Self::spawn_nolink).
    ///
    /// Cancel safe: a task whose start is not awaited to its end does not run on.
    ///
    /// # Errors
    /// [`ChildError::MaxChildren`] (OTP-205), [`ChildError::Supervisor`] if nobody supervises.
    pub fn spawn<T, Fut>(
        &self,
        task: impl FnOnce() -> Fut + Send + 'static,
    ) -> impl Future<Output = Result<Task<T>, ChildError>> + 'static
    where
        T: Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        self.start(this_process(), task)
    }

    /// Starts a task that is linked to nobody; its end is told by its value only (Elixir `async_nolink`, OTP-204).
    ///
    /// Cancel safe as [`spawn`](Self::spawn).
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    pub fn spawn_nolink<T, Fut>(
        &self,
        task: impl FnOnce() -> Fut + Send + 'static,
    ) -> impl Future<Output = Result<Task<T>, ChildError>> + 'static
    where
        T: Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        self.start(None, task)
    }

    /// Starts a task that nobody awaits (Elixir `start_child`, OTP-204). Given up before it is done, the task may run.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    pub async fn start_child<Fut>(
        &self,
        task: impl FnOnce() -> Fut + Send + 'static,
    ) -> Result<Pid, ChildError>
    where
        Fut: Future<Output = ()> + 'static,
    {
        let process = Arc::default();
        let spec = self.spec("task".into(), move || TaskActor {
            future: Some(Box::pin(task())),
            answer: None,
            process,
            owner: None,
        });
        self.dynamic.start_child(spec).await?.ok_or(ChildError::NotFound)
    }

    /// A task for each of `items`, so many at once as the options say, linked to the process whose turn it is (Elixir
    /// `async_stream`, OTP-208). Nothing is started before the stream is polled.
    pub fn stream<I, T, Fut>(
        &self,
        items: I,
        options: StreamOptions,
        work: impl Fn(I::Item) -> Fut + Send + Sync + 'static,
    ) -> TaskStream<T>
    where
        I: IntoIterator<IntoIter: 'static, Item: Send + 'static>,
        T: Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        self.stream_of(this_process(), items, options, work)
    }

    /// [`stream`](Self::stream), linked to nobody: the crash of a task is an element (Elixir `async_stream_nolink`,
    /// OTP-208).
    pub fn stream_nolink<I, T, Fut>(
        &self,
        items: I,
        options: StreamOptions,
        work: impl Fn(I::Item) -> Fut + Send + Sync + 'static,
    ) -> TaskStream<T>
    where
        I: IntoIterator<IntoIter: 'static, Item: Send + 'static>,
        T: Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        self.stream_of(None, items, options, work)
    }

    /// How many tasks run.
    ///
    /// # Errors
    /// [`ChildError::Supervisor`] if nobody supervises.
    pub async fn count_children(&self) -> Result<ChildCounts, ChildError> {
        self.dynamic.count_children().await
    }

    /// Stops a task.
    ///
    /// # Errors
    /// [`ChildError::NotFound`].
    pub async fn terminate_child(&self, task: impl Into<ChildRef>) -> Result<(), ChildError> {
        self.dynamic.terminate_child(task).await
    }

    /// Its process, if it runs.
    #[must_use]
    pub fn process(&self) -> Option<Process> {
        self.dynamic.process()
    }

    /// The tasks as they are now. Asks nobody.
    #[must_use]
    pub fn tree(&self) -> TreeNode {
        self.dynamic.tree()
    }

    fn stream_of<I, T, Fut>(
        &self,
        owner: Option<Process>,
        items: I,
        options: StreamOptions,
        work: impl Fn(I::Item) -> Fut + Send + Sync + 'static,
    ) -> TaskStream<T>
    where
        I: IntoIterator<IntoIter: 'static, Item: Send + 'static>,
        T: Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let (tasks, work, mut items) = (self.clone(), Arc::new(work), items.into_iter());
        TaskStream::new(options, move || {
            let (item, work) = (items.next()?, Arc::clone(&work));
            Some(Box::pin(tasks.start(owner.clone(), move || work(item))))
        })
    }

    fn start<T, Fut>(
        &self,
        owner: Option<Process>,
        task: impl FnOnce() -> Fut + Send + 'static,
    ) -> impl Future<Output = Result<Task<T>, ChildError>> + 'static
    where
        T: Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        // A report about it says whose it was (OTP-204).
        let id = owner.as_ref().map_or("task".into(), |owner| format!("task of {}", owner.pid()).into());
        let (tell, told) = oneshot::channel();
        let process = Arc::<OnceLock<Process>>::default();
        let unclaimed = Unclaimed { answer: Some(told), process: Arc::clone(&process), owner: owner.clone() };
        let spec = self.spec(id, move || TaskActor {
            future: Some(Box::pin(task())),
            answer: Some(tell),
            process,
            owner,
        });
        let dynamic = self.dynamic.clone();
        async move {
            dynamic.start_child(spec).await?;
            unclaimed.claim().ok_or(ChildError::NotFound)
        }
    }

    fn spec<T: 'static>(
        &self,
        id: ChildId,
        make: impl FnOnce() -> TaskActor<T> + Send + 'static,
    ) -> ChildSpec<TaskActor<T>> {
        let spec = ChildSpec::once(id, make).shutdown(self.manner.shutdown).place(self.manner.place.clone());
        match self.manner.when_stuck {
            Some(response) => spec.when_stuck(response),
            None => spec,
        }
    }
}
