//! Ports for tests that must know one beforehand.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that Linux gives to whoever asks for any (32768 and up, by default): there, the other tests' own
/// connections would come and go on them.
const FIRST: u16 = 20_000;
const MANY: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// An address of this machine on which nobody listens now, another one at each call.
pub(crate) fn free_address() -> SocketAddr {
    // Several runs of the tests at once begin at different places.
    let begin = std::process::id().wrapping_mul(97) % u32::from(MANY);
    let begin = u16::try_from(begin).expect("it is below 12000");
    for _ in 0..MANY {
        let port = FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed) % MANY) % MANY;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port from {FIRST} on is free");
}

/// Whether nobody listens there.
pub(crate) fn is_refused(address: SocketAddr) -> bool {
    matches!(TcpStream::connect(address), Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused)
}
