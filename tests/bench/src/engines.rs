//! The engines side by side: the series' figures 1, 3 and 4 (blocking, and asynchronous in two ways) as a measurement.
//!
//! A server and a client of the same engine, each in a program of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::cpu;
use crate::server::{BYTES, median, verse};

/// The first is the series' own beginning.
const ENGINES: [&str; 3] = ["blocking", "reactor", "actor"];

/// The slow poems of Part 2: 3,003 bytes, 30 each tenth of a second, ten seconds each.
const SLOW: [&str; 4] = ["--num-bytes", "30", "--delay", "0.1"];

/// Fast poems that are asked for at once: fewer than any server's backlog holds.
const AT_ONCE: usize = 500;

/// What it took.
struct Took {
    time: Duration,
    /// Nanoseconds.
    client: u64,
    server: u64,
}

/// A server, ended with its measurement.
struct Server {
    process: Child,
    ports: Vec<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Measures all engines and prints the table: 3 slow poems once, as their time is their servers', and `poems` fast ones
/// in `rounds` rounds, of which the medians count.
pub fn compare(rounds: usize, poems: usize) -> ExitCode {
    let poem = std::env::temp_dir().join(format!("verse-bench-engines-{}.txt", std::process::id()));
    std::fs::write(&poem, verse(BYTES)).expect("the poem is written");
    let file = poem.to_str().expect("UTF-8");
    println!(
        "| engine | 3 slow poems: time | CPU client / server | {poems} fast poems: time | CPU a poem client / server |"
    );
    println!("|---|---|---|---|---|");
    let mut fast: Vec<Vec<Took>> = ENGINES.iter().map(|_| Vec::new()).collect();
    let servers = ENGINES.map(|engine| Server::start(engine, &["serve", file]));
    for round in 0..rounds {
        for step in 0..ENGINES.len() {
            let which = (round + step) % ENGINES.len();
            fast[which].push(servers[which].measure(ENGINES[which], poems));
        }
    }
    drop(servers);
    for (engine, fast) in ENGINES.iter().zip(fast) {
        let args = [&["serve", file, file, file], &SLOW[..]].concat();
        let slow = Server::start(engine, &args).measure(engine, 3);
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let micros =
            |of: fn(&Took) -> u64| median(fast.iter().map(|it| of(it) as f64 / 1e3 / poems as f64).collect());
        let time = median(fast.iter().map(|it| it.time.as_secs_f64()).collect());
        println!(
            "| `--engine {engine}` | {:.1} s | {} ms / {} ms | {time:.2} s | {:.0} us / {:.0} us |",
            slow.time.as_secs_f64(),
            slow.client / 1_000_000,
            slow.server / 1_000_000,
            micros(|it| it.client),
            micros(|it| it.server),
        );
    }
    let _ = std::fs::remove_file(poem);
    ExitCode::SUCCESS
}

impl Server {
    fn start(engine: &str, words: &[&str]) -> Self {
        let mut process = start(&[words, &["--engine", engine, "--log", "warn"]].concat());
        let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let poems = words.iter().skip(1).take_while(|word| !word.starts_with("--")).count();
        let port = |line: std::io::Result<String>| {
            let line = line.expect("it says where it listens");
            line.trim_end_matches('.').rsplit(':').next().expect("a port ends the line").to_owned()
        };
        Self { ports: lines.take(poems).map(port).collect(), process }
    }

    /// Has a client of that engine fetch so many poems.
    fn measure(&self, engine: &str, poems: usize) -> Took {
        let before = cpu::nanoseconds(self.process.id());
        let (poems, at_once) = (poems.to_string(), AT_ONCE.to_string());
        let mut words = vec!["fetch", engine, &poems, &at_once];
        words.extend(self.ports.iter().map(String::as_str));
        let output = start(&words).wait_with_output().expect("the client runs");
        let server = cpu::nanoseconds(self.process.id()) - before;
        let text = String::from_utf8(output.stderr).expect("text");
        let told = text.lines().last().and_then(|line| line.split_once(' '));
        let (time, client) = told.unwrap_or_else(|| panic!("no measurement: {text}"));
        let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("no number: {text}"));
        Took { time: Duration::from_nanos(number(time)), client: number(client), server }
    }
}

/// Starts this program again, to act as these words say.
fn start(words: &[&str]) -> Child {
    let client = words[0] == "fetch";
    Command::new(std::env::current_exe().expect("this program"))
        .arg("act")
        .args(words)
        .stdin(Stdio::null())
        .stdout(if client { Stdio::null() } else { Stdio::piped() })
        .stderr(if client { Stdio::piped() } else { Stdio::inherit() })
        .spawn()
        .expect("this program can be started")
}

/// Acts as the command would: `serve ...`, or `fetch ENGINE POEMS AT_ONCE PORT...`, which tells on stderr how many
/// nanoseconds it took and how many of processor time.
pub fn act(words: &[&str]) -> ExitCode {
    match words {
        ["fetch", engine, poems, at_once, ports @ ..] => {
            let number = |text: &str| text.parse::<usize>().expect("a number");
            #[allow(clippy::disallowed_methods, reason = "a measure of real time")]
            let began = Instant::now();
            let mut left = number(poems);
            while left > 0 {
                let some = left.min(number(at_once));
                let ports = ports.iter().copied().cycle().take(some);
                let words = ["verse", "get", "--quiet", "--engine", *engine].into_iter().chain(ports);
                assert_eq!(run(words), 0, "every poem is got");
                left -= some;
            }
            let took = began.elapsed().as_nanos();
            eprintln!("{took} {}", cpu::own_nanoseconds());
            ExitCode::SUCCESS
        }
        words => ExitCode::from(run(["verse"].into_iter().chain(words.iter().copied()))),
    }
}

/// As the command does it.
fn run<'a>(words: impl Iterator<Item = &'a str>) -> u8 {
    let exit = match verse::cli::parse(words) {
        Ok(verse::cli::Command::Serve(options)) => verse::cli::serve(&options),
        Ok(verse::cli::Command::Get(options)) => verse::cli::get(&options),
        Ok(other) => panic!("not to be measured: {other:?}"),
        Err(exit) => exit,
    };
    exit.print(&mut std::io::stdout(), &mut std::io::stderr()).number()
}
