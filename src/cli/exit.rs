//! How the program ends: its exit codes, and what it says when a command line ends it.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// The exit codes, a sentence each. They are part of the interface: scripts and service managers read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// All that was asked for was done.
    Well = 0,
    /// Something asked for was not got: a poem, a transform.
    NotGot = 1,
    /// The command line or the configuration is wrong; nothing was started.
    Usage = 2,
    /// It could not start: a port is taken, or there is no permission.
    NotStarted = 3,
    /// The supervision tree gave up: too many restarts in too little time.
    GaveUp = 4,
    /// The drain ended before all connections did, and the rest were cut.
    Cut = 5,
    /// A second signal stopped it at once.
    Stopped = 130,
}

impl Code {
    /// Every code in order.
    pub const ALL: [Code; 7] =
        [Code::Well, Code::NotGot, Code::Usage, Code::NotStarted, Code::GaveUp, Code::Cut, Code::Stopped];

    /// The number that the system is given.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What it says, in one line, as `--help` shows it.
    pub const fn sentence(self) -> &'static str {
        match self {
            Code::Well => "all that was asked for was done",
            Code::NotGot => "something asked for was not got",
            Code::Usage => "the command line or the configuration is wrong",
            Code::NotStarted => "it could not start (port taken, no permission)",
            Code::GaveUp => "the supervision tree gave up",
            Code::Cut => "the drain cut connections",
            Code::Stopped => "a second signal stopped it at once",
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code.number())
    }
}

/// The end of the program with something to say: help on stdout, or one line on stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    code: Code,
    text: String,
}

impl Exit {
    /// A good end; `text` is printed on stdout as it is.
    pub fn well(text: impl Into<String>) -> Exit {
        Exit { code: Code::Well, text: text.into() }
    }

    /// An end of which everything has been said already.
    pub const fn silent(code: Code) -> Exit {
        Exit { code, text: String::new() }
    }

    /// An end with an error of one line, `verse SUBCOMMAND: line`; control characters in it (a file name may
    /// hold a newline) are escaped.
    pub fn error(code: Code, subcommand: &str, line: &str) -> Exit {
        let mut text = String::from("verse");
        if !subcommand.is_empty() {
            text.extend([" ", subcommand]);
        }
        text.push_str(": ");
        for c in line.chars() {
            if c.is_control() { text.extend(c.escape_debug()) } else { text.push(c) }
        }
        text.push('\n');
        Exit { code, text }
    }

    /// Bad input to a subcommand: `verse get: --order: ...`.
    pub(super) fn usage(subcommand: &str, argument: &str, problem: &str) -> Exit {
        Exit::error(Code::Usage, subcommand, &format!("{argument}: {problem}"))
    }

    /// Bad input to a subcommand, told by an error that names what it is about, and its causes.
    pub(super) fn because(subcommand: &str, error: &dyn Error) -> Exit {
        Exit::error(Code::Usage, subcommand, &chain(error))
    }

    /// The exit code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What is printed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Prints the text where it belongs and gives the code. That nobody reads it any more changes nothing.
    pub fn print(&self, stdout: &mut dyn Write, stderr: &mut dyn Write) -> Code {
        // With nothing to say, nothing is waited for: after a second signal somebody may still be stuck in a write.
        if self.text.is_empty() {
            return self.code;
        }
        let to: &mut dyn Write = if self.code == Code::Well { stdout } else { stderr };
        let _ = to.write_all(self.text.as_bytes()).and_then(|()| to.flush());
        self.code
    }
}

/// An error and its causes in one line: `cannot read poem x: permission denied`.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some errors tell their cause themselves; nobody wants to read it twice.
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

/// The codes for the end of `--help`.
pub(super) fn sentences() -> String {
    let line = |code: &Code| format!("  {:>3}  {}\n", code.number(), code.sentence());
    format!("Exit codes:\n{}", Code::ALL.iter().map(line).collect::<String>())
}
