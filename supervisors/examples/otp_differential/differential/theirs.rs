//! The real OTP, as one long-lived process.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use super::case::Case;

const SCRIPT: &str = include_str!("otp.escript");

/// How many were started by this program.
static STARTED: AtomicU64 = AtomicU64::new(0);

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
        // Of its own for each, since each takes its script away when it ends.
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("otp_differential_{}_{number}.escript", std::process::id());
        let script = std::env::temp_dir().join(name);
        std::fs::write(&script, SCRIPT).expect("the script can be written");
        let spawned = Command::new(std::env::var_os("ESCRIPT").unwrap_or_else(|| "escript".into()))
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let Ok(mut child) = spawned else {
            let _ = std::fs::remove_file(&script);
            return None;
        };
        let input = child.stdin.take().expect("it is piped");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        // There is an Erlang: from here on nothing passes for its absence.
        let greeting = output.next().expect("the script runs").expect("it can be read");
        let release =
            greeting.strip_prefix("OTP ").and_then(|it| it.parse().ok()).expect("it says its release");
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
