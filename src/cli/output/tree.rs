//! A supervision tree, drawn.

use super::columns::{Align, columns, cut};
use crate::ops::admin::view::{ProcessView, Tree};

/// The widest line.
const WIDTH: usize = 100;

/// The widest name with its branches; what is longer is cut, so that the reasons have room.
const NAME: usize = 40;

/// The least width of that column and of the pids', so that a tree that is drawn again and again does not move about with
/// each connection.
const LEAST: usize = 24;
const PID: usize = 7;

/// Siblings of one name that are drawn: of a thousand connections these stand for the others.
const ALIKE: usize = 5;

/// The tree as text, a line a process: who, in which state, how much mail waits, how often restarted, and why it ended
/// the last time. No line is wider than 100 characters.
pub fn tree(tree: &Tree) -> String {
    let mut heading = ["process", "pid", "state", "mail", "restarts", "last ended"].map(str::to_owned);
    (heading[0], heading[1]) = (format!("{:LEAST$}", heading[0]), format!("{:PID$}", heading[1]));
    let mut rows = vec![heading];
    draw(&tree.tree, "", "", &mut rows);
    let align = [Align::Left, Align::Left, Align::Left, Align::Right, Align::Right, Align::Left];
    columns(&rows, align, WIDTH).into_iter().map(|line| line + "\n").collect()
}

/// `first` is what stands before its name, `rest` what stands before those of its children.
fn draw(process: &ProcessView, first: &str, rest: &str, rows: &mut Vec<[String; 6]>) {
    let some = |count: u64| if count == 0 { String::new() } else { count.to_string() };
    rows.push([
        cut(&format!("{first}{}", process.name), NAME),
        process.pid.clone().unwrap_or_default(),
        process.state.clone(),
        some(process.mailbox as u64),
        some(process.restarts),
        process.last_reason.clone().unwrap_or_default(),
    ]);
    let children = &process.children;
    let mut from = 0;
    while from < children.len() {
        let alike = children[from..].iter().take_while(|child| child.name == children[from].name).count();
        let drawn = if alike > ALIKE { ALIKE } else { alike };
        let more = alike - drawn + if from + alike == children.len() { process.left_out } else { 0 };
        for (number, child) in children[from..from + drawn].iter().enumerate() {
            let last = more == 0 && from + number + 1 == children.len();
            let (branch, space) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            draw(child, &format!("{rest}{branch}"), &format!("{rest}{space}"), rows);
        }
        if more > 0 {
            let branch = if from + alike == children.len() { "└─ " } else { "├─ " };
            let mut row: [String; 6] = Default::default();
            row[0] = format!("{rest}{branch}… and {more} more");
            rows.push(row);
        }
        from += alike;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str, serial: u64, children: Vec<ProcessView>) -> ProcessView {
        ProcessView {
            name: name.into(),
            path: name.into(),
            kind: "worker".into(),
            restart: "permanent".into(),
            pid: Some(format!("<0.{serial}>")),
            state: "running".into(),
            restarts: 0,
            last_reason: None,
            mailbox: 0,
            handled: 0,
            children,
            left_out: 0,
        }
    }

    fn drawn(root: ProcessView) -> String {
        tree(&Tree { node: "verse".into(), uptime_seconds: 1.0, troubles: Vec::new(), tree: root })
    }

    #[test]
    fn a_tree_is_drawn_with_restarts_and_last_reasons() {
        let mut cache = process("cache", 41, Vec::new());
        (cache.restarts, cache.last_reason, cache.mailbox) = (2, Some("killed".into()), 3);
        let mut listener = process("listener", 0, Vec::new());
        (listener.pid, listener.state) = (None, "not running".into());
        let proxy = process("proxy", 4, vec![process("connections", 5, Vec::new()), cache, listener]);
        let root = process("verse", 1, vec![process("ops", 2, vec![process("admin", 3, Vec::new())]), proxy]);
        let expected = "\
process                   pid      state        mail  restarts  last ended
verse                     <0.1>    running
├─ ops                    <0.2>    running
│  └─ admin               <0.3>    running
└─ proxy                  <0.4>    running
   ├─ connections         <0.5>    running
   ├─ cache               <0.41>   running         3         2  killed
   └─ listener                     not running
";
        assert_eq!(drawn(root), expected);
    }

    #[test]
    fn of_many_that_are_alike_a_few_stand_for_all() {
        let connections = (0..1000).map(|number| process("connection", 10 + number, Vec::new())).collect();
        let mut parent = process("connections", 2, connections);
        parent.left_out = 9000;
        let text = drawn(process("verse", 1, vec![parent]));
        assert_eq!(text.lines().count(), 1 + 2 + ALIKE + 1, "{text}");
        assert_eq!(text.lines().last(), Some("   └─ … and 9995 more"));
    }

    #[test]
    fn no_line_is_wider_than_a_hundred_characters() {
        let mut long = process(&"é".repeat(300), 2, Vec::new());
        long.last_reason = Some(format!("panicked at src/a.rs:1:1: {}", "oh ".repeat(100)));
        let text = drawn(process("verse", 1, vec![long]));
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert_eq!(widest, Some(WIDTH), "{text}");
        assert!(text.contains("  panicked at src/a.rs"), "{text}");
    }
}
