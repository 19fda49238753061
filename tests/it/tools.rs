//! Programs that are not ours and may be missing.

use std::process::Command;

/// The program `name` of this machine, to be run.
///
/// Where there is none, the test says so and claims nothing; unless `VERSE_REQUIRE_TOOLS` is set, as `.ci/run` does,
/// which installs them: then it fails.
pub(crate) fn tool(name: &str) -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(name).is_file()) {
        return Some(Command::new(name));
    }
    assert!(std::env::var_os("VERSE_REQUIRE_TOOLS").is_none(), "there is no {name} on this machine");
    eprintln!("not claimed here: there is no {name} on this machine");
    None
}
