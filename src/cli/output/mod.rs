//! What the subcommands print, as pure functions: no stream, no clock, no terminal.
//!
//! stdout is the poem or the data; everything else goes to stderr. None of the lines ends with a newline.

mod columns;
mod json;
mod lines;
mod operators;
mod table;
mod tree;

pub use json::{Record, json_line};
pub use lines::{
    elapsed, failed, file_name, not_whole, poem, proxying, serving, serving_admin, serving_transforms,
    summary, task_end, task_progress, task_start, transform_failed,
};
pub use operators::{caches, draining, killed, purged, refreshes, status};
pub use table::{Row, table};
pub use tree::tree;
