//! The blocking server and client of Part 2: the plainest that work, and what all the rest is measured against.
//!
//! One thing at a time, in the caller's own thread: the server serves one client and lets the others wait, the
//! client fetches one poem and then the next. No loop, no callback, no runtime.

mod client;
mod server;
mod signals;
#[cfg(test)]
mod tests;

pub use client::{Client, Stopwatch, get_poems, get_poetry};
pub use server::{BlockingServer, ServeError, Stopper};
pub use signals::{SignalError, Signals};
