//! What is printed, in which order, and what is not.

use std::time::Duration;

use super::*;
use crate::cli::{Command, parse};
use crate::message::{NotTransformed, PeerError};

fn options(line: &str) -> GetOptions {
    match parse(line.split_whitespace()) {
        Ok(Command::Get(options)) => options,
        other => panic!("{other:?}"),
    }
}

fn came(task: usize, text: &'static str) -> Update {
    Update::Progress { task, piece: text.into(), announced: None }
}

fn whole(task: usize, text: &'static str) -> Update {
    let outcome = Outcome::Poem { poem: text.into(), received: text.len() };
    Update::Done { task, took: Duration::from_millis(1500), outcome }
}

fn failed(task: usize) -> Update {
    let server = HostPort::loopback(1);
    let outcome = Outcome::Failed(DownloadError { server, cause: PeerError::Empty });
    Update::Done { task, took: Duration::ZERO, outcome }
}

fn untransformed(task: usize, text: &'static str) -> Update {
    let cause = NotTransformed::Failed("a bug".into());
    let outcome = Outcome::Untransformed { original: text.into(), cause };
    Update::Done { task, took: Duration::ZERO, outcome }
}

/// What goes to stdout and to stderr after each of the news, and the exit code at last.
fn told(line: &str, news: impl IntoIterator<Item = Update>) -> (Vec<String>, Vec<String>, Code) {
    let options = options(line);
    let mut printer = Printer::new(&options);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for update in news {
        printer.news(update);
        let mut text = String::new();
        for one in printer.take() {
            match one {
                Out::Stdout(bytes) => text += std::str::from_utf8(&bytes).unwrap(),
                Out::Stderr(line) => err.push(line),
                Out::File(task, poem) => text += &format!("<{task}: {}>", String::from_utf8_lossy(&poem)),
            }
        }
        out.push(text);
    }
    (out, err, printer.code())
}

#[test]
fn poems_are_printed_as_they_arrive_and_never_run_together() {
    let news = [whole(1, "two"), came(0, "o"), whole(2, "three\n"), whole(0, "one"), whole(3, "four")];
    let (out, err, code) = told("verse get 1 2 3 4 --quiet", news);
    assert_eq!(out, ["two", "", "\nthree\n", "one", "\nfour"]);
    assert_eq!((err, code), (vec![], Code::Well));
}

#[test]
fn in_the_given_order_a_poem_waits_for_those_before_it_but_not_for_failures() {
    let news = [whole(2, "three\n"), whole(1, "two\n"), failed(0), whole(3, "four\n")];
    let (out, _, code) = told("verse get 1 2 3 4 --order given", news);
    assert_eq!(out, ["", "", "two\nthree\n", "four\n"]);
    assert_eq!(code, Code::NotGot);
}

#[test]
fn a_stream_is_printed_line_by_line_as_it_comes_and_the_next_when_it_is_its_turn() {
    let news = [
        came(1, "b one\nb t"),
        came(0, "a one\na "),
        came(0, "two"),
        came(0, "\na three"),
        whole(0, "a one\na two\na three"),
        came(1, "wo\n"),
        whole(1, "b one\nb two\n"),
    ];
    let (out, err, code) = told("verse get 1 2 --order stream --quiet", news);
    assert_eq!(out, ["", "a one\n", "", "a two\n", "a three\nb one\n", "b two\n", ""]);
    assert_eq!((err, code), (vec![], Code::Well));
}

#[test]
fn a_stream_that_breaks_is_told_and_what_follows_does_not_look_like_its_rest() {
    let news =
        [came(0, "a one\na t"), came(1, "b one\n"), failed(0), failed(1), came(2, "c"), whole(2, "c one")];
    let (out, err, code) = told("verse get 1 2 3 --order stream --quiet", news);
    assert_eq!(out, ["a one\n", "", "\nb one\n", "\n", "", "c one"]);
    let broken = "is not whole, 6 bytes of it were printed: it ended without a single byte";
    assert_eq!(
        err,
        [
            format!("Task 1: the poem from 127.0.0.1:1 {broken}"),
            format!("Task 2: the poem from 127.0.0.1:2 {broken}")
        ]
    );
    assert_eq!(code, Code::NotGot);
}

