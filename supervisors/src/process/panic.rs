//! What a panic said, and where.
//!
//! One hook, installed once and chained before the program's own: while a process is being polled on this thread it
//! keeps message and place for the exit reason; every other panic goes on to the program's hook as if this one were
//! not there. With `RUST_BACKTRACE` set the program's hook sees the panics of processes too.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::PanicHookInfo;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll};

use crate::ExitReason;

thread_local! {
    /// How many processes are being polled on this thread, one inside the other.
    static POLLING: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic of a process on this thread was.
    static PLACE: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// Runs `work`, and turns a panic in it into the exit reason it stands for.
pub(crate) fn catch<R>(work: impl FnOnce() -> R) -> Result<R, ExitReason> {
    install();
    POLLING.set(POLLING.get() + 1);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    POLLING.set(POLLING.get() - 1);
    result.map_err(|payload| reason_of(&*payload))
}

/// The reason a caught panic stands for.
pub(super) fn reason_of(payload: &(dyn Any + Send)) -> ExitReason {
    if let Some(known) = payload.downcast_ref::<ExitReason>() {
        // Caught before, on its way here.
        return known.clone();
    }
    let message = if let Some(text) = payload.downcast_ref::<&str>() {
        Arc::from(*text)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        Arc::from(text.as_str())
    } else {
        Arc::from("a panic without a message")
    };
    ExitReason::Panicked { message, place: PLACE.with_borrow_mut(Option::take) }
}

/// A future whose panic is its error.
pub(crate) struct CatchPanic<F>(pub(crate) F);

impl<F: Future + Unpin> Future for CatchPanic<F> {
    type Output = Result<F::Output, ExitReason>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch(|| Pin::new(&mut self.0).poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(reason) => Poll::Ready(Err(reason)),
        }
    }
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let next = std::panic::take_hook();
        let wants_backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if POLLING.get() == 0 {
                return next(info);
            }
            PLACE.set(info.location().map(|place| Arc::from(place.to_string())));
            if wants_backtrace {
                next(info);
            }
        }));
    });
}
