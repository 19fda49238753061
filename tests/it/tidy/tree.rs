//! The files of the repository, as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::source;

/// Every file, by its path from the root with `/` between names; only Rust, TOML, Markdown and scripts with text.
pub(super) struct Tree {
    pub(super) files: BTreeMap<String, String>,
    /// Rust files that are only compiled for tests.
    tests: BTreeSet<String>,
}

impl Tree {
    /// The repository as it is.
    pub(super) fn read() -> Self {
        let mut files = Vec::new();
        walk(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
        Self::of(files)
    }

    /// A tree of these files.
    pub(super) fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files: BTreeMap<_, _> = files.into_iter().collect();
        let tests = test_files(&files);
        Self { files, tests }
    }

    /// Whether there is such a file or, with or without `/` at its end, folder.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&folder))
    }

    /// The files whose name ends so.
    pub(super) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let files = self.files.iter().filter(move |(path, _)| path.ends_with(end));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The code of every Rust file, tests included, without comments and literals.
    pub(super) fn code(&self) -> impl Iterator<Item = (&str, String)> {
        self.ending(".rs").map(|(path, text)| (path, source::code(text)))
    }

    /// The code of the two crates that is not for tests only.
    pub(super) fn shipped(&self) -> impl Iterator<Item = (&str, String)> {
        self.code()
            .filter(|(path, _)| path.starts_with("src/") || path.starts_with("supervisors/src/"))
            .filter(|(path, _)| !self.is_test(path))
            .map(|(path, code)| (path, source::without_tests(&code).0))
    }

    /// Whether it is only compiled for tests.
    pub(super) fn is_test(&self, path: &str) -> bool {
        self.tests.iter().any(|test| match test.strip_suffix('/') {
            Some(_) => path.starts_with(test),
            None => path == test,
        })
    }

    /// What is in a folder, by name; folders end in `/`.
    pub(super) fn entries(&self, folder: &str) -> BTreeSet<String> {
        let inside = self.files.keys().filter_map(|path| path.strip_prefix(folder));
        inside
            .map(|path| match path.split_once('/') {
                Some((name, _)) => format!("{name}/"),
                None => path.to_owned(),
            })
            .collect()
    }
}

fn walk(folder: &Path, name: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let entry = entry.expect("it can be listed");
        let file = entry.file_name().into_string().expect("names are text");
        let path = if name.is_empty() { file.clone() } else { format!("{name}/{file}") };
        if entry.file_type().expect("it has a type").is_dir() {
            // What a build leaves behind, and what git keeps.
            if file != "target" && file != ".git" {
                walk(&entry.path(), &path, files);
            }
        } else {
            let is_text = [".rs", ".toml", ".md"].iter().any(|end| file.ends_with(end)) || file == "run";
            let text =
                if is_text { fs::read_to_string(entry.path()).expect("it is text") } else { String::new() };
            files.push((path, text));
        }
    }
}

/// Where the submodules of a module are: beside `lib.rs`, `main.rs` and `mod.rs`, else in a folder of its name.
pub(super) fn home_of_submodules(path: &str) -> &str {
    let (folder, file) = path.rsplit_once('/').map_or(("", path), |(folder, file)| (folder, file));
    match file {
        "lib.rs" | "main.rs" | "mod.rs" => folder,
        _ => path.strip_suffix(".rs").unwrap_or(path),
    }
}

fn test_files(files: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let home = home_of_submodules(path);
        for module in source::without_tests(&source::code(text)).1 {
            tests.insert(format!("{home}/{module}.rs"));
            tests.insert(format!("{home}/{module}/"));
        }
    }
    tests
}
