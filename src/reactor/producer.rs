//! Back-pressure: who makes the bytes that a transport sends, and how it is told to wait (TW-100 to TW-103).

/// Makes bytes for a transport.
///
/// A *streaming* (push) producer writes on its own until paused; a *pull* producer writes once per
/// `resume_producing`. Calls may come from inside the producer's own `write`, so methods take `&self`.
pub trait Producer {
    /// Enough for now: more than the high-water mark waits to be sent. Push producers only.
    fn pause_producing(&self);

    /// Everything was sent: go on, or for a pull producer: write once.
    fn resume_producing(&self);

    /// The connection is gone: never write again.
    fn stop_producing(&self);
}

/// Why a producer was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    /// The transport has one already (TW-102).
    #[error("cannot register a producer: the transport has one already")]
    AlreadyRegistered,
}
