//! What is written about the code, against the code.

use std::collections::BTreeSet;

use super::source;
use super::tree::Tree;

const MAP: &str = "ARCHITECTURE.md";

/// Every path that the map names, folders with `/` at their end.
///
/// The map is the code block that begins with a folder: a name or more a line, set in by the folder they are in, two
/// spaces or more, and what for. A line set in by more than 20 goes on with what the one above says.
fn map_of(text: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut folders: Vec<(usize, String)> = Vec::new();
    let block = text.split("```").find(|block| {
        let first = block.lines().nth(1).unwrap_or_default();
        first.split("  ").next().is_some_and(|name| name.ends_with('/') && !name.contains(' '))
    });
    for line in block.unwrap_or_default().lines().skip(1) {
        let entry = line.trim_start();
        let indent = line.len() - entry.len();
        if entry.is_empty() || indent > 20 {
            continue;
        }
        folders.retain(|(depth, _)| *depth < indent);
        let home = folders.last().map(|(_, path)| path.clone()).unwrap_or_default();
        for name in entry.split("  ").next().unwrap_or_default().split_whitespace() {
            let path = format!("{home}{name}");
            if name.ends_with('/') {
                folders.push((indent, path.clone()));
            }
            paths.insert(path);
        }
    }
    paths
}

pub(super) fn unmapped(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.files.get(MAP) else { return vec![format!("there is no {MAP}")] };
    let map = map_of(text);
    let mut expected = BTreeSet::new();
    // Tests are where what they test is.
    for path in tree.files.keys().filter(|path| path.ends_with(".rs") && !tree.is_test(path)) {
        let Some(root) = ["src/", "supervisors/src/"].into_iter().find(|root| path.starts_with(root)) else {
            continue;
        };
        let folders = path.match_indices('/').map(|(at, _)| at + 1).filter(|end| *end > root.len());
        let folders: Vec<_> = folders.map(|end| path[..end].to_owned()).collect();
        // A file right below the root, or every folder that it is in.
        expected.extend(if folders.is_empty() { vec![path.clone()] } else { folders });
    }
    expected
        .into_iter()
        .filter(|path| !map.contains(path))
        .map(|path| format!("{MAP} has no {path}"))
        .collect()
}

pub(super) fn map_of_nowhere(tree: &Tree) -> Vec<String> {
    let map = tree.files.get(MAP).map(|text| map_of(text)).unwrap_or_default();
    map.iter().filter(|path| !tree.has(path)).map(|path| format!("{MAP}: there is no {path}")).collect()
}

/// Where a path of this repository begins.
const ROOTS: &[&str] = &["src/", "supervisors/", "tests/", "poetry/", "examples/", ".ci/"];

/// Paths in backticks and relative links, in every document.
pub(super) fn dead_paths(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (document, text) in tree.ending(".md") {
        let home = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        let quoted = text.split('`').skip(1).step_by(2);
        let quoted = quoted
            .filter(|it| ROOTS.iter().any(|root| it.starts_with(root)) && !it.contains([' ', '*', '<']));
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let links = links.filter(|it| !it.is_empty() && !it.contains("://"));
        let linked = links.map(|it| if home.is_empty() { it.to_owned() } else { format!("{home}/{it}") });
        for path in quoted.map(str::to_owned).chain(linked).filter(|path| !tree.has(path)) {
            offences.push(format!("{document}: there is no {path}"));
        }
    }
    offences
}

/// Each example is on the list of examples beside it, if there is one, and a test has its name.
pub(super) fn examples(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for folder in ["examples/", "supervisors/examples/"] {
        let list = tree.files.get(&format!("{folder}README.md"));
        for entry in tree.entries(folder) {
            // A file, or a folder with a program in it.
            let example = match entry.strip_suffix('/') {
                Some(name) if tree.has(&format!("{folder}{name}/main.rs")) => name,
                Some(_) => continue,
                None => match entry.strip_suffix(".rs") {
                    Some(name) => name,
                    None => continue,
                },
            };
            if list.is_some_and(|list| !list.contains(&format!("`{example}`"))) {
                offences.push(format!("{folder}README.md does not list {example}"));
            }
            let mut tests = tree.ending(".rs").filter(|(path, _)| path.contains("tests/"));
            if !tests.any(|(_, text)| source::words(text, example).next().is_some()) {
                offences.push(format!("no test runs {folder}{entry}"));
            }
        }
    }
    offences
}
