//! The engines against each other: what carries a server or a client out is nobody else's business.
//!
//! What `verse get` prints, and how it ends, is tested in `get.rs`, each body against each engine; here is what takes a
//! server and a client of ours, and what only one engine does.

mod matrix;
mod one_at_a_time;
mod proxies;
mod runtimes;
mod signals;

use std::process::Command;

use crate::harness::PROGRAM;
use crate::server::Engine;

/// What a client printed: its stdout as it is, its stderr without times, its exit code.
fn got(client: Engine, args: &[&str]) -> (Vec<u8>, String, Option<i32>) {
    let output = Command::new(PROGRAM).args(client.args(args)).output().expect("the command can be run");
    let stderr = String::from_utf8(output.stderr).expect("text");
    (output.stdout, crate::server::timeless(&stderr), output.status.code())
}
