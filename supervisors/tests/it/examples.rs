//! Each example is a whole program that ends by itself; its last line says that it did what it shows.

use std::process::Command;

fn last_line(example: &str) -> String {
    // By cargo, because it also builds it if only these tests were asked for.
    let run = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--package", "supervisors", "--example", example])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{example} fails with {}:\n{out}{err}", run.status);
    out.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_workers_finish_their_work_in_spite_of_their_crashes() {
    assert_eq!(
        last_line("workers"),
        "12 texts counted, 2 that crashed their worker, 2 restarts, 43 words in all"
    );
}
