//! Mail to a process that ends meanwhile.

use std::sync::Arc;

use shuttle::thread;

use super::{Letter, Peer, boom, cell, in_many_orders, node};
use crate::process::{ProcessFuture, PushError, Signal};
use crate::sync::Mutex;

/// Each letter is handled, or given back unread, or refused; none lies in a mailbox that nobody will open.
#[test]
fn no_mail_is_left_in_the_mailbox_of_the_dead() {
    in_many_orders(|| {
        let node = node();
        let cell = cell(&node);
        let somewhere = Arc::<Mutex<Vec<u32>>>::default();
        let senders: Vec<_> = [1, 2]
            .into_iter()
            .map(|sender| {
                let (cell, somewhere) = (Arc::clone(&cell), Arc::clone(&somewhere));
                thread::spawn(move || {
                    let sent = [10, 20].map(|at| cell.push(Letter::sealed(at + sender, &somewhere), false));
                    assert!(sent[0].is_ok() || sent[1] == Err(PushError::Closed), "once closed, closed");
                })
            })
            .collect();
        let handled = Arc::<Mutex<Vec<u32>>>::default();
        let (running, seen) = (Arc::clone(&cell), Arc::clone(&handled));
        let process = thread::spawn(move || {
            shuttle::future::block_on(ProcessFuture::new(Peer { handled: seen }, running));
        });
        cell.control.signal(Signal::Exit(boom()));
        for thread in senders.into_iter().chain([process]) {
            thread.join().expect("no panic");
        }
        assert_eq!(*somewhere.lock(), [0; 0], "all that was sent is gone");
        assert_eq!(cell.control.mailbox_len(), 0);
        let handled = handled.lock();
        for sender in [1, 2] {
            let of_one: Vec<_> = handled.iter().filter(|it| *it % 10 == sender).collect();
            assert!(of_one.is_sorted(), "OTP-164: {handled:?}");
        }
    });
}

#[test]
fn a_bound_holds_for_all_senders_together() {
    in_many_orders(|| {
        let node = node();
        let cell = crate::process::Cell::<Peer>::new(node.clone(), 2);
        let somewhere = Arc::<Mutex<Vec<u32>>>::default();
        let senders: Vec<_> = (0..3)
            .map(|number| {
                let (cell, somewhere) = (Arc::clone(&cell), Arc::clone(&somewhere));
                thread::spawn(move || cell.push(Letter::sealed(number, &somewhere), false))
            })
            .collect();
        let sent = senders.into_iter().map(|thread| thread.join().expect("no panic"));
        let refused = sent.filter(|sent| *sent == Err(PushError::Full)).count();
        assert_eq!((refused, cell.control.mailbox_len(), somewhere.lock().len()), (1, 2, 2));
    });
}
