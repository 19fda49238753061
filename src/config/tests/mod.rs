//! What the configuration promises.

mod address;
mod reading;
mod round_trip;
mod validation;
