//! The integration tests: one binary, a module a theme; everything here is seen from outside.

mod examples;
mod places;
mod stage;
mod unchanged;
mod watchdog;
mod worlds;
