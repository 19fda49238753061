//! What the tests stand on: a node in this process on a frozen clock, the real program, clients, folders.

mod client;
mod folder;
mod frozen;
mod node;
mod port;
mod process;

use std::time::Duration;

pub(crate) use client::{End, PlainClient, TestClient};
pub(crate) use folder::Folder;
pub(crate) use frozen::{frozen, within};
pub(crate) use node::{GRACE, Setup, TestNode, drips, enters, is_sent};
pub(crate) use port::{free_address, is_refused};
pub(crate) use process::{Ended, PROGRAM, Verse, verse};

/// How long a test waits for what must happen before it fails. Only a bound on failure: a test that passes never waits
/// for it. 60 s is far more than the slowest step takes on a machine that does six other things.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
