//! The command `verse`.

fn main() {}
