//! Where the output of `verse get` goes: a thread of its own, so that a pager that does not read stops no download.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use indicatif::MultiProgress;
use rustix::fs::{CWD, RenameFlags};

use super::OutputDir;
use super::printer::Out;

/// What could not be written.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody reads stdout any more.
    Closed,
    /// stdout does not take it, for this reason.
    Stdout(io::Error),
    /// The file of a task (from 0).
    File(usize, io::Error),
    /// The thread has ended, which it does only with the program.
    Gone,
}

/// Files of an output directory, and what is drawn on the terminal meanwhile.
pub(super) struct Targets {
    /// The directory, if files are written.
    pub(super) output: Option<OutputDir>,
    /// The file of each task in it.
    pub(super) names: Vec<String>,
    /// Bars that must not be in the way of text.
    pub(super) bars: Option<MultiProgress>,
}

/// Hands output to the thread, one batch at a time.
pub(super) struct Writer {
    batches: SyncSender<Vec<Out>>,
    busy: bool,
}

impl Writer {
    /// Starts the thread. Of each batch it tells what was not written, until nobody wants to hear of it (`false`).
    pub(super) fn start(
        targets: Targets,
        mut tell: impl FnMut(Vec<Trouble>) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let (batches, take): (_, Receiver<Vec<Out>>) = sync_channel(1);
        let work = move || while take.recv().is_ok_and(|batch| tell(targets.write(batch))) {};
        std::thread::Builder::new().name("output".to_owned()).spawn(work)?;
        Ok(Self { batches, busy: false })
    }

    /// Whether the last batch is not written yet.
    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Writes `batch`, in order. Only when the last one is written.
    pub(super) fn write(&mut self, batch: Vec<Out>) {
        // There is room: one at a time. If the thread is gone, so is its way to tell.
        let _ = self.batches.try_send(batch);
        self.busy = true;
    }

    /// The thread has told of the batch.
    pub(super) fn written(&mut self) {
        self.busy = false;
    }
}

impl Targets {
    /// Writes all of it, in order, and gives what could not be.
    pub(super) fn write(&self, batch: Vec<Out>) -> Vec<Trouble> {
        let write = || batch.into_iter().filter_map(|out| self.put(out).err()).collect();
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    fn put(&self, out: Out) -> Result<(), Trouble> {
        match out {
            Out::Stdout(bytes) => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(&bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
                    io::ErrorKind::BrokenPipe => Trouble::Closed,
                    _ => Trouble::Stdout(error),
                })
            }
            Out::Stderr(mut line) => {
                line.push('\n');
                // If nobody can be told, nobody can be told that either.
                let _ = io::stderr().lock().write_all(line.as_bytes());
                Ok(())
            }
            Out::File(task, poem) => match &self.output {
                Some(output) => {
                    put(output, &self.names[task], &poem).map_err(|error| Trouble::File(task, error))
                }
                None => Ok(()),
            },
        }
    }
}

/// Writes a file beside its place and moves it there, so that no half of a poem is ever under its name.
fn put(output: &OutputDir, name: &str, poem: &[u8]) -> io::Result<()> {
    let beside = output.dir.join(format!(".{name}.{}.part", std::process::id()));
    let moved = fs::write(&beside, poem).and_then(|()| settle(&beside, &output.dir.join(name), output.force));
    if moved.is_err() {
        // Whatever went wrong is told; a rest that cannot be removed is not worth a second complaint.
        let _ = fs::remove_file(&beside);
    }
    moved
}

fn settle(beside: &Path, place: &Path, force: bool) -> io::Result<()> {
    if force {
        return fs::rename(beside, place);
    }
    // It was not there when all began; whoever has put it there since keeps it.
    Ok(rustix::fs::renameat_with(CWD, beside, CWD, place, RenameFlags::NOREPLACE)?)
}

/// The files of all tasks; the first that is there already, if that is not allowed.
pub(super) fn taken(output: &OutputDir, names: &[String]) -> Option<PathBuf> {
    let mut places = names.iter().map(|name| output.dir.join(name));
    places.find(|place| !output.force && fs::symlink_metadata(place).is_ok())
}
