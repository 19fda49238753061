//! Links and monitors that are made and taken away while somebody dies.

use std::sync::Arc;

use shuttle::thread;

use super::{Peer, boom, cell, in_many_orders, node};
use crate::process::{Cell, Control, Object};
use crate::sync::Mutex;
use crate::{ExitReason, Process};

/// A process that traps exits, and what it has heard.
fn trapping(node: &crate::Node) -> (Arc<Cell<Peer>>, Arc<Mutex<Vec<ExitReason>>>) {
    let (cell, heard) = (cell(node), Arc::<Mutex<Vec<ExitReason>>>::default());
    let hears = Arc::clone(&heard);
    cell.control.set_trap(Some(Box::new(move |_, reason| hears.lock().push(reason))));
    (cell, heard)
}

/// OTP-155.
#[test]
fn nothing_is_heard_of_a_link_once_unlink_has_returned() {
    in_many_orders(|| {
        let node = node();
        let ((watcher, heard), victim) = (trapping(&node), cell(&node));
        let (watching, dying) = (Process(watcher as Arc<dyn Object>), Process(Arc::clone(&victim) as _));
        watching.link(&dying);
        let death = thread::spawn(move || victim.declare(boom(), &mut || ()));
        watching.unlink(&dying);
        let before = heard.lock().clone();
        assert!(death.join().expect("no panic"));
        assert_eq!(*heard.lock(), before, "nothing came after it");
        assert!(before.len() <= 1);
    });
}

/// OTP-148, OTP-153: a link to one that dies meanwhile is told once, with its reason or as a link to the dead.
#[test]
fn a_link_made_while_the_other_dies_is_told_once() {
    in_many_orders(|| {
        let node = node();
        let ((watcher, heard), victim) = (trapping(&node), cell(&node));
        let (watching, dying) = (Process(watcher as Arc<dyn Object>), Process(Arc::clone(&victim) as _));
        let death = thread::spawn(move || victim.declare(boom(), &mut || ()));
        watching.link(&dying);
        death.join().expect("no panic");
        let heard = heard.lock().clone();
        assert!(heard == [boom()] || heard == [ExitReason::NoProc], "{heard:?}");
        assert!(watching.links().is_empty() && dying.links().is_empty());
    });
}

/// The same for the end that did not ask for it.
#[test]
fn a_link_made_by_one_that_dies_meanwhile_is_told_once() {
    in_many_orders(|| {
        let node = node();
        let ((watcher, heard), victim) = (trapping(&node), cell(&node));
        let (watching, dying) = (Process(watcher as Arc<dyn Object>), Process(Arc::clone(&victim) as _));
        let death = thread::spawn(move || victim.declare(boom(), &mut || ()));
        dying.link(&watching);
        death.join().expect("no panic");
        let heard = heard.lock().clone();
        assert!(heard == [boom()] || heard == [ExitReason::NoProc], "{heard:?}");
        assert!(watching.links().is_empty() && dying.links().is_empty());
    });
}

/// OTP-156: and with its own reason.
#[test]
fn the_end_of_a_newborn_is_not_missed() {
    in_many_orders(|| {
        let node = node();
        let ((parent, heard), child) = (trapping(&node), cell(&node));
        let (above, below) = (parent as Arc<dyn Object>, Arc::clone(&child) as Arc<dyn Object>);
        let death = thread::spawn(move || child.declare(boom(), &mut || ()));
        Control::link_newborn(&above, &below);
        death.join().expect("no panic");
        assert_eq!(*heard.lock(), [boom()]);
    });
}

/// Both ends of a link die at once: nobody waits for the other.
#[test]
fn two_that_are_linked_can_die_at_the_same_time() {
    in_many_orders(|| {
        let node = node();
        let (one, two) = (cell(&node), cell(&node));
        let (first, second) = (Process(Arc::clone(&one) as _), Process(Arc::clone(&two) as _));
        let linking = thread::spawn(move || first.link(&second));
        let deaths = [one, two].map(|cell| thread::spawn(move || cell.declare(boom(), &mut || ())));
        for death in deaths {
            assert!(death.join().expect("no panic"));
        }
        linking.join().expect("no panic");
    });
}

/// OTP-160, OTP-163.
#[test]
fn a_monitor_tells_once_or_was_taken_down_in_time() {
    in_many_orders(|| {
        let node = node();
        let victim = cell(&node);
        let told = Arc::<Mutex<Vec<ExitReason>>>::default();
        let tell = Arc::clone(&told);
        let watcher = victim.control.watch(Box::new(move |_, reason| tell.lock().push(reason.clone())));
        let watcher = watcher.expect("it lives");
        let dying = Arc::clone(&victim);
        let death = thread::spawn(move || dying.declare(boom(), &mut || ()));
        let in_time = victim.control.unwatch(watcher);
        death.join().expect("no panic");
        assert_eq!(told.lock().len(), usize::from(!in_time));
    });
}
