//! [`Config`](super::Config) -> TOML with a comment a key.

use std::time::Duration;

use super::key::Key;
use super::{Upstream, format_duration, format_size};

/// TOML as it grows. A key is explained where it first appears under its table's name, so that twenty poems
/// do not repeat it twenty times.
pub(super) struct Writer {
    text: String,
    header: &'static str,
    keys: &'static [Key],
    explained: Vec<(&'static str, &'static str)>,
}

impl Writer {
    pub(super) fn new() -> Writer {
        let text = "# A poetry node: `verse node FILE` runs it, `verse check FILE` only reads it.\n\
                    # Every value in force is shown. Durations: \"100ms\", \"10s\", \"1h30m\". Sizes: 1000, \"64MiB\".\n";
        Writer { text: text.to_owned(), header: "", keys: &[], explained: Vec::new() }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Begins a table; `header` with its brackets.
    pub(super) fn table(&mut self, header: &'static str, keys: &'static [Key]) {
        self.text.push_str(&format!("\n{header}\n"));
        (self.header, self.keys) = (header, keys);
    }

    pub(super) fn string(&mut self, key: &'static str, value: &str) {
        self.line(key, &quoted(value));
    }

    pub(super) fn integer(&mut self, key: &'static str, value: u64) {
        self.line(key, &value.to_string());
    }

    pub(super) fn boolean(&mut self, key: &'static str, value: bool) {
        self.line(key, if value { "true" } else { "false" });
    }

    pub(super) fn duration(&mut self, key: &'static str, value: Duration) {
        self.line(key, &quoted(&format_duration(value)));
    }

    pub(super) fn size(&mut self, key: &'static str, value: u64) {
        self.line(key, &quoted(&format_size(value)));
    }

    pub(super) fn upstreams(&mut self, key: &'static str, upstreams: &[Upstream]) {
        let one = |upstream: &Upstream| match upstream {
            Upstream::Address(at) => quoted(&at.to_string()),
            Upstream::Poem(title) => format!("{{ poem = {} }}", quoted(title.as_str())),
        };
        let value = match upstreams {
            [upstream] => one(upstream),
            many => format!("[{}]", many.iter().map(one).collect::<Vec<_>>().join(", ")),
        };
        self.line(key, &value);
    }

    /// A key that has no value: commented out, with what holds instead.
    pub(super) fn unset(&mut self, key: &'static str, instead: &str) {
        self.explain(key);
        self.text.push_str(&format!("# {key} = ... (not set: {instead})\n"));
    }

    fn line(&mut self, key: &'static str, value: &str) {
        self.explain(key);
        self.text.push_str(&format!("{key} = {value}\n"));
    }

    fn explain(&mut self, key: &'static str) {
        let known = self.keys.iter().find(|known| known.name == key);
        let key =
            known.expect("a key is written only if it is in the table's list, so that it is read as well");
        if !self.explained.contains(&(self.header, key.name)) {
            self.explained.push((self.header, key.name));
            self.text.push_str(&format!("# {}\n", key.help));
        }
    }
}

/// A TOML string of one line with its quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
