//! A program that aborts at a panic is refused when it is built.

use std::path::Path;
use std::process::Command;

/// What the compiler says of the crate, built with this panic strategy.
///
/// Its dependencies are not given, so it is refused either way; what is asked is whether this is among the reasons.
fn compiled_with(panic: &str) -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--out-dir"])
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .args(["-C", &format!("panic={panic}")])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"))
        .output()
        .expect("the compiler can be run");
    String::from_utf8_lossy(&built.stderr).into_owned()
}

#[test]
fn a_program_that_aborts_at_a_panic_is_refused_with_what_to_do_about_it() {
    let said = compiled_with("abort");
    assert!(said.contains("error: `supervisors` cannot work with `panic = \"abort\"`"), "{said}");
    assert!(said.contains("Remove `panic = \"abort\"` from the profile in Cargo.toml"), "{said}");
    assert!(!compiled_with("unwind").contains("cannot work with"), "any other is not");
}
