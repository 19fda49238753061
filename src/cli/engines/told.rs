//! The words of the series' programs in those of the rest: options in, errors out.

use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;

use rustix::io::Errno;

use crate::config::{self, Host, HostPort};
use crate::message::{IoCause, PeerError};
use crate::reactor::programs::{Framing, GetError, GetOptions, Pace};
use crate::reactor::{ConnectFailure, Reason, Target};

/// A server as the reactor connects to it.
pub(in crate::cli) fn target(server: &HostPort) -> Target {
    let host = match &server.host {
        Host::Ip(ip) => ip.to_string(),
        Host::Name(name) => name.clone(),
    };
    Target { host, port: server.port }
}

/// A framing as the reactor's programs know it.
pub(super) fn framing(framing: config::Framing) -> Framing {
    match framing {
        config::Framing::Raw => Framing::Raw,
        config::Framing::Netstring => Framing::Netstring,
    }
}

/// A pace as the series' servers know it.
pub(super) fn pace(pace: config::Pace) -> Option<Pace> {
    match pace {
        config::Pace::Fast => None,
        config::Pace::Slow { num_bytes, delay } => {
            let num_bytes = usize::try_from(num_bytes).ok().and_then(NonZeroUsize::new);
            // The command line allows no zero.
            Some(Pace { num_bytes: num_bytes.unwrap_or(NonZeroUsize::MIN), delay })
        }
    }
}

/// What `verse get` was told, for one poem.
pub(in crate::cli) fn options(options: &crate::cli::GetOptions) -> GetOptions {
    GetOptions {
        framing: framing(options.framing),
        connect_timeout: options.connect_timeout,
        idle_timeout: options.idle_timeout,
        timeout: options.timeout,
        limit: usize::try_from(options.max_poem).unwrap_or(usize::MAX),
    }
}

/// Why a server did not give what it was asked for, in the words that a process of ours would have for it.
pub(in crate::cli) fn cause(error: &GetError) -> PeerError {
    match error {
        GetError::Connect { server, address, source } => {
            let named = server.host.parse::<IpAddr>().is_err();
            let unconnected = |source| PeerError::Unconnected { address: address.filter(|_| named), source };
            match source {
                ConnectFailure::Refused => unconnected(errno(Errno::CONNREFUSED)),
                ConnectFailure::Io(error) => unconnected(same(error)),
                ConnectFailure::TimedOut(limit) => PeerError::ConnectTimeout(*limit),
                ConnectFailure::Stopped => PeerError::Cancelled,
                ConnectFailure::Resolve { source, .. } => PeerError::Unresolved { source: same(source) },
                other => PeerError::Unresolved { source: io::Error::other(other.clone()).into() },
            }
        }
        GetError::Lost { bytes, source, .. } => {
            let source = match source.downcast_ref::<Reason>() {
                Some(Reason::Lost(error)) => same(error),
                // It took nothing of what we asked.
                Some(Reason::Stalled(limit)) => return PeerError::Idle { received: *bytes, limit: *limit },
                Some(other) => io::Error::other(other.clone()).into(),
                None => match source.downcast_ref::<io::Error>() {
                    Some(error) => same(error),
                    None => io::Error::other(source.to_string()).into(),
                },
            };
            PeerError::Broken { received: *bytes, source }
        }
        GetError::Malformed { source, .. } => source.clone().into(),
        GetError::Idle { bytes, limit, .. } => PeerError::Idle { received: *bytes, limit: *limit },
        GetError::TimedOut { limit, .. } => PeerError::TooSlow(*limit),
        _ => PeerError::Cancelled,
    }
}

fn errno(errno: Errno) -> IoCause {
    io::Error::from_raw_os_error(errno.raw_os_error()).into()
}

/// The same error once more: the system's own cannot be cloned.
fn same(error: &io::Error) -> IoCause {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code).into(),
        None => io::Error::new(error.kind(), error.to_string()).into(),
    }
}
