//! `CONFORMANCE.md` against the tree: every rule that applies names tests that exist, every numbered test is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const LIST: &str = include_str!("../CONFORMANCE.md");
const RULES: u32 = 155;
/// What the last column says of a rule without a test; after it comes the reason.
const NOT_HERE: [&str; 2] = ["not applicable: ", "later: "];
/// What it says, in the parts delimited for the reactor only, until that has filled them.
const REACTOR: &str = "tests in `reactor/`";

struct Row {
    rule: u32,
    line: &'static str,
    cell: &'static str,
    of_reactor: bool,
}

fn rows() -> Vec<Row> {
    let mut of_reactor = false;
    let mut rows = Vec::new();
    for line in LIST.lines() {
        if let Some(mark) = line.strip_prefix("<!-- reactor: ") {
            of_reactor = !mark.starts_with("end");
        }
        let Some((rule, rest)) = line.strip_prefix("| TW-").and_then(|row| row.split_once(" | ")) else {
            continue;
        };
        let (line, cell) = rest.rsplit_once(" | ").expect("three columns");
        let rule = rule.parse().expect("a number");
        rows.push(Row { rule, line, cell: cell.trim_end_matches([' ', '|']), of_reactor });
    }
    rows
}

/// The numbered tests that a cell names.
fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).filter(|word| word.starts_with("tw_")).collect()
}

fn number(test: &str) -> u32 {
    test.get(3..6)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_else(|| panic!("{test}: no number after tw_"))
}

/// The functions `tw_...` of the whole tree.
fn tests_in(dir: &Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_in(&path, into);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names =
                text.lines().filter_map(|line| line.trim_start().strip_prefix("fn tw_")?.split_once('('));
            into.extend(names.map(|(name, _)| format!("tw_{name}")));
        }
    }
}

fn all_tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = BTreeSet::new();
    for dir in ["src", "tests"].map(|dir| root.join(dir)).into_iter().filter(|dir| dir.is_dir()) {
        tests_in(&dir, &mut all);
    }
    all
}

#[test]
fn every_rule_is_listed_once_with_its_line() {
    let listed: Vec<_> = rows().into_iter().map(|row| row.rule).collect();
    let sorted: BTreeSet<_> = listed.iter().copied().collect();
    assert_eq!(sorted, (1..=RULES).collect());
    assert_eq!(listed.len(), sorted.len());
    assert!(rows().iter().all(|row| row.line.len() > 20));
}

#[test]
fn a_rule_that_applies_names_a_test_that_exists_and_one_that_does_not_gives_its_reason() {
    let all = all_tests();
    for row in rows() {
        let names = named(row.cell);
        for name in &names {
            assert!(all.contains(*name), "TW-{:03} names {name}, which is nowhere in the tree", row.rule);
        }
        let own = names.iter().any(|name| number(name) == row.rule);
        let excused =
            NOT_HERE.iter().any(|word| row.cell.strip_prefix(word).is_some_and(|reason| !reason.is_empty()));
        let elsewhere = row.of_reactor && row.cell == REACTOR;
        assert!(own || excused || elsewhere, "TW-{:03} has neither test nor reason: {}", row.rule, row.cell);
        assert!(!(own && excused), "TW-{:03} has a test and a reason why it has none", row.rule);
    }
}

#[test]
fn every_numbered_test_is_in_the_list_of_its_rule() {
    let listed: BTreeMap<_, _> = rows().into_iter().map(|row| (row.rule, row)).collect();
    for test in all_tests() {
        let row = &listed[&number(&test)];
        let open = row.of_reactor && row.cell == REACTOR;
        assert!(
            open || named(row.cell).contains(&test.as_str()),
            "{test} is not listed under TW-{:03}",
            row.rule
        );
    }
}
