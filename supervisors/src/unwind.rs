//! What the program must be built with.
//!
//! A process that panics ends alone because the panic is caught. A program built to abort at a panic cannot do that: the
//! first crash of any actor would be its end, supervisors or not. So it is refused when it is built, and not found out in
//! the middle of a night.

#[cfg(all(panic = "abort", not(doc), not(doctest)))]
compile_error!(
    "`supervisors` cannot work with `panic = \"abort\"`: a panic must end one process, not the program. \
     Remove `panic = \"abort\"` from the profile in Cargo.toml, or set `panic = \"unwind\"`."
);
