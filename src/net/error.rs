//! What goes wrong on a network.

use std::io;
use std::net::SocketAddr;

/// What was being done on the network, and to what, when it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The address is in use.
    #[error("cannot listen on {address}: the port is taken")]
    Taken {
        /// The address.
        address: SocketAddr,
    },
    /// The address could not be bound for another reason.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// No connection came about.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The host name has no address.
    #[error("cannot find the address of {host}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The listening socket was closed.
    #[error("the listening socket of {address} was closed")]
    Closed {
        /// Where it listened.
        address: SocketAddr,
    },
    /// The thread's runtime cannot watch the socket.
    #[error("cannot watch the socket of {address}")]
    Attach {
        /// The socket's address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Why no connection was accepted, by whose business it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// This one peer's: it has gone already. Go on.
    #[error("a connection was gone before it was accepted")]
    Peer(#[source] io::Error),
    /// The machine's: descriptors or memory are used up. Pause, and say so; accepting in a loop would only burn the CPU.
    #[error("no room for another connection")]
    Exhausted(#[source] io::Error),
    /// The listening socket's: it will not get better. Let the supervisor decide.
    #[error("the listening socket is broken")]
    Broken(#[source] io::Error),
}

impl AcceptError {
    /// Sorts an error of `accept` into its class.
    #[must_use]
    pub fn classify(error: io::Error) -> Self {
        use rustix::io::Errno;
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        match errno {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => Self::Exhausted(error),
            // accept(2): network errors of a connection that was waiting are reported here and mean only that one.
            Some(
                Errno::CONNABORTED
                | Errno::INTR
                | Errno::PERM
                | Errno::PROTO
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH
                | Errno::TIMEDOUT,
            ) => Self::Peer(error),
            _ => Self::Broken(error),
        }
    }
}
