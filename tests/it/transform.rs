//! `verse transform` as its users meet it: the real command, netcat, plain sockets, signals.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::tools::tool;

use crate::server::{ACTOR, CONCURRENT, Engine, each};

/// How long a test waits for what must come: far beyond what a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `verse transform`; killed when dropped.
struct Server {
    child: Child,
    ports: Vec<SocketAddr>,
}

impl Server {
    /// Starts it with `options`, on free ports, and waits until it says that all `listeners` listen.
    fn by(engine: Engine, listeners: usize, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_verse"))
            .args(engine.args(&["transform", "--port", "0"]))
            .args(options)
            // With it, the panics of workers are shown at length on stderr, which is read only at the end.
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command is built");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let ports = lines.take(listeners).map(|line| {
            let line = line.expect("it is text");
            let at = line.strip_prefix("Serving transforms on ").and_then(|rest| rest.strip_suffix('.'));
            at.and_then(|at| at.parse().ok()).unwrap_or_else(|| panic!("an address: {line:?}"))
        });
        let ports: Vec<_> = ports.collect();
        let server = Self { child, ports };
        assert_eq!(server.ports.len(), listeners, "it ended instead");
        server
    }

    fn connect(&self) -> TcpStream {
        connect(self.ports[0])
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits for its end: how it ended, and its stderr.
    fn end(mut self) -> (ExitStatus, String) {
        let mut log = self.child.stderr.take().expect("it is piped");
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            tell.send(log.read_to_string(&mut text).map(|_| text))
        });
        let text = told.recv_timeout(PATIENCE).expect("it ends").expect("its log is text");
        (self.child.wait().expect("it has ended"), text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(at: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(at).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a socket has one");
    client
}

/// Says `text`, half-closes, and gives all that comes up to a clean end.
fn ask(at: SocketAddr, text: &str) -> String {
    let mut client = connect(at);
    client.write_all(text.as_bytes()).expect("it reads");
    client.shutdown(Shutdown::Write).expect("it is open");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("a clean end");
    answer
}

/// What netcat prints when `text` is piped into it; `None` without a netcat. The usual one does not half-close at the
/// end of its input: it ends because the service does.
fn netcat(at: SocketAddr, text: &str) -> Option<String> {
    let mut command = tool("nc")?;
    command.args([at.ip().to_string(), at.port().to_string()]);
    let mut nc = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = nc.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let mut out = nc.stdout.take().expect("it is piped");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        tell.send(out.read_to_string(&mut text).map(|_| text))
    });
    let answer = told.recv_timeout(PATIENCE);
    let _ = nc.kill();
    nc.wait().expect("it has ended");
    Some(answer.expect("it ends by itself").expect("its output is text"))
}

#[test]
fn netcat_gets_its_answer_and_ends() {
    each(CONCURRENT, netcat_asks);
}

fn netcat_asks(engine: Engine) {
    let server = Server::by(engine, 2, &["--lines-port", "0", "--deadline", "30"]);
    let Some(answer) = netcat(server.ports[0], "13:cummingsify.X,") else { return };
    assert_eq!(answer, "1:x,");
    assert_eq!(netcat(server.ports[1], "shout 5\nhello").as_deref(), Some("OK 5\nHELLO"));
    assert_eq!(
        netcat(server.ports[1], "croon 5\nhello").unwrap(),
        "ERR no transformation is called \"croon\"\n"
    );
}

#[test]
fn a_kept_connection_is_answered_in_order() {
    each(CONCURRENT, |engine| {
        let server = Server::by(engine, 1, &["--keep-alive"]);
        assert_eq!(ask(server.ports[0], "7:shout.a,13:cummingsify.B,7:rot13.c,"), "1:A,1:b,1:p,");
        let server = Server::by(engine, 1, &[]);
        assert_eq!(ask(server.ports[0], "7:shout.a,13:cummingsify.B,"), "1:A,", "unless it is not kept");
    });
}

