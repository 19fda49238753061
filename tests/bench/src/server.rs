//! The servers side by side: each in a program of its own, the clients in this one.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

use crate::plain::{self, Ending};
use crate::{cpu, load};

/// The poem of Part 2 of the series has 3,003 bytes.
pub const BYTES: usize = 3003;

/// Who is compared: the kind that [`be`] knows, and what the table calls it. The first is the measure of the others.
const SERVERS: [(&str, &str); 4] = [
    ("plain", "plain tokio, a task a connection, ends it as well as ours"),
    ("naive", "plain tokio, a task a connection, just closes"),
    ("verse", "`verse serve`, as it comes (its log in a file)"),
    ("quiet", "`verse serve --log warn`"),
];

/// A server in a program of its own, ended with its measurement.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Nanoseconds of processor time a poem, a round each.
    pub costs: Vec<f64>,
}

impl Server {
    /// One more round: so many poems, and what they cost it.
    pub fn round(&mut self, poems: usize) {
        let before = cpu::nanoseconds(self.process.id());
        load::fetch(self.address, poems, BYTES);
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let cost = (cpu::nanoseconds(self.process.id()) - before) as f64 / poems as f64;
        self.costs.push(cost);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs all servers and prints the table.
pub fn compare(rounds: usize, poems: usize) -> ExitCode {
    let place = Place::new();
    let poem = place.poem();
    let mut servers: Vec<_> = SERVERS.iter().map(|(kind, _)| place.start(kind, &poem)).collect();
    in_turn(&mut servers, rounds, poems);
    println!("| server | CPU a poem, us | of plain |\n|---|---|---|");
    for (server, (_, name)) in servers.iter().zip(SERVERS) {
        let ratios = ratios(server, &servers[0]);
        println!("| {name} | {:.1} | {:.2} |", median(server.costs.clone()) / 1e3, median(ratios));
    }
    ExitCode::SUCCESS
}

/// Measures them round by round, each round beginning with the next; what they do first is not counted.
pub fn in_turn(servers: &mut [Server], rounds: usize, poems: usize) {
    for server in &mut *servers {
        load::fetch(server.address, poems, BYTES);
    }
    for round in 0..rounds {
        for step in 0..servers.len() {
            let which = (round + step) % servers.len();
            servers[which].round(poems);
        }
    }
}

/// What a server's rounds cost, as multiples of the other's of the same round.
pub fn ratios(server: &Server, of: &Server) -> Vec<f64> {
    server.costs.iter().zip(&of.costs).map(|(mine, other)| mine / other).collect()
}

/// The middle one.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// A text of that many bytes.
pub fn verse(bytes: usize) -> String {
    "Where, like a pillow on a bed,\n".chars().cycle().take(bytes).collect()
}

/// A directory for the poem and the logs, removed with the measurement.
pub struct Place(PathBuf);

impl Place {
    /// A new one, with the poem in it.
    pub fn new() -> Self {
        let place = std::env::temp_dir().join(format!("verse-bench-{}", std::process::id()));
        std::fs::create_dir(&place).expect("a directory for the poem");
        std::fs::write(place.join("poem.txt"), verse(BYTES)).expect("the poem is written");
        Self(place)
    }

    /// The poem's file.
    pub fn poem(&self) -> String {
        self.0.join("poem.txt").to_str().expect("a path in letters").to_owned()
    }

    /// Starts this program again, to be that kind of server of `what`, and waits until it listens.
    pub fn start(&self, kind: &str, what: &str) -> Server {
        let log = std::fs::File::create(self.0.join(format!("{kind}.log"))).expect("a file for the log");
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["be", kind, what])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("this program can be started");
        let mut line = String::new();
        let out = process.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it says where it listens");
        let address = line.trim_end().trim_end_matches('.').rsplit(' ').next();
        let address = address.and_then(|address| address.parse().ok()).expect("an address ends the line");
        Server { process, address, costs: Vec::new() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Becomes a server of a poem's file, or of a server's address if it is a proxy; returns only if it cannot.
pub fn be(kind: &str, what: &str) -> ExitCode {
    let read = || std::fs::read(what).expect("the poem is there").into();
    match kind {
        "plain" => plain::serve(read(), Ending::Well),
        "naive" => plain::serve(read(), Ending::AtOnce),
        "verse" => serve(&["verse", "serve", what]),
        "quiet" => serve(&["verse", "serve", "--log", "warn", what]),
        "proxy" => serve(&["verse", "proxy", what]),
        "quiet-proxy" => serve(&["verse", "proxy", "--log", "warn", what]),
        _ => ExitCode::from(2),
    }
}

/// As the command does it.
fn serve(words: &[&str]) -> ExitCode {
    let exit = match verse::cli::parse(words) {
        Ok(verse::cli::Command::Serve(options)) => verse::cli::run("serve", &options.config, &options.poems),
        Ok(verse::cli::Command::Proxy(options)) => verse::cli::proxy(&options),
        Ok(_) => return ExitCode::from(2),
        Err(exit) => exit,
    };
    exit.print(&mut std::io::stdout(), &mut std::io::stderr()).into()
}
