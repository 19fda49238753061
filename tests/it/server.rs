//! Servers for tests that do what a script says, each for one connection, and the command run against them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long anything may take before a test gives up on it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// What a server does next.
pub(crate) enum Step {
    /// Sends this.
    Send(Vec<u8>),
    /// Reads exactly this.
    Expect(Vec<u8>),
    /// Waits for the test.
    Gate(Receiver<()>),
    /// Ends the connection with a reset.
    Reset,
    /// Keeps the connection until the client has left.
    Hold,
}

/// A gate and what opens it.
pub(crate) fn gate() -> (Sender<()>, Step) {
    let (open, closed) = channel();
    (open, Step::Gate(closed))
}

pub(crate) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

pub(crate) fn expect(text: &str) -> Step {
    Step::Expect(text.as_bytes().to_vec())
}

/// A server for one connection, which ends well unless a step says otherwise.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Server {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let steps: Vec<Step> = steps.into_iter().collect();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("somebody connects");
            stream.set_read_timeout(Some(DEADLINE)).expect("a time limit");
            play(stream, steps);
        });
        Self { address, thread }
    }

    pub(crate) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Waits for its end; what it did not expect fails the test here.
    pub(crate) fn ended(self) {
        self.thread.join().expect("the server got what it expected");
    }
}

fn play(mut stream: TcpStream, steps: Vec<Step>) {
    for step in steps {
        match step {
            // A client that has left already is the test's business.
            Step::Send(bytes) => drop(stream.write_all(&bytes)),
            Step::Expect(bytes) => {
                let mut got = vec![0; bytes.len()];
                stream.read_exact(&mut got).expect("as many bytes as expected");
                assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&bytes));
            }
            Step::Gate(gate) => gate.recv_timeout(DEADLINE).expect("the test opens the gate"),
            Step::Reset => {
                let zero = Some(Duration::ZERO);
                return socket2::SockRef::from(&stream).set_linger(zero).expect("a linger can be set");
            }
            Step::Hold => drop(io::copy(&mut stream, &mut io::sink())),
        }
    }
    // The client may be gone.
    let _ = stream.shutdown(Shutdown::Write);
    let _ = io::copy(&mut stream, &mut io::sink());
}

/// A port that nobody listens on: it was free a moment ago.
pub(crate) fn refused_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port().to_string()
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    /// With `TIME` where a time was.
    pub(crate) stderr: String,
}

/// What carries a subcommand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Engine(&'static [&'static str]);

/// The one whose servers and clients are processes.
pub(crate) const ACTOR: Engine = Engine(&[]);
/// The one that does one thing at a time.
pub(crate) const BLOCKING: Engine = Engine(&["--engine", "blocking"]);
/// Those that have many things under way at once.
pub(crate) const CONCURRENT: [Engine; 4] = [
    ACTOR,
    Engine(&["--engine", "reactor"]),
    Engine(&["--engine", "reactor", "--poller", "poll"]),
    Engine(&["--engine", "reactor", "--poller", "select"]),
];
/// All of them.
pub(crate) const ENGINES: [Engine; 5] =
    [CONCURRENT[0], CONCURRENT[1], CONCURRENT[2], CONCURRENT[3], BLOCKING];

impl Engine {
    /// The command line with the engine named in it.
    pub(crate) fn args<'a>(self, args: &[&'a str]) -> Vec<&'a str> {
        [args, self.0].concat()
    }

    /// As [`Verse::start`].
    pub(crate) fn start(self, args: &[&str]) -> Verse {
        Verse::start(&self.args(args))
    }

    /// As [`verse`].
    pub(crate) fn verse(self, args: &[&str]) -> Output {
        verse(&self.args(args))
    }
}

/// Runs one body against each engine, and names the one it fails for.
pub(crate) fn each(engines: impl IntoIterator<Item = Engine>, body: impl Fn(Engine)) {
    struct Under(Engine);
    impl Drop for Under {
        #[allow(clippy::print_stderr, reason = "a test that fails says where")]
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("this was with the engine {:?}", self.0);
            }
        }
    }
    for engine in engines {
        let _under = Under(engine);
        body(engine);
    }
}

/// A running command, killed if it outlives the deadline or the test.
pub(crate) struct Verse {
    pub(crate) child: Child,
    done: Sender<()>,
}

impl Verse {
    pub(crate) fn start(args: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_verse"))
            .args(args)
            // With it, the panics of processes are shown on stderr.
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command can be run");
        let (done, is_done) = channel::<()>();
        let pid = rustix::process::Pid::from_child(&child);
        std::thread::spawn(move || {
            if is_done.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        });
        Self { child, done }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it can be signalled");
    }

    /// The next line of its stdout.
    pub(crate) fn line_of_stdout(&mut self) -> String {
        next_line(self.child.stdout.as_mut().expect("it was not taken"))
    }

    /// The next line of its stderr.
    pub(crate) fn line_of_stderr(&mut self) -> String {
        next_line(self.child.stderr.as_mut().expect("it was not taken"))
    }

    /// Waits for its end and gives what it still had to say.
    pub(crate) fn end(mut self) -> Output {
        drop(self.child.stdin.take());
        let stderr = self.child.stderr.take();
        let stderr = std::thread::spawn(move || all(stderr));
        let stdout = all(self.child.stdout.take());
        let stderr = timeless(&stderr.join().expect("stderr can be read"));
        let code = self.child.wait().expect("it ends").code();
        let _ = self.done.send(());
        Output { code, stdout, stderr }
    }
}

/// Runs a command to its end.
pub(crate) fn verse(args: &[&str]) -> Output {
    Verse::start(args).end()
}

/// Byte by byte, so that nothing of the next line is taken away.
fn next_line(from: &mut impl Read) -> String {
    let mut line = String::new();
    let mut slow = BufReader::with_capacity(1, from);
    slow.read_line(&mut line).expect("text");
    line
}

fn all(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        from.read_to_end(&mut bytes).expect("a pipe can be read");
    }
    String::from_utf8(bytes).expect("tests use text")
}

/// `in 0:00:00.012345` without the time, whose form is checked.
fn timeless(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once(" in ") {
        Some((before, time)) if time.starts_with(|c: char| c.is_ascii_digit()) => {
            let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            assert_eq!(form, "0:00:00.000000", "{line}");
            format!("{before} in TIME\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// A directory of one test, gone with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory can be made");
        Self(path)
    }

    /// All that is in it, by name.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(&self.0).expect("it is there");
        let file = |entry: io::Result<std::fs::DirEntry>| {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().expect("it has one").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a text"))
        };
        let mut files: Vec<_> = entries.map(file).collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
