//! `examples/README.md`, the map of the series, against the examples themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::series::listed;

const MAP: &str = include_str!("../../examples/README.md");
const COMMAND: &str = "cargo run --example ";

/// The examples of the series: a file or a folder each.
fn parts() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut parts = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the examples are there") {
        let path = entry.expect("it can be read").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("names are text");
        let is_program = path.extension().is_some_and(|it| it == "rs") || path.join("main.rs").exists();
        if name.starts_with("part") && is_program {
            parts.insert(name.to_owned());
        }
    }
    parts
}

/// The commands of the map: example, and program if one is named.
fn commands() -> Vec<(&'static str, Option<&'static str>)> {
    let command = |(at, _): (usize, &str)| {
        let rest = &MAP[at + COMMAND.len()..];
        let end = rest.find(['`', '\n']).expect("a line has an end");
        let words: Vec<_> = rest[..end].split_whitespace().take_while(|word| *word != "#").collect();
        let program = (words.get(1) == Some(&"--")).then(|| words.get(2).copied()).flatten();
        (words[0], program)
    };
    MAP.match_indices(COMMAND).map(command).collect()
}

#[test]
fn every_program_is_on_the_map_with_its_command() {
    let commands = commands();
    for part in parts() {
        for program in listed(&part) {
            let known = commands.contains(&(part.as_str(), Some(&program)));
            assert!(known, "examples/README.md does not say: {COMMAND}{part} -- {program}");
        }
    }
}

#[test]
fn every_command_on_the_map_is_of_a_program_that_is_there() {
    let parts = parts();
    assert!(commands().len() > 100, "the map has the commands");
    for (example, program) in commands() {
        if ["sweep", "deferred_differential"].contains(&example) {
            continue;
        }
        assert!(parts.contains(example), "there is no example {example}");
        if let Some(program) = program {
            let listed = listed(example);
            assert!(listed.iter().any(|it| it == program), "{example} has no {program}, it has {listed:?}");
        }
    }
}

/// The rows are held against the lists by `series::check`; here, that there are rows for each.
#[test]
fn every_example_of_the_series_has_its_rows() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let rows: String = ["series.rs", "series_deferreds.rs", "series_late.rs"]
        .map(|name| fs::read_to_string(tests.join(name)).expect("the rows are there"))
        .concat();
    for part in parts() {
        let head = format!("check(\n        \"{part}\",");
        assert!(rows.contains(&head), "no table runs the programs of {part}");
    }
}

#[test]
fn every_part_has_its_section_and_what_is_asked_in_words_its_answer() {
    for part in 1..=22 {
        assert!(MAP.contains(&format!("\n## Part {part}: ")), "Part {part} is not on the map");
    }
    // The exercises that no program can answer.
    for (part, answers) in [(2, 2), (11, 1), (14, 1), (17, 3)] {
        let found = MAP.matches(&format!("\n**Part {part}: ")).count();
        assert!(found >= answers, "Part {part} has {answers} questions, and {found} answers");
    }
}
