//! A supervised TCP server, the tree that every such server has: connections, one process each, under a dynamic
//! supervisor; after them the listener, so that it never accepts for nobody.
//!
//! - A permit comes before accept: who cannot be served yet waits in the kernel's backlog, where it costs nothing.
//! - A connection that crashes is reset, so that its client can tell a crash from the end; the others do not notice.
//! - The listener is restarted after a crash; its socket outlives it, and so do those who wait in its backlog.
//!
//!     cargo run --package supervisors --example tcp_server

#![allow(clippy::print_stdout, reason = "it shows what it does")]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::prelude::*;
use rustix::net::sockopt::set_socket_linger;
use supervisors::supervisor::{ChildError, ChildSpec, DynamicRef, DynamicSupervisor, Strategy, Supervisor};
use supervisors::{ContextExt, ExitReason, Node};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at once: small, so that somebody has to wait.
const CONNECTIONS: usize = 2;

/// How many there are, and were at most.
#[derive(Default)]
struct Census {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Says everything louder, until it hears `bye`; `crash` is a bug of its. Owns its socket and its right to be here.
/// Started by the listener, temporary: a client that was reset comes again if it likes.
struct Connection {
    stream: Option<TcpStream>,
    census: Arc<Census>,
    _permit: OwnedSemaphorePermit,
}

impl Actor for Connection {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let now = self.census.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.census.most.fetch_max(now, Ordering::Relaxed);
        let Some(stream) = self.stream.take() else { return };
        // A future of the actor's own: it ends with the actor, and its panic is the actor's.
        ctx.spawn(serve(stream).into_actor(self).map(|served, _, ctx| {
            ctx.exit(served.map_or_else(ExitReason::failed, |()| ExitReason::Normal));
        }));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.census.now.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn serve(stream: TcpStream) -> io::Result<()> {
    // However it ends, by an error, a panic, a kill: closed, it is reset.
    set_socket_linger(&stream, Some(Duration::ZERO))?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    // A line is bounded, like everything.
    while (&mut stream).take(1024).read_line(&mut line).await? > 0 {
        match line.trim_end() {
            "bye" => break,
            said => {
                assert_ne!(said, "crash", "a bug");
                stream.write_all(format!("{}\n", said.to_uppercase()).as_bytes()).await?;
            }
        }
        line.clear();
    }
    // But for this: only an end in good order looks like one.
    Ok(set_socket_linger(stream.get_ref(), None)?)
}

/// Accepts, and hands over. Owns nothing: the socket is the program's.
struct Listener {
    socket: Arc<TcpListener>,
    permits: Arc<Semaphore>,
    connections: DynamicRef,
    census: Arc<Census>,
}

impl Actor for Listener {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (socket, permits) = (Arc::clone(&self.socket), Arc::clone(&self.permits));
        let (connections, census) = (self.connections.clone(), Arc::clone(&self.census));
        let accepting = async move {
            loop {
                let permit = Arc::clone(&permits).acquire_owned().await.map_err(ExitReason::failed)?;
                let (stream, _) = socket.accept().await.map_err(ExitReason::failed)?;
                let census = Arc::clone(&census);
                let spec = ChildSpec::once("connection", move || Connection {
                    stream: Some(stream),
                    census,
                    _permit: permit,
                });
                match connections.start_child(spec).await {
                    // One that does not start is its own affair: it is closed.
                    Ok(_) | Err(ChildError::Failed(_) | ChildError::MaxChildren) => {}
                    Err(error) => return Err::<(), _>(ExitReason::failed(error)),
                }
            }
        };
        ctx.spawn(accepting.into_actor(self).map(|ended, _, ctx| {
            if let Err(reason) = ended {
                ctx.exit(reason);
            }
        }));
    }
}

/// One who talks to the server.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn new(address: SocketAddr) -> io::Result<Self> {
        TcpStream::connect(address).await.map(|stream| Self(BufReader::new(stream)))
    }

    /// Says a line and gives the answer; nothing at the end of the stream.
    async fn say(&mut self, line: &str) -> io::Result<String> {
        self.0.write_all(format!("{line}\n").as_bytes()).await?;
        let mut answer = String::new();
        self.0.read_line(&mut answer).await?;
        Ok(answer.trim_end().to_owned())
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let node = Node::builder().on_event(|at, event| println!("{at:>9.1?} {event}")).build();
    let socket = Arc::new(TcpListener::bind(("127.0.0.1", 0)).await?);
    let address = socket.local_addr()?;
    let (permits, census) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::<Census>::default());

    let connections = DynamicSupervisor::new("connections");
    let (reference, counted) = (connections.reference(), Arc::clone(&census));
    let listener = ChildSpec::new("listener", move || Listener {
        socket: Arc::clone(&socket),
        permits: Arc::clone(&permits),
        connections: reference.clone(),
        census: Arc::clone(&counted),
    });
    let accepting = listener.reference();
    // Should the connections' supervisor itself end, the listener is of no use either; not the other way round.
    let root = Supervisor::new("server").strategy(Strategy::RestForOne).child(connections).child(listener);
    let root = root.start(&node).await?;

    let (mut ada, mut ben) = (Client::new(address).await?, Client::new(address).await?);
    assert_eq!(ada.say("hello").await?, "HELLO");
    assert_eq!(ben.say("hello").await?, "HELLO");
    // In the backlog, until somebody leaves.
    let mut cleo = Client::new(address).await?;
    let reset = ada.say("crash").await.map_err(|error| error.kind());
    println!("          ada is told by: {reset:?}");
    assert_eq!(reset, Err(io::ErrorKind::ConnectionReset));
    assert_eq!(cleo.say("hello").await?, "HELLO");

    if let Some(process) = accepting.process() {
        process.crash("a bug of the listener's");
        process.exited().await;
    }
    let mut dora = Client::new(address).await?;
    assert_eq!(
        ben.say("still here").await?,
        "STILL HERE",
        "a connection has nothing to do with the listener"
    );
    let mut served = 0;
    assert_eq!(ben.say("bye").await?, "");
    assert_eq!(dora.say("hello").await?, "HELLO", "the new listener has her");
    for client in [&mut cleo, &mut dora] {
        assert_eq!(client.say("bye").await?, "", "the end of the stream, and no reset");
        served += 1;
    }
    served += 1;

    print!("{}", root.tree());
    let restarts = root.tree().find("listener").map_or(0, |listener| listener.restarts);
    root.stop().await;
    let most = census.most.load(Ordering::Relaxed);
    println!("{served} clients served, 1 reset, {most} at once at most, {restarts} restart of the listener");
    Ok(())
}
