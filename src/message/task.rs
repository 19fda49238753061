//! What a process that does one task for its owner tells it: that it runs, how far it is, what came of it.
//!
//! A download and a client's transform are such tasks. The owner is known by the ports it gave.

use std::fmt;
use std::sync::Arc;

use actix::Message;
use bytes::Bytes;
use supervisors::Process;

use super::PeerError;
use crate::config::HostPort;

/// Which task of its owner. Never used twice, not even by the next incarnation of an owner that crashed: what is still
/// on its way from a task of its predecessor's must not be taken for news of one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId {
    /// The life of the owner that gave the task.
    pub incarnation: u64,
    /// Which one of that life.
    pub number: u64,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.number)
    }
}

/// The process of a task runs: the first that its owner hears of it, so that it can monitor it (and
/// [kill](Process::kill) it) before anything can have gone wrong unheard. Sent by the task to its owner.
#[derive(Clone, Debug)]
pub struct TaskStarted {
    /// Which.
    pub task: TaskId,
    /// Its process.
    pub process: Process,
}

impl Message for TaskStarted {
    type Result = ();
}

/// Some of a poem has come. Sent by a download to its owner, as a call: not a byte more is read before it is answered.
#[derive(Clone, Debug)]
pub struct DownloadProgress {
    /// Which download.
    pub task: TaskId,
    /// What has come, never empty; it shares the memory it was read into.
    pub piece: Bytes,
    /// The length of the whole poem, if its frame has one.
    pub announced: Option<usize>,
}

impl Message for DownloadProgress {
    type Result = ();
}

/// A download is over. Sent by the download to its owner, once; one that ends without having sent it has crashed.
#[derive(Clone, Debug)]
pub struct Downloaded {
    /// Which.
    pub task: TaskId,
    /// The whole poem, never empty; or why there is none.
    pub result: Result<Bytes, DownloadError>,
}

impl Message for Downloaded {
    type Result = ();
}

/// A poem that did not come, or not whole.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot get a poem from {server}")]
pub struct DownloadError {
    /// The server that was asked.
    pub server: HostPort,
    /// Why there is no poem.
    #[source]
    pub cause: PeerError,
}

/// A transform is over. Sent by the process that a client has for it to its owner, once, like [`Downloaded`].
#[derive(Clone, Debug)]
pub struct Transformed {
    /// Which.
    pub task: TaskId,
    /// The poem as it is now, or why it is still as it was.
    pub result: Result<Bytes, NotTransformed>,
}

impl Message for Transformed {
    type Result = ();
}

/// Why a poem was not transformed, as far as a client can know.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotTransformed {
    /// The engine says that it is no poem (`GibberishError`, Part 9). Only an engine of the client's own says so.
    #[error("{0}")]
    Gibberish(Arc<str>),
    /// The engine failed in another way.
    #[error("{0}")]
    Failed(Arc<str>),
    /// The service did not answer: over the network every failure looks alike (client 6.0, Part 12).
    #[error("cannot have it transformed by {server}")]
    Unanswered {
        /// The service that was asked.
        server: HostPort,
        /// What was seen of it.
        #[source]
        cause: PeerError,
    },
}
