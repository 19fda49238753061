//! Tasks: futures that are processes, one each, under a supervisor of their own.
//!
//! A task is a temporary child: it is in the tree, can be watched, suspended and killed, and its panic is its exit
//! reason and nobody else's. Elixir's `Task.Supervisor` (section V of the conformance list).

mod stream;
mod supervisor;

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::fut::ActorFutureExt;
use actix::{Actor, AsyncContext, Context, WrapFuture};
use tokio::sync::oneshot;

use super::Shutdown;
use crate::process::Control;
use crate::{ContextExt, ExitReason, Process, this_process};

pub use stream::{OnTimeout, StreamOptions, TaskError, TaskStream};
pub use supervisor::{TaskRef, TaskSupervisor};

/// The process that is a task.
///
/// Owns its future. Started by its supervisor, it ends with `normal` when the future has its value, and takes the future
/// with it when it ends otherwise. It handles no messages.
struct TaskActor<T> {
    future: Option<Pin<Box<dyn Future<Output = T>>>>,
    /// Where its value goes; nowhere for one that nobody awaits.
    answer: Option<oneshot::Sender<T>>,
    process: Arc<OnceLock<Process>>,
    owner: Option<Process>,
}

impl<T: 'static> Actor for TaskActor<T> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (Some(me), Some(future)) = (this_process(), self.future.take()) else { return };
        let _ = self.process.set(me.clone());
        if let Some(owner) = &self.owner {
            Control::link_newborn(&owner.0, &me.0);
        }
        // Whoever asked has left before it was started. If it leaves later, it finds the process there, and kills it.
        if self.answer.as_ref().is_some_and(oneshot::Sender::is_closed) {
            if let Some(owner) = &self.owner {
                me.unlink(owner);
            }
            return ctx.exit(ExitReason::Normal);
        }
        ctx.spawn(future.into_actor(self).map(|value, this, ctx| {
            if let Some(answer) = this.answer.take() {
                // Whoever waited may have left.
                let _ = answer.send(value);
            }
            ctx.exit(ExitReason::Normal);
        }));
    }
}

/// A task that runs, awaited: its value, or why it ended without one ([`ExitReason`]).
///
/// Only who has it can await it (OTP-206). Cancel safe: awaited by `&mut`, it can be awaited again. Dropping it changes
/// nothing: a linked task ends with its owner, another runs to its end. Awaited again after its value was given, it is
/// [`ExitReason::NoProc`].
#[must_use = "dropped, the value of the task is lost"]
pub struct Task<T> {
    answer: Option<oneshot::Receiver<T>>,
    process: Process,
    owner: Option<Process>,
}

impl<T> Task<T> {
    /// Its process, to be watched or killed.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Waits at most for `limit`; `None` if it still runs then (Elixir `Task.yield`, OTP-207). It may be asked again.
    ///
    /// An `await` with a time limit, as Elixir's default of 5 s, is this, and a [`shutdown`](Self::shutdown) if the answer is
    /// `None`.
    pub async fn yield_within(&mut self, limit: Duration) -> Option<Result<T, ExitReason>> {
        tokio::time::timeout(limit, self).await.ok()
    }

    /// Stops it: `Some` if it had its value by then or ended for a reason of its own, `None` if it was stopped (Elixir
    /// `Task.shutdown`, OTP-207). Its owner does not notice.
    ///
    /// Given up before it is done, the request is made all the same; one with a time limit is then not followed by a
    /// kill.
    pub async fn shutdown(&mut self, shutdown: Shutdown) -> Option<Result<T, ExitReason>> {
        let Some(answer) = &mut self.answer else { return Some(Err(ExitReason::NoProc)) };
        if let Some(owner) = &self.owner {
            owner.unlink(&self.process);
        }
        let mut asked = ExitReason::Shutdown;
        let reason = match shutdown {
            Shutdown::Brutal => {
                asked = ExitReason::Killed;
                self.process.kill();
                self.process.exited().await
            }
            Shutdown::Infinity => {
                self.process.stop();
                self.process.exited().await
            }
            Shutdown::Timeout(limit) => {
                self.process.stop();
                match tokio::time::timeout(limit, self.process.exited()).await {
                    Ok(reason) => reason,
                    Err(_) => {
                        asked = ExitReason::Killed;
                        self.process.kill();
                        self.process.exited().await
                    }
                }
            }
        };
        let value = answer.try_recv();
        self.answer = None;
        match value {
            Ok(value) => Some(Ok(value)),
            Err(_) if reason == asked => None,
            Err(_) => Some(Err(reason)),
        }
    }

    /// Ends it without a word to its owner.
    fn abandon(&mut self) {
        self.answer = None;
        abandon(self.owner.as_ref(), &self.process);
    }
}

fn abandon(owner: Option<&Process>, task: &Process) {
    if let Some(owner) = owner {
        owner.unlink(task);
    }
    task.kill();
}

impl<T> Future for Task<T> {
    type Output = Result<T, ExitReason>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Some(answer) = &mut self.answer else { return Poll::Ready(Err(ExitReason::NoProc)) };
        let value = match Pin::new(answer).poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(value)) => Ok(value),
            // A process sets its reason before it drops what it held.
            Poll::Ready(Err(_)) => Err(self.process.exit_reason().unwrap_or(ExitReason::Killed)),
        };
        self.answer = None;
        Poll::Ready(value)
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.process).finish()
    }
}

/// A task that is being started. If whoever asked leaves before it has it, nobody could ever stop the task: it ends.
struct Unclaimed<T> {
    answer: Option<oneshot::Receiver<T>>,
    process: Arc<OnceLock<Process>>,
    owner: Option<Process>,
}

impl<T> Unclaimed<T> {
    /// `None` if the task never was a process.
    fn claim(mut self) -> Option<Task<T>> {
        let process = self.process.get()?.clone();
        Some(Task { answer: Some(self.answer.take()?), process, owner: self.owner.take() })
    }
}

impl<T> Drop for Unclaimed<T> {
    fn drop(&mut self) {
        // In this order: a task that starts in between sees that the answer goes nowhere.
        if self.answer.take().is_some()
            && let Some(process) = self.process.get()
        {
            abandon(self.owner.as_ref(), process);
        }
    }
}
