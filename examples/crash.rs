//! One crash, told on a page: a process of a caching proxy panics while its clients wait for a slow poem.
//!
//! ```text
//! cargo run --features lab --example crash
//! cargo run --features lab --example crash -- proxy/downloads
//! ```
//!
//! The whole is a simulation: the same page each time. An argument names who crashes; the last line says how it ended;
//! the exit code is 0 if the proxy has recovered, 1 if not, 2 if nobody is there.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is its job")]

use std::process::ExitCode;

use supervisors::lab::ActorFault;
use verse::lab::OneFault;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "proxy/cache".to_owned());
    let chronicle = match (OneFault { seed: 1, path, fault: ActorFault::Crash }).run() {
        Ok(chronicle) => chronicle,
        Err(error) => {
            eprintln!("crash: {error}");
            return ExitCode::from(2);
        }
    };
    let pages = chronicle.pages();
    for page in &pages {
        print!("{page}");
    }
    if pages.iter().all(|page| page.recovered().is_some()) { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