#[test]
fn what_is_not_done_has_no_answer_and_one_line_of_log_which_is_the_same_of_every_engine() {
    let told = |engine: Engine| -> Vec<String> {
        let server = Server::by(engine, 2, &["--log", "warn", "--lines-port", "0", "--keep-alive"]);
        for request in ["6:none.X,", "5:shout,", "2000000:", "rubbish", "7:shout.a,5:shout,", "7:sho"] {
            let answer = ask(server.ports[0], request);
            assert_eq!(answer, if request.contains("shout.a") { "1:A," } else { "" }, "{request}");
        }
        for (request, answer) in [
            ("none 1\nX", "ERR no transformation is called \"none\"\n"),
            ("shout\n", "ERR a length without digits\n"),
            ("shout 2000000\n", "ERR more than 1048576 bytes\n"),
            ("shout 5\nhel", "ERR the stream ended in mid frame\n"),
        ] {
            assert_eq!(ask(server.ports[1], request), answer);
        }
        assert_eq!(ask(server.ports[0], "7:shout.a,"), "1:A,");
        server.signal(Signal::TERM);
        let (_, log) = server.end();
        // Without the time, and without the peer, whose port is chance.
        let line = |line: &str| {
            let words = line.split_whitespace().skip(1);
            words
                .map(|word| if word.starts_with("127.0.0.1:") { "PEER" } else { word })
                .collect::<Vec<_>>()
                .join(" ")
        };
        log.lines().map(line).collect()
    };
    let of_actors = told(ACTOR);
    let reasons = [
        "no transformation is called",
        "no dot ends the name",
        "more than 1048576 bytes",
        "'r' where a digit",
        "byte 17: no dot ends the name",
        "the stream ended in mid frame",
        "no transformation is called",
        "a length without digits",
        "more than 1048576 bytes",
        "the stream ended in mid frame",
    ];
    assert_eq!(of_actors.len(), reasons.len(), "{of_actors:?}");
    for (line, reason) in of_actors.iter().zip(reasons) {
        assert!(line.contains(reason), "{line}");
    }
    each(CONCURRENT, |engine| assert_eq!(told(engine), of_actors));
}

#[test]
fn the_same_seed_byronifies_alike_whatever_the_engine_and_the_protocol() {
    let poems = |engine: Engine, seed: &str| -> Vec<String> {
        let server = Server::by(engine, 2, &["--lines-port", "0", "--seed", seed]);
        (0..40)
            .map(|n| match n % 2 {
                0 => ask(server.ports[1], "byronify 5\nPoem."),
                // The same poem, or no answer.
                _ => ask(server.ports[0], "14:byronify.Poem.,"),
            })
            // How a panic is told differs: a process died of it there, here it was caught.
            .map(|answer| answer.replace("its process panicked", "it panicked"))
            .collect()
    };
    let once = poems(ACTOR, "7");
    assert_ne!(once, poems(ACTOR, "8"));
    assert!(once.iter().any(|answer| answer == "OK 5\nPoem!"), "{once:?}");
    assert!(once.iter().any(|answer| answer == "5:Poem!,"), "{once:?}");
    assert!(once.iter().any(|answer| answer.starts_with("ERR it panicked")), "{once:?}");
    assert!(once.iter().any(String::is_empty), "{once:?}");
    each(CONCURRENT, |engine| assert_eq!(poems(engine, "7"), once));
}

#[test]
fn a_terminated_service_ends_what_is_idle_and_answers_what_was_begun() {
    each(CONCURRENT, |engine| {
        let server = Server::by(engine, 1, &["--keep-alive"]);
        let (mut idle, mut begun) = (server.connect(), server.connect());
        let mut answer = [0; 4];
        for (client, rest) in [(&mut idle, ""), (&mut begun, "7:sho")] {
            client.write_all(b"7:shout.a,").unwrap();
            client.read_exact(&mut answer).unwrap();
            client.write_all(rest.as_bytes()).unwrap();
        }
        server.signal(Signal::TERM);
        let mut rest = String::new();
        idle.read_to_string(&mut rest).expect("a clean end");
        assert_eq!(rest, "");
        drop(idle);
        begun.write_all(b"ut.b,").unwrap();
        begun.read_to_string(&mut rest).expect("a clean end");
        assert_eq!(rest, "1:B,");
        drop(begun);
        let (status, log) = server.end();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("drained: every connection ended by itself"), "{log}");
    });
}

#[test]
fn a_killed_service_resets_its_clients() {
    each(CONCURRENT, |engine| {
        let server = Server::by(engine, 1, &["--keep-alive"]);
        let mut client = server.connect();
        let mut answer = [0; 4];
        client.write_all(b"7:shout.a,7:sho").unwrap();
        client.read_exact(&mut answer).unwrap();
        server.signal(Signal::KILL);
        let end = client.read(&mut answer).expect_err("no clean end");
        assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    });
}
