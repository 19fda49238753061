//! What a poem costs its server, beside plain tokio in the same run.
//!
//!     cargo run --release --manifest-path tests/bench/Cargo.toml -- server [ROUNDS [POEMS]]
//!
//! Prints a table in Markdown: medians over ROUNDS (default 41) of POEMS (default 2000) each, the servers in turn.

mod cpu;
mod load;
mod plain;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["server"] => server::compare(41, 2000),
        ["server", rounds] => server::compare(number(rounds), 2000),
        ["server", rounds, poems] => server::compare(number(rounds), number(poems)),
        // What this program starts of itself, to be measured.
        ["be", kind, poem] => server::be(kind, poem),
        _ => {
            eprintln!("usage: verse-bench server [ROUNDS [POEMS]]");
            ExitCode::from(2)
        }
    }
}

fn number(text: &str) -> usize {
    text.parse().ok().filter(|&number| number > 0).unwrap_or_else(|| {
        eprintln!("verse-bench: '{text}' is no number above 0");
        std::process::exit(2)
    })
}
