use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::reactor::{Reactor, ReactorError};

fn shared(stream: UnixStream) -> Fd {
    Rc::new(stream)
}

const READ: Interest = Interest { read: true, write: false };
const WRITE: Interest = Interest { read: false, write: true };

#[test]
fn every_poller_tells_reading_from_writing_and_forgets_what_is_no_longer_watched() {
    for kind in PollerKind::ALL {
        let mut poller = kind.make().unwrap();
        let (near, mut far) = UnixStream::pair().unwrap();
        let near = shared(near);
        let mut ready = Vec::new();

        poller.watch(&near, READ).unwrap();
        poller.wait(Some(Duration::ZERO), &mut ready).unwrap();
        assert!(ready.is_empty(), "{kind}: nothing was written yet: {ready:?}");

        poller.watch(&near, WRITE).unwrap();
        poller.wait(None, &mut ready).unwrap();
        assert_eq!(std::mem::take(&mut ready), [(raw(&near), WRITE)], "{kind}");

        far.write_all(b"a line").unwrap();
        poller.watch(&near, Interest { read: true, write: true }).unwrap();
        poller.wait(None, &mut ready).unwrap();
        assert_eq!(
            std::mem::take(&mut ready),
            [(raw(&near), Interest { read: true, write: true })],
            "{kind}"
        );

        poller.watch(&near, Interest::default()).unwrap();
        poller.wait(Some(Duration::ZERO), &mut ready).unwrap();
        assert!(ready.is_empty(), "{kind}: forgotten, yet {ready:?}");
    }
}

#[test]
fn what_is_not_read_shows_up_again_with_every_poller() {
    for kind in PollerKind::ALL {
        let mut poller = kind.make().unwrap();
        let (near, mut far) = UnixStream::pair().unwrap();
        let near = shared(near);
        poller.watch(&near, READ).unwrap();
        far.write_all(b"unread").unwrap();
        for turn in 0..3 {
            let mut ready = Vec::new();
            poller.wait(None, &mut ready).unwrap();
            assert_eq!(ready, [(raw(&near), READ)], "{kind}, turn {turn}");
        }
    }
}

#[test]
fn a_closed_peer_makes_a_watched_descriptor_ready_with_every_poller() {
    for kind in PollerKind::ALL {
        let mut poller = kind.make().unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        let near = shared(near);
        poller.watch(&near, READ).unwrap();
        drop(far);
        let mut ready = Vec::new();
        poller.wait(None, &mut ready).unwrap();
        assert_eq!(ready.len(), 1, "{kind}");
        assert!(ready[0].1.read, "{kind}");
    }
}

#[test]
fn select_refuses_a_descriptor_of_1024_and_more_with_that_reason_and_the_others_do_not() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // Where the soft limit is 1024, no descriptor has such a number; the hard limit is higher anywhere.
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    // A copy whose number is 1024 or more; the other tests of this process are not disturbed by it.
    let high = rustix::io::fcntl_dupfd_cloexec(&near, 1024).unwrap();
    let high: Fd = Rc::new(high);
    assert!(raw(&high) >= 1024);

    let refused = PollerKind::Select.make().unwrap().watch(&high, READ).unwrap_err();
    assert!(matches!(refused, PollerError::BeyondSelect { fd } if fd == raw(&high)));
    let text = refused.to_string();
    assert!(text.contains("sets end at 1023"), "{text}");

    for kind in [PollerKind::Epoll, PollerKind::Poll] {
        let mut poller = kind.make().unwrap();
        poller.watch(&high, WRITE).unwrap();
        let mut ready = Vec::new();
        poller.wait(None, &mut ready).unwrap();
        assert_eq!(ready, [(raw(&high), WRITE)], "{kind}");
    }
    drop(far);
}

#[test]
fn epoll_says_which_descriptor_it_cannot_watch() {
    let file: Fd = Rc::new(std::fs::File::open("/proc/self/status").unwrap());
    let plain: Fd = Rc::new(std::fs::File::open(std::env::current_exe().unwrap()).unwrap());
    let refused = PollerKind::Epoll.make().unwrap().watch(&plain, READ).unwrap_err();
    assert!(matches!(refused, PollerError::Watch { poller: PollerKind::Epoll, .. }), "{refused}");
    drop(file);
}

#[test]
fn a_poller_is_known_by_its_name() {
    for kind in PollerKind::ALL {
        assert_eq!(kind.to_string().parse::<PollerKind>().unwrap(), kind);
    }
    assert_eq!(
        "kqueue".parse::<PollerKind>().unwrap_err().to_string(),
        "no poller is called kqueue: epoll, poll or select"
    );
}

/// The system call a thread of this process is waiting in, as the kernel tells it; `None` while it runs.
fn waiting_in(thread: i32) -> Option<i64> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).unwrap();
    text.split_whitespace().next().and_then(|number| number.parse().ok())
}

/// The numbers by which the kernel knows each poller's waits: the plain call and its successors.
#[cfg(target_arch = "x86_64")]
fn calls_of(kind: PollerKind) -> &'static [i64] {
    match kind {
        PollerKind::Epoll => &[232, 281, 441],
        PollerKind::Poll => &[7, 271],
        PollerKind::Select => &[23, 270],
    }
}

#[cfg(target_arch = "aarch64")]
fn calls_of(kind: PollerKind) -> &'static [i64] {
    match kind {
        PollerKind::Epoll => &[22, 441],
        PollerKind::Poll => &[73],
        PollerKind::Select => &[72],
    }
}

/// Not a count kept by the poller itself: another thread asks the kernel in which call the idle loop sits.
#[test]
fn an_idle_loop_waits_in_the_system_call_its_poller_is_named_after() {
    for kind in PollerKind::ALL {
        let (to_test, from_loop) = mpsc::channel();
        let looping = std::thread::spawn(move || -> Result<(), ReactorError> {
            let reactor = Reactor::new(kind)?;
            let remote = reactor.remote();
            reactor.call_when_running(move || {
                to_test.send((rustix::thread::gettid().as_raw_nonzero().get(), remote))
            });
            reactor.run()
        });
        let (thread, remote) = from_loop.recv_timeout(Duration::from_secs(30)).unwrap();
        // The other threads' futex waits are not among these numbers, so the first match is the loop's own wait.
        let deadline = crate::reactor::timers::TimeSource::monotonic();
        let seen = loop {
            match waiting_in(thread) {
                Some(number) if PollerKind::ALL.iter().any(|any| calls_of(*any).contains(&number)) => {
                    break number;
                }
                seen => {
                    assert!(deadline.now() < Duration::from_secs(30), "{kind}: never seen waiting: {seen:?}");
                }
            }
            std::thread::yield_now();
        };
        assert!(calls_of(kind).contains(&seen), "{kind} waits in system call {seen}");
        remote.call(Reactor::stop).unwrap();
        looping.join().unwrap().unwrap();
    }
}
