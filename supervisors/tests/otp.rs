//! Our supervisors against the installed OTP's own, a few hundred random cases each time; the example
//! `otp_differential` is the same for as many as one likes.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

#[path = "../examples/otp_differential/case.rs"]
mod case;
#[path = "../examples/otp_differential/compare.rs"]
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
        eprintln!("skipped: there is no Erlang (escript) on this machine");
        return;
    };
    let outcome = compare::compare(&mut otp, 1..1501);
    assert!(outcome.lines > 30_000, "the cases are too small: {} lines", outcome.lines);
    assert_eq!(outcome.differences, 0, "{}", outcome.told.join("\n"));
}
