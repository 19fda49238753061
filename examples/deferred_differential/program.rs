//! A program over deferreds, as data: what both sides run.

use serde::{Deserialize, Serialize};

/// The name of a deferred: each is made at most once in a program.
pub(crate) type Slot = usize;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Op {
    /// Makes one that has not fired.
    New {
        slot: Slot,
        canceller: Canceller,
    },
    /// Makes one that has.
    Succeed {
        slot: Slot,
        value: i64,
    },
    /// Makes one that has failed.
    Fail {
        slot: Slot,
        error: u32,
    },
    /// Adds to a chain; `other` is the errback of a pair.
    Add {
        slot: Slot,
        side: Side,
        body: Body,
        other: Option<Body>,
    },
    Fire {
        slot: Slot,
        value: i64,
    },
    FireError {
        slot: Slot,
        error: u32,
    },
    Cancel {
        slot: Slot,
    },
    Pause {
        slot: Slot,
    },
    Unpause {
        slot: Slot,
    },
    /// `chain_deferred`, from a lower number to a higher one.
    Chain {
        slot: Slot,
        to: Slot,
    },
    List {
        slot: Slot,
        members: Vec<Slot>,
        one_callback: bool,
        one_errback: bool,
        consume: bool,
    },
    Gather {
        slot: Slot,
        members: Vec<Slot>,
        consume: bool,
    },
    Race {
        slot: Slot,
        members: Vec<Slot>,
    },
    /// A time-out; with a value, through a handler that gives it.
    Timeout {
        slot: Slot,
        seconds: u32,
        value: Option<i64>,
    },
    Advance {
        seconds: u32,
    },
    /// Forgets the handle.
    Drop {
        slot: Slot,
    },
    /// Waits for the lock (0) or the semaphore of two (1).
    Acquire {
        slot: Slot,
        lock: usize,
    },
    Release {
        lock: usize,
    },
    /// Runs under the lock or semaphore.
    Run {
        slot: Slot,
        lock: usize,
        body: Body,
    },
    Put {
        value: i64,
    },
    Get {
        slot: Slot,
    },
    /// A coroutine that waits for these, one after the other.
    Coroutine {
        slot: Slot,
        awaits: Vec<Await>,
    },
}

/// What a coroutine waits for, and whether it catches the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Await {
    pub(crate) slot: Slot,
    pub(crate) catch: bool,
}

/// What is called on a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "with", rename_all = "snake_case")]
pub(crate) enum Canceller {
    None,
    /// Does nothing.
    Quiet,
    Value(i64),
    Error(u32),
    Raise(u32),
}

/// Where in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Callback,
    Errback,
    Both,
    Pair,
}

/// A callback: it notes that it was called, does things, and returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) id: usize,
    /// Steps that make no deferred.
    pub(crate) actions: Vec<Op>,
    pub(crate) ret: Ret,
}

/// How a callback returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "with", rename_all = "snake_case")]
pub(crate) enum Ret {
    /// What it was given.
    Pass,
    Nothing,
    Value(i64),
    /// An error, raised; in Rust an `Err`.
    Raise(u32),
    /// An error, raised; in Rust a panic.
    Panic(u32),
    /// A failure, returned.
    Failure(u32),
    /// Another deferred.
    Wait(Slot),
}

/// A whole program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) ops: Vec<Op>,
}

/// What came of it, a line an event.
pub(crate) type Trace = Vec<String>;
