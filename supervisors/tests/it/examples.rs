//! Each example is a whole program that ends by itself; its last line says that it did what it shows.

use std::io::Write;
use std::process::Command;

/// What is said in place of a last line by one that lacks a tool: its exit code is 3 then.
const LACKING: &str = "lacking a tool";

fn last_line(example: &str, arguments: &[&str]) -> String {
    // By cargo, because it also builds it if only these tests were asked for.
    let run = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--package", "supervisors", "--example", example, "--"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    if run.status.code() == Some(3) && std::env::var_os("VERSE_REQUIRE_TOOLS").is_none() {
        // Past the capture of the harness, which hides what a test that passes has printed.
        let _ = writeln!(std::io::stderr(), "skipped: {err}");
        return LACKING.to_owned();
    }
    assert!(run.status.success(), "{example} fails with {}:\n{out}{err}", run.status);
    out.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_workers_finish_their_work_in_spite_of_their_crashes() {
    let last = last_line("workers", &[]);
    assert_eq!(last, "12 texts counted, 2 that crashed their worker, 2 restarts, 43 words in all");
}

#[test]
fn a_worker_that_is_stuck_costs_its_thread_and_nothing_else() {
    let last = last_line("watchdog", &[]);
    assert_eq!(last, "1 worker stuck, 3 of 3 moved to a new thread, 6 of 7 words counted");
}

#[test]
fn random_trees_do_on_otp_what_they_do_here() {
    let last = last_line("otp_differential", &["--seed", "1", "--cases", "20"]);
    assert!(last == "20 cases, 0 differences" || last == LACKING, "{last}");
}