#[test]
fn a_stream_that_breaks_before_its_first_line_is_no_poem() {
    let (out, err, _) =
        told("verse get 1 2 --order stream", [came(1, "b\n"), failed(1), came(0, "a"), failed(0)]);
    assert_eq!(out.concat(), "");
    assert_eq!(err[0], "Task 2: no poem from 127.0.0.1:2: it ended without a single byte");
    assert_eq!(err[1], "Task 1: no poem from 127.0.0.1:1: it ended without a single byte");
}

#[test]
fn tasks_are_told_in_the_words_of_the_series_unless_it_is_to_be_quiet() {
    let news = || [came(0, "on"), came(0, "e"), whole(0, "one"), failed(1)];
    let (_, err, _) = told("verse get 1 2 --tasks", news());
    assert_eq!(
        err,
        [
            "Task 1: got 2 bytes of poetry from 127.0.0.1:1",
            "Task 1: got 1 bytes of poetry from 127.0.0.1:1",
            "Task 1: 3 bytes of poetry",
            "Task 1: got 3 bytes of poetry from 127.0.0.1:1 in 0:00:01.500000",
            "Task 2: no poem from 127.0.0.1:2: it ended without a single byte",
        ]
    );
    let (_, err, _) = told("verse get 1 2 --tasks --quiet", news());
    assert_eq!(err, ["Task 2: no poem from 127.0.0.1:2: it ended without a single byte"]);
}

#[test]
fn a_failed_transform_is_one_line_and_the_original() {
    let line = "verse get 1 2 --transform 3 --name rot13 --quiet";
    let (out, err, code) = told(line, [untransformed(0, "TRUE\n"), whole(1, "gehr\n")]);
    assert_eq!(
        (out, err),
        (vec!["TRUE\n".to_owned(), "gehr\n".to_owned()], vec!["Rot13 failed!".to_owned()])
    );
    assert_eq!(code, Code::NotGot);
}

#[test]
fn json_is_a_line_a_server_and_a_file_is_a_poem() {
    let news = || [failed(1), untransformed(0, "TRUE")];
    let (out, ..) = told("verse get 1 2 --transform 3 --json", news());
    let error = r#""seconds":0.0,"error":"it ended without a single byte"}"#;
    assert_eq!(out[0], format!("{{\"task\":2,\"server\":\"127.0.0.1:2\",\"ok\":false,\"bytes\":0,{error}\n"));
    let rest = r#""seconds":0.0,"poem":"TRUE","error":"Cummingsify failed!"}"#;
    assert_eq!(out[1], format!("{{\"task\":1,\"server\":\"127.0.0.1:1\",\"ok\":false,\"bytes\":4,{rest}\n"));
    let (out, ..) = told("verse get 1 2 --transform 3 --output poems", news());
    assert_eq!(out, ["", "<0: TRUE>"]);
}

#[test]
fn the_blocking_client_has_two_lines_a_poem() {
    let options = options("verse get 1 2 --tasks --engine blocking");
    let mut printer = Printer::new(&options);
    printer.asks(0);
    [came(0, "a "), came(0, "poem\n"), whole(0, "a poem\n")].into_iter().for_each(|news| printer.news(news));
    printer.asks(1);
    printer.news(failed(1));
    let lines: Vec<Out> = printer.take().into_iter().filter(|out| matches!(out, Out::Stderr(_))).collect();
    let expected = [
        "Task 1: get poetry from: 127.0.0.1:1",
        "Task 1: got 7 bytes of poetry from 127.0.0.1:1 in 0:00:01.500000",
        "Task 2: get poetry from: 127.0.0.1:2",
        "Task 2: no poem from 127.0.0.1:2: it ended without a single byte",
    ];
    assert_eq!(lines, expected.map(|line| Out::Stderr(line.to_owned())));
}

#[test]
fn the_summary_counts_the_poems_that_came() {
    let options = options("verse get 1 2 3 --transform local");
    let mut printer = Printer::new(&options);
    [whole(0, "a\n"), untransformed(1, "b\n"), failed(2)].into_iter().for_each(|news| printer.news(news));
    printer.take();
    printer.end(Duration::from_secs(61));
    assert_eq!(printer.take(), [Out::Stderr("Got 2 poems in 0:01:01.000000".to_owned())]);
}
