//! The table of rules against the tests there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

/// As many as the list has.
const RULES: u32 = 208;

/// What the table says of a rule.
#[derive(Debug, PartialEq, Eq)]
enum Says {
    Tests(Vec<String>),
    NotApplicable,
    NotYet(String),
}

/// The rows in their order; panics at a row that is none.
fn table(text: &str) -> Vec<(u32, Says)> {
    text.lines().filter_map(|line| line.strip_prefix("| OTP-").map(row)).collect()
}

fn row(row: &str) -> (u32, Says) {
    let cells: Vec<_> = row.trim_end_matches(" |").splitn(3, " | ").collect();
    let [number, what, tests] = *cells else { panic!("no row of three cells: {row}") };
    let number = number.parse().unwrap_or_else(|_| panic!("no number: {row}"));
    assert!(!what.is_empty(), "OTP-{number:03} says nothing");
    let says = if let Some(reason) = tests.strip_prefix("n/a: ") {
        assert!(!reason.is_empty(), "OTP-{number:03} has no reason");
        Says::NotApplicable
    } else if let Some(lacks) = tests.strip_prefix("not yet: ") {
        Says::NotYet(lacks.to_owned())
    } else {
        Says::Tests(tests.split(", ").map(|name| name.trim_matches('`').to_owned()).collect())
    };
    (number, says)
}

/// The tests of this crate, each with the rules that its name or comment carries.
fn tests_in(folder: &Path, found: &mut BTreeMap<String, BTreeSet<u32>>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            read_tests(&fs::read_to_string(&path).expect("a source can be read"), found);
        }
    }
}

fn read_tests(source: &str, found: &mut BTreeMap<String, BTreeSet<u32>>) {
    let mut rules = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            rules.extend(numbers(comment, "OTP-"));
        } else if line.starts_with("#[") {
            is_test |= line == "#[test]";
        } else {
            let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
            if let (true, Some((name, _))) = (is_test, name) {
                // `otp_068_069_070_...` carries three.
                rules.extend(numbers(&name.replace("_otp_", "_").replace("otp_", "_"), "_"));
                found.entry(name.to_owned()).or_default().append(&mut rules);
            }
            rules.clear();
            is_test = false;
        }
    }
}

/// The numbers of three digits behind `mark`, and those between two with `to` between them.
fn numbers(text: &str, mark: &str) -> Vec<u32> {
    let digits =
        |text: &str| text.get(..3).filter(|it| it.bytes().all(|it| it.is_ascii_digit()))?.parse().ok();
    let mut found = Vec::new();
    let mut up_to = false;
    for piece in text.split(mark).skip(1) {
        let Some(number) = digits(piece) else {
            up_to |= piece == "to";
            continue;
        };
        match found.last() {
            Some(&first) if up_to => found.extend(first + 1..=number),
            _ => found.push(number),
        }
        up_to = piece[3..].trim_matches(|it| it == ' ' || it == '_') == "to";
    }
    found
}

/// The rules that the differential asks each trace for.
fn differential() -> BTreeSet<u32> {
    let folder = root().join("examples/otp_differential/differential/rules");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the differential has its rules") {
        let path = entry.expect("a folder can be read").path();
        let source = fs::read_to_string(path).expect("a source can be read");
        // Those it does not ask for are in a table of their own.
        let asked = source.split("NOT_ASKED").next().unwrap_or_default();
        let rows =
            asked.lines().filter_map(|line| line.strip_prefix("    (")?.split_once(',')?.0.parse().ok());
        found.extend::<Vec<u32>>(rows.collect());
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_rule_that_applies_has_a_test_that_carries_its_number() {
    let text = fs::read_to_string(root().join("CONFORMANCE.md")).expect("the table is there");
    let table = table(&text);
    let numbers: Vec<_> = table.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=RULES).collect::<Vec<_>>(), "each rule has one row, in order");

    let mut tests = BTreeMap::new();
    tests_in(&root().join("src"), &mut tests);
    tests_in(&root().join("tests"), &mut tests);
    let differential = differential();
    let mut wrong = Vec::new();
    for (number, says) in &table {
        let Says::Tests(names) = says else { continue };
        for name in names {
            match tests.get(name) {
                _ if name == "differential" => {
                    if !differential.contains(number) {
                        wrong.push(format!("OTP-{number:03} is not asked for by the differential"));
                    }
                }
                None => wrong.push(format!("OTP-{number:03} names `{name}`, which is no test")),
                Some(rules) if !rules.contains(number) => {
                    wrong.push(format!("OTP-{number:03} names `{name}`, which does not carry its number"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "\n  {}\n", wrong.join("\n  "));
    tell(&table, &tests);
}

/// What is missing, and what could be filled in by now, for whoever runs the test.
fn tell(table: &[(u32, Says)], tests: &BTreeMap<String, BTreeSet<u32>>) {
    let lacking: Vec<_> = table
        .iter()
        .filter_map(|(number, says)| match says {
            Says::NotYet(what) => Some((number, what)),
            _ => None,
        })
        .collect();
    let mut stderr = std::io::stderr();
    let _ = writeln!(stderr, "{} of {RULES} rules are not there yet", lacking.len());
    for (number, what) in lacking {
        let by_now = tests.iter().filter(|(_, rules)| rules.contains(number)).map(|(name, _)| name.as_str());
        let by_now = by_now.collect::<Vec<_>>().join(", ");
        let _ = writeln!(stderr, "  OTP-{number:03}: {what} {by_now}");
    }
}

#[test]
fn a_table_with_a_hole_is_read_as_one() {
    let says = |cell: &str| row(&format!("069 | one for all | {cell} |")).1;
    assert_eq!(says("n/a: no reason"), Says::NotApplicable);
    assert_eq!(says("not yet: all of it"), Says::NotYet("all of it".to_owned()));
    assert_eq!(says("`differential`, `a_b`"), Says::Tests(vec!["differential".to_owned(), "a_b".to_owned()]));
    let mut found = BTreeMap::new();
    read_tests(
        "/// OTP-002 to OTP-004, OTP-008.\n#[test]\nfn otp_068_069_x_7() {\n}\n/// OTP-001\nfn none() {}\n",
        &mut found,
    );
    assert_eq!(found, BTreeMap::from([("otp_068_069_x_7".to_owned(), BTreeSet::from([2, 3, 4, 8, 68, 69]))]));
    let mut found = BTreeMap::new();
    read_tests("#[test]\nfn otp_062_to_otp_065_types() {\n", &mut found);
    assert_eq!(found["otp_062_to_otp_065_types"], BTreeSet::from([62, 63, 64, 65]));
}
