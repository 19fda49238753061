//! Why a node did not start.

use supervisors::ExitReason;

use crate::config::Invalid;
use crate::net::NetError;
use crate::ops::admin::token::TokenError;

/// Why a node did not start. Nothing listens then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartNodeError {
    /// The configuration cannot be.
    #[error("the configuration is wrong")]
    Config(#[from] Invalid),
    /// A socket could not be bound.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The token of the admin port could not be written.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There is no thread or runtime for it.
    #[error("cannot start the thread of the node")]
    Thread(#[source] std::io::Error),
    /// A process did not start.
    #[error("the supervision tree did not start: {0}")]
    Tree(ExitReason),
}
