//! What the programs tell of themselves while they run, in the series' own lines.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::error::GetError;
use super::target::Target;

/// What a server does. Its text is the line the series prints.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A client connected.
    Asked(SocketAddr),
    /// A poem of that many bytes is on its way.
    Sending {
        /// To whom.
        peer: SocketAddr,
        /// The poem's length.
        bytes: usize,
    },
    /// A slow server has written so many bytes more.
    Chunk(usize),
    /// The connection is over; `None` if all was sent, else why not.
    Ended {
        /// With whom.
        peer: SocketAddr,
        /// What went wrong.
        failure: Option<String>,
    },
}

impl ServerEvent {
    /// Whether it is for the log's level debug, rather than info.
    #[must_use]
    pub fn is_detail(&self) -> bool {
        matches!(
            self,
            ServerEvent::Asked(_) | ServerEvent::Chunk(_) | ServerEvent::Ended { failure: None, .. }
        )
    }

    /// Writes it to the log (`tracing`).
    pub fn log(&self) {
        if self.is_detail() {
            tracing::debug!("{self}");
        } else {
            tracing::info!("{self}");
        }
    }
}

impl fmt::Display for ServerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerEvent::Asked(peer) => write!(f, "Somebody at {peer} wants poetry!"),
            ServerEvent::Sending { peer, bytes } => write!(f, "sending {bytes} bytes of poetry to {peer}"),
            ServerEvent::Chunk(bytes) => write!(f, "Sending {bytes} bytes"),
            ServerEvent::Ended { peer, failure: None } => write!(f, "{peer} has the poem"),
            ServerEvent::Ended { peer, failure: Some(why) } => {
                write!(f, "{peer} does not have the poem: {why}")
            }
        }
    }
}

/// What becomes of one of a client's tasks. Tasks are numbered from 1, in the order asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientEvent<'a> {
    /// The task begins. (The blocking client has one at a time; the others begin all at once.)
    Started {
        /// Which task.
        task: usize,
        /// Whom it asks.
        server: &'a Target,
    },
    /// Some of the poem came.
    Data {
        /// Which task.
        task: usize,
        /// From whom.
        server: &'a Target,
        /// The poem's next bytes; of a framed poem, without the frame.
        bytes: &'a [u8],
    },
    /// The poem is whole.
    Poem {
        /// Which task.
        task: usize,
        /// From whom.
        server: &'a Target,
        /// The poem.
        poem: &'a Bytes,
        /// How long it took.
        elapsed: Duration,
    },
    /// There is no poem.
    Failed {
        /// Which task.
        task: usize,
        /// Whom it asked.
        server: &'a Target,
        /// Why.
        error: &'a GetError,
        /// How long it took to fail.
        elapsed: Duration,
    },
}

/// The asynchronous clients' lines of Part 2: `Task 1: got 30 bytes of poetry from 127.0.0.1:10000`.
impl fmt::Display for ClientEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientEvent::Started { task, server } => write!(f, "Task {task}: get poetry from: {server}"),
            ClientEvent::Data { task, server, bytes } => {
                write!(f, "Task {task}: got {} bytes of poetry from {server}", bytes.len())
            }
            ClientEvent::Poem { task, poem, .. } => write!(f, "Task {task}: {} bytes of poetry", poem.len()),
            ClientEvent::Failed { task, server, error, .. } => {
                write!(f, "Task {task}: {server} failed: {error}")
            }
        }
    }
}

/// A time as the series shows it: `0:00:10.126361`, always with six digits.
#[derive(Debug, Clone, Copy)]
pub struct Elapsed(pub Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        write!(
            f,
            "{}:{:02}:{:02}.{:06}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            self.0.subsec_micros()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_hours_minutes_seconds_and_six_digits() {
        assert_eq!(Elapsed(Duration::from_micros(10_126_361)).to_string(), "0:00:10.126361");
        assert_eq!(Elapsed(Duration::from_secs(3 * 3600 + 62)).to_string(), "3:01:02.000000");
    }

    #[test]
    fn the_lines_are_those_of_the_series() {
        let server = Target::from(("127.0.0.1", 10_000));
        let data = ClientEvent::Data { task: 1, server: &server, bytes: &[0; 30] };
        assert_eq!(data.to_string(), "Task 1: got 30 bytes of poetry from 127.0.0.1:10000");
        let poem = Bytes::from(vec![0; 3003]);
        let done = ClientEvent::Poem { task: 1, server: &server, poem: &poem, elapsed: Duration::ZERO };
        assert_eq!(done.to_string(), "Task 1: 3003 bytes of poetry");
        let peer = SocketAddr::from(([127, 0, 0, 1], 4000));
        let sending = ServerEvent::Sending { peer, bytes: 3003 };
        assert_eq!(sending.to_string(), "sending 3003 bytes of poetry to 127.0.0.1:4000");
        assert_eq!(ServerEvent::Chunk(10).to_string(), "Sending 10 bytes");
    }
}
