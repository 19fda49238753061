//! `verse deferred`, the real command.

#![allow(clippy::unwrap_used)] // in the helpers of tests, which clippy does not count among them

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn verse(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_verse"))
        .arg("deferred")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it read anything: then it refused the arguments, as some tests want.
    let _closed = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

const CLIENT_5_0: &str = "r poem p\nr None r None\nr None r None\n";
const WIDE: &str = include_str!("../drawings/client-5.0-wide.txt");
const NARROW: &str = include_str!("../drawings/client-5.0-narrow.txt");
const SVG: &str = include_str!("../drawings/client-5.0.svg");

#[test]
fn it_draws_side_by_side_or_one_below_the_other() {
    for (args, expected) in [(&[][..], WIDE), (&["-"], WIDE), (&["--narrow"], NARROW)] {
        let output = verse(args, CLIENT_5_0);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    }
}

#[test]
fn it_reads_a_file_and_draws_into_one() {
    let dir = std::env::temp_dir().join(format!("verse-simulator-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (pairs, svg) = (dir.join("pairs.txt"), dir.join("chain.svg"));
    std::fs::write(&pairs, CLIENT_5_0).unwrap();
    let output = verse(&[pairs.to_str().unwrap(), "--svg", svg.to_str().unwrap()], "");
    let drawn = std::fs::read_to_string(&svg);
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), WIDE);
    assert_eq!(drawn.unwrap(), SVG);
}

#[test]
fn bad_input_costs_one_line_and_exit_code_2() {
    for (args, input, line) in [
        (
            &[][..],
            "r poem p\nx p\n",
            "verse deferred: stdin line 2: no such action: x (r VALUE, f VALUE or p)\n",
        ),
        (
            &[],
            "",
            "verse deferred: stdin: no pair; give at least one: r VALUE, f VALUE or p for the callback, then for the errback\n",
        ),
        (&["/no/such/file"], "", "verse deferred: '/no/such/file': No such file or directory (os error 2)\n"),
    ] {
        let output = verse(args, input);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), line);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
}

#[test]
fn an_svg_that_cannot_be_written_is_told() {
    let output = verse(&["--svg", "/no/such/folder/x.svg"], CLIENT_5_0);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("verse deferred: --svg: cannot write '/no/such/folder/x.svg': "), "{error}");
    assert_eq!(output.status.code(), Some(1));
}

/// The inputs shipped for the exercises of Parts 9 and 10.
#[test]
fn every_input_that_is_shipped_can_be_drawn() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/simulator");
    let mut inputs = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let output = verse(&[path.to_str().unwrap(), "--narrow"], "");
        assert_eq!(output.status.code(), Some(0), "{}", path.display());
        inputs += 1;
    }
    assert_eq!(inputs, 10);
}

/// Part 9, exercise 2.
#[test]
fn a_pair_added_together_leaves_the_failure_of_its_callback_unhandled_and_added_apart_it_does_not() {
    let draw = |name: &str| {
        let path = format!("{}/examples/simulator/{name}", env!("CARGO_MANIFEST_DIR"));
        String::from_utf8(verse(&[&path, "--narrow"], "").stdout).unwrap()
    };
    assert!(draw("part09-together.txt").contains("unhandled"));
    assert!(!draw("part09-apart.txt").contains("unhandled"));
}
