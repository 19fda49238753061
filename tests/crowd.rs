//! A crowd at a caching proxy that is a process of its own, as large as the descriptor limit allows.
//!
//! In a test binary of its own: its descriptors are the whole process's, and other tests need some.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of it is tests, of which clippy sees only the functions"
)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How long anything may take: not a measure, only the end of a test that would hang.
const DEADLINE: Duration = Duration::from_secs(60);

/// Clients that connect before the proxy is given time to accept them: fewer than its backlog holds.
const BATCH: usize = 500;

/// The most clients, whatever the limit: beyond it, one address runs out of ports.
const MOST: usize = 20_000;

/// Descriptors that both processes need for themselves.
const RESERVED: u64 = 256;

/// A proxy in a process of its own, killed when the test is over.
struct Proxy {
    child: Child,
    address: SocketAddr,
    log: Receiver<String>,
}

impl Proxy {
    fn of(upstream: SocketAddr) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_verse"))
            .args(["proxy", &upstream.to_string(), "--log", "debug"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().trim_end_matches('.').rsplit(' ').next().unwrap().parse().unwrap();
        Self { child, address, log }
    }

    /// Waits until so many lines of the log have that in them.
    fn lines(&self, with: &str, count: usize) {
        for _ in 0..count {
            while !self
                .log
                .recv_timeout(DEADLINE)
                .unwrap_or_else(|_| panic!("no more '{with}'"))
                .contains(with)
            {}
        }
    }

    /// The most memory it has used so far, in bytes.
    fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_crowd_half_of_which_leaves_costs_one_fetch_and_the_others_get_whole_poems() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let allowed = verse::net::raise_descriptor_limit().saturating_sub(RESERVED);
    let clients = usize::try_from(allowed).unwrap_or(MOST).min(MOST);
    assert!(clients >= 4000, "the descriptor limit allows only {clients} clients");
    runtime.block_on(crowd(clients));
}

/// Connects from the n-th address of this machine: each has ports of its own, and those of an earlier run are not in the
/// way.
async fn connect(to: SocketAddr, n: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let from = [127, 0, u8::try_from(1 + n / 250).unwrap(), u8::try_from(1 + n % 250).unwrap()];
    socket.bind((from, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

async fn crowd(clients: usize) {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::of(upstream.local_addr().unwrap());
    let before = proxy.peak();
    let poem: Vec<u8> = (0..3000).map(|n| b'a' + u8::try_from(n % 23).unwrap()).collect();
    let (mut crowd, mut fetch, mut sent) = (Vec::new(), None, 0);
    while crowd.len() < clients {
        let batch = BATCH.min(clients - crowd.len());
        for _ in 0..batch {
            crowd.push(connect(proxy.address, crowd.len() / BATCH).await);
        }
        proxy.lines("wants poetry!", batch);
        // A bit of the poem for each batch, as a slow server does.
        let fetch = match &mut fetch {
            Some(fetch) => fetch,
            none => none.insert(upstream.accept().await.unwrap().0),
        };
        fetch.write_all(&poem[sent..sent + 10]).await.unwrap();
        sent += 10;
    }
    let mut fetch = fetch.unwrap();
    // Every second one, the first included: the one for whom the fetch was started.
    let mut number = 0;
    crowd.retain(|_| {
        number += 1;
        number % 2 == 0
    });
    proxy.lines("it left while it waited", clients - crowd.len());
    fetch.write_all(&poem[sent..]).await.unwrap();
    fetch.shutdown().await.unwrap();
    let stayed = crowd.len();
    for mut client in crowd {
        let mut got = Vec::new();
        let read = tokio::time::timeout(DEADLINE, client.read_to_end(&mut got)).await;
        read.expect("a waiter was forgotten").unwrap();
        assert!(got == poem, "{} of {} bytes", got.len(), poem.len());
    }
    // A connection on loopback is in the backlog before its `connect` returns.
    tokio::select! {
        biased;
        second = upstream.accept() => panic!("a second fetch: {second:?}"),
        () = tokio::task::yield_now() => {}
    }
    let grown = proxy.peak() - before;
    println!(
        "{clients} clients asked at once, {} left while they waited, {stayed} got the whole poem, one fetch; \
         {} bytes of memory a client",
        clients - stayed,
        grown / clients,
    );
    // A process with its connection, in any build: what grows faster than the crowd is a leak.
    assert!(grown < clients * (32 << 10), "{grown} bytes for {clients} clients");
}
