//! Why a configuration is refused, in one line that says where.

use std::fmt;
use std::path::PathBuf;

use super::key::KeyPath;

/// Where in a file: `verse.toml:3:5`, line and column counted from 1, the column in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// A value that is refused by [`Config::validate`](super::Config::validate): the right type, and yet wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct Invalid {
    /// Which value.
    pub key: KeyPath,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

/// Why a configuration file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the configuration: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is larger than a configuration can be.
    #[error("{}: a configuration is at most {limit} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound, in bytes.
        limit: u64,
    },
    /// The text is not TOML.
    #[error("{place}: no TOML: {message}")]
    Syntax {
        /// Where reading ended.
        place: Place,
        /// What the TOML parser said.
        message: String,
    },
    /// A key that nothing reads, which would otherwise be a setting that silently has no effect.
    #[error("{place}: unknown key `{key}` in {table}; {hint}")]
    UnknownKey {
        /// Where the key stands.
        place: Place,
        /// The key as written.
        key: String,
        /// The table it stands in.
        table: String,
        /// `did you mean ...?`, or the keys there are.
        hint: String,
    },
    /// A value of another type, or a text that cannot be read as what it should be.
    #[error("{place}: {key}: {problem}")]
    Value {
        /// Where the value stands.
        place: Place,
        /// Which value.
        key: KeyPath,
        /// What was expected and what was found.
        problem: String,
    },
    /// A value that is out of bounds, or does not go together with another one.
    #[error("{place}: {source}")]
    Invalid {
        /// Where the value stands; its table, if it is missing or a default.
        place: Place,
        /// Which value, and what is wrong.
        source: Invalid,
    },
}

impl Place {
    /// The place of a byte of a text.
    pub(super) fn of(file: &str, text: &str, offset: usize) -> Place {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Place { file: file.to_owned(), line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
