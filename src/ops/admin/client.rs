//! The client of an admin port: one request, one answer, one connection.
//!
//! HTTP/1.1 as far as an admin port speaks it: an answer has a length, or ends with its connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use serde_json::Value;

use super::view::Refused;
use crate::config::{Host, HostPort};
use crate::message::IoCause;
use crate::net::{NetError, Network, Stream};

/// How long a request may take, from connecting to the last byte. 10 s: the longest that an admin port waits itself is
/// a call to a cache, 5 s.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer, in bytes: 64 MiB, many times a tree of ten thousand processes.
const LONGEST: usize = 64 << 20;

/// Most headers of an answer.
const HEADERS: usize = 64;

/// Why there is no answer, or none that was wanted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Nobody is there.
    #[error("no admin port at {at}")]
    Unconnected {
        /// Where.
        at: HostPort,
        /// Why.
        source: IoCause,
    },
    /// The connection broke before the answer was whole.
    #[error("the admin port at {at} broke off")]
    Broken {
        /// Where.
        at: HostPort,
        /// Why.
        source: IoCause,
    },
    /// It took too long.
    #[error("the admin port at {at} has not answered within {} s", TIMEOUT.as_secs())]
    Slow {
        /// Where.
        at: HostPort,
    },
    /// Whoever is there is no admin port.
    #[error("{at} is no admin port: {what}")]
    Stranger {
        /// Where.
        at: HostPort,
        /// What it said instead.
        what: String,
    },
    /// It said no.
    #[error("{why}")]
    Refused {
        /// The status.
        status: u16,
        /// Why, in its words.
        why: String,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// A client of one admin port.
#[derive(Clone, Debug)]
pub struct AdminClient {
    at: HostPort,
    network: Network,
    token: Option<String>,
}

impl AdminClient {
    /// A client of the admin port at `at`, that looks and changes nothing.
    #[must_use]
    pub fn new(at: HostPort) -> Self {
        Self { at, network: Network::tcp(), token: None }
    }

    /// One that has the token.
    #[must_use]
    pub fn token(mut self, token: String) -> Self {
        self.token = Some(token);
        self
    }

    /// Asks for what can be seen at `path`. A status of 503 is an answer, too: not ready, not alive.
    ///
    /// # Errors
    /// [`AdminError`], within 10 s. Cancel safe.
    pub async fn get(&self, path: &str) -> Result<Answer, AdminError> {
        self.ask("GET", path, None).await
    }

    /// Orders what `path` does.
    ///
    /// # Errors
    /// [`AdminError`], within 10 s. Dropped before its end, it may have been done or not.
    pub async fn post(&self, path: &str, order: &Value) -> Result<Answer, AdminError> {
        self.ask("POST", path, Some(order)).await
    }

    async fn ask(&self, method: &str, path: &str, order: Option<&Value>) -> Result<Answer, AdminError> {
        let asking = tokio::time::timeout(TIMEOUT, self.exchange(method, path, order));
        let (status, body) = asking.await.map_err(|_| AdminError::Slow { at: self.at.clone() })??;
        let body: Value = serde_json::from_slice(&body)
            .map_err(|error| self.stranger(format!("its answer is no JSON: {error}")))?;
        match serde_json::from_value::<Refused>(body.clone()) {
            Ok(Refused { error }) => Err(AdminError::Refused { status, why: error }),
            Err(_) => Ok(Answer { status, body }),
        }
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        order: Option<&Value>,
    ) -> Result<(u16, Vec<u8>), AdminError> {
        let mut stream = self.connect().await?;
        let request = self.request(method, path, order);
        let mut rest = request.as_bytes();
        while !rest.is_empty() {
            let written = stream.write(rest).await.map_err(|source| self.broken(source))?;
            rest = &rest[written..];
        }
        let mut got = BytesMut::new();
        loop {
            // An end without a length is the end; a reset after the last byte changes nothing.
            let read = stream.read(&mut got).await;
            let ended = matches!(read, Ok(0) | Err(_));
            if let Some(answer) = self.parse(&got, ended)? {
                return Ok(answer);
            }
            match read {
                Ok(0) => return Err(self.broken(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) if got.len() > LONGEST => {
                    return Err(self.stranger(format!("its answer is longer than {LONGEST} bytes")));
                }
                Ok(_) => {}
                Err(error) => return Err(self.broken(error)),
            }
        }
    }

    async fn connect(&self) -> Result<Stream, AdminError> {
        let failed = |error| AdminError::Unconnected { at: self.at.clone(), source: cause(error) };
        let addresses = match &self.at.host {
            Host::Ip(ip) => vec![SocketAddr::new(*ip, self.at.port)],
            Host::Name(name) => self.network.resolve(name, self.at.port).await.map_err(failed)?,
        };
        let mut last = None;
        for address in addresses {
            match self.network.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(failed(last.expect("a name that is found has an address")))
    }

    fn request(&self, method: &str, path: &str, order: Option<&Value>) -> String {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.at);
        if let Some(token) = &self.token {
            text.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        match order {
            Some(order) => {
                let body = order.to_string();
                let length = body.len();
                text.push_str(&format!(
                    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
                ));
            }
            None => text.push_str("\r\n"),
        }
        text
    }

    /// Status and body of the answer in `got`, if it is whole.
    fn parse(&self, got: &[u8], ended: bool) -> Result<Option<(u16, Vec<u8>)>, AdminError> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let parsed =
            head.parse(got).map_err(|error| self.stranger(format!("it speaks no HTTP ({error})")))?;
        let httparse::Status::Complete(begin) = parsed else { return Ok(None) };
        let status = head.code.unwrap_or_default();
        let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length =
            length.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse::<usize>().ok());
        let body = &got[begin..];
        Ok(match length {
            Some(length) if body.len() >= length => Some((status, body[..length].to_vec())),
            None if ended => Some((status, body.to_vec())),
            _ => None,
        })
    }

    fn broken(&self, source: io::Error) -> AdminError {
        AdminError::Broken { at: self.at.clone(), source: source.into() }
    }

    fn stranger(&self, what: String) -> AdminError {
        AdminError::Stranger { at: self.at.clone(), what }
    }
}

/// What the system said. The rest says what was tried, and where, which is told already.
fn cause(error: NetError) -> IoCause {
    match error {
        NetError::Connect { source, .. } | NetError::Resolve { source, .. } => source.into(),
        other => io::Error::other(other).into(),
    }
}
