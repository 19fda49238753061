//! What a poem costs its server, beside plain tokio in the same run; what it costs a proxy that has it, beside the
//! server; and the engines beside each other.
//!
//!     cargo run --release --manifest-path tests/bench/Cargo.toml -- server [ROUNDS [POEMS]]
//!     cargo run --release --manifest-path tests/bench/Cargo.toml -- proxy [ROUNDS [POEMS]]
//!     cargo run --release --manifest-path tests/bench/Cargo.toml -- engines [ROUNDS [POEMS]]
//!
//! Prints a table in Markdown: medians over ROUNDS (default 41 of servers and proxies, 5 of the engines) of POEMS (default
//! 2000, 20000) each, those that are compared in turn.

mod cpu;
mod engines;
mod load;
mod plain;
mod proxy;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["server"] => server::compare(41, 2000),
        ["server", rounds] => server::compare(number(rounds), 2000),
        ["server", rounds, poems] => server::compare(number(rounds), number(poems)),
        ["proxy"] => proxy::compare(41, 2000),
        ["proxy", rounds] => proxy::compare(number(rounds), 2000),
        ["proxy", rounds, poems] => proxy::compare(number(rounds), number(poems)),
        ["engines"] => engines::compare(5, 20_000),
        ["engines", rounds] => engines::compare(number(rounds), 20_000),
        ["engines", rounds, poems] => engines::compare(number(rounds), number(poems)),
        // What this program starts of itself, to be measured.
        ["be", kind, what] => server::be(kind, what),
        ["act", ref words @ ..] => engines::act(words),
        _ => {
            eprintln!("usage: verse-bench server|proxy|engines [ROUNDS [POEMS]]");
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
