//! The history, as people read it: a page tells a crash from its cause to the recovery.

use std::process::Command;

use supervisors::lab::ActorFault;
use verse::lab::{Fact, OneFault, Page, Part, ThreeNodes};

/// What `cargo run --features lab --example crash` prints.
const GOLDEN: &str = include_str!("history/crash.txt");

fn page(path: &str, fault: ActorFault) -> Page {
    let chronicle = OneFault { seed: 1, path: path.to_owned(), fault }.run().expect("somebody is there");
    let [page] = &chronicle.pages()[..] else { panic!("one fault is one page") };
    page.clone()
}

/// If it is to read otherwise: `cargo run --features lab --example crash > tests/it/history/crash.txt`, and the README.
#[test]
fn a_page_tells_a_crash_from_its_cause_to_the_recovery() {
    let page = page("proxy/cache", ActorFault::Crash);
    assert_eq!(page.to_string(), GOLDEN);
    // And not only because it was so before.
    let first = |wanted| {
        let found = page.lines().iter().position(|(_, part, _)| *part == wanted);
        found.unwrap_or_else(|| panic!("nothing {wanted}:\n{page}"))
    };
    let order =
        [Part::Died, Part::Decided, Part::Stopped, Part::Started, Part::Came, Part::Answered, Part::Served];
    assert!(order.windows(2).all(|pair| first(pair[0]) < first(pair[1])), "{page}");
    assert_eq!(page.lines().iter().filter(|(_, part, _)| *part == Part::Cut).count(), 3, "those who waited");
    assert!(GOLDEN.lines().all(|line| !line.contains(".rs:")), "no place in the lab's own code");
}

#[test]
fn the_readme_shows_that_page() {
    assert!(include_str!("../../README.md").contains(GOLDEN), "\n{GOLDEN}");
}

#[test]
fn a_page_is_about_the_branch_that_was_struck_whatever_befell_whom_there() {
    for (path, died) in [
        ("proxy/cache", "proxy/cache <0.4> exited: killed"),
        ("proxy", "proxy <0.2> exited: killed"),
        ("proxy/listener", "proxy/listener <0.6> exited: killed"),
        ("proxy/connections/connection", "proxy/connections/connection <0.7> exited: killed"),
    ] {
        let page = page(path, ActorFault::Kill);
        let told = page.lines().iter().find(|(_, part, _)| *part == Part::Died);
        assert_eq!(told.map(|(_, _, text)| text.as_str()), Some(died), "{page}");
        assert!(page.recovered().is_some(), "{page}");
    }
}

#[test]
fn a_storm_has_a_page_for_each_process_that_it_strikes() {
    let storm = ThreeNodes { clients: 20, storm: std::time::Duration::from_secs(6), ..ThreeNodes::new(3) };
    let chronicle = storm.run().chronicle;
    let struck = chronicle.records().iter().filter(|record| matches!(record.fact, Fact::Struck(_))).count();
    let pages = chronicle.pages();
    assert_eq!((pages.len(), struck > 5), (struck, true));
    let recovered = pages.iter().filter(|page| page.recovered().is_some()).count();
    assert!(
        recovered > struck / 2,
        "most are about services that somebody asks afterwards: {recovered} of {struck}"
    );
}

#[test]
fn the_example_prints_the_page_and_refuses_whom_there_is_not() {
    let run = |arguments: &[&str]| {
        let output = Command::new(crate::series::example("crash")).args(arguments).output();
        let output = output.expect("an example that is built can be run");
        (output.status.code(), String::from_utf8(output.stdout).expect("it prints text"))
    };
    assert_eq!(run(&[]), (Some(0), GOLDEN.to_owned()));
    assert_eq!(run(&["proxy/dragon"]), (Some(2), String::new()));
}
