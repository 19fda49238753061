//! Programs that are not ours and may be missing.

use std::io::Write;
use std::process::Command;

/// The program `name` of this machine, to be run; `None`, [said](lacking), where there is none.
pub(crate) fn tool(name: &str) -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(name).is_file()) {
        return Some(Command::new(name));
    }
    lacking(&format!("there is no {name} on this machine"));
    None
}

/// Something is missing here, so that a test claims nothing: it says so. With `VERSE_REQUIRE_TOOLS` set, as `.ci/run`
/// does, which installs all there is to install, it fails.
pub(crate) fn lacking(why: &str) {
    assert!(std::env::var_os("VERSE_REQUIRE_TOOLS").is_none(), "{why}");
    // Past the capture of the harness, which hides what a test that passes has printed.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
