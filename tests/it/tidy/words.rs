//! What no file may be called and no code may say.

use super::source;
use super::tree::Tree;

/// Longest file, and longest function, in lines: past that it is two (STYLE, rule 1).
const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;

pub(super) fn long_files(tree: &Tree) -> Vec<String> {
    let lengths = tree.ending(".rs").map(|(path, text)| (path, text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(path, lines)| format!("{path} has {lines} lines, more than {FILE_LINES}"))
        .collect()
}

pub(super) fn long_functions(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, code) in tree.shipped() {
        for (name, line, lines) in source::functions(&code) {
            if lines > FUNCTION_LINES {
                offences.push(format!("{path}:{line}: {name} has {lines} lines, more than {FUNCTION_LINES}"));
            }
        }
    }
    offences
}

/// Names that say nothing of what is inside (STYLE, rule 10).
const NAMES: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "misc", "manager", "managers", "handler2"];

pub(super) fn empty_names(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, code) in tree.code() {
        let names = path.trim_end_matches(".rs").split('/');
        for name in names.filter(|name| NAMES.contains(name)) {
            offences.push(format!("{path}: {name} is no name"));
        }
        for (at, line) in source::words(&code, "mod") {
            let name = source::word_at(code[at + 3..].trim_start());
            if NAMES.contains(&name) {
                offences.push(format!("{path}:{line}: {name} is no name"));
            }
        }
    }
    offences
}

pub(super) fn unfinished(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, code) in tree.code() {
        let code: Vec<_> = code.lines().map(|line| line.split_whitespace().collect::<String>()).collect();
        for (number, line) in code.iter().enumerate() {
            let found = ["todo!", "unimplemented!", "dbg!", "#[ignore", "thread::sleep"];
            for what in found.iter().filter(|what| line.contains(**what)) {
                offences.push(format!("{path}:{}: {what}", number + 1));
            }
        }
    }
    offences
}

/// What a test prints that passes is hidden; so it must not say there that it claims nothing.
pub(super) fn silent_skips(tree: &Tree) -> Vec<String> {
    let says = concat!("eprintln!(\"", "skipped");
    let mut offences = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let found = text.match_indices(says).map(|(at, _)| source::line_of(text, at));
        offences.extend(found.map(|line| format!("{path}:{line}: skipped without a word")));
    }
    offences
}

pub(super) fn unwraps(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, code) in tree.shipped() {
        let calls = source::words(&code, "unwrap").filter(|(at, _)| code[at + 6..].starts_with("()"));
        offences
            .extend(calls.map(|(_, line)| format!("{path}:{line}: unwrap; an expect states the invariant")));
    }
    offences
}

/// Words that are actix's for the address of one life of an actor.
const ADDRESSES: &[&str] = &["Addr", "WeakAddr", "Recipient", "WeakRecipient"];

/// An address held anywhere is a restart that its holder misses.
pub(super) fn addresses(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, code) in tree.shipped() {
        for name in ADDRESSES {
            let types = source::words(&code, name).filter(|(at, _)| code[at + name.len()..].starts_with('<'));
            offences.extend(
                types.map(|(_, line)| format!("{path}:{line}: {name} dies with one life; hold a Ref")),
            );
        }
    }
    offences
}

/// How tasks and threads are started.
const STARTS: &[&str] = &[
    "spawn_local(",
    "tokio::spawn(",
    "spawn_blocking(",
    "thread::spawn(",
    "thread::Builder",
    "Arbiter::new(",
];

/// Who may start some: the tree and what supervises it; where a system call may block and nobody else waits for it, the
/// resolver of the reactor, the writer of the command's stdout, and the programs that block by design; and the
/// simulation, in which programs are started.
const STARTERS: &[&str] = &[
    "supervisors/src/",
    "src/node/",
    "src/reactor/resolve.rs",
    "src/cli/get/writer.rs",
    "src/cli/get/blocking.rs",
    "src/cli/engines/blocking.rs",
    "src/lab/simulation.rs",
];

pub(super) fn starters(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, code) in tree.shipped() {
        if STARTERS.iter().any(|home| path.starts_with(home)) {
            continue;
        }
        for start in STARTS {
            let found = code.match_indices(start).map(|(at, _)| source::line_of(&code, at));
            offences.extend(found.map(|line| format!("{path}:{line}: {start} is not supervised")));
        }
    }
    offences
}

/// What `supervisors` knows nothing of.
const POETRY: &[&str] = &["verse", "poem", "poems", "poetry", "netstring", "transform", "transforms"];

pub(super) fn poems_in_supervisors(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| path.starts_with("supervisors/src/")) {
        let text = text.to_lowercase();
        for word in POETRY {
            let found = source::words(&text, word);
            offences.extend(found.map(|(_, line)| format!("{path}:{line}: {word}")));
        }
    }
    offences
}

/// How many rules the conformance list of supervision has: OTP-001 to this.
const OTP_RULES: u32 = 208;

/// Every rule that is referred to is one: `OTP-nnn` in a comment, `otp_nnn` in the name of a test.
pub(super) fn rule_numbers(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, text) in tree.ending(".rs") {
        for prefix in ["OTP-", "otp_"] {
            for (at, _) in text.match_indices(prefix) {
                let digits =
                    source::word_at(&text[at + prefix.len()..]).split('_').next().unwrap_or_default();
                let is_reference = digits.starts_with(|it: char| it.is_ascii_digit());
                let is_rule = digits.len() == 3
                    && digits.parse().is_ok_and(|number: u32| (1..=OTP_RULES).contains(&number));
                if is_reference && !is_rule {
                    let line = source::line_of(text, at);
                    offences.push(format!("{path}:{line}: there is no rule {prefix}{digits}"));
                }
            }
        }
    }
    offences
}
