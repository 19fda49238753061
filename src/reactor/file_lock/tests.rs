use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::{FileLock, FileLockError};
use crate::deferred::{Cancelled, Deferred, Failure, TestClock};

const SECOND: Duration = Duration::from_secs(1);

/// A file of the test's own, gone with it.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Place {
        Place(std::env::temp_dir().join(format!("verse-lock-{test}-{}", std::process::id())))
    }

    /// Two locks on it, as two programs would have them.
    fn locks(&self, clock: &TestClock) -> (FileLock, FileLock) {
        let lock = || FileLock::new(&self.0, Rc::new(clock.clone()));
        (lock(), lock())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn failure(deferred: &Deferred<()>) -> Failure {
    deferred.take_result().unwrap().unwrap_err()
}

#[test]
fn tw_063_a_free_lock_is_had_at_once_and_a_taken_one_is_tried_again_each_second() {
    let (place, clock) = (Place::new("retry"), TestClock::new());
    let (ours, theirs) = place.locks(&clock);
    assert!(ours.until_locked(None).called() && ours.locked());
    assert!(!theirs.lock().unwrap() && !ours.lock().unwrap());
    let waiting = theirs.until_locked(None);
    (0..5).for_each(|_| clock.advance(SECOND / 2));
    assert!(!waiting.called());
    ours.unlock().unwrap();
    clock.advance(SECOND / 4);
    assert!(!waiting.called(), "it looks once a second");
    clock.advance(SECOND / 4);
    assert!(waiting.called() && theirs.locked() && clock.pending() == 0);
    theirs.unlock().unwrap();
    assert!(matches!(theirs.unlock(), Err(FileLockError::NotLocked { .. })));
}

#[test]
fn tw_063_after_its_time_it_fails_and_tries_no_more() {
    let (place, clock) = (Place::new("late"), TestClock::new());
    let (ours, theirs) = place.locks(&clock);
    assert!(ours.lock().unwrap());
    let waiting = theirs.until_locked(Some(5 * SECOND / 2));
    (0..5).for_each(|_| clock.advance(SECOND / 2));
    let text = failure(&waiting).to_string();
    assert_eq!(text, format!("cannot lock {} within 2.5s", place.0.display()));
    assert_eq!(clock.pending(), 0);
    ours.unlock().unwrap();
    clock.advance(10 * SECOND);
    assert!(!theirs.locked());
    // And may be waited for anew.
    assert!(theirs.until_locked(Some(SECOND)).called() && theirs.locked());
}

#[test]
fn tw_063_one_wait_at_a_time_and_a_cancel_ends_it() {
    let (place, clock) = (Place::new("cancel"), TestClock::new());
    let (ours, theirs) = place.locks(&clock);
    assert!(ours.lock().unwrap());
    let waiting = theirs.until_locked(Some(60 * SECOND));
    let second = failure(&theirs.until_locked(None));
    assert!(matches!(second.check(), Some(FileLockError::AlreadyTrying { .. })), "{second}");
    waiting.cancel();
    assert!(failure(&waiting).check::<Cancelled>().is_some());
    assert_eq!(clock.pending(), 0);
    ours.unlock().unwrap();
    assert!(theirs.until_locked(None).called());
}

#[test]
fn tw_063_a_file_that_cannot_be_made_is_a_failure() {
    let clock = TestClock::new();
    let lock = FileLock::new("/nowhere/at/all", Rc::new(clock.clone()));
    let failed = failure(&lock.until_locked(None));
    assert_eq!(failed.to_string(), "cannot lock /nowhere/at/all");
    assert!(!lock.inner.trying.get());
}
