//! What must not be found here.

use std::path::Path;

/// The code lines of every file under `path`, comments left out.
fn code(path: &Path, into: &mut Vec<(String, String)>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            code(&entry.unwrap().path(), into);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        into.extend(lines.map(|line| (path.display().to_string(), line.to_owned())));
    }
}

#[test]
fn neither_the_reactor_nor_the_blocking_half_knows_a_runtime_or_an_actor() {
    // Put together here, or this very file would hold them.
    let forbidden = ["tok io", "act ix", "crate::act ors", "supervis ors", "crate::mess age"]
        .map(|name| name.replace(' ', ""));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut lines = Vec::new();
    code(&root.join("reactor"), &mut lines);
    code(&root.join("blocking"), &mut lines);
    assert!(lines.len() > 3000, "only {} lines found", lines.len());
    for (file, line) in lines {
        let found = forbidden
            .iter()
            .find(|name| line.contains(&format!("{name}::")) || line.contains(&format!("use {name}")));
        assert!(found.is_none(), "{file} has {found:?}: {line}");
    }
}
