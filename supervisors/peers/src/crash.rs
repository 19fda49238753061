//! From a crash to the next answer.

use std::rc::Rc;
use std::time::{Duration, Instant};

use supervisors::Node;
use supervisors::supervisor::{ChildSpec, Supervisor};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::actors::on_actix::{Counter, Crash, Get};

/// Microseconds from the sending of what crashes an actor to the answer to the next question, sorted.
pub struct Latencies(Vec<f64>);

impl Latencies {
    /// The latency that this part of all crashes stays below.
    pub fn quantile(&self, part: f64) -> f64 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = (self.0.len() as f64 * part) as usize;
        self.0[index.min(self.0.len() - 1)]
    }

    fn new(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<_> = times.into_iter().map(|time| time.as_secs_f64() * 1e6).collect();
        times.sort_by(f64::total_cmp);
        Self(times)
    }
}

/// A supervised child, held by a `Ref`; all crashes count in one window. The latencies of each tenth, in order.
pub async fn supervised(crashes: usize) -> Vec<Latencies> {
    let node = Node::new();
    let spec = ChildSpec::new("counter", Counter::default);
    let counter = spec.reference();
    let restarts = Supervisor::new("top").intensity(u32::MAX, Duration::from_secs(3600));
    let top = restarts.child(spec).start(&node).await.expect("it starts");
    let mut times = Vec::with_capacity(crashes);
    for _ in 0..crashes {
        let begin = Instant::now();
        counter.cast(Crash);
        while counter.call(Get).await.is_err() {
            tokio::task::yield_now().await;
        }
        times.push(begin.elapsed());
    }
    let process = top.process().expect("it runs");
    process.stop();
    process.exited().await;
    times.chunks(crashes.div_ceil(10)).map(|tenth| Latencies::new(tenth.iter().copied())).collect()
}

enum Mail {
    Get(oneshot::Sender<u64>),
    Crash,
}

/// What one writes by hand: a task that spawns the worker and spawns it again when it has panicked; the mailbox
/// survives.
pub async fn by_hand(crashes: usize) -> Latencies {
    let (mailbox, mail) = mpsc::unbounded_channel();
    let mail = Rc::new(Mutex::new(mail));
    let keeper = tokio::task::spawn_local(async move {
        while tokio::task::spawn_local(work(Rc::clone(&mail))).await.is_err() {}
    });
    let mut times = Vec::with_capacity(crashes);
    for _ in 0..crashes {
        let begin = Instant::now();
        let _ = mailbox.send(Mail::Crash);
        let (reply, answer) = oneshot::channel();
        let _ = mailbox.send(Mail::Get(reply));
        answer.await.expect("the next worker answers");
        times.push(begin.elapsed());
    }
    drop(mailbox);
    keeper.await.expect("it ends well");
    Latencies::new(times)
}

async fn work(mail: Rc<Mutex<mpsc::UnboundedReceiver<Mail>>>) {
    let mut mail = mail.lock().await;
    while let Some(mail) = mail.recv().await {
        match mail {
            Mail::Get(reply) => drop(reply.send(0)),
            Mail::Crash => panic!("a crash that was asked for"),
        }
    }
}
