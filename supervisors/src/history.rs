//! One ordered stream of events, for whoever listens.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// An event, its place in the order of all, and when it was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped<E> {
    /// Counted from 1, without gaps: what a subscriber misses, it can see.
    pub sequence: u64,
    /// Time of the node.
    pub at: Duration,
    /// What happened.
    pub event: E,
}

/// The history of a node: stamps each event and hands it to every subscriber. Keeps nothing itself.
///
/// Subscribers are bounded: one that does not keep up loses the newest events, and the loss is counted. Reporting
/// never waits for anybody.
///
/// ```
/// use std::sync::Arc;
///
/// use supervisors::{Event, History, Node};
///
/// let history = History::<Event>::new();
/// let recorder = Arc::clone(&history);
/// let node = Node::builder().on_event(move |at, event| recorder.record(at, event)).build();
/// let mut log = history.subscribe(1000);
/// // ... a tree is started on `node`, and now and then somebody looks:
/// while let Some(stamped) = log.try_next() {
///     println!("{} {:?} {}", stamped.sequence, stamped.at, stamped.event);
/// }
/// # drop(node);
/// ```
pub struct History<E> {
    state: Mutex<State<E>>,
    listeners: AtomicUsize,
}

struct State<E> {
    sequence: u64,
    subscribers: Vec<Arc<Queue<E>>>,
}

struct Queue<E> {
    events: Mutex<VecDeque<Stamped<E>>>,
    bound: usize,
    lost: AtomicU64,
    arrived: Notify,
}

/// One who listens to a [`History`], from the moment of subscribing on.
pub struct Subscription<E> {
    queue: Arc<Queue<E>>,
    history: Arc<History<E>>,
}

impl<E: Clone> History<E> {
    /// A history with nobody listening yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let state = State { sequence: 0, subscribers: Vec::new() };
        Arc::new(Self { state: Mutex::new(state), listeners: AtomicUsize::new(0) })
    }

    /// Whether anybody listens: then, and only then, an event is worth making.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }

    /// Stamps `event` and hands it on.
    pub fn record(&self, at: Duration, event: E) {
        let mut state = self.state.lock();
        state.sequence += 1;
        let stamped = Stamped { sequence: state.sequence, at, event };
        for queue in &state.subscribers {
            let mut events = queue.events.lock();
            if events.len() < queue.bound {
                events.push_back(stamped.clone());
            } else {
                queue.lost.fetch_add(1, Ordering::Relaxed);
            }
            drop(events);
            queue.arrived.notify_one();
        }
    }

    /// Listens from now on, keeping at most `bound` events that were not taken yet (at least 1).
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, bound: usize) -> Subscription<E> {
        let queue = Arc::new(Queue {
            events: Mutex::new(VecDeque::new()),
            bound: bound.max(1),
            lost: AtomicU64::new(0),
            arrived: Notify::new(),
        });
        self.state.lock().subscribers.push(Arc::clone(&queue));
        self.listeners.fetch_add(1, Ordering::Relaxed);
        Subscription { queue, history: Arc::clone(self) }
    }
}

impl<E> Subscription<E> {
    /// Waits for the next event. Cancel safe.
    pub async fn next(&mut self) -> Stamped<E> {
        loop {
            if let Some(event) = self.try_next() {
                return event;
            }
            self.queue.arrived.notified().await;
        }
    }

    /// The next event, if there is one.
    pub fn try_next(&mut self) -> Option<Stamped<E>> {
        self.queue.events.lock().pop_front()
    }

    /// How many events were lost because they were not taken in time.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.lost.load(Ordering::Relaxed)
    }
}

impl<E> fmt::Debug for History<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "History({} events so far)", self.state.lock().sequence)
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscription({} events lost)", self.lost())
    }
}

impl<E> Drop for Subscription<E> {
    fn drop(&mut self) {
        self.history.state.lock().subscribers.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
        self.history.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_subscriber_loses_the_newest_and_can_count_them() {
        let history = History::new();
        let mut slow = history.subscribe(2);
        for event in 1..=5 {
            history.record(Duration::ZERO, event);
        }
        let kept: Vec<_> = std::iter::from_fn(|| slow.try_next()).map(|stamped| stamped.event).collect();
        assert_eq!((kept, slow.lost()), (vec![1, 2], 3));
        history.record(Duration::ZERO, 6);
        assert_eq!(slow.try_next().map(|stamped| stamped.sequence), Some(6), "the gap shows in the sequence");
    }

    #[test]
    fn nobody_listens_once_the_last_subscription_is_dropped() {
        let history = History::<u8>::new();
        let subscription = history.subscribe(1);
        assert!(history.is_heard());
        drop(subscription);
        assert!(!history.is_heard());
    }

    #[tokio::test]
    async fn an_event_reported_while_waiting_arrives() {
        let history = History::new();
        let mut subscription = history.subscribe(8);
        let (event, ()) = tokio::join!(subscription.next(), async { history.record(Duration::ZERO, "now") });
        assert_eq!(event.event, "now");
    }
}
