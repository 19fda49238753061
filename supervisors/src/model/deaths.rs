//! A death, declared from more than one thread; a signal to a process that is about to become a task.

use std::sync::Arc;

use shuttle::thread;

use super::{Letter, Peer, Told, boom, cell, in_many_orders, node};
use crate::process::{Object, ProcessFuture, Signal};
use crate::sync::Mutex;
use crate::{ExitReason, Process};

#[test]
fn a_death_declared_twice_is_declared_once() {
    in_many_orders(|| {
        let (node, told) = (node(), Arc::new(Told::default()));
        let cell = cell(&node);
        cell.control.set_listener(Arc::clone(&told) as _);
        let dropped = Arc::new(Mutex::new(0));
        let declare = |reason: ExitReason| {
            let (cell, dropped) = (Arc::clone(&cell), Arc::clone(&dropped));
            thread::spawn(move || cell.declare(reason, &mut || *dropped.lock() += 1))
        };
        let (one, two) = (declare(boom()), declare(ExitReason::Killed));
        let (one, two) = (one.join().expect("no panic"), two.join().expect("no panic"));
        assert_ne!(one, two, "one of them declared it");
        let reason = if one { boom() } else { ExitReason::Killed };
        assert_eq!(cell.control.reason(), Some(reason.clone()));
        assert_eq!(*told.0.lock(), [(cell.control.pid, reason)]);
        assert_eq!(*dropped.lock(), 1);
    });
}

/// It becomes a task before it looks for signals: else one that comes in between would wake nobody.
#[test]
fn a_signal_is_heard_whether_it_comes_before_or_after_a_process_becomes_a_task() {
    in_many_orders(|| {
        let node = node();
        let cell = cell(&node);
        let running = Arc::clone(&cell);
        let process = thread::spawn(move || {
            let peer = Peer { handled: Arc::default() };
            shuttle::future::block_on(ProcessFuture::new(peer, running));
        });
        cell.control.signal(Signal::Exit(boom()));
        process.join().expect("no panic");
        assert_eq!(cell.control.reason(), Some(boom()));
    });
}

#[test]
fn mail_is_opened_whether_it_comes_before_or_after_a_process_becomes_a_task() {
    in_many_orders(|| {
        let node = node();
        let cell = cell(&node);
        let (running, handled) = (Arc::clone(&cell), Arc::<Mutex<Vec<u32>>>::default());
        let seen = Arc::clone(&handled);
        let process = thread::spawn(move || {
            shuttle::future::block_on(ProcessFuture::new(Peer { handled: seen }, running));
        });
        let somewhere = Arc::default();
        for number in 0..2 {
            assert!(cell.push(Letter::sealed(number, &somewhere), false).is_ok());
        }
        while handled.lock().len() < 2 {
            thread::yield_now();
        }
        cell.control.signal(Signal::Exit(boom()));
        process.join().expect("no panic");
        assert_eq!(*handled.lock(), [0, 1]);
    });
}

#[test]
fn a_process_that_is_resumed_opens_its_mail() {
    in_many_orders(|| {
        let node = node();
        let cell = cell(&node);
        let seen_from_outside = Process(Arc::clone(&cell) as Arc<dyn Object>);
        seen_from_outside.suspend();
        let (running, handled) = (Arc::clone(&cell), Arc::<Mutex<Vec<u32>>>::default());
        let seen = Arc::clone(&handled);
        let process = thread::spawn(move || {
            shuttle::future::block_on(ProcessFuture::new(Peer { handled: seen }, running));
        });
        let somewhere = Arc::default();
        assert!(cell.push(Letter::sealed(7, &somewhere), false).is_ok());
        seen_from_outside.resume();
        while handled.lock().is_empty() {
            thread::yield_now();
        }
        cell.control.signal(Signal::Exit(boom()));
        process.join().expect("no panic");
    });
}
