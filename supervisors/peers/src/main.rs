//! `supervisors` beside other actor crates.
//!
//!     cargo run --release --manifest-path supervisors/peers/Cargo.toml [-- PART]
//!
//! What the fault points cost while none is armed, the one build beside the other:
//!
//!     cd supervisors/peers && cargo build --release
//!     cargo run --release --features lab --target-dir target/lab -- beside target/release/peers
//!
//! Parts: `talk`, `start`, `crowd`, `crash`, `many`; without one, all. Prints a table in Markdown; the machine need not be
//! quiet, since all contenders are measured in turn, in many short rounds, and compared within each.

mod actors;
mod beside;
mod children;
mod crash;
mod measure;
mod talk;

use std::future::Future;
use std::process::Command;

use measure::{Contender, median, rounds};

fn main() {
    // Crashes are part of the work: they need not be told.
    std::panic::set_hook(Box::new(|_| {}));
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["be", "talk", _] = words[..] {
        let numbers = beside::talk_of_this().map(|number| number.to_string());
        println!("{}", numbers.join(" "));
        return;
    }
    if let ["beside", other] = words[..] {
        println!("| what | who | median | ratio |\n|---|---|---|---|");
        beside::compare(other.as_ref());
        return;
    }
    if let ["be", kind, number] = words[..] {
        // What this program starts of itself, to be measured.
        let (bytes, rate) = crowd_of(kind.to_owned(), number.parse().expect("a number"));
        println!("{bytes} {rate}");
        return;
    }
    println!("| what | who | median | ratio |\n|---|---|---|---|");
    let all = words.is_empty();
    let part = |name: &str| all || words.contains(&name);
    if part("talk") {
        compare("cast, 500,000 at once, M/s", 21, talk::flood());
        compare("cast, bursts of 100, M/s", 21, talk::bursts());
        compare("call, 5 s time-out, k/s", 21, talk::calls());
    }
    if part("start") {
        compare("start and answer, 100,000, k/s", 7, children::starts());
    }
    if part("crowd") {
        crowd("idle, 100,000", 100_000, &["actix", "supervisors"]);
        crowd("idle, 1,000,000", 1_000_000, &["supervisors"]);
    }
    if part("crash") {
        crashes();
    }
    if part("many") {
        many();
    }
}

/// A task of its own: the body of `block_on` is polled at three times the cost.
fn run<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
    actix_rt::System::new()
        .block_on(async { tokio::task::spawn_local(work).await.expect("it does not panic") })
}

fn crowd_of(kind: String, number: usize) -> (f64, f64) {
    run(async move { children::crowd(&kind, number).await })
}

fn row(what: &str, who: &str, median: f64, ratio: Option<f64>) {
    let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    println!("| {what} | {who} | {median:.2} | {ratio} |");
}

fn compare(what: &str, number: usize, contenders: Vec<Contender>) {
    for outcome in run(async move { rounds(number, &contenders).await }) {
        row(what, outcome.name, outcome.median, Some(outcome.ratio));
    }
}

fn crowd(what: &str, number: usize, kinds: &[&str]) {
    for kind in kinds {
        let program = std::env::current_exe().expect("this program");
        let output = Command::new(program).args(["be", kind, &number.to_string()]).output();
        let output = output.expect("this program can be started").stdout;
        let text = String::from_utf8_lossy(&output);
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [bytes, rate] = numbers[..] else { panic!("{kind}: {text}") };
        row(&format!("{what}, bytes of RSS each"), kind, bytes, None);
        row(&format!("{what}, k/s started and answered"), kind, rate / 1e3, None);
    }
}

fn crashes() {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..15 {
        let supervised = || run(crash::supervised(2_000));
        let by_hand = || run(crash::by_hand(2_000));
        if round % 2 == 0 {
            ours.push(supervised());
            theirs.push(by_hand());
        } else {
            theirs.push(by_hand());
            ours.push(supervised());
        }
    }
    for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
        let of = |tenths: &Vec<crash::Latencies>| {
            median(tenths.iter().map(|tenth| tenth.quantile(part)).collect())
        };
        let mine: Vec<f64> = ours.iter().map(of).collect();
        let hand: Vec<f64> = theirs.iter().map(|latencies| latencies.quantile(part)).collect();
        let ratios = mine.iter().zip(&hand).map(|(mine, hand)| mine / hand).collect();
        let what = format!("crash to the next answer, {name}, us");
        row(&what, "tokio, caught and spawned again by hand", median(hand), Some(1.0));
        row(&what, "supervisors", median(mine), Some(median(ratios)));
    }
    let tenths = run(crash::supervised(100_000));
    let [first, last] = [&tenths[0], &tenths[9]].map(|tenth| tenth.quantile(0.5));
    row("100,000 crashes in one window, p50 of the first tenth, us", "supervisors", first, Some(1.0));
    row("100,000 crashes in one window, p50 of the last tenth, us", "supervisors", last, Some(last / first));
}

fn many() {
    let mut few = Vec::new();
    let mut many = Vec::new();
    for _ in 0..5 {
        few.push(run(children::lifecycle(10_000)));
        many.push(run(children::lifecycle(100_000)));
    }
    for (index, what) in ["start", "kill and restart", "stop"].into_iter().enumerate() {
        let of = |all: &[[f64; 3]]| median(all.iter().map(|times| times[index]).collect());
        let ratios = many.iter().zip(&few).map(|(many, few)| many[index] / few[index]).collect();
        row(&format!("{what} each of 10,000, us"), "supervisors", of(&few), Some(1.0));
        row(&format!("{what} each of 100,000, us"), "supervisors", of(&many), Some(median(ratios)));
    }
}
