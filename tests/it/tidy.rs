//! The rules of the house that a machine can check, each a claim about the files of this repository.
//!
//! A check is a function of the tree: what it finds in the real one must be nothing, and what it finds in a tree with
//! one planted fault must not be.

mod papers;
mod rooms;
mod source;
mod tree;
mod words;

use tree::Tree;

/// What offends in a tree.
type Check = fn(&Tree) -> Vec<String>;

fn assert_clean(check: Check) {
    let offences = check(&Tree::read());
    assert!(offences.is_empty(), "\n  {}\n", offences.join("\n  "));
}

#[test]
fn no_file_is_longer_than_500_lines() {
    assert_clean(words::long_files);
}

#[test]
fn no_function_is_longer_than_70_lines() {
    assert_clean(words::long_functions);
}

#[test]
fn modules_know_only_those_below_them() {
    assert_clean(rooms::wrong_way);
}

#[test]
fn the_reactor_and_the_blocking_engine_run_without_a_runtime() {
    assert_clean(rooms::runtimes);
}

#[test]
fn every_file_is_compiled() {
    assert_clean(rooms::orphans);
}

#[test]
fn supervisors_knows_no_poems() {
    assert_clean(words::poems_in_supervisors);
}

#[test]
fn no_actix_address_is_held_where_a_ref_belongs() {
    assert_clean(words::addresses);
}

#[test]
fn only_the_node_and_supervisors_start_anything() {
    assert_clean(words::starters);
}

#[test]
fn no_name_says_nothing() {
    assert_clean(words::empty_names);
}

#[test]
fn nothing_is_unfinished_ignored_or_slept_through() {
    assert_clean(words::unfinished);
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    assert_clean(words::unwraps);
}

#[test]
fn rules_are_named_by_numbers_that_exist() {
    assert_clean(words::rule_numbers);
}

#[test]
fn the_map_names_every_room() {
    assert_clean(papers::unmapped);
}

#[test]
fn every_place_on_the_map_exists() {
    assert_clean(papers::map_of_nowhere);
}

#[test]
fn every_path_in_a_document_exists() {
    assert_clean(papers::dead_paths);
}

#[test]
fn every_example_is_listed_and_run_by_a_test() {
    assert_clean(papers::examples);
}

/// A check, the fault it is for, and a file that has it.
const PLANTED: &[(&str, Check, &str, &str)] = &[
    ("an import upwards", rooms::wrong_way, "src/cache/a.rs", "use crate::{actors, cache};"),
    ("a path upwards", rooms::wrong_way, "src/actors/a.rs", "fn a() { crate::node::b() }"),
    ("an import of tokio", rooms::wrong_way, "src/reactor/a.rs", "use tokio::time;"),
    ("an import of actix", rooms::wrong_way, "src/blocking.rs", "use actix::Actor;"),
    ("a way round by super", rooms::wrong_way, "src/wire/a.rs", "use super::super::config::Pace;"),
    ("a room without a row", rooms::wrong_way, "src/attic.rs", ""),
    ("a runtime", rooms::runtimes, "src/cli/engines/a.rs", "use crate::cli::runtime;"),
    ("a file left out", rooms::orphans, "src/wire/a.rs", ""),
    ("a poem in supervisors", words::poems_in_supervisors, "supervisors/src/a.rs", "// as a poem"),
    ("an address held", words::addresses, "src/actors/a.rs", "struct A { b: Addr<B> }"),
    ("a task of its own", words::starters, "src/actors/a.rs", "fn a() { tokio::task::spawn_local(b) }"),
    ("an empty name", words::empty_names, "src/wire/utils.rs", ""),
    ("an empty name inline", words::empty_names, "src/a.rs", "mod common { }"),
    ("something to do", words::unfinished, "tests/it/a.rs", "fn a() { todo!() }"),
    ("an ignored test", words::unfinished, "tests/it/a.rs", "#[ignore = \"slow\"]"),
    ("a sleep", words::unfinished, "tests/it/a.rs", "std::thread::sleep(a);"),
    ("an unwrap", words::unwraps, "src/a.rs", "fn a() { b.unwrap() }"),
    ("a rule that is none", words::rule_numbers, "src/a.rs", concat!("/// OTP", "-209")),
    ("a test of a rule that is none", words::rule_numbers, "src/a.rs", concat!("fn otp", "_999_a() {}")),
    ("a place off the map", papers::unmapped, "src/a.rs", ""),
    ("a folder off the map", papers::unmapped, "src/a/b/c.rs", ""),
    (
        "a place that is not",
        papers::map_of_nowhere,
        "ARCHITECTURE.md",
        "```text\nsrc/\n  nowhere/  nothing\n```",
    ),
    ("a map that is not", papers::unmapped, "ARCHITECTURE.md", "to be drawn"),
    ("a dead path", papers::dead_paths, "README.md", "see `src/nowhere.rs`"),
    ("a dead link", papers::dead_paths, "README.md", "see [it](nowhere.md)"),
    ("an example that nobody runs", papers::examples, "examples/a.rs", ""),
    ("a folder that nobody runs", papers::examples, "examples/a/main.rs", ""),
    ("an example off the list", papers::examples, "supervisors/examples/README.md", "| `b` |"),
];

/// A tree in which all is well.
const WELL: &[(&str, &str)] = &[
    ("src/lib.rs", "mod a; mod attic; #[cfg(test)] mod tests { fn a() { b.unwrap() } }"),
    ("ARCHITECTURE.md", "```text\nsrc/\n  lib.rs    the crate\n```"),
    ("supervisors/examples/c.rs", "fn main() {}"),
    ("tests/examples.rs", "fn c_runs() { run(\"c\") }"),
];

#[test]
fn each_check_finds_the_fault_it_is_for() {
    let tree = |files: &[(&str, &str)]| {
        Tree::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    };
    for (fault, check, path, text) in PLANTED {
        assert_eq!(check(&tree(WELL)), Vec::<String>::new(), "without {fault} all is well");
        let faulty = [WELL, &[(*path, *text)]].concat();
        assert_ne!(check(&tree(&faulty)), Vec::<String>::new(), "{fault} is not found");
    }
}

#[test]
fn a_line_too_many_is_one_too_many() {
    let lines = |count: usize| format!("fn a() {{\n{}}}\n", "b();\n".repeat(count - 2));
    for (check, most) in [(words::long_files as Check, 500), (words::long_functions, 70)] {
        let offences = |count| check(&Tree::of([("src/a.rs".to_owned(), lines(count))])).len();
        assert_eq!((offences(most), offences(most + 1)), (0, 1), "{most} lines are allowed");
    }
}
