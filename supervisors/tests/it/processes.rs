//! Our processes beside the installed OTP's own, a thousand random programs each time; the example
//! `process_differential` is the same for as many as one likes.

use std::io::Write;

#[path = "../../examples/process_differential/programs/mod.rs"]
#[allow(dead_code, reason = "only the example records")]
mod programs;

use programs::case::{Begin, Case, Init, Order, Reason, Step, Target, Tie};
use programs::compare::assert_same;
use programs::{compare, theirs};

/// OTP-147 to OTP-158, OTP-160 to OTP-172, OTP-174 to OTP-183, OTP-185 to OTP-187.
#[test]
fn random_programs_of_processes_leave_the_trace_they_leave_on_a_real_otp() {
    let Some(mut otp) = theirs::Otp::start() else {
        assert!(std::env::var_os("VERSE_REQUIRE_TOOLS").is_none(), "there is no Erlang on this machine");
        // Past the capture of the harness, which hides what a test that passes has printed.
        let _ = writeln!(std::io::stderr(), "skipped: there is no Erlang (escript) on this machine");
        return;
    };
    let outcome = compare::compare(&mut otp, 1..1001);
    assert_eq!(outcome.differences, 0, "{}", outcome.told.join("\n"));
    assert!(outcome.lines > 30_000, "the programs are too small: {} lines", outcome.lines);
    let (rule, count) = outcome.least();
    assert!(count >= 30, "OTP-{rule} is reached {count} times only");
}

/// OTP-158, OTP-162. As a difference is printed.
#[test]
fn a_monitor_by_name_hears_of_a_kill_as_on_a_real_otp() {
    if theirs::Otp::start().is_none() {
        assert!(std::env::var_os("VERSE_REQUIRE_TOOLS").is_none(), "there is no Erlang on this machine");
        let _ = writeln!(std::io::stderr(), "skipped: there is no Erlang (escript) on this machine");
        return;
    }
    assert_same(&Case(vec![
        Step::Do('o', vec![Order::Spawn { id: 'c', plain: false, tie: Tie::Link, begin: Begin::Run }]),
        Step::Do(
            'c',
            vec![Order::Start { id: 'i', link: false, name: Some('x'), init: Init::Ok, limit: None }],
        ),
        Step::Do('o', vec![Order::Monitor(Target::Name('x'))]),
        Step::Do('o', vec![Order::Exit('i', Reason::Kill)]),
    ]));
}

#[test]
fn recorded_traces_of_processes_of_a_real_otp_are_ours() {
    let (cases, difference) = compare::replay(include_str!("../traces/processes.txt"));
    assert_eq!(difference, None, "{}", difference.as_deref().unwrap_or_default());
    assert_eq!(cases, 150);
}
