//! What stands in the README after a `$`, and what is expected to come of it.

use std::collections::BTreeMap;

use super::shell::Shell;

/// A command, and the lines it is said to print. A line `...` stands for any number of them.
#[derive(Debug)]
pub(super) struct Step {
    command: String,
    expected: Vec<String>,
}

/// The steps of every block marked `console`.
pub(super) fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap_or_default().lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), expected: Vec::new() });
                }
                (None, Some(step)) => step.expected.push(line.to_owned()),
                (None, None) => panic!("a session begins with a command: {line:?}"),
            }
        }
    }
    steps
}

/// Runs them, in one shell, beside a node like the one that the README has started.
///
/// # Panics
/// If one prints something else than expected.
pub(super) fn run(steps: &[Step]) {
    let mut shell = Shell::start();
    let mut ports = Ports::default();
    shell.say("verse node --port-base 0 --log off &");
    for port in ["10001", "10002", "10003", "10004", "10011", "10020", "10080"] {
        let line = shell.next();
        let address = line.rsplit(' ').next().unwrap_or_default().trim_end_matches('.');
        let real = address.rsplit(':').next().unwrap_or_default();
        ports.0.insert(port.to_owned(), real.to_owned());
    }
    for step in steps {
        // The README's node is where `verse ctl` looks by itself.
        let command = step.command.replace("verse ctl ", "verse ctl --admin 10080 ");
        shell.say(&ports.real(&command));
        let in_background = step.command.ends_with('&');
        if !in_background {
            // What it ended with is still to be asked for.
            shell.say("status=$?; echo; echo '<the end>'; (exit $status)");
        }
        check(step, &mut shell, &mut ports, in_background);
    }
}

fn check(step: &Step, shell: &mut Shell, ports: &mut Ports, in_background: bool) {
    let mut printed: Vec<String> = Vec::new();
    let mut expected = step.expected.iter().peekable();
    // What runs in the background is over when it has printed what it should; else the shell says so.
    while !in_background || expected.peek().is_some() {
        let line = shell.next();
        if line == "<the end>" {
            // The empty line before it is ours.
            assert_eq!(printed.pop().as_deref(), Some(""), "{} ends its last line", step.command);
            break;
        }
        // The shell's own word on a job that was killed, with a number of its own.
        if !line.ends_with("Killed") && !line.contains(": Killed") {
            printed.push(line);
        }
        if in_background {
            expected.next();
        }
    }
    let (expected, printed) = (by_task(&step.expected), by_task(&printed));
    let same = matches(&expected, &printed, ports);
    let (expected, printed) = (expected.join("\n"), printed.join("\n"));
    assert!(same, "\n$ {}\nshould print\n{expected}\nand prints\n{printed}\n", step.command);
}

/// The lines of tasks in the order of the tasks: which of them is done first is chance.
fn by_task(lines: &[String]) -> Vec<String> {
    let (mut tasks, others): (Vec<_>, Vec<_>) =
        lines.iter().cloned().partition(|line| line.starts_with("Task "));
    tasks.sort();
    [tasks, others].concat()
}

fn matches(expected: &[String], printed: &[String], ports: &mut Ports) -> bool {
    match (expected, printed) {
        ([], []) => true,
        ([dots, rest @ ..], _) if dots == "..." => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..], ports))
        }
        ([first, expected @ ..], [line, printed @ ..]) => {
            ports.same(first, line) && matches(expected, printed, ports)
        }
        _ => false,
    }
}

/// The ports of the README, and those that stand for them here.
#[derive(Debug, Default)]
struct Ports(BTreeMap<String, String>);

impl Ports {
    /// A command with our ports; a port that nobody has yet is any free one.
    fn real(&self, command: &str) -> String {
        let parts = parts(command).into_iter();
        let real = parts.map(|part| match self.0.get(part) {
            Some(port) => port,
            None if is_port(part) => "0",
            None => part,
        });
        real.collect()
    }

    /// Whether the two lines differ at most in ports, times and how far a poem had come.
    fn same(&mut self, expected: &str, printed: &str) -> bool {
        let (left, right) = (parts(expected), parts(printed));
        if left.len() != right.len() {
            return false;
        }
        let mut before = "";
        for (left, right) in left.into_iter().zip(right) {
            let is_number = left.starts_with(|it: char| it.is_ascii_digit());
            let passes = if is_port(left) {
                *self.0.entry(left.to_owned()).or_insert_with(|| right.to_owned()) == right
            } else if is_number && (before.ends_with(':') || before == "." || before.ends_with("after ")) {
                right.starts_with(|it: char| it.is_ascii_digit())
            } else {
                left == right
            };
            if !passes {
                return false;
            }
            before = left;
        }
        true
    }
}

/// The ports of the README are 10000 and something.
fn is_port(part: &str) -> bool {
    part.len() == 5 && part.starts_with("100") && part.bytes().all(|it| it.is_ascii_digit())
}

/// `text` cut wherever digits begin or end.
fn parts(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let cut = |at: &usize| bytes[*at].is_ascii_digit() != bytes[*at - 1].is_ascii_digit();
    let cuts: Vec<usize> = (1..text.len()).filter(cut).chain([text.len()]).collect();
    let mut begin = 0;
    let pieces = cuts.into_iter().map(|end| &text[std::mem::replace(&mut begin, end)..end]);
    pieces.collect()
}

#[test]
fn lines_may_differ_in_times_and_ports_only() {
    let mut ports = Ports::default();
    assert!(
        ports.same("got 3003 bytes from 10001 in 0:00:10.134220", "got 3003 bytes from 4711 in 0:00:00.1")
    );
    assert!(!ports.same("got 3003 bytes", "got 3002 bytes"), "a poem has its length");
    assert!(!ports.same("from 10001", "from 4712"), "a port that is known is known");
    assert!(ports.same("after 200 bytes: reset", "after 190 bytes: reset"));
    assert_eq!(ports.real("get 10001 && serve --port 10050"), "get 4711 && serve --port 0");
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n...\nd"), &lines("a\nb\nc\nd"), &mut ports));
    assert!(!matches(&lines("a\n...\nd"), &lines("a\nb\nc"), &mut ports));
}
