//! What goes wrong with a server that was asked for something.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use supervisors::ExitReason;

use crate::config::format_duration;
use crate::wire::{Malformed, Reason};

/// Why a server did not give what it was asked for. Cheap to clone: it is told to everybody who waits.
///
/// It does not name the server: whoever holds it knows which. Where a source is part of the text, it stands at its end.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// Its name has no address.
    #[error("its address is not known: {source}")]
    Unresolved {
        /// Why.
        source: IoCause,
    },
    /// None of its addresses took the connection; this is the last one's answer.
    #[error("{}{source}", by(*address))]
    Unconnected {
        /// The address, if the server was given by a name.
        address: Option<SocketAddr>,
        /// Why.
        source: IoCause,
    },
    /// No connection came about in time, all addresses together.
    #[error("no connection within {}", format_duration(*.0))]
    ConnectTimeout(Duration),
    /// The connection broke: a reset, first of all.
    #[error("after {received} bytes: {source}")]
    Broken {
        /// How many bytes of what was asked for had come.
        received: usize,
        /// Why.
        source: IoCause,
    },
    /// It sent nothing, or took nothing, for too long.
    #[error("after {received} bytes: nothing for {}", format_duration(*limit))]
    Idle {
        /// How many bytes of what was asked for had come.
        received: usize,
        /// How long was waited.
        limit: Duration,
    },
    /// All of it took too long.
    #[error("not done within {}", format_duration(*.0))]
    TooSlow(Duration),
    /// It ended the connection in good order without a single byte: it has nothing for us (Part 2).
    #[error("it ended without a single byte")]
    Empty,
    /// There is more than is taken.
    #[error("more than {limit} bytes")]
    TooLong {
        /// How many bytes are taken.
        limit: usize,
    },
    /// What it sent is not what the protocol says; a netstring that is cut off, first of all.
    #[error("{0}")]
    Malformed(#[source] Malformed),
    /// What it was to be sent is longer than may be sent.
    #[error("{bytes} bytes to send, of at most {limit}")]
    RequestTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Our own process that asked it ended without a word.
    #[error("its process ended: {0}")]
    Crashed(ExitReason),
    /// All of it came, and it is no poem: so says the engine that was to transform it (`GibberishError`, Part 9).
    #[error("{0}")]
    Gibberish(Arc<str>),
    /// Whoever wanted it has gone, or wants it no more.
    #[error("cancelled")]
    Cancelled,
}

impl From<Malformed> for PeerError {
    fn from(malformed: Malformed) -> Self {
        match malformed.reason {
            Reason::Empty => Self::Empty,
            Reason::TooLong { limit } => Self::TooLong { limit },
            _ => Self::Malformed(malformed),
        }
    }
}

fn by(address: Option<SocketAddr>) -> String {
    address.map(|address| format!("{address}: ")).unwrap_or_default()
}

/// An error of the system, shared and in plain words: `connection refused` instead of
/// `Connection refused (os error 111)`.
#[derive(Clone)]
pub struct IoCause(Arc<io::Error>);

impl IoCause {
    /// The error itself.
    #[must_use]
    pub fn error(&self) -> &io::Error {
        &self.0
    }
}

impl From<io::Error> for IoCause {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for IoCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use io::ErrorKind as Kind;
        let kind = self.0.kind();
        // An error that was made in this program has words of its own.
        let from_system = self.0.raw_os_error().is_some();
        match kind {
            Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::AddrNotAvailable
            | Kind::BrokenPipe
            | Kind::PermissionDenied
            | Kind::TimedOut
                if from_system =>
            {
                kind.fmt(f)
            }
            _ => self.0.fmt(f),
        }
    }
}

impl fmt::Debug for IoCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for IoCause {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it says; its source, if it has one, must be the end of that, so that a chain of causes is not told twice.
    fn told(error: &PeerError) -> String {
        let text = error.to_string();
        if let Some(source) = error.source() {
            assert!(text.ends_with(&source.to_string()), "{text}");
        }
        text
    }

    #[test]
    fn errors_of_the_system_are_told_in_plain_words_and_once() {
        let refused = || IoCause::from(io::Error::from_raw_os_error(111));
        assert_eq!(refused().to_string(), "connection refused");
        let unconnected = PeerError::Unconnected { address: None, source: refused() };
        assert_eq!(told(&unconnected), "connection refused");
        let address = Some(SocketAddr::from(([127, 0, 0, 1], 80)));
        let unconnected = PeerError::Unconnected { address, source: refused() };
        assert_eq!(told(&unconnected), "127.0.0.1:80: connection refused");
        let reset = IoCause::from(io::Error::from_raw_os_error(104));
        let broken = PeerError::Broken { received: 512, source: reset };
        assert_eq!(told(&broken), "after 512 bytes: connection reset");
        assert_eq!(IoCause::from(io::Error::other("no room")).to_string(), "no room");
    }

    #[test]
    fn an_end_without_a_byte_and_one_in_mid_netstring_are_told_apart() {
        let malformed = |reason| PeerError::from(Malformed { offset: 3, reason });
        assert!(matches!(malformed(Reason::Empty), PeerError::Empty));
        assert!(matches!(malformed(Reason::TooLong { limit: 7 }), PeerError::TooLong { limit: 7 }));
        assert_eq!(told(&malformed(Reason::Truncated)), "byte 3: the stream ended in mid frame");
    }
}
