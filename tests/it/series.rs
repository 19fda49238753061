//! The programs of the series that run on the reactor: each ends by itself, says what it should last, and says
//! something else with another input.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::server::timeless;
use crate::tools::tool;

/// Where cargo has put the example, beside this test.
pub(crate) fn example(part: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let path = test
        .parent()
        .and_then(Path::parent)
        .expect("cargo keeps tests in a directory of a profile")
        .join("examples")
        .join(part);
    assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
    path
}

fn run(command: &mut Command) -> Output {
    command.output().expect("an example that is built can be run")
}

/// The last line that a program prints, without how long something took. `arguments` are words.
pub(super) fn last_line(part: &str, program: &str, arguments: &str) -> String {
    let output = run(Command::new(example(part)).arg(program).args(arguments.split_whitespace()));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{part} {program} {arguments}: {out}{err}");
    let last = out.lines().last().unwrap_or_default().trim_end();
    match last.split_once(" in 0:") {
        Some(_) => timeless(last).trim_end().to_owned(),
        None => last.to_owned(),
    }
}

/// The programs that an example lists, in its order.
pub(super) fn listed(part: &str) -> Vec<String> {
    let output = run(&mut Command::new(example(part)));
    assert!(output.status.success(), "{part} lists its programs");
    let listed = String::from_utf8(output.stdout).expect("names are text");
    for line in listed.lines() {
        assert!(line.split_whitespace().count() > 1, "{part} says in a line what this is for: {line}");
    }
    listed.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

/// Program, its last line, another input, and its last line then.
pub(super) type Row = (&'static str, &'static str, &'static str, &'static str);

/// What the reader is told.
const MAP: &str = include_str!("../../examples/README.md");

/// What else must be on the machine for a program to run.
const NEEDED: [(&str, &str, &str); 1] = [("part12", "netcat", "nc")];

/// Runs every program of the example as it is and with another input; the rows must be all that it lists, in its order.
pub(super) fn check(part: &str, rows: &[Row]) {
    for (program, last, other, then) in rows {
        let needed = NEEDED.iter().find(|it| (it.0, it.1) == (part, *program));
        if needed.is_some_and(|(_, _, name)| tool(name).is_none()) {
            continue;
        }
        assert_eq!(last_line(part, program, ""), *last, "{part} {program}");
        assert_eq!(last_line(part, program, other), *then, "{part} {program} {other}");
        assert_ne!(last, then);
        let on_the_map = MAP.lines().any(|line| {
            line.starts_with(&format!("| `cargo run --example {part} -- {program}` | "))
                && line.ends_with(&format!(" | `{}` |", last.replace('|', "/")))
        });
        assert!(on_the_map, "examples/README.md does not say that {part} {program} ends with: {last}");
    }
    assert_eq!(listed(part), rows.iter().map(|row| row.0).collect::<Vec<_>>(), "{part} lists its programs");
    assert_eq!(run(Command::new(example(part)).arg("nosuch")).status.code(), Some(2));
}

#[test]
fn part_2_slow_poetry() {
    check(
        "part02",
        &[
            ("slow-server", "2738 bytes of poetry in 28 sends", "1000", "2738 bytes of poetry in 3 sends"),
            ("blocking-client", "Got 3 poems in TIME", "2", "Got 2 poems in TIME"),
            ("async-client", "Got 3 poems in TIME", "1", "Got 1 poems in TIME"),
            ("timing", "3 poems: at once is faster", "1", "1 poems: nothing to be done at once"),
        ],
    );
}

#[test]
fn part_3_the_reactor() {
    check(
        "part03",
        &[
            ("nothing", "did nothing with epoll for 1000 ms", "10", "did nothing with epoll for 10 ms"),
            ("poll", "did nothing with select for 500 ms", "10", "did nothing with select for 10 ms"),
            ("hello", "Back again after 1.", "3", "Back again after 3."),
            (
                "stack",
                "the reactor called us 1 times, not we the reactor",
                "3",
                "the reactor called us 3 times, not we the reactor",
            ),
            ("countdown", "Stop after 5!", "2", "Stop after 2!"),
            (
                "exception",
                "The loop has outlived 1 of its callbacks.",
                "4",
                "The loop has outlived 4 of its callbacks.",
            ),
            (
                "three-countdowns",
                "3 of three have counted, 9 numbers in all",
                "1",
                "3 of three have counted, 3 numbers in all",
            ),
            ("looping-countdown", "Stop after 5!", "1", "Stop after 1!"),
        ],
    );
}

#[test]
fn part_4_descriptors() {
    check(
        "part04",
        &[
            ("client-1", "Got 3 of 3 poems", "1", "Got 1 of 1 poems"),
            ("broken-client", "Got 3 of 3 poems", "2", "Got 2 of 2 poems"),
            ("connect-failure", "Got 2 of 3 poems", "1", "Got 1 of 2 poems"),
            ("timeout", "Got 1 of 2 poems", "20", "Got 0 of 2 poems"),
        ],
    );
}

#[test]
fn part_5_protocols() {
    check(
        "part05",
        &[
            ("client-2", "Got 3 of 3 poems", "1", "Got 1 of 1 poems"),
            ("client-2.1", "Got 3 of 3 poems", "2", "Got 2 of 2 poems"),
            ("connect-failure", "Got 2 of 3 poems", "1", "Got 1 of 2 poems"),
            ("stack", "Got 1 of 1 poems", "2", "Got 2 of 2 poems"),
            ("lost-stack", "Got 1 of 1 poems", "2", "Got 2 of 2 poems"),
            ("timeout", "Got 1 of 2 poems", "20", "Got 0 of 2 poems"),
        ],
    );
}

#[test]
fn part_6_callbacks() {
    check(
        "part06",
        &[
            (
                "client-3",
                "Got 3 of 3 poems, still waiting for 0",
                "1",
                "Got 1 of 1 poems, still waiting for 0",
            ),
            (
                "client-3-waits",
                "Got 0 of 1 poems, still waiting for 1",
                "2",
                "Got 0 of 2 poems, still waiting for 2",
            ),
            (
                "client-3.1",
                "Got 2 of 3 poems, still waiting for 0",
                "1",
                "Got 1 of 2 poems, still waiting for 0",
            ),
            ("failures", "it says: no poem within 100ms", "7", "it says: no poem within 7ms"),
            (
                "timeout",
                "Got 1 of 2 poems, still waiting for 0",
                "20",
                "Got 0 of 2 poems, still waiting for 0",
            ),
            ("trap", "1 of 2 failures went on", "5", "2 of 5 failures went on"),
            ("order", "the order: returned failed", "2", "the order: returned failed failed"),
        ],
    );
}

#[test]
fn part_8_deferreds() {
    check(
        "part08",
        &[
            ("client-4", "2 poems, 1 errors", "3", "3 poems, 1 errors"),
            ("stack", "1 poems, 0 errors", "2", "2 poems, 0 errors"),
            (
                "block",
                "a call due in 1 ms waited for 200 ms at least: true",
                "50",
                "a call due in 1 ms waited for 50 ms at least: true",
            ),
            ("timeout", "1 poems, 1 errors", "20", "0 poems, 2 errors"),
            (
                "name-the-server",
                "of 2 servers the right one was named: true",
                "2",
                "of 3 servers the right one was named: true",
            ),
        ],
    );
}

#[test]
fn part_11_servers() {
    check(
        "part11",
        &[
            ("fast-server", "3 clients got 8214 bytes of poetry", "1", "1 clients got 2738 bytes of poetry"),
            ("hundreds", "300 of 300 clients have their poem", "100", "100 of 100 clients have their poem"),
            (
                "no-framework",
                "3 clients got 8214 bytes of poetry from a select loop",
                "1",
                "1 clients got 2738 bytes of poetry from a select loop",
            ),
            (
                "low-level",
                "3 clients got 8214 bytes of poetry from readers and writers",
                "1",
                "1 clients got 2738 bytes of poetry from readers and writers",
            ),
            (
                "slow-server",
                "one client got 2738 bytes, 1 left early",
                "3000",
                "one client got 2738 bytes, 0 left early",
            ),
            (
                "many-ports",
                "4 poems from 4 ports: [2738, 608, 657, 20649] bytes",
                "2",
                "2 poems from 2 ports: [2738, 608] bytes",
            ),
        ],
    );
}

#[test]
fn part_12_transforms() {
    check(
        "part12",
        &[
            ("transform-server", "answered: 16:here is my poem ,", "0", "answered: 0:,"),
            ("netcat", "nc got: 16:here is my poem ,", "2", "nc got: 32:here is my poem here is my poem ,"),
            ("bad-requests", "6 of 6 closed without an answer", "2", "2 of 2 closed without an answer"),
            ("another", "18:(HERE IS MY POEM ),", "0", "0:,"),
            ("two-protocols", "OK 16 / HERE IS MY POEM", "0", "OK 0 /"),
            (
                "asynchronous",
                "after 100ms: 16:IS MY POEM / HERE / ,",
                "1",
                "after 1ms: 16:IS MY POEM / HERE / ,",
            ),
            ("synchronous-client", "Here Is My Poem", "2", "Here Is My Poem Here Is My Poem"),
            (
                "netstring-poems",
                "4 poems, each the one that was sent",
                "2",
                "2 poems, each the one that was sent",
            ),
        ],
    );
}
