//! Dynamic workers, with backpressure: each job is a process of its own, at most four at once. Whoever makes jobs takes
//! a permit first and waits for it; the worker holds it and lets it go when it ends, however it ends. `max_children` is
//! the wall behind: who does not ask for a permit is refused there, and told.
//!
//!     cargo run --package supervisors --example backpressure

#![allow(clippy::print_stdout, reason = "it shows what it does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::prelude::*;
use supervisors::supervisor::{ChildError, ChildSpec, DynamicRef, DynamicSupervisor};
use supervisors::{ContextExt, ExitReason, Node};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Jobs at once: what the service behind them can bear.
const AT_ONCE: usize = 4;
const JOBS: usize = 20;

#[derive(Default)]
struct Census {
    now: AtomicUsize,
    most: AtomicUsize,
    done: AtomicUsize,
}

/// Does one job and ends.
struct Worker {
    job: usize,
    census: Arc<Census>,
    /// Let go of when the worker is dropped: after its work, a crash, a kill.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Worker {
    /// A job can be done once, by this worker or by none: its process is temporary.
    fn child_spec(job: usize, census: &Arc<Census>, permit: Option<OwnedSemaphorePermit>) -> ChildSpec<Self> {
        let census = Arc::clone(census);
        ChildSpec::once(format!("job-{job}"), move || Self { job, census, _permit: permit })
    }
}

impl Actor for Worker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let now = self.census.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.census.most.fetch_max(now, Ordering::Relaxed);
        // It waits for a service, without holding its thread.
        ctx.run_later(Duration::from_millis(5), |worker, ctx| {
            assert!(worker.job % 7 != 6, "job {} cannot be done", worker.job);
            worker.census.done.fetch_add(1, Ordering::Relaxed);
            ctx.exit(ExitReason::Normal);
        });
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.census.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes all jobs, no faster than they are done.
async fn produce(
    workers: &DynamicRef,
    permits: &Arc<Semaphore>,
    census: &Arc<Census>,
) -> Result<(), Box<dyn std::error::Error>> {
    for job in 0..JOBS {
        let permit = Arc::clone(permits).acquire_owned().await?;
        workers.start_child(Worker::child_spec(job, census, Some(permit))).await?;
    }
    Ok(())
}

#[actix::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let node = Node::builder().on_event(|at, event| println!("{at:>9.1?} {event}")).build();
    let workers = DynamicSupervisor::new("workers").max_children(AT_ONCE).start(&node).await?;
    let (permits, census) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::<Census>::default());

    produce(&workers, &permits, &census).await?;
    // All permits together: nobody works any more.
    let all = permits.acquire_many(u32::try_from(AT_ONCE)?).await?;
    let (done, most) = (census.done.load(Ordering::Relaxed), census.most.load(Ordering::Relaxed));
    drop(all);

    // Without a permit: one more than there is room for.
    let mut refused = 0;
    for job in JOBS..=JOBS + AT_ONCE {
        match workers.start_child(Worker::child_spec(job, &census, None)).await {
            Ok(_) => {}
            Err(error @ ChildError::MaxChildren) => {
                println!("          job {job} is refused: {error}");
                refused += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }

    workers.stop().await;
    let crashed = JOBS - done;
    println!(
        "{JOBS} jobs, {done} done, {crashed} crashed, {most} at once at most; {refused} refused at the wall"
    );
    Ok(())
}
