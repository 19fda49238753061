//! `verse get` at work: makes ready, and hands over to the engine that asks the servers.

use std::io::{self, IsTerminal};

use super::bars::Bars;
use super::printer::Printer;
use super::writer::{Targets, Trouble, taken};
use super::{GetOptions, actor, blocking, reactor};
use crate::cli::output::file_name;
use crate::cli::run::log_to_stderr;
use crate::cli::{Code, Engine, Exit};
use crate::net::raise_descriptor_limit;

/// Lines and poems that may wait to be written. With more of them no news are taken, and in the end the servers wait:
/// whoever stops a pager in the middle of a poem stops the poem, not this program's memory.
pub(super) const WAITING: usize = 4096;

/// Gets the poems. Everything but a bad start has been said when it returns.
///
/// Exit codes: 0 all poems are there (and transformed, if asked for); 1 one is not; 2 a file is in the way; 3 it could
/// not start. A reader of stdout that leaves (`head`) ends it quietly, downloads included, with the code as it is then:
/// 0 unless something had failed, since nobody wanted more.
///
/// The first SIGINT or SIGTERM gives up on poems that are still on their way, each of which is told as failed, and
/// prints those that are here; a second one stops at once (130).
///
/// The engine decides who waits for what, not what is said: the same lines and the same codes from each.
pub fn get(options: &GetOptions) -> Exit {
    let names: Vec<_> =
        options.servers.iter().enumerate().map(|(task, server)| file_name(task + 1, server)).collect();
    if let Some(output) = &options.output {
        if let Some(place) = taken(output, &names) {
            let problem = format!("'{}' exists; --force overwrites it", place.display());
            return Exit::usage("get", "--output", &problem);
        }
        if let Err(error) = std::fs::create_dir_all(&output.dir) {
            return not_started(&format!("--output: cannot create '{}': {error}", output.dir.display()));
        }
    }
    log_to_stderr(options.log);
    // Each server has a connection of its own. If the limit stays as it is, those beyond it fail and say why.
    let _ = raise_descriptor_limit();
    let wants_bars = !options.quiet && !options.tasks && io::stderr().is_terminal();
    let bars = wants_bars.then(|| Bars::new(options));
    let targets = Targets { output: options.output.clone(), names, bars: bars.as_ref().map(Bars::all) };
    match options.engine {
        Engine::Actor => actor::get(options, targets, bars),
        Engine::Reactor(poller) => reactor::get(options, poller, targets, bars),
        Engine::Blocking => blocking::get(options, targets, bars),
    }
}

pub(super) fn not_started(what: &str) -> Exit {
    Exit::error(Code::NotStarted, "get", what)
}

/// What of a batch was not written; the end, if there is no point in going on.
pub(super) fn not_written(printer: &mut Printer, trouble: Vec<Trouble>) -> Option<Exit> {
    for trouble in trouble {
        let line = match trouble {
            Trouble::Closed => return Some(Exit::silent(printer.code())),
            Trouble::Stdout(error) => format!("cannot write to stdout: {error}"),
            Trouble::Gone => "the output thread is gone".to_owned(),
            Trouble::File(task, error) => {
                printer.no_file(task, &error);
                continue;
            }
        };
        return Some(Exit::error(Code::NotGot, "get", &line));
    }
    None
}
