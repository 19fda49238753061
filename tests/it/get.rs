//! `verse get` against servers of every kind: what is printed where, to the letter, and the exit code.

mod output;
mod transform;

use crate::server::{CONCURRENT, ENGINES, Server, Step, each, gate, refused_port, send};

fn got(task: usize, bytes: usize, server: &str) -> String {
    format!("Task {task}: got {bytes} bytes of poetry from 127.0.0.1:{server} in TIME\n")
}

fn no_poem(task: usize, server: &str, cause: &str) -> String {
    format!("Task {task}: no poem from 127.0.0.1:{server}: {cause}\n")
}

fn summary(poems: usize) -> String {
    format!("Got {poems} poems in TIME\n")
}

#[test]
fn a_whole_poem_is_printed_as_it_is() {
    each(ENGINES, |engine| {
        let server = Server::new([send("Science! true daughter\nof Old Time")]);
        let port = server.port();
        let output = engine.verse(&["get", &port]);
        assert_eq!(output.stdout, "Science! true daughter\nof Old Time");
        assert_eq!(output.stderr, got(1, 34, &port) + &summary(1));
        assert_eq!(output.code, Some(0));
    });
}

#[test]
fn a_netstring_poem_is_printed_without_its_frame() {
    each(ENGINES, |engine| {
        let server = Server::new([send("4:tr"), send("ue,"), Step::Hold]);
        let output = engine.verse(&["get", &server.port(), "--framing", "netstring", "--quiet"]);
        assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.code), ("true", "", Some(0)));
    });
}

#[test]
fn a_truncated_netstring_is_no_poem() {
    each(ENGINES, |engine| {
        let server = Server::new([send("24:Science! true")]);
        let port = server.port();
        let output = engine.verse(&["get", &port, "--framing", "netstring"]);
        assert_eq!(output.stdout, "");
        assert_eq!(output.stderr, no_poem(1, &port, "byte 16: the stream ended in mid frame") + &summary(0));
        assert_eq!(output.code, Some(1));
    });
}

#[test]
fn a_reset_in_mid_poem_is_a_failure_and_no_shorter_poem() {
    each(CONCURRENT, |engine| {
        let (open, gate) = gate();
        let server = Server::new([send("Science! true\n"), gate, Step::Reset]);
        let port = server.port();
        let mut command = engine.start(&["get", &port, "--tasks"]);
        let first = command.line_of_stderr();
        assert_eq!(first, format!("Task 1: got 14 bytes of poetry from 127.0.0.1:{port}\n"));
        open.send(()).unwrap();
        let output = command.end();
        assert_eq!(output.stdout, "");
        assert_eq!(output.stderr, no_poem(1, &port, "after 14 bytes: connection reset") + &summary(0));
        assert_eq!(output.code, Some(1));
    });
}

#[test]
fn a_clean_end_without_a_byte_is_no_empty_poem() {
    each(ENGINES, |engine| {
        let server = Server::new([]);
        let port = server.port();
        let output = engine.verse(&["get", &port]);
        assert_eq!(output.stderr, no_poem(1, &port, "it ended without a single byte") + &summary(0));
        assert_eq!((output.stdout.as_str(), output.code), ("", Some(1)));
    });
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    each(ENGINES, |engine| {
        let server = Server::new([Step::Hold]);
        let port = server.port();
        let output = engine.verse(&["get", &port, "--idle-timeout", "100ms", "--quiet"]);
        assert_eq!(output.stderr, no_poem(1, &port, "after 0 bytes: nothing for 100ms"));
        assert_eq!((output.stdout.as_str(), output.code), ("", Some(1)));
        server.ended();
    });
}

#[test]
fn a_poem_that_takes_too_long_is_given_up() {
    each(ENGINES, |engine| {
        let server = Server::new([send("half"), Step::Hold]);
        let port = server.port();
        let output = engine.verse(&["get", &port, "--timeout", "0.1", "--quiet"]);
        assert_eq!(output.stderr, no_poem(1, &port, "not done within 100ms"));
        assert_eq!((output.stdout.as_str(), output.code), ("", Some(1)));
    });
}

#[test]
fn one_server_that_fails_costs_one_line_and_the_others_are_delivered() {
    each(ENGINES, |engine| {
        let refused = refused_port();
        let server = Server::new([send("true\n")]);
        let port = server.port();
        let output = engine.verse(&["get", &refused, &port, "--quiet"]);
        assert_eq!(output.stderr, no_poem(1, &refused, "connection refused"));
        assert_eq!((output.stdout.as_str(), output.code), ("true\n", Some(1)));
    });
}

#[test]
fn a_name_is_resolved_and_each_of_its_addresses_tried() {
    each(ENGINES, |engine| {
        // `localhost` may be ::1 first, where nobody listens.
        let server = Server::new([send("true\n")]);
        let output = engine.verse(&["get", &format!("localhost:{}", server.port()), "--quiet"]);
        assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.code), ("true\n", "", Some(0)));
    });
}

