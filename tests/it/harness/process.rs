//! The real program: started, spoken to by signals, listened to, and killed at the end of the test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};

use rustix::process::{Pid, Signal, kill_process};

use super::DEADLINE;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_verse");

/// The program, running.
pub(crate) struct Verse {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// The program, ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// All lines of its stdout.
    pub(crate) stdout: Vec<String>,
    /// All lines of its stderr.
    pub(crate) stderr: Vec<String>,
}

/// Runs `verse ARGS...` to its end, in the folder of the package.
pub(crate) fn verse<S: AsRef<str>>(args: &[S]) -> Ended {
    Verse::start(args).wait()
}

impl Verse {
    /// Starts `verse ARGS...` in the folder of the package.
    pub(crate) fn start<S: AsRef<str>>(args: &[S]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(args.iter().map(AsRef::as_ref));
        Self::spawn(command)
    }

    /// Starts a command that becomes the program.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdout = Lines::of(child.stdout.take().expect("it is piped"));
        let stderr = Lines::of(child.stderr.take().expect("it is piped"));
        Self { child, stdout, stderr }
    }

    /// Waits until it has said where `number` services listen.
    pub(crate) fn serving(&mut self, number: usize) -> Vec<SocketAddr> {
        while self.stdout.seen.len() < number {
            if !self.stdout.next() {
                let ended = self.end();
                panic!("it ended before {number} services listened: {ended:?}");
            }
        }
        let at = |line: &String| {
            let address = line.rsplit(' ').next().and_then(|last| last.strip_suffix('.'));
            address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("no address: {line}"))
        };
        self.stdout.seen[..number].iter().map(at).collect()
    }

    /// Starts `verse ARGS...` and waits until its only service listens.
    pub(crate) fn serve<S: AsRef<str>>(args: &[S]) -> (Self, SocketAddr) {
        let mut verse = Self::start(args);
        let address = verse.serving(1)[0];
        (verse, address)
    }

    /// Waits for a line of stderr that holds `text`, and gives it.
    pub(crate) fn says(&mut self, text: &str) -> String {
        let mut from = 0;
        loop {
            if let Some(line) = self.stderr.seen[from..].iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            from = self.stderr.seen.len();
            assert!(self.stderr.next(), "it ended without saying {text:?}: {:?}", self.stderr.seen);
        }
    }

    /// The process it runs as.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it has not been waited for");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self) -> Ended {
        self.end()
    }

    fn end(&mut self) -> Ended {
        // It has no children of its own: when both its outputs are closed, it is gone or about to be.
        while self.stdout.next() {}
        while self.stderr.next() {}
        let status = self.child.wait().expect("it can be waited for");
        Ended {
            code: status.code(),
            signal: status.signal(),
            stdout: std::mem::take(&mut self.stdout.seen),
            stderr: std::mem::take(&mut self.stderr.seen),
        }
    }
}

impl Drop for Verse {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Its last words: the last line of its stderr.
    pub(crate) fn last_words(&self) -> &str {
        self.stderr.last().map_or("", String::as_str)
    }
}

/// The lines of an output, read by a thread so that the program never waits for the test.
struct Lines {
    arriving: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(output: impl std::io::Read + Send + 'static) -> Self {
        let (tell, arriving) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                if tell.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { arriving, seen: Vec::new() }
    }

    /// Waits for one more line; `false` at the end.
    fn next(&mut self) -> bool {
        match self.arriving.recv_timeout(DEADLINE) {
            Ok(line) => {
                self.seen.push(line);
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => {
                panic!("the program neither says more nor ends; it said: {:?}", self.seen)
            }
        }
    }
}
