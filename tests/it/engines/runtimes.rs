//! What the engines are made of, as the kernel sees them: threads, and what they wait with.

use std::fs::{read_dir, read_link};

use rustix::process::Pid;

use super::got;
use crate::harness::Verse;
use crate::server::{ACTOR, BLOCKING, CONCURRENT, Engine, Server, Step, send};

/// How many threads a program has, and how many epoll instances: every tokio runtime with its drivers on has one.
fn made_of(pid: Pid) -> (usize, usize) {
    let folder = |name: &str| {
        let path = format!("/proc/{}/{name}", pid.as_raw_nonzero());
        read_dir(path).expect("it runs").map(|entry| entry.expect("it can be listed").path())
    };
    let is_epoll = |path: &std::path::PathBuf| {
        read_link(path).is_ok_and(|it| it.to_string_lossy().contains("[eventpoll]"))
    };
    (folder("task").count(), folder("fd").filter(is_epoll).count())
}

const SERVE: [&str; 2] = ["serve", "poetry/science.txt"];

fn server(engine: Engine, args: &[&str]) -> (usize, usize) {
    let (verse, _) = Verse::serve(&engine.args(args));
    made_of(verse.pid())
}

/// A client in the middle of a poem, which it prints as it comes.
fn client(engine: Engine) -> (usize, usize) {
    let server = Server::new([send("half\n"), Step::Hold]);
    let mut command = engine.start(&["get", &server.port(), "--order", "stream"]);
    command.line_of_stdout();
    let found = made_of(Pid::from_child(&command.child));
    command.signal(rustix::process::Signal::TERM);
    command.end();
    found
}

#[test]
fn a_reactor_is_one_thread_and_waits_with_what_it_was_told_to() {
    let [_, epoll, poll, select] = CONCURRENT;
    for (engine, epolls) in [(epoll, 1), (poll, 0), (select, 0)] {
        for args in [&SERVE[..], &["transform"], &["proxy", "1"]] {
            assert_eq!(server(engine, args), (1, epolls), "{engine:?} {args:?}");
        }
        // One more that writes.
        assert_eq!(client(engine), (2, epolls), "{engine:?}");
    }
}

#[test]
fn select_refuses_what_it_cannot_name_and_says_so_where_poll_and_epoll_do_not() {
    let [_, epoll, poll, select] = CONCURRENT;
    let (_server, address) = Verse::serve(&SERVE);
    let port = address.port().to_string();
    // All are connected before the first is served, so that they need as many descriptors at once.
    let many = vec![port.as_str(); 1100];
    for (engine, refuses) in [(epoll, false), (poll, false), (select, true)] {
        let (_, lines, code) = got(engine, &[&["get", "--quiet"], &many[..]].concat());
        assert_eq!(code, Some(i32::from(refuses)), "{engine:?}: {lines}");
        assert_eq!(lines.is_empty(), !refuses, "{engine:?}");
        for line in lines.lines() {
            assert!(line.contains("select(2) cannot watch descriptor 1"), "{line}");
            assert!(line.ends_with(": its sets end at 1023; use epoll or poll"), "{line}");
        }
    }
}

#[test]
fn the_blocking_engine_has_a_thread_for_each_thing_that_blocks_and_no_loop() {
    // The main thread, the one that hears signals, and those that serve or ask.
    assert_eq!(server(BLOCKING, &SERVE), (3, 0));
    assert_eq!(server(BLOCKING, &[&SERVE[..], &["poetry/ecstasy.txt"]].concat()), (4, 0));
    assert_eq!(client(BLOCKING), (3, 0));
}

#[test]
fn what_the_others_have_none_of_the_actors_have() {
    assert!(server(ACTOR, &SERVE).1 > 0);
    assert!(client(ACTOR).1 > 0);
}
