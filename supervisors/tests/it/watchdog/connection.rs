//! The client of a connection whose process is stuck.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use actix::prelude::*;
use supervisors::supervisor::{ChildSpec, Restart};
use supervisors::{ContextExt, ExitReason, Place, WhenStuck};

use super::{DEADLINE, node, tree};
use crate::stage::{life, stop};

/// Serves one client, half of what it wants.
struct Connection {
    socket: TcpStream,
    word: Option<Receiver<()>>,
}

impl Actor for Connection {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let socket = self.socket.try_clone().expect("a descriptor");
        // The thread that is stuck keeps the socket open: closing the clone would close nothing.
        ctx.on_abandon(move || {
            let _ = rustix::net::connect_unspec(&socket);
        });
        self.socket.write_all(b"half of ").expect("its client is there");
        let word = self.word.take();
        ctx.run_later(Duration::ZERO, |_, _| {
            let _ = word.map(|word| word.recv());
        });
    }
}

/// What a client gets, and how it ended.
fn read_all(mut client: TcpStream) -> (Vec<u8>, Option<io::ErrorKind>) {
    // Silence is what must not be: the deadline turns it into another error.
    client.set_read_timeout(Some(DEADLINE)).expect("a socket");
    let mut got = Vec::new();
    let end = client.read_to_end(&mut got).err().map(|error| error.kind());
    (got, end)
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    (listener.accept().expect("a client").0, client)
}

#[test]
fn the_client_of_a_connection_on_an_abandoned_arbiter_sees_a_reset() {
    System::new().block_on(async {
        let (node, _) = node(WhenStuck::Abandon, |node| node);
        let (socket, client) = pair();
        let (release, word) = channel();
        let spec = ChildSpec::once("connection", || Connection { socket, word: Some(word) });
        let spec = spec.place(Place::RoundRobin).restart(Restart::Temporary);
        let child = spec.reference();
        let reader = std::thread::spawn(|| read_all(client));
        let root = tree(&node, vec![spec.into()]).await;
        let process = life(&child);
        assert_eq!(process.exited().await, ExitReason::Stuck);
        // The thread is stuck as before, and has its descriptor.
        let (got, end) = reader.join().expect("no panic");
        assert_eq!(got, b"half of ");
        assert_eq!(end, Some(io::ErrorKind::ConnectionReset));
        drop(release);
        stop(&root).await;
    });
}

#[test]
fn what_was_to_be_done_in_its_stead_is_not_done_for_one_that_ends_by_itself() {
    System::new().block_on(async {
        let (node, _) = node(WhenStuck::Abandon, |node| node);
        let (socket, client) = pair();
        let child = node.spawn(Connection { socket, word: None });
        let reader = std::thread::spawn(|| read_all(client));
        let process = life(&child);
        super::until(|| process.statistics().handled == 0 && process.is_alive()).await;
        process.stop();
        assert_eq!(process.exited().await, ExitReason::Shutdown);
        // Both descriptors are closed: the client sees an end, and no reset.
        assert_eq!(reader.join().expect("no panic").1, None);
    });
}
