//! The servers side by side: each in a program of its own, the clients in this one.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use crate::plain::{self, Ending};
use crate::{cpu, load};

/// The poem of Part 2 of the series has 3,003 bytes.
const BYTES: usize = 3003;

/// Who is compared: the kind that [`be`] knows, and what the table calls it. The first is the measure of the others.
const SERVERS: [(&str, &str); 4] = [
    ("plain", "plain tokio, a task a connection, ends it as well as ours"),
    ("naive", "plain tokio, a task a connection, just closes"),
    ("verse", "`verse serve`, as it comes (its log in a file)"),
    ("quiet", "`verse serve --log warn`"),
];

struct Server {
    process: Child,
    address: SocketAddr,
    /// Nanoseconds of processor time a poem, a round each.
    costs: Vec<f64>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs all servers and prints the table.
pub fn compare(rounds: usize, poems: usize) -> ExitCode {
    let place = std::env::temp_dir().join(format!("verse-bench-{}", std::process::id()));
    std::fs::create_dir(&place).expect("a directory for the poem");
    let poem = place.join("poem.txt");
    std::fs::write(&poem, verse(BYTES)).expect("the poem is written");
    let mut servers: Vec<_> = SERVERS.iter().map(|(kind, _)| start(kind, &poem)).collect();
    for server in &servers {
        load::fetch(server.address, poems, BYTES);
    }
    for round in 0..rounds {
        let mut order: Vec<_> = (0..servers.len()).collect();
        order.rotate_left(round % SERVERS.len());
        for which in order {
            let server = &mut servers[which];
            let before = cpu::nanoseconds(server.process.id());
            load::fetch(server.address, poems, BYTES);
            #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
            let cost = (cpu::nanoseconds(server.process.id()) - before) as f64 / poems as f64;
            server.costs.push(cost);
        }
    }
    println!("| server | CPU a poem, us | of plain |\n|---|---|---|");
    for (server, (_, name)) in servers.iter().zip(SERVERS) {
        let ratios = server.costs.iter().zip(&servers[0].costs).map(|(mine, plain)| mine / plain).collect();
        println!("| {name} | {:.1} | {:.2} |", median(server.costs.clone()) / 1e3, median(ratios));
    }
    drop(servers);
    let _ = std::fs::remove_dir_all(place);
    ExitCode::SUCCESS
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// A text of that many bytes.
fn verse(bytes: usize) -> String {
    "Where, like a pillow on a bed,\n".chars().cycle().take(bytes).collect()
}

/// Starts this program again, to be that kind of server, and waits until it listens.
fn start(kind: &str, poem: &Path) -> Server {
    let log = std::fs::File::create(log_of(kind, poem)).expect("a file for the log");
    let mut process = Command::new(std::env::current_exe().expect("this program"))
        .args(["be", kind])
        .arg(poem)
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

fn log_of(kind: &str, poem: &Path) -> PathBuf {
    poem.with_file_name(format!("{kind}.log"))
}

/// Becomes a server; returns only if it cannot.
pub fn be(kind: &str, poem: &str) -> ExitCode {
    let read = || std::fs::read(poem).expect("the poem is there").into();
    match kind {
        "plain" => plain::serve(read(), Ending::Well),
        "naive" => plain::serve(read(), Ending::AtOnce),
        "verse" => serve(&["verse", "serve", poem]),
        "quiet" => serve(&["verse", "serve", "--log", "warn", poem]),
        _ => ExitCode::from(2),
    }
}

/// As the command does it.
fn serve(words: &[&str]) -> ExitCode {
    let exit = match verse::cli::parse(words) {
        Ok(verse::cli::Command::Serve(options)) => verse::cli::run("serve", &options.config, &options.poems),
        Ok(_) => return ExitCode::from(2),
        Err(exit) => exit,
    };
    exit.print(&mut std::io::stdout(), &mut std::io::stderr()).into()
}
