//! What actors say to each other: one type a message, its reply, who answers it.

mod peer_error;
mod proxy;
mod task;

use actix::Message;
use bytes::Bytes;

use crate::poem::Poem;

pub use peer_error::{IoCause, PeerError};
pub use proxy::{
    AskPoem, FetchEnded, FetchOutcome, FetchOversize, FetchStarted, FollowerCut, LeavePoem, ListPoems,
    PurgePoems, RefreshPoem, Refused, Served, StopFollowing, TakePiece,
};
pub use task::{
    DownloadError, DownloadProgress, Downloaded, NotTransformed, TaskId, TaskStarted, Transformed,
};

/// Asks a branch's [source](crate::actors::Source) for its poem. Answered by the source.
#[derive(Clone, Copy, Debug)]
pub struct GetPoem;

impl Message for GetPoem {
    type Result = Poem;
}

/// Asks for a transform of a poem. Answered by the transform workers; a transform that fails is an answer, too.
#[derive(Clone, Debug)]
pub struct Transform {
    /// The name of the transform.
    pub name: String,
    /// The poem, as it came.
    pub poem: Bytes,
}

impl Message for Transform {
    type Result = Result<Bytes, TransformFailed>;
}

/// Why a poem was not transformed: in words, since all failures look alike to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransformFailed(pub String);
