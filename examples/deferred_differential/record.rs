//! Programs and Twisted's traces in a file, one a line: what is compared with where there is no Python.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::program::{Program, Trace};

#[derive(Serialize, Deserialize)]
struct Line {
    program: Program,
    trace: Trace,
}

/// Writes them.
pub(crate) struct Writer(BufWriter<File>);

impl Writer {
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self(BufWriter::new(File::create(path)?)))
    }

    pub(crate) fn write(&mut self, program: &Program, trace: &Trace) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.0, &Line { program: program.clone(), trace: trace.clone() })?;
        self.0.write_all(b"\n")
    }
}

/// Reads them.
pub(crate) fn read(path: &Path) -> std::io::Result<Vec<(Program, Trace)>> {
    BufReader::new(File::open(path)?)
        .lines()
        .map(|line| {
            let line: Line = serde_json::from_str(&line?)?;
            Ok((line.program, line.trace))
        })
        .collect()
}
