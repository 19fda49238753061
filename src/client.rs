//! The client that programs call: one poem, one transform, or the poems of many servers at once.
//!
//! ```
//! use std::io::Write;
//!
//! use verse::client::Client;
//!
//! # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let address = server.local_addr()?;
//! # std::thread::spawn(move || server.accept().and_then(|(mut client, _)| client.write_all(b"Science! true daughter\n")));
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let poem = Client::default().get_poetry(&address.into()).await?;
//! assert_eq!(poem, "Science! true daughter\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Client::get_poetry`] and [`Client::apply`] are plain futures: they run wherever a tokio runtime has its I/O and
//! time drivers on, and dropping one gives up and closes its connection. [`Client::gather`] starts a small supervised
//! tree with a process for each server, and so needs a tokio `LocalSet` (an `actix_rt::System` has one).

mod gather;
mod gatherer;

use bytes::{Bytes, BytesMut};

use crate::actors::{DownloadOptions, MAX_REQUEST, apply, download};
use crate::config::HostPort;
use crate::message::{DownloadError, NotTransformed};
use crate::net::Network;
use crate::wire::request::Request;

pub use gather::{Gathering, Outcome, TransformWith, Update};

/// Gets one poem, with the defaults of [`Client`] (Part 3 calls this `get_poetry`).
///
/// # Errors
/// As [`Client::get_poetry`].
///
/// # Panics
/// As [`Client::get_poetry`].
pub async fn get_poetry(server: impl Into<HostPort>) -> Result<Bytes, DownloadError> {
    Client::default().get_poetry(&server.into()).await
}

/// A client: over which network, and within which bounds.
///
/// Default: the machine's own TCP, raw poems of at most 64 MiB, 10 s to connect, 60 s without a byte, no bound for all
/// of it, transforms of at most 1 MiB.
#[derive(Clone, Debug)]
pub struct Client {
    network: Network,
    options: DownloadOptions,
    max_request: usize,
}

impl Default for Client {
    fn default() -> Self {
        Self { network: Network::tcp(), options: DownloadOptions::default(), max_request: MAX_REQUEST }
    }
}

impl Client {
    /// Another network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Other time-outs, another framing, another bound of a poem.
    #[must_use]
    pub fn options(mut self, options: DownloadOptions) -> Self {
        self.options = options;
        self
    }

    /// Another bound, in bytes, of a request to a transform service and of its answer.
    #[must_use]
    pub fn max_request(mut self, max_request: usize) -> Self {
        self.max_request = max_request;
        self
    }

    /// The poem of `server`: as whole as its framing can tell, and never empty.
    ///
    /// # Errors
    /// [`DownloadError`], with the server and the cause: no address, no connection, a reset, a time-out, an end without
    /// a byte or in mid netstring, too long.
    ///
    /// # Cancel safety
    /// Dropping the future gives the download up and closes the connection; what had come is lost.
    ///
    /// # Panics
    /// Outside a tokio runtime with its I/O and time drivers on.
    pub async fn get_poetry(&self, server: &HostPort) -> Result<Bytes, DownloadError> {
        let mut poem = BytesMut::new();
        let mut keep = async |piece: crate::actors::Piece| {
            poem.extend_from_slice(&piece.bytes);
            Ok(())
        };
        match download(&self.network, server, &self.options, &mut keep).await {
            Ok(()) => Ok(poem.freeze()),
            Err(cause) => Err(DownloadError { server: server.clone(), cause }),
        }
    }

    /// `poem`, transformed by the service at `server` (Part 12).
    ///
    /// # Errors
    /// [`NotTransformed::Unanswered`]: a service does not say why it does not answer.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection; the service may or may not carry the transform out.
    ///
    /// # Panics
    /// As [`get_poetry`](Self::get_poetry).
    pub async fn apply(&self, server: &HostPort, name: &str, poem: Bytes) -> Result<Bytes, NotTransformed> {
        let request = Request { name: name.to_owned(), poem };
        let answer = apply(&self.network, server, &self.options.exchange, &request, self.max_request).await;
        answer.map_err(|cause| NotTransformed::Unanswered { server: server.clone(), cause })
    }
}
