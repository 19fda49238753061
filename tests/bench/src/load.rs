//! The clients: a closed loop, so many at once, each with a connection a poem.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Clients at once.
pub const IN_FLIGHT: usize = 64;

/// Fetches `poems` poems of `bytes` bytes from `address`, each over a connection of its own.
pub fn fetch(address: SocketAddr, poems: usize, bytes: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let left = Rc::new(Cell::new(poems));
    let clients = async {
        let clients: Vec<_> =
            (0..IN_FLIGHT).map(|_| tokio::task::spawn_local(client(address, Rc::clone(&left), bytes))).collect();
        for client in clients {
            client.await.expect("no client panics");
        }
    };
    LocalSet::new().block_on(&runtime, clients);
}

async fn client(address: SocketAddr, left: Rc<Cell<usize>>, bytes: usize) {
    let mut poem = Vec::with_capacity(bytes + 1);
    while left.get() > 0 {
        left.set(left.get() - 1);
        poem.clear();
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        stream.read_to_end(&mut poem).await.expect("the poem ends well");
        assert_eq!(poem.len(), bytes, "a whole poem");
    }
}
