//! Where a process takes its next message.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Effect, Moment, Strike, end};
use crate::process::Control;

/// Holds the mail of one process back while a fault says so.
#[derive(Default)]
pub(crate) struct Gate {
    /// A slow handler's time, begun.
    pause: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Gate {
    /// Whether messages are to be looked at in this turn. Asked once a turn, so that it costs a message nothing.
    pub(crate) fn is_watched(&self, control: &Control) -> bool {
        self.pause.is_some() || control.node.points().is_armed()
    }

    /// Whether the next message has to wait, or will never be handled. `waits`: whether there is one.
    #[cold]
    pub(crate) fn holds(
        &mut self,
        control: &Control,
        waits: impl FnOnce() -> bool,
        task: &mut Context<'_>,
    ) -> bool {
        if self.pause.is_none() {
            if !waits() {
                return false;
            }
            let pid = Some(control.pid);
            let strike = control.node.strikes(Moment::Message, control.path().as_ref(), pid);
            let Some(Strike { effect, lift }) = strike else { return false };
            match effect {
                Effect::Slow(time) => self.pause = Some(Box::pin(async move { lift.wait(time).await })),
                Effect::Block(time) => lift.block(time),
                effect => {
                    end(control, effect);
                    return true;
                }
            }
        }
        let Some(pause) = &mut self.pause else { return false };
        match pause.as_mut().poll(task) {
            Poll::Pending => true,
            Poll::Ready(()) => {
                self.pause = None;
                false
            }
        }
    }
}
