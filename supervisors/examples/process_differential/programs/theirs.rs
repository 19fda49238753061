//! The real OTP, as one long-lived process.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::case::Case;

const SCRIPT: &str = include_str!("otp.escript");

/// What runs scripts of Erlang.
fn escript() -> std::ffi::OsString {
    std::env::var_os("ESCRIPT").unwrap_or_else(|| "escript".into())
}

/// A running OTP.
pub(crate) struct Otp {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    script: std::path::PathBuf,
    /// Which release, as it says.
    pub(crate) release: String,
}

impl Otp {
    /// Starts one, by `$ESCRIPT` if that is set; `None` if there is no Erlang on this machine.
    pub(crate) fn start() -> Option<Self> {
        let name = format!("process_differential_{}.escript", std::process::id());
        let script = std::env::temp_dir().join(name);
        std::fs::write(&script, SCRIPT).ok()?;
        let mut child = Command::new(escript())
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .inspect_err(|_| _ = std::fs::remove_file(&script))
            .ok()?;
        let input = child.stdin.take()?;
        let mut output = BufReader::new(child.stdout.take()?).lines();
        let release = output.next()?.ok()?.strip_prefix("OTP ")?.to_owned();
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

    /// A script that runs one case by itself and prints what happens.
    pub(crate) fn script(case: &Case) -> String {
        let alone = format!("\n    [io:format(\"~s~n\", [L]) || L <- run({case})].\n");
        SCRIPT.replace("\n    cases().\n", &alone)
    }
}

impl Drop for Otp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.script);
    }
}
