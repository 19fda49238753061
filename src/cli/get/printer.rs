//! What `verse get` says and when: news of the downloads in, what goes where out. No stream, no clock, no terminal.

use bytes::{Bytes, BytesMut};

use super::{GetOptions, Order};
use crate::cli::output::{self, Record};
use crate::cli::{Code, Engine, chain};
use crate::client::{Outcome, Update};
use crate::config::HostPort;
use crate::message::DownloadError;

/// Something to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Out {
    /// To stdout, as it is.
    Stdout(Bytes),
    /// One line for stderr, without its newline.
    Stderr(String),
    /// Into the file of a task (from 0) in the output directory.
    File(usize, Bytes),
}

/// Turns news into output, in the order asked for.
pub(super) struct Printer {
    options: GetOptions,
    tasks: Vec<Task>,
    /// Whose poem comes next on stdout, unless they come as they arrive.
    turn: usize,
    /// The last byte on stdout.
    last: Option<u8>,
    got: usize,
    failed: bool,
    out: Vec<Out>,
}

#[derive(Default)]
struct Task {
    /// What has come and was not printed, if it may have to be before all is there.
    pending: BytesMut,
    /// How many bytes of its poem were printed.
    printed: usize,
    /// What is to be printed of it, once it is over.
    result: Option<Bytes>,
}

impl Printer {
    pub(super) fn new(options: &GetOptions) -> Self {
        let tasks = options.servers.iter().map(|_| Task::default()).collect();
        Self { options: options.clone(), tasks, turn: 0, last: None, got: 0, failed: false, out: Vec::new() }
    }

    /// What there is to be written now.
    pub(super) fn take(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    /// The file of a task could not be written.
    pub(super) fn no_file(&mut self, task: usize, error: &std::io::Error) {
        if let Some(output) = &self.options.output {
            let place = output.dir.join(output::file_name(task + 1, self.server(task)));
            self.trouble(format!("Task {}: cannot write '{}': {error}", task + 1, place.display()));
        }
    }

    /// The exit code, as things are.
    pub(super) fn code(&self) -> Code {
        if self.failed { Code::NotGot } else { Code::Well }
    }

    /// The turn of a server has come: something only the blocking client says, which asks one after the other.
    pub(super) fn asks(&mut self, task: usize) {
        if self.options.tasks {
            self.say(output::task_start(task + 1, self.server(task)));
        }
    }

    pub(super) fn news(&mut self, update: Update) {
        match update {
            Update::Progress { task, piece, .. } => {
                if self.tells_pieces() {
                    let line = output::task_progress(task + 1, piece.len(), self.server(task));
                    self.say(line);
                }
                if self.options.order == Order::Stream {
                    self.tasks[task].pending.extend_from_slice(&piece);
                    self.stream();
                }
            }
            Update::Done { task, took, outcome } => self.done(task, took, outcome),
        }
    }

    /// All is over: the summary.
    pub(super) fn end(&mut self, took: std::time::Duration) {
        self.say(output::summary(self.got, took));
    }

    fn done(&mut self, task: usize, took: std::time::Duration, outcome: Outcome) {
        let (poem, received, error) = match outcome {
            Outcome::Poem { poem, received } => (Some(poem), received, None),
            Outcome::Untransformed { original, .. } => {
                let name = self.options.transform.as_ref().map_or("", |transform| &transform.name);
                let received = original.len();
                (Some(original), received, Some(output::transform_failed(name)))
            }
            Outcome::Failed(error) => return self.failed(task, took, &error),
        };
        self.got += 1;
        if self.tells_pieces() {
            self.say(output::task_end(task + 1, received));
        }
        self.say(output::poem(task + 1, received, self.server(task), took));
        if let Some(error) = &error {
            self.trouble(error.clone());
        }
        self.deliver(task, took, poem, error.as_deref());
    }

    fn failed(&mut self, task: usize, took: std::time::Duration, error: &DownloadError) {
        let (cause, printed) = (chain(&error.cause), self.tasks[task].printed);
        if printed == 0 {
            self.trouble(output::failed(task + 1, self.server(task), &cause));
        } else {
            // What follows must not look like the rest of this one.
            self.write(Bytes::from_static(b"\n"));
            self.trouble(output::not_whole(task + 1, printed, self.server(task), &cause));
        }
        self.tasks[task].pending = BytesMut::new();
        self.deliver(task, took, None, Some(&cause));
    }

    /// The end of a task, to where it was asked for.
    fn deliver(&mut self, task: usize, took: std::time::Duration, poem: Option<Bytes>, error: Option<&str>) {
        if let (Some(_), Some(poem)) = (&self.options.output, &poem) {
            self.out.push(Out::File(task, poem.clone()));
        }
        let text = if self.options.json {
            let server = &self.options.servers[task];
            let record = Record { task: task + 1, server, took, poem: poem.as_deref(), error };
            Bytes::from(output::json_line(&record) + "\n")
        } else if self.options.output.is_some() {
            Bytes::new()
        } else {
            poem.unwrap_or_default()
        };
        match self.options.order {
            Order::Arrival => self.print(text),
            Order::Given => {
                self.tasks[task].result = Some(text);
                while let Some(text) = self.tasks.get_mut(self.turn).and_then(|task| task.result.take()) {
                    self.turn += 1;
                    self.print(text);
                }
            }
            Order::Stream => {
                self.tasks[task].result = Some(text);
                self.stream();
            }
        }
    }

    /// Prints as much as may be: whole poems, and of the one whose turn it is the whole lines that have come.
    fn stream(&mut self) {
        while let Some(task) = self.tasks.get_mut(self.turn) {
            let printed = task.printed;
            let Some(poem) = task.result.take() else {
                let lines = task.pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let lines = task.pending.split_to(lines).freeze();
                task.printed += lines.len();
                return if printed == 0 { self.print(lines) } else { self.write(lines) };
            };
            task.pending = BytesMut::new();
            self.turn += 1;
            // Of a poem that failed there is less than was printed: nothing.
            let rest = poem.slice(printed.min(poem.len())..);
            if printed == 0 { self.print(rest) } else { self.write(rest) }
        }
    }

    /// Prints the beginning of something, which must not run together with what is before it.
    fn print(&mut self, bytes: Bytes) {
        if !bytes.is_empty() && self.last.is_some_and(|last| last != b'\n') {
            self.write(Bytes::from_static(b"\n"));
        }
        self.write(bytes);
    }

    fn write(&mut self, bytes: Bytes) {
        if let Some(last) = bytes.last() {
            self.last = Some(*last);
            self.out.push(Out::Stdout(bytes));
        }
    }

    /// Whether `--tasks` is about data as it arrives. The blocking client has two lines a poem: that it asks, and that
    /// it has got it, which is said anyhow (Part 2).
    fn tells_pieces(&self) -> bool {
        self.options.tasks && self.options.engine != Engine::Blocking
    }

    /// A line that is a failure.
    fn trouble(&mut self, line: String) {
        self.failed = true;
        self.out.push(Out::Stderr(line));
    }

    /// A line that is no failure.
    fn say(&mut self, line: String) {
        if !self.options.quiet {
            self.out.push(Out::Stderr(line));
        }
    }

    fn server(&self, task: usize) -> &HostPort {
        &self.options.servers[task]
    }
}

#[cfg(test)]
mod tests;
