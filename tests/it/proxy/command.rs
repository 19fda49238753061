//! The command `verse proxy`, and a server that is killed in mid poem.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use super::*;

/// A server of ours in a process of its own, killed when it is dropped.
struct Verse {
    child: Child,
    address: SocketAddr,
    log: Receiver<String>,
}

impl Verse {
    fn run(arguments: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_verse"))
            .args(arguments.split(' '))
            .args(["--log", "debug"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().trim_end_matches('.').rsplit(' ').next().unwrap().parse();
        Self { child, address: address.unwrap_or_else(|_| panic!("{line}")), log }
    }

    /// Waits for a line of the log.
    fn says(&self, with: &str) {
        while !self.log.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("no '{with}'")).contains(with) {}
    }
}

impl Drop for Verse {
    /// SIGKILL.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn of_a_server_killed_in_mid_poem_a_proxy_keeps_nothing_and_gives_nothing() {
    run(async {
        let science = std::fs::read("poetry/science.txt").unwrap();
        // Ten bytes, and then a pause that is longer than this test.
        let server = Verse::run("serve poetry/science.txt --num-bytes 10 --delay 3600");
        let port = server.address.port();
        let proxy = Verse::run(&format!("proxy {port}"));
        let client = TcpStream::connect(proxy.address).await.unwrap();
        proxy.says("Fetching poem from server.");
        server.says("Sending 10 bytes");
        drop(server);
        is_reset(read(client).await);
        proxy.says("cannot fetch from");
        // The same server, well again. Within the hold-off the proxy says no, and never gives half a poem.
        let server = Verse::run(&format!("serve poetry/science.txt --port {port}"));
        let got = loop {
            match get(proxy.address).await {
                Ok(got) => break got,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
            }
        };
        assert_eq!(got, science);
        // And now it is kept: the server is not needed any more.
        drop(server);
        assert_eq!(get(proxy.address).await.unwrap(), science);
        proxy.says("Using cached poem.");
    });
}

#[test]
fn a_proxy_that_is_killed_while_it_sends_resets_its_clients() {
    run(async {
        let server = Server::new().await;
        let proxy = Verse::run(&format!("proxy {}", server.address.port()));
        let client = TcpStream::connect(proxy.address).await.unwrap();
        send(server.visit().await, &vec![b'v'; 12 << 20]).await;
        proxy.says("sending 12582912 bytes of poetry");
        drop(proxy);
        is_reset(read(client).await);
    });
}
