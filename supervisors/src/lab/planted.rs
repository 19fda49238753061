//! Bugs that are put in on purpose, to show that the laws find them. There is none without the feature `lab`, and with it
//! none unless the builder of a node says so ([`NodeBuilder::plant`](crate::NodeBuilder::plant)).

/// A supervisor counts each restart as two (against OTP-080).
pub const RESTART_COUNTED_TWICE: &str = "a restart is counted twice";

/// A name is freed only when somebody else dies (against OTP-187).
pub const NAME_FREED_LATE: &str = "a name is freed late";
