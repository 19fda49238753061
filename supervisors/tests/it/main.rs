//! The integration tests: one binary, a module a theme; everything here is seen from outside.

mod conformance;
mod elixir;
mod examples;
mod fate;
mod hosts;
mod places;
mod processes;
mod rules;
mod stage;
mod unchanged;
mod unwind;
mod watchdog;
mod worlds;
