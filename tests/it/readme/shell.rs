//! A shell that is given its commands one by one.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// How long one line of the session may take; the slow poem in it takes 7 s.
const DEADLINE: Duration = Duration::from_secs(60);

/// A `sh` in an empty folder of its own, beside the repository's poems, that has our program in its path. Ends with all
/// that it has started.
pub(super) struct Shell {
    child: Child,
    folder: PathBuf,
    lines: Receiver<String>,
}

impl Shell {
    pub(super) fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("verse-readme-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let poems = Path::new(env!("CARGO_MANIFEST_DIR")).join("poetry");
        std::os::unix::fs::symlink(poems, folder.join("poetry")).expect("a link can be made");

        let program = Path::new(env!("CARGO_BIN_EXE_verse"));
        let mut path = program.parent().expect("it is in a folder").as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());

        let mut child = Command::new("sh")
            .current_dir(&folder)
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (tell, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut shell = Self { child, folder, lines };
        // As on a terminal, what goes wrong stands among the rest.
        shell.say("exec 2>&1");
        shell
    }

    /// Gives it one line.
    pub(super) fn say(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{line}").expect("it reads");
    }

    /// The next line that something has printed.
    pub(super) fn next(&mut self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("the next line comes in time")
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
