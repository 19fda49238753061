//! The named points of these actors: where an experiment may have them fail
//! ([`Node::fault_point`](supervisors::Node::fault_point)).

/// A listener has accepted a connection and not yet handed it over.
pub const ACCEPTED: &str = "accepted";

/// A connection is about to write what it was asked for, or the next piece of it.
pub const SENDING: &str = "sending";

/// A cache is asked for a poem, and has not looked yet.
pub const ASKED: &str = "asked";