#[test]
fn poems_are_printed_in_the_order_of_arrival_or_in_the_given_one() {
    each(CONCURRENT, |engine| {
        for (order, expected) in [("arrival", "second\nfirst"), ("given", "first\nsecond")] {
            let (open, gate) = gate();
            let (first, second) = (Server::new([gate, send("first")]), Server::new([send("second")]));
            let mut command =
                engine.start(&["get", &first.port(), &second.port(), "--order", order, "--tasks"]);
            // Its first piece, its end, and the line about it: the second poem is here.
            let lines = [(); 3].map(|()| command.line_of_stderr());
            assert!(lines[2].starts_with("Task 2: got 6 bytes"), "{lines:?}");
            open.send(()).unwrap();
            let output = command.end();
            assert_eq!((output.stdout.as_str(), output.code), (expected, Some(0)), "{order}");
        }
    });
}

#[test]
fn a_stream_that_fails_midway_is_told_and_the_next_poem_follows() {
    each(ENGINES, |engine| {
        let (open, gate) = gate();
        let first = Server::new([send("one\ntwo\nthr"), gate, Step::Reset]);
        let second = Server::new([send("whole\n")]);
        let (broken, whole) = (first.port(), second.port());
        let mut command = engine.start(&["get", &broken, &whole, "--order", "stream", "--quiet"]);
        assert_eq!(command.line_of_stdout(), "one\n", "before the poem is whole");
        assert_eq!(command.line_of_stdout(), "two\n");
        open.send(()).unwrap();
        let output = command.end();
        assert_eq!(output.stdout, "\nwhole\n");
        let expected = format!(
            "Task 1: the poem from 127.0.0.1:{broken} is not whole, 8 bytes of it were printed: \
         after 11 bytes: connection reset\n"
        );
        assert_eq!((output.stderr, output.code), (expected, Some(1)));
    });
}

#[test]
fn tasks_are_told_as_data_arrives() {
    each(CONCURRENT, |engine| {
        let (open, gate) = gate();
        let server = Server::new([send("Science! "), gate, send("true\n")]);
        let port = server.port();
        let mut command = engine.start(&["get", &port, "--tasks"]);
        assert_eq!(
            command.line_of_stderr(),
            format!("Task 1: got 9 bytes of poetry from 127.0.0.1:{port}\n")
        );
        open.send(()).unwrap();
        let output = command.end();
        let rest =
            format!("Task 1: got 5 bytes of poetry from 127.0.0.1:{port}\nTask 1: 14 bytes of poetry\n");
        assert_eq!(output.stderr, rest + &got(1, 14, &port) + &summary(1));
        assert_eq!((output.stdout.as_str(), output.code), ("Science! true\n", Some(0)));
    });
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    each(CONCURRENT, |engine| {
        let (open, gate) = gate();
        let first = Server::new([send("one\n"), gate, send("two\n"), Step::Hold]);
        let second = Server::new([Step::Hold]);
        let mut command = engine.start(&["get", &first.port(), &second.port(), "--order", "stream"]);
        assert_eq!(command.line_of_stdout(), "one\n");
        drop(command.child.stdout.take());
        open.send(()).unwrap();
        let output = command.end();
        assert_eq!((output.stderr.as_str(), output.code), ("", Some(0)));
        first.ended();
        second.ended();
    });
}

#[test]
fn a_signal_gives_up_on_what_is_not_here_and_tells_so() {
    each(CONCURRENT, |engine| {
        let server = Server::new([send("half"), Step::Hold]);
        let port = server.port();
        let mut command = engine.start(&["get", &port, "--tasks"]);
        command.line_of_stderr();
        command.signal(rustix::process::Signal::INT);
        let output = command.end();
        assert_eq!(output.stderr, no_poem(1, &port, "cancelled") + &summary(0));
        assert_eq!((output.stdout.as_str(), output.code), ("", Some(1)));
        server.ended();
    });
}

#[test]
fn a_second_signal_stops_it_even_if_nobody_reads_what_it_prints() {
    each(ENGINES, |engine| {
        // More than a pipe holds: the poem is here and cannot be printed.
        let server = Server::new([Step::Send(vec![b'x'; 1 << 20])]);
        let mut command = engine.start(&["get", &server.port()]);
        assert!(command.line_of_stderr().starts_with("Task 1: got 1048576 bytes"));
        let code = loop {
            // Two that come at once may count as one, so it is told until it listens.
            command.signal(rustix::process::Signal::TERM);
            if let Some(status) = command.child.try_wait().unwrap() {
                break status.code();
            }
            std::thread::yield_now();
        };
        assert_eq!(code, Some(130));
    });
}
