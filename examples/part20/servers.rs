//! Servers that do what a client must be ready for.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;

/// A server that sends the first `bytes` of a poem to one client, and then resets the connection: what a server whose
/// process has crashed looks like.
pub(crate) fn resets(poem: Bytes, bytes: usize) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> io::Result<()> {
        let (mut client, _) = listener.accept()?;
        client.write_all(&poem[..bytes.min(poem.len())])?;
        SockRef::from(&client).set_linger(Some(Duration::ZERO))
    });
    Ok(address)
}

/// Servers for a client each, of which each waits until the client of the next one has its poem: so poems come in the
/// reverse order, however fast the machine is.
pub(crate) fn backwards(poems: Vec<Bytes>) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    let mut next = None::<mpsc::Receiver<()>>;
    for poem in poems.into_iter().rev() {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        addresses.push(listener.local_addr()?);
        let (served, is_served) = mpsc::channel::<()>();
        let after = next.replace(is_served);
        std::thread::spawn(move || -> io::Result<()> {
            // Dropped when this server is done, whatever happens: that is what the one before waits for.
            let _served = served;
            let (mut client, _) = listener.accept()?;
            if let Some(after) = after {
                // It ends without a message.
                let _ = after.recv();
            }
            client.write_all(&poem)?;
            client.shutdown(Shutdown::Write)?;
            // Nothing comes but its end, when it has the poem and has closed.
            client.read(&mut [0]).map(drop)
        });
    }
    addresses.reverse();
    Ok(addresses)
}
