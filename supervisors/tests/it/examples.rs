//! Each example is a whole program that ends by itself; its last line says that it did what it shows.

use std::io::Write;
use std::process::Command;

/// What is said in place of a last line by one that lacks a tool: its exit code is 3 then.
const LACKING: &str = "lacking a tool";

/// By cargo, because it also builds it if only these tests were asked for.
fn cargo(example: &str, arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "--quiet", "--locked", "--package", "supervisors", "--example", example, "--"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo
}

fn last_line(example: &str, arguments: &[&str]) -> String {
    let run = cargo(example, arguments).output().expect("cargo can be run");
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

#[test]
fn the_differential_ends_with_1_if_it_found_a_difference_and_with_3_if_there_is_no_erlang() {
    let nowhere = cargo("otp_differential", &["--cases", "1"]).env("ESCRIPT", "/nowhere/escript").output();
    let nowhere = nowhere.expect("cargo can be run");
    assert_eq!(nowhere.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("no Erlang here"));
    let faulty = cargo("otp_differential", &["--cases", "3", "--fault", "AllowsOneMore"]).output();
    let faulty = faulty.expect("cargo can be run");
    if faulty.status.code() == Some(3) && std::env::var_os("VERSE_REQUIRE_TOOLS").is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: {}", String::from_utf8_lossy(&faulty.stderr));
        return;
    }
    assert_eq!(faulty.status.code(), Some(1));
    let out = String::from_utf8_lossy(&faulty.stdout);
    let last: Vec<_> = out.lines().rev().take(2).collect();
    assert!(last[0].starts_with("3 cases, ") && last[0] != "3 cases, 0 differences", "{last:?}");
    assert!(last[1].contains(" cases adapted to OTP "), "{last:?}");
    assert!(out.contains("assert_same(&Case {") && out.contains("escript otp.escript <<'END'"), "{out}");
}
