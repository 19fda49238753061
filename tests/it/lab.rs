//! The fault lab: equal in another process, and a sweep of seeds.

use std::process::Command;
use std::time::Duration;

use supervisors::lab::sweep;
use verse::lab::ThreeNodes;

fn experiment(seed: u64) -> ThreeNodes {
    ThreeNodes { seed, clients: 30, storm: Duration::from_secs(8) }
}

/// Set in the process that this test starts: it only prints the chronicle.
const CHILD: &str = "VERSE_LAB_CHRONICLE";

#[test]
fn a_chronicle_is_the_same_byte_for_byte_in_another_process() {
    let text = experiment(3).run().chronicle.text();
    if std::env::var_os(CHILD).is_some() {
        // Behind the words of the test harness on the same line.
        println!("\n{text}");
        return;
    }
    let test = std::env::current_exe().expect("a test knows where it is");
    let name = "lab::a_chronicle_is_the_same_byte_for_byte_in_another_process";
    let child = Command::new(test).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output();
    let output = child.expect("this program can be run again");
    let printed = String::from_utf8(output.stdout).expect("a chronicle is text");
    assert!(text.lines().count() > 500, "much has happened");
    assert!(printed.contains(&text), "the other process tells another story:\n{printed}");
}

/// Thousands, with more clients: `cargo run --release --features lab --example sweep -- --seeds 5000`.
#[test]
fn no_law_is_broken_in_two_hundred_storms_that_meet_every_fault() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let summary = sweep(1..201, threads, |seed| experiment(seed).run().outcome, |_, _| {});
    for (seed, broken) in &summary.broken {
        eprintln!(
            "seed {seed}: cargo run --features lab --example sweep -- --clients 30 --storm 8 --replay {seed}"
        );
        broken.iter().for_each(|broken| eprintln!("    {broken}"));
    }
    assert_eq!(summary.broken.len(), 0, "laws are broken");
    assert_eq!(summary.met.never().collect::<Vec<_>>(), [""; 0], "all of this should be met sometimes");
}

#[test]
fn the_example_sweeps_seeds_and_refuses_what_is_no_number() {
    let run = |arguments: &[&str]| {
        let output = Command::new(crate::series::example("sweep")).args(arguments).output();
        let output = output.expect("an example that is built can be run");
        let text = String::from_utf8(output.stdout).expect("it prints text");
        (output.status.code(), text.lines().last().unwrap_or_default().to_owned())
    };
    let held = (Some(0), "all laws hold".to_owned());
    assert_eq!(run(&["--seeds", "2", "--clients", "10", "--storm", "4"]), held);
    assert_eq!(run(&["--replay", "5", "--clients", "10", "--storm", "4"]), held);
    assert_eq!(run(&["--seeds", "many"]).0, Some(2));
}

#[test]
fn a_broken_law_prints_its_seed_and_the_command_that_replays_it() {
    let run = |arguments: &[&str]| {
        let output = Command::new(crate::series::example("sweep")).args(arguments).output();
        let output = output.expect("an example that is built can be run");
        (output.status.code(), String::from_utf8(output.stdout).expect("it prints text"))
    };
    // The third bug is one of supervision: it needs no luck.
    let (code, told) = run(&["--seeds", "2", "--clients", "10", "--storm", "4", "--plant", "3"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("simulated seconds a second"), "{told}");
    let mut lines = told.lines();
    let (seed, broken) = lines
        .find_map(|line| line.strip_prefix("seed ")?.split_once(" BROKEN "))
        .unwrap_or_else(|| panic!("no seed: {told}"));
    let command =
        lines.find_map(|line| line.strip_prefix("  cargo run --release --features lab --example sweep -- "));
    let command = command.unwrap_or_else(|| panic!("no command: {told}"));
    assert!(command.ends_with(&format!("--replay {seed}")), "{command}");
    let (code, chronicle) = run(&command.split(' ').collect::<Vec<_>>());
    assert_eq!(code, Some(1));
    assert!(chronicle.lines().any(|line| line == format!("BROKEN {broken}")), "{chronicle}");
}
