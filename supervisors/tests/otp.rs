//! Our supervisors against the installed OTP's own, a few hundred random cases each time; the example
//! `otp_differential` is the same for as many as one likes.

use std::io::Write;

#[path = "../examples/otp_differential/case.rs"]
mod case;
#[path = "../examples/otp_differential/compare.rs"]
#[allow(dead_code, reason = "only the example records")]
mod compare;
#[path = "../examples/otp_differential/generate.rs"]
mod generate;
#[path = "../examples/otp_differential/ours.rs"]
mod ours;
#[path = "../examples/otp_differential/theirs.rs"]
mod theirs;

#[test]
fn random_trees_and_scripts_leave_the_trace_they_leave_on_a_real_otp() {
    let Some(mut otp) = theirs::Otp::start() else {
        assert!(std::env::var_os("VERSE_REQUIRE_TOOLS").is_none(), "there is no Erlang on this machine");
        // Past the capture of the harness, which hides what a test that passes has printed.
        let _ = writeln!(std::io::stderr(), "skipped: there is no Erlang (escript) on this machine");
        return;
    };
    let outcome = compare::compare(&mut otp, 1..1501);
    assert!(outcome.lines > 30_000, "the cases are too small: {} lines", outcome.lines);
    assert_eq!(outcome.differences, 0, "{}", outcome.told.join("\n"));
}

#[test]
fn recorded_traces_of_a_real_otp_are_ours() {
    let (cases, difference) = compare::replay(include_str!("traces/otp.txt"));
    assert_eq!(difference, None, "{}", difference.as_deref().unwrap_or_default());
    assert_eq!(cases, 200);
}
