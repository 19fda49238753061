//! The integration tests: one binary, a module per theme.
//!
//! Two ways to run a node here. In this process, on a clock that only the test moves ([`harness::frozen`]): what is
//! claimed about time is then exact, and nothing depends on how busy the machine is. And as the real program
//! ([`harness::Verse`]), for what only a process can show: exit codes, signals, its last words.

mod harness;

mod connection_limit;
mod crashes;
mod crowd;
mod escalation;
mod fuzz_corpus;
mod get;
mod hostile_clients;
mod proxy;
mod server;
mod slow_servers;
mod tidy;
mod transform;
