//! The names of values: which key of which table, and what its comment says.

use std::fmt;

/// A table of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// The file itself, around all tables.
    File,
    /// `[node]`.
    Node,
    /// `[limits]`.
    Limits,
    /// `[[poem]]`, counted from 0.
    Poem(usize),
    /// `[transform]`.
    Transform,
    /// `[[proxy]]`, counted from 0.
    Proxy(usize),
}

impl Table {
    /// That key of this table.
    pub const fn key(self, key: &'static str) -> KeyPath {
        KeyPath { table: self, key }
    }
}

/// The full name of a value, shown as `` `listen` in [[poem]] number 2 ``.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath {
    /// The table it is in.
    pub table: Table,
    /// The key; empty for the table itself.
    pub key: &'static str,
}

/// A key as the reader knows it and the writer explains it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// The key.
    pub(super) name: &'static str,
    /// One comment line of `--print-config`: what it is, its bounds.
    pub(super) help: &'static str,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Table::File => f.write_str("the file"),
            Table::Node => f.write_str("[node]"),
            Table::Limits => f.write_str("[limits]"),
            Table::Poem(index) => write!(f, "[[poem]] number {}", index + 1),
            Table::Transform => f.write_str("[transform]"),
            Table::Proxy(index) => write!(f, "[[proxy]] number {}", index + 1),
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key, self.table) {
            ("", table) => write!(f, "{table}"),
            (key, Table::File) => write!(f, "`{key}`"),
            (key, table) => write!(f, "`{key}` in {table}"),
        }
    }
}

/// The known name nearest to what was written, if it is near enough to be what was meant: at most a third of
/// its letters (and one at least) wrong, missing, too many or changed with their neighbour.
pub(crate) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |name: &&str| distance(written, name) <= (name.chars().count() / 3).max(1);
    known.filter(near).min_by_key(|name| distance(written, name))
}

/// Damerau's distance (optimal string alignment): insertions, deletions, substitutions, neighbours changed.
fn distance(a: &str, b: &str) -> usize {
    // Cut, because the table grows with the product of the lengths and the text is a stranger's.
    let a: Vec<char> = a.chars().take(64).flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().take(64).flat_map(char::to_lowercase).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                rows[i][j] = i + j;
                continue;
            }
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognized_and_another_word_is_not() {
        let known = ["drain", "intensity", "period", "log"];
        let suggestion = |written| nearest(written, known.iter().copied());
        assert_eq!(suggestion("drian"), Some("drain"));
        assert_eq!(suggestion("intensty"), Some("intensity"));
        assert_eq!(suggestion("Period"), Some("period"));
        assert_eq!(suggestion("logs"), Some("log"));
        assert_eq!(suggestion("lag"), Some("log"));
        assert_eq!(suggestion("backlog"), None);
        assert_eq!(suggestion(""), None);
    }
}
