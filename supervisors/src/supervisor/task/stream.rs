//! Many tasks, so many at once.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Sleep;

use super::Task;
use crate::ExitReason;
use crate::supervisor::ChildError;

/// How a stream of tasks is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamOptions {
    /// Tasks that run or whose result waits for its turn, at once. Default: as many as the machine has cores; at least 1.
    pub max_concurrency: usize,
    /// Whether results come in the order of the items, or as they are there. Default in order.
    pub ordered: bool,
    /// How long a task may take. Default 5 s; `None`: as long as it takes.
    pub timeout: Option<Duration>,
    /// What becomes of the stream when one takes longer. Default [`OnTimeout::End`].
    pub on_timeout: OnTimeout,
}

/// What becomes of a stream when a task takes too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnTimeout {
    /// All its tasks are killed, and the time-out is its last element (Elixir `:exit`). The default.
    #[default]
    End,
    /// The task is killed, the time-out is its element, the others go on (Elixir `:kill_task`).
    KillTask,
}

/// Why a task of a stream has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It was not started.
    #[error("the task was not started")]
    Start(#[from] ChildError),
    /// It ended without a value, for this reason.
    #[error("the task ended: {0}")]
    Exit(ExitReason),
    /// It took longer than this.
    #[error("the task took longer than {0:?}")]
    Timeout(Duration),
}

impl Default for StreamOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            max_concurrency: cores,
            ordered: true,
            timeout: Some(Duration::from_secs(5)),
            on_timeout: OnTimeout::End,
        }
    }
}

impl StreamOptions {
    /// Sets how many tasks run at once (at least 1).
    #[must_use]
    pub const fn max_concurrency(mut self, tasks: usize) -> Self {
        self.max_concurrency = tasks;
        self
    }

    /// Gives results as they are there.
    #[must_use]
    pub const fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Sets how long each task may take; `None`: as long as it takes.
    #[must_use]
    pub const fn timeout(mut self, limit: Option<Duration>) -> Self {
        self.timeout = limit;
        self
    }

    /// Sets what becomes of the stream when one takes longer.
    #[must_use]
    pub const fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.on_timeout = on_timeout;
        self
    }
}

type Starting<T> = Pin<Box<dyn Future<Output = Result<Task<T>, ChildError>>>>;

/// The results of many tasks. Made by [`TaskRef::stream`](super::TaskRef::stream).
///
/// Nothing runs before it is polled, and tasks are started as results are taken: whoever is slow to take them is not
/// overrun. Cancel safe: a [`next`](Self::next) that is given up loses nothing. Dropped, it kills the tasks that still run
/// (OTP-208).
#[must_use = "nothing runs unless it is polled"]
pub struct TaskStream<T> {
    options: StreamOptions,
    start: Box<dyn FnMut() -> Option<Starting<T>>>,
    exhausted: bool,
    /// In the order of the items; at most as many as may be at once.
    tasks: VecDeque<Stage<T>>,
}

/// Where one task is.
enum Stage<T> {
    Starting(Starting<T>),
    Running(Task<T>, Option<Pin<Box<Sleep>>>),
    Done(Result<T, TaskError>),
}

impl<T> TaskStream<T> {
    pub(super) fn new(options: StreamOptions, start: impl FnMut() -> Option<Starting<T>> + 'static) -> Self {
        Self { options, start: Box::new(start), exhausted: false, tasks: VecDeque::new() }
    }

    /// The next result, or `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T, TaskError>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Kills what still runs.
    fn halt(&mut self) {
        self.exhausted = true;
        for task in self.tasks.drain(..) {
            if let Stage::Running(mut task, _) = task {
                task.abandon();
            }
        }
    }
}

impl<T> Stage<T> {
    /// Goes as far as it can; whether it is done.
    fn advance(&mut self, limit: Option<Duration>, cx: &mut Context<'_>) -> bool {
        loop {
            *self = match self {
                Self::Done(_) => return true,
                Self::Starting(starting) => match starting.as_mut().poll(cx) {
                    Poll::Pending => return false,
                    Poll::Ready(Err(error)) => Self::Done(Err(error.into())),
                    Poll::Ready(Ok(task)) => {
                        Self::Running(task, limit.map(|limit| Box::pin(tokio::time::sleep(limit))))
                    }
                },
                Self::Running(task, timer) => {
                    if let Poll::Ready(result) = Pin::new(&mut *task).poll(cx) {
                        Self::Done(result.map_err(TaskError::Exit))
                    } else if let (Some(timer), Some(limit)) = (timer, limit)
                        && timer.as_mut().poll(cx).is_ready()
                    {
                        task.abandon();
                        Self::Done(Err(TaskError::Timeout(limit)))
                    } else {
                        return false;
                    }
                }
            };
        }
    }

    fn is_timeout(&self) -> bool {
        matches!(self, Self::Done(Err(TaskError::Timeout(_))))
    }
}

impl<T> Stream for TaskStream<T> {
    type Item = Result<T, TaskError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        while !this.exhausted && this.tasks.len() < this.options.max_concurrency.max(1) {
            match (this.start)() {
                Some(starting) => this.tasks.push_back(Stage::Starting(starting)),
                None => this.exhausted = true,
            }
        }
        let mut first = None;
        for (index, task) in this.tasks.iter_mut().enumerate() {
            if !task.advance(this.options.timeout, cx) {
                continue;
            }
            if task.is_timeout() && this.options.on_timeout == OnTimeout::End {
                first = Some(index);
                break;
            }
            if first.is_none() && (index == 0 || !this.options.ordered) {
                first = Some(index);
            }
        }
        let Some(Stage::Done(result)) = first.and_then(|index| this.tasks.remove(index)) else {
            return if this.tasks.is_empty() { Poll::Ready(None) } else { Poll::Pending };
        };
        if matches!(result, Err(TaskError::Timeout(_))) && this.options.on_timeout == OnTimeout::End {
            this.halt();
        }
        Poll::Ready(Some(result))
    }
}

impl<T> Unpin for TaskStream<T> {}

impl<T> Drop for TaskStream<T> {
    fn drop(&mut self) {
        self.halt();
    }
}

impl<T> fmt::Debug for TaskStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskStream")
            .field("options", &self.options)
            .field("tasks", &self.tasks.len())
            .finish()
    }
}
