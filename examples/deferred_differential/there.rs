//! The real Twisted: one Python process that lives as long as the run, a program a line in, a trace a line out.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::program::{Program, Trace};

/// The Python process.
pub(crate) struct There {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    version: String,
}

/// Why there is no Twisted to compare with.
#[derive(Debug)]
pub(crate) struct Absent(String);

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "starting python3 with Twisted: {}", self.0)
    }
}

impl There {
    /// Starts it, and waits for its greeting.
    pub(crate) fn start() -> Result<Self, Absent> {
        let absent = |error: std::io::Error| Absent(error.to_string());
        let script: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "examples", "deferred_differential", "peer.py"].iter().collect();
        let mut child = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(absent)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Absent("it has no pipes".to_owned()));
        };
        let mut from = BufReader::new(from);
        let mut hello = String::new();
        from.read_line(&mut hello).map_err(absent)?;
        let version = serde_json::from_str::<serde_json::Value>(&hello)
            .ok()
            .and_then(|hello| hello["twisted"].as_str().map(str::to_owned));
        let Some(version) = version else {
            let status = child.wait().map_err(absent)?;
            return Err(Absent(format!("it ended with {status}")));
        };
        Ok(Self { child, to, from, version })
    }

    /// The version of Twisted.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The trace of a program.
    pub(crate) fn run(&mut self, program: &Program) -> std::io::Result<Trace> {
        let mut line = serde_json::to_string(program)?;
        line.push('\n');
        self.to.write_all(line.as_bytes())?;
        self.to.flush()?;
        let mut answer = String::new();
        if self.from.read_line(&mut answer)? == 0 {
            return Err(std::io::Error::other("the Python process ended"));
        }
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for There {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
