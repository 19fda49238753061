//! The terms on which poems are served and asked for without actors: plain data, shared by the reactor's programs and
//! the blocking ones, which do not know each other.
//!
//! [`ServeOptions`] and [`GetOptions`] go in, [`ServerEvent`], [`ClientEvent`] and [`GetError`] come out. Nothing here
//! opens a socket or reads a clock.

mod connect_failure;
mod error;
mod events;
pub(crate) mod framing;
mod options;
mod target;

pub use connect_failure::ConnectFailure;
pub use error::{GetError, SharedError};
pub use events::{ClientEvent, Elapsed, ServerEvent};
pub use options::{Framing, GetOptions, Pace, ServeOptions, UnknownFraming};
pub use target::Target;
