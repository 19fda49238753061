//! Our deferreds against the real Twisted, and against what it said when somebody asked it before.

#![allow(clippy::unwrap_used)] // in the helpers of tests, which clippy does not count among them

#[path = "../../examples/deferred_differential/generate.rs"]
mod generate;
#[path = "../../examples/deferred_differential/here.rs"]
mod here;
#[path = "../../examples/deferred_differential/program.rs"]
mod program;
#[path = "../../examples/deferred_differential/record.rs"]
mod record;
#[path = "../../examples/deferred_differential/shrink.rs"]
mod shrink;
#[path = "../../examples/deferred_differential/there.rs"]
mod there;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use program::{Body, Op, Program, Ret, Side};
use there::There;

use crate::tools::lacking;

/// Programs run on both sides where there is a Twisted; other seeds than the recorded ones.
const CASES: u64 = 400;
const FIRST_SEED: u64 = 1_000_000;

fn recorded() -> Vec<(PathBuf, Vec<(Program, program::Trace)>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces/deferred");
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<_> =
        files.filter(|path| path.extension().is_some_and(|ext| ext == "jsonl")).collect();
    files
        .into_iter()
        .map(|path| {
            let cases = record::read(&path).unwrap();
            (path, cases)
        })
        .collect()
}

#[test]
fn the_traces_recorded_from_twisted_are_ours_too() {
    let files = recorded();
    assert!(files.iter().map(|(_, cases)| cases.len()).sum::<usize>() >= 500, "the recordings are there");
    for (path, cases) in files {
        for (number, (program, trace)) in cases.iter().enumerate() {
            assert_eq!(here::run(program), *trace, "{}:{}", path.display(), number + 1);
        }
    }
}

/// That the programs do what they are for: an event nobody ever sees is compared with nothing.
#[test]
fn the_recorded_programs_reach_every_kind_of_event() {
    let mut seen = BTreeSet::new();
    for (_, trace) in recorded().into_iter().flat_map(|(_, cases)| cases) {
        for line in trace {
            for word in EVENTS {
                if line.contains(word) {
                    seen.insert(word);
                }
            }
        }
    }
    let missing: Vec<_> = EVENTS.into_iter().filter(|word| !seen.contains(word)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

const EVENTS: [&str; 26] = [
    "call ",
    "canceller ",
    "already called",
    "raised E",
    "unhandled E",
    "unhandled Cancelled",
    "unhandled First",
    "unhandled Group",
    "unhandled AlreadyCalled",
    "!Cancelled",
    "!AlreadyCalled",
    "!TimedOut(",
    "timed out ",
    "[T:",
    "F:E",
    "first(",
    "gathered(",
    "won(",
    "lock",
    "not locked",
    "underflow",
    "overflow",
    "got ",
    "caught ",
    "closed",
    "gone",
];

#[test]
fn programs_never_seen_before_run_the_same_on_the_real_twisted() {
    let mut there = match There::start() {
        Ok(there) => there,
        Err(absent) => {
            return lacking(&format!(
                "{CASES} programs against the real Twisted ({absent}); the recorded traces were compared"
            ));
        }
    };
    eprintln!("against Twisted {}", there.version());
    for seed in FIRST_SEED..FIRST_SEED + CASES {
        let program = generate::program(seed);
        let (ours, theirs) = (here::run(&program), there.run(&program).unwrap());
        assert_eq!(
            ours, theirs,
            "seed {seed}; `cargo run --example deferred_differential -- --seed {seed} --cases 1` shrinks it"
        );
    }
}

#[test]
fn what_is_recorded_is_read_back() {
    let file = std::env::temp_dir().join(format!("verse-recorded-{}.jsonl", std::process::id()));
    let program = generate::program(3);
    let trace = here::run(&program);
    let mut writer = record::Writer::create(&file).unwrap();
    writer.write(&program, &trace).unwrap();
    drop(writer);
    let read = record::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(read, [(program, trace)]);
}

#[test]
fn the_same_seed_is_the_same_program() {
    assert_eq!(generate::program(7), generate::program(7));
    assert_ne!(generate::program(7), generate::program(8));
}

#[test]
fn a_program_is_shrunk_to_the_steps_that_matter() {
    let add = |slot, ret| Op::Add {
        slot,
        side: Side::Callback,
        body: Body { id: slot, actions: Vec::new(), ret },
        other: None,
    };
    let mut ops: Vec<_> = (0..20).map(|slot| Op::Succeed { slot, value: 1 }).collect();
    ops.push(add(3, Ret::Value(4)));
    ops.push(add(7, Ret::Raise(5)));
    let mut runs = 0;
    let short = shrink::shrink(&Program { ops }, |program| {
        runs += 1;
        here::run(program).iter().any(|line| line == "unhandled E5")
    });
    assert_eq!(short.ops, [Op::Succeed { slot: 7, value: 1 }, add(7, Ret::Raise(5))]);
    assert!(runs < 200, "{runs}");
}

/// Runs the example itself, as built beside this test.
fn example(args: &[&str], path: Option<&str>) -> std::process::Output {
    let mut binary = std::env::current_exe().unwrap();
    binary.pop();
    binary.pop();
    let mut command = Command::new(binary.join("examples/deferred_differential"));
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.args(args).output().unwrap()
}

#[test]
fn the_example_says_how_many_cases_and_differences() {
    if There::start().is_err() {
        return lacking("the differential example itself (no python3 with Twisted)");
    }
    let output = example(&["--seed", "5", "--cases", "20"], None);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().last(), Some("20 cases, 0 differences"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn without_twisted_the_example_ends_with_3_and_with_a_bad_argument_with_2() {
    let output = example(&["--cases", "1"], Some("/nowhere"));
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("starting python3 with Twisted"));
    for bad in [&["--cases", "many"][..], &["--cases"], &["--color", "red"]] {
        assert_eq!(example(bad, None).status.code(), Some(2), "{bad:?}");
    }
}
