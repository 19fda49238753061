//! The blocking poetry client: one poem after the other, so that their times add up (Part 2).

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::reactor::Target;
use crate::reactor::programs::framing::PoemReader;
use crate::reactor::programs::{ClientEvent, GetError, GetOptions};

/// The blocking half measures its own time: it has no loop that could.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

/// Fetches the poems of `servers`, one after the other: the outcomes in that order. `sink` hears of everything as it
/// happens, beginning with [`ClientEvent::Started`] when a task's turn has come.
pub fn get_poems(
    servers: &[Target],
    options: &GetOptions,
    mut sink: impl FnMut(&ClientEvent<'_>),
) -> Vec<Result<Bytes, GetError>> {
    let mut outcomes = Vec::with_capacity(servers.len());
    for (index, server) in servers.iter().enumerate() {
        let task = index + 1;
        sink(&ClientEvent::Started { task, server });
        let began = now();
        let outcome = get_poetry(server, options, |bytes| sink(&ClientEvent::Data { task, server, bytes }));
        let elapsed = began.elapsed();
        match &outcome {
            Ok(poem) => sink(&ClientEvent::Poem { task, server, poem, elapsed }),
            Err(error) => sink(&ClientEvent::Failed { task, server, error, elapsed }),
        }
        outcomes.push(outcome);
    }
    outcomes
}

/// Fetches the poem of `server`, and returns when it is whole. `on_data` sees its bytes as they come.
///
/// # Errors
/// As the reactor's client: a reset, a time-out or an end without one byte is never a poem.
pub fn get_poetry(
    server: &Target,
    options: &GetOptions,
    mut on_data: impl FnMut(&[u8]),
) -> Result<Bytes, GetError> {
    let deadline = options.timeout.map(|timeout| now() + timeout);
    let mut stream = connect(server, options, deadline)?;
    let mut reader = PoemReader::new(options.framing, options.limit);
    let mut buffer = vec![0; 65_536];
    while !reader.is_whole() {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now()));
        if left == Some(Duration::ZERO) {
            return Err(timed_out(server, options));
        }
        let wait = left.map_or(options.idle_timeout, |left| left.min(options.idle_timeout));
        let lost = |bytes, source: io::Error| GetError::Lost {
            server: server.clone(),
            bytes,
            source: Arc::new(source),
        };
        stream.set_read_timeout(Some(wait)).map_err(|error| lost(reader.bytes(), error))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => {
                let part = reader.feed(&buffer[..got]);
                let part = part.map_err(|source| GetError::Malformed { server: server.clone(), source })?;
                if !part.is_empty() {
                    on_data(part);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The system's word for a read that timed out.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(if wait < options.idle_timeout {
                    timed_out(server, options)
                } else {
                    GetError::Idle { server: server.clone(), limit: options.idle_timeout }
                });
            }
            Err(error) => return Err(lost(reader.bytes(), error)),
        }
    }
    reader.finish().map_err(|source| GetError::Malformed { server: server.clone(), source })
}

fn timed_out(server: &Target, options: &GetOptions) -> GetError {
    GetError::TimedOut { server: server.clone(), limit: options.timeout.unwrap_or_default() }
}

/// Tries every address of the name; the time-out holds for all of them together.
fn connect(server: &Target, options: &GetOptions, deadline: Option<Instant>) -> Result<TcpStream, GetError> {
    let failed = |source: io::Error| GetError::Connect { server: server.clone(), source: Arc::new(source) };
    let addresses: Vec<SocketAddr> =
        (server.host.as_str(), server.port).to_socket_addrs().map_err(failed)?.collect();
    let until = now() + options.connect_timeout;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        let until = deadline.map_or(until, |deadline| deadline.min(until));
        let left = until.saturating_duration_since(now());
        if left.is_zero() {
            last = io::ErrorKind::TimedOut.into();
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}
