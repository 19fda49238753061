//! Lines, firings, and drawings compared with files.

use std::path::PathBuf;

use super::*;

fn pairs(text: &str) -> Vec<Pair> {
    text.lines().map(|line| Pair::parse(line).unwrap()).collect()
}

fn moves(firing: &Firing) -> Vec<String> {
    firing.moves.iter().map(ToString::to_string).collect()
}

/// Client 5.0 with a poem that can be transformed, from Part 10.
const CLIENT_5_0: &str = "r poem p\nr None r None\nr None r None";

/// Compares with a file; with `VERSE_BLESS=1` in the environment, writes it instead.
fn expect(name: &str, drawing: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "drawings", name].iter().collect();
    if std::env::var_os("VERSE_BLESS").is_some() {
        std::fs::write(&path, drawing).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(drawing == expected, "{name} differs; drawn:\n{drawing}\nexpected:\n{expected}");
}

#[test]
fn a_line_is_two_actions_short_or_in_words() {
    let short = Pair::parse("r a f b").unwrap();
    assert_eq!(
        short,
        Pair { callback: Action::Return("a".to_owned()), errback: Action::Fail("b".to_owned()) }
    );
    assert_eq!(Pair::parse("  return a \t fail b "), Ok(short));
    assert_eq!(Pair::parse("p passthru"), Ok(Pair { callback: Action::Passthru, errback: Action::Passthru }));
}

#[test]
fn a_bad_line_says_what_is_wrong() {
    let long = format!("r {} p", "x".repeat(MAX_VALUE + 1));
    for (line, error) in [
        ("x p", "no such action: x (r VALUE, f VALUE or p)"),
        ("p", "a pair is a callback and an errback, each r VALUE, f VALUE or p"),
        ("r", "r needs a value"),
        ("p fail", "fail needs a value"),
        ("p p p", "more than a pair: p"),
        (&long, "a value of more than 200 characters"),
    ] {
        assert_eq!(Pair::parse(line).unwrap_err().to_string(), error, "{line}");
    }
}

#[test]
fn the_chain_is_fired_both_ways_and_switches_lines() {
    let simulation = Simulation::of(pairs("f oops p\np r saved\nr end p"));
    assert_eq!(moves(&simulation.callback), ["initial", "*oops", "saved", "end"]);
    assert_eq!(moves(&simulation.errback), ["*initial", "*initial", "saved", "end"]);
}

#[test]
fn nothing_of_a_simulated_failure_is_reported_as_unhandled() {
    let reports = super::super::unhandled::Collected::begin();
    let simulation = Simulation::of(pairs("f oops f worse"));
    assert_eq!(moves(&simulation.callback), ["initial", "*oops"]);
    assert!(reports.take().is_empty());
}

#[test]
fn a_pair_added_together_differs_from_callback_then_errback() {
    // Part 9, exercise 2: what the errback sees when the callback fails.
    let together = Simulation::of(pairs("f oops r handled"));
    let apart = Simulation::of(pairs("f oops p\np r handled"));
    assert_eq!(moves(&together.callback).last().unwrap(), "*oops");
    assert_eq!(moves(&apart.callback).last().unwrap(), "handled");
    assert_eq!(moves(&together.errback).last(), moves(&apart.errback).last());
}

#[test]
fn the_drawings_are_those_of_the_files() {
    let client = Simulation::of(pairs(CLIENT_5_0));
    expect("client-5.0-wide.txt", &wide(&client));
    expect("client-5.0-narrow.txt", &narrow(&client));
    expect("client-5.0.svg", &svg(&client));
    let crossing = Simulation::of(pairs("f an-error-with-a-long-name p\np r <saved&sound>\np f end"));
    expect("crossing-wide.txt", &wide(&crossing));
    expect("crossing.svg", &svg(&crossing));
    let unhandled = Simulation::of(pairs("p p"));
    expect("unhandled-wide.txt", &wide(&unhandled));
}

#[test]
fn wide_and_narrow_hold_the_same_diagrams() {
    let simulation = Simulation::of(pairs(CLIENT_5_0));
    let words = |text: &str| {
        let mut words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(words(&wide(&simulation)), words(&narrow(&simulation)));
}
