//! The real OTP, as one long-lived process.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::case::Case;

const SCRIPT: &str = include_str!("otp.escript");

/// A running OTP.
pub(crate) struct Otp {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    script: std::path::PathBuf,
    /// Which release, as it says.
    pub(crate) release: u32,
}

impl Otp {
    /// Starts one, by `escript` or what the environment says is `ESCRIPT`; `None` if there is no Erlang on this machine.
    pub(crate) fn start() -> Option<Self> {
        let script = std::env::temp_dir().join(format!("otp_differential_{}.escript", std::process::id()));
        std::fs::write(&script, SCRIPT).ok()?;
        let mut child = Command::new(std::env::var_os("ESCRIPT").unwrap_or_else(|| "escript".into()))
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .ok()?;
        let input = child.stdin.take()?;
        let mut output = BufReader::new(child.stdout.take()?).lines();
        let release = output.next()?.ok()?.strip_prefix("OTP ")?.parse().ok()?;
        Some(Self { child, input, output, script, release })
    }

    /// Runs a case and gives its trace.
    pub(crate) fn run(&mut self, case: &Case) -> Vec<String> {
        writeln!(self.input, "{case}").and_then(|()| self.input.flush()).expect("OTP reads its cases");
        let mut trace = Vec::new();
        loop {
            match self.output.next() {
                Some(Ok(line)) if line == "." => return trace,
                Some(Ok(line)) => trace.push(line),
                Some(Err(error)) => panic!("cannot read what OTP says: {error}"),
                None => panic!("OTP ended in the middle of a case: {case}\n{}", trace.join("\n")),
            }
        }
    }
}

impl Drop for Otp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.script);
    }
}
