//! What only the blocking engine does: one thing at a time.

use crate::harness::{End, PlainClient, Verse};
use crate::server::{BLOCKING, CONCURRENT, Server, Step, each, gate, send};

#[test]
fn the_blocking_server_serves_the_next_client_when_it_is_done_with_the_first() {
    let args = ["serve", "poetry/science.txt", "--num-bytes", "20", "--delay", "0.01", "--log", "debug"];
    let (mut verse, address) = Verse::serve(&BLOCKING.args(&args));
    let mut first = PlainClient::connect(address);
    first.read_until(20);
    let mut second = PlainClient::connect(address);
    assert_eq!(first.read_to_end(), End::Clean);
    drop(first);
    assert_eq!(second.read_to_end(), End::Clean);
    drop(second);
    verse.signal(rustix::process::Signal::TERM);
    verse.says("drained: every connection ended by itself");
    let log = verse.wait().stderr;
    let about =
        |line: &&String| ["Somebody at", "closed the connection of"].iter().any(|it| line.contains(it));
    let told: Vec<bool> = log.iter().filter(about).map(|line| line.contains("Somebody at")).collect();
    assert_eq!(told, [true, false, true, false], "the second is asked in when the first has left: {log:#?}");
}

#[test]
fn all_other_servers_serve_both_at_once() {
    each(CONCURRENT, |engine| {
        let args = ["serve", "poetry/science.txt", "--num-bytes", "10", "--delay", "1h"];
        let (_verse, address) = Verse::serve(&engine.args(&args));
        let mut clients = [(); 2].map(|()| PlainClient::connect(address));
        for client in &mut clients {
            client.read_until(10);
        }
    });
}

#[test]
fn the_blocking_server_has_a_thread_for_each_poem() {
    let args = ["serve", "poetry/science.txt", "poetry/ecstasy.txt", "--num-bytes", "10", "--delay", "1h"];
    let mut verse = Verse::start(&BLOCKING.args(&args));
    for address in verse.serving(2) {
        PlainClient::connect(address).read_until(10);
    }
}

#[test]
fn the_blocking_client_has_two_lines_a_poem_and_asks_one_after_the_other() {
    let (open, gate) = gate();
    let (first, second) = (Server::new([send("one"), gate, send(" poem\n")]), Server::new([send("two\n")]));
    let refused = crate::server::refused_port();
    let (a, b) = (first.port(), second.port());
    let mut command = BLOCKING.start(&["get", &a, &refused, &b, "--tasks"]);
    assert_eq!(command.line_of_stderr(), format!("Task 1: get poetry from: 127.0.0.1:{a}\n"));
    open.send(()).unwrap();
    let output = command.end();
    let expected = format!(
        "Task 1: got 9 bytes of poetry from 127.0.0.1:{a} in TIME\n\
         Task 2: get poetry from: 127.0.0.1:{refused}\n\
         Task 2: no poem from 127.0.0.1:{refused}: connection refused\n\
         Task 3: get poetry from: 127.0.0.1:{b}\n\
         Task 3: got 4 bytes of poetry from 127.0.0.1:{b} in TIME\n\
         Got 2 poems in TIME\n"
    );
    assert_eq!((output.stderr, output.stdout.as_str(), output.code), (expected, "one poem\ntwo\n", Some(1)));
}

#[test]
fn all_other_clients_ask_all_servers_at_once() {
    each(CONCURRENT, |engine| {
        // The first has its poem only when the second has been told to go on, which it is by the client's own news of it.
        let (open, gate) = gate();
        let (first, second) = (Server::new([gate, send("one\n")]), Server::new([send("two\n")]));
        let mut command = engine.start(&["get", &first.port(), &second.port(), "--tasks"]);
        assert!(command.line_of_stderr().starts_with("Task 2: got 4 bytes of poetry from"));
        open.send(()).unwrap();
        let output = command.end();
        assert_eq!((output.stdout.as_str(), output.code), ("two\none\n", Some(0)));
    });
}

#[test]
fn a_signal_gives_up_on_the_poem_under_way_and_asks_for_no_other() {
    let (first, second) = (Server::new([send("half\n"), Step::Hold]), crate::server::refused_port());
    let port = first.port();
    let mut command = BLOCKING.start(&["get", &port, &second, "--order", "stream"]);
    assert_eq!(command.line_of_stdout(), "half\n");
    command.signal(rustix::process::Signal::INT);
    let output = command.end();
    let expected = format!(
        "Task 1: the poem from 127.0.0.1:{port} is not whole, 5 bytes of it were printed: cancelled\n\
         Task 2: no poem from 127.0.0.1:{second}: cancelled\nGot 0 poems in TIME\n"
    );
    assert_eq!((output.stderr, output.code), (expected, Some(1)));
    first.ended();
}

#[test]
fn a_second_signal_ends_a_blocking_client_that_is_stuck_in_the_resolver_or_anywhere() {
    // Stuck in writing: more than a pipe holds, and nobody reads.
    let server = Server::new([Step::Send(vec![b'x'; 1 << 20])]);
    let mut command = BLOCKING.start(&["get", &server.port()]);
    assert!(command.line_of_stderr().starts_with("Task 1: got 1048576 bytes"));
    let code = loop {
        command.signal(rustix::process::Signal::TERM);
        if let Some(status) = command.child.try_wait().unwrap() {
            break status.code();
        }
        std::thread::yield_now();
    };
    assert_eq!(code, Some(130));
}
