//! Who may know whom: one way only.

use std::collections::BTreeSet;

use super::source;
use super::tree::{Tree, home_of_submodules};

/// A module of `verse`, the modules it may know besides itself, and the crates of the actor side it may.
struct Room {
    name: &'static str,
    modules: &'static [&'static str],
    crates: &'static [&'static str],
}

const fn room(name: &'static str, modules: &'static [&'static str], crates: &'static [&'static str]) -> Room {
    Room { name, modules, crates }
}

/// From the bottom up. What is not here may not be: a new module begins with its row.
const ROOMS: &[Room] = &[
    // Bytes, text, plain data, pure machines.
    room("wire", &[], &[]),
    room("poem", &[], &[]),
    room("transform", &["poem"], &[]),
    room("deferred", &[], &[]),
    room("cache", &[], &[]),
    room("config", &["cache", "poem"], &[]),
    // The reactor half: neither tokio nor actix, and nothing of the actor side.
    room("reactor", &["deferred", "poem", "terms", "transform", "wire"], &[]),
    // What both are told and tell, so that they can be compared.
    room("terms", &["wire"], &[]),
    room("blocking", &["poem", "terms", "transform", "wire"], &[]),
    // What actors say and report, and the seam to the network.
    room("net", &[], &["tokio"]),
    room("event", &[], &["supervisors"]),
    room("message", &["cache", "config", "poem", "wire"], &["tokio", "actix", "supervisors"]),
    // The actors, the tree, the command.
    room("actors", LOW, &["tokio", "actix", "supervisors"]),
    room(
        "client",
        &["actors", "cache", "config", "event", "message", "net", "poem", "transform", "wire"],
        ALL,
    ),
    room("ops", &["actors", "cache", "config", "event", "message", "net"], ALL),
    room(
        "node",
        &["actors", "cache", "config", "event", "message", "net", "ops", "poem", "transform", "wire"],
        ALL,
    ),
    room(
        "lab",
        &["actors", "cache", "client", "config", "event", "message", "net", "node", "poem", "transform"],
        ALL,
    ),
    room(
        "cli",
        &[
            "actors",
            "blocking",
            "cache",
            "client",
            "config",
            "deferred",
            "event",
            "message",
            "net",
            "node",
            "ops",
            "poem",
            "reactor",
            "terms",
            "transform",
            "wire",
        ],
        ALL,
    ),
];

const LOW: &[&str] = &["cache", "config", "event", "message", "net", "poem", "transform", "wire"];
const ALL: &[&str] = &["tokio", "actix", "actix_rt", "supervisors"];

pub(super) fn wrong_way(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, code) in tree.shipped() {
        let Some(inside) = path.strip_prefix("src/") else { continue };
        // The table of contents, and the command's first step.
        if inside == "lib.rs" || inside == "main.rs" {
            continue;
        }
        let name = inside.split(['/', '.']).next().unwrap_or_default();
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            offences.push(format!("{path}: the module {name} has no row among the rooms"));
            continue;
        };
        for module in
            imports(&code).into_iter().filter(|it| it != name && !room.modules.contains(&it.as_str()))
        {
            offences.push(format!("{path}: {name} must not know {module}"));
        }
        for krate in ALL.iter().filter(|krate| !room.crates.contains(krate)) {
            let paths =
                source::words(&code, krate).filter(|(at, _)| code[at + krate.len()..].starts_with("::"));
            offences.extend(paths.map(|(_, line)| format!("{path}:{line}: {name} must not know {krate}")));
        }
        // A module one step below the root reaches it by one `super`, and so on; only `crate::` is looked at above.
        let depth = home_of_submodules(inside).split('/').count();
        if code.contains(&"super::".repeat(depth)) {
            offences.push(format!("{path}: reaches the root by super; say crate"));
        }
    }
    offences
}

/// The parts of the command that run without a runtime: on the reactor, or by blocking.
const WITHOUT_RUNTIME: &[&str] = &["src/cli/engines/", "src/cli/get/reactor.rs", "src/cli/get/blocking.rs"];

/// What would need one, or make one.
const RUNTIME: &[&str] = &["tokio", "actix", "actix_rt", "supervisors", "runtime"];

pub(super) fn runtimes(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, code) in tree.shipped() {
        if !WITHOUT_RUNTIME.iter().any(|home| path.starts_with(home)) {
            continue;
        }
        for name in RUNTIME {
            let found = source::words(&code, name);
            offences.extend(found.map(|(_, line)| format!("{path}:{line}: {name}, where no runtime may be")));
        }
    }
    offences
}

/// The first names behind `crate::`, also within braces.
fn imports(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in source::words(code, "crate") {
        let Some(path) = code[at + 5..].strip_prefix("::") else { continue };
        match path.strip_prefix('{') {
            None => {
                names.insert(source::word_at(path).to_owned());
            }
            Some(group) => {
                let mut depth = 0_usize;
                let mut first = true;
                for (at, byte) in group.bytes().enumerate() {
                    match byte {
                        b'{' => depth += 1,
                        b'}' if depth == 0 => break,
                        b'}' => depth -= 1,
                        b',' if depth == 0 => first = true,
                        byte if first && byte.is_ascii_alphabetic() => {
                            first = false;
                            names.insert(source::word_at(&group[at..]).to_owned());
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

/// A file that no `mod` names is not compiled, and so not true.
pub(super) fn orphans(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    let rooted = ["src/", "supervisors/src/", "supervisors/tests/it/", "tests/it/"];
    for (path, _) in tree.ending(".rs").filter(|(path, _)| rooted.iter().any(|root| path.starts_with(root))) {
        let own = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let Some((home, name)) = own.rsplit_once('/') else { continue };
        if rooted.contains(&format!("{home}/").as_str()) && ["lib", "main"].contains(&name) {
            continue;
        }
        let parents = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"].map(|end| format!("{home}{end}"));
        let declared = parents.iter().filter_map(|parent| tree.files.get(parent)).any(|text| {
            let code = source::code(text);
            source::words(&code, "mod").any(|(at, _)| source::word_at(code[at + 3..].trim_start()) == name)
        });
        if !declared {
            offences.push(format!("{path} is compiled by nobody"));
        }
    }
    offences
}

#[test]
fn imports_are_found_in_groups_too() {
    let code = "use crate::{a, b::{c, d}, e as f}; crate::g::h(); pub(crate) mod i; use crate::j;";
    assert_eq!(imports(code).into_iter().collect::<String>(), "abegj");
}
