//! Clients of our own, which know nothing of the program: a socket, and how it ended.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::{DEADLINE, within};

/// How a connection ended, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// End of stream: whatever came is the poem.
    Clean,
    /// A reset: whatever came is no poem.
    Reset,
}

/// Whether an error says that the peer has reset the connection.
fn is_reset(error: &io::Error) -> bool {
    error.kind() == ErrorKind::ConnectionReset
}

fn end_of(outcome: io::Result<usize>) -> End {
    match outcome {
        Ok(_) => End::Clean,
        Err(error) if is_reset(&error) => End::Reset,
        Err(error) => panic!("a connection ends cleanly or by a reset, not so: {error}"),
    }
}

/// A client on the frozen clock of the test.
pub(crate) struct TestClient {
    stream: tokio::net::TcpStream,
    /// What it has received so far.
    pub(crate) got: Vec<u8>,
}

impl TestClient {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        Self::connect_by(socket, address).await
    }

    /// Connects with a receive buffer so small that a long poem does not fit into the sockets between.
    pub(crate) async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.set_recv_buffer_size(128 << 10).expect("a small buffer is allowed");
        Self::connect_by(socket, address).await
    }

    async fn connect_by(socket: TcpSocket, address: SocketAddr) -> Self {
        let stream = within("a connection", socket.connect(address)).await.expect("it listens");
        Self { stream, got: Vec::new() }
    }

    /// Its own address: what the node's events call its peer.
    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("it is connected")
    }

    /// Reads until it has `bytes` bytes, and not one more.
    pub(crate) async fn read_until(&mut self, bytes: usize) {
        while self.got.len() < bytes {
            let missing = (bytes - self.got.len()) as u64;
            let mut rest = (&mut self.stream).take(missing);
            let got = within("the next bytes of a poem", rest.read_buf(&mut self.got)).await;
            assert!(got.expect("the poem goes on") > 0, "the poem ended after {} bytes", self.got.len());
        }
    }

    /// Reads until the connection ends, and says how.
    pub(crate) async fn read_to_end(&mut self) -> End {
        end_of(within("the end of a connection", self.stream.read_to_end(&mut self.got)).await)
    }

    /// Sends `bytes`, all of them.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        within("room for what a client sends", self.stream.write_all(bytes)).await.expect("it is taken");
    }

    /// Sends until the peer does not want to hear more.
    pub(crate) async fn send_until_refused(&mut self) {
        within("an end of the peer's patience", async {
            while self.stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        })
        .await;
    }

    /// Closes the sending half.
    pub(crate) async fn half_close(&mut self) {
        self.stream.shutdown().await.expect("it is connected");
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().expect("it is connected");
    }
}

/// A client that blocks its thread, for tests of the real program.
pub(crate) struct PlainClient {
    stream: TcpStream,
    /// What it has received so far.
    pub(crate) got: Vec<u8>,
}

impl PlainClient {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("it listens")
    }

    /// Connects, sends nothing and reads until the connection ends: of one that ends at once, a reset may come before the
    /// connecting itself is over.
    pub(crate) fn end_at(address: SocketAddr) -> End {
        match Self::try_connect(address) {
            Ok(mut client) => client.read_to_end(),
            Err(error) => end_of(Err(error)),
        }
    }

    /// Connects, if somebody listens.
    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self { stream, got: Vec::new() })
    }

    /// Reads until it has `bytes` bytes.
    pub(crate) fn read_until(&mut self, bytes: usize) {
        let mut buffer = [0; 4096];
        while self.got.len() < bytes {
            let got = self.stream.read(&mut buffer).expect("the poem goes on");
            assert!(got > 0, "the poem ended after {} bytes", self.got.len());
            self.got.extend(&buffer[..got]);
        }
    }

    /// Reads until the connection ends, and says how.
    pub(crate) fn read_to_end(&mut self) -> End {
        end_of(self.stream.read_to_end(&mut self.got))
    }

    /// Sends `bytes`, all of them.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it is taken");
    }

    /// Closes the sending half.
    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("it is connected");
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        let zero = Some(std::time::Duration::ZERO);
        socket2::SockRef::from(&self.stream).set_linger(zero).expect("a linger can be set");
    }
}

impl From<TcpStream> for TestClient {
    fn from(stream: TcpStream) -> Self {
        stream.set_nonblocking(true).expect("a socket has this option");
        let stream = tokio::net::TcpStream::from_std(stream).expect("the runtime watches sockets");
        Self { stream, got: Vec::new() }
    }
}
