//! The integration tests: one binary, a module per theme.
//!
//! Two ways to run a node here. In this process, on a clock that only the test moves ([`harness::frozen`]): what is
//! claimed about time is then exact, and nothing depends on how busy the machine is. And as the real program
//! ([`harness::Verse`]), for what only a process can show: exit codes, signals, its last words.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "all of it is tests, helpers included")]

mod harness;

mod admin;
mod bad_input;
mod broken_socket;
mod configuration;
mod connection_limit;
mod crashes;
mod crowd;
mod deferred;
mod drain;
mod embedding;
mod engines;
mod escalation;
mod exhaustion;
mod foreign_clients;
mod fuzz_corpus;
mod get;
mod history;
mod hostile_clients;
mod lab;
mod proxy;
mod proxy_model;
mod readme;
mod series;
mod series_deferreds;
mod series_late;
mod series_map;
mod server;
mod sigkill;
mod simulator;
mod slow_servers;
mod taken_ports;
mod tidy;
mod tools;
mod transform;
mod whole_node;
