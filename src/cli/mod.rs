//! The command line: arguments -> checked options, one file a subcommand.
//!
//! Each file holds the raw arguments as clap reads them (`Args`), the checked options that the rest of the
//! program gets, and the way from one to the other, where everything that can be wrong is found before
//! anything listens. Bad input costs exit code 2 and one line on stderr that names the argument.

mod apply;
mod check;
mod ctl;
mod deferred;
mod engines;
mod exit;
mod get;
mod node;
pub mod output;
mod proxy;
mod run;
mod runtime;
mod serve;
mod shared;
mod transform;
mod usage;
mod values;

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

pub use apply::{ApplyOptions, apply};
pub use check::CheckOptions;
pub use ctl::{CtlOptions, Order as CtlOrder, ctl};
pub use deferred::{DeferredOptions, deferred};
pub use exit::{Code, Exit, chain};
pub use get::{GetOptions, Order, OutputDir, TransformBy, Via, get};
pub use node::NodeOptions;
pub use proxy::{ProxyOptions, proxy};
pub use run::{run, run_node};
pub use serve::{ServeOptions, serve};
pub use shared::Engine;
pub use transform::{TransformOptions, list_transforms, transform};

/// What was asked for, checked: nothing in it can be wrong any more but what only the network or the system
/// knows.
#[derive(Debug)]
pub enum Command {
    /// `verse node`: a supervised node.
    Node(NodeOptions),
    /// `verse serve`: poems, one port each.
    Serve(ServeOptions),
    /// `verse get`: poems from servers.
    Get(GetOptions),
    /// `verse transform`: the transform service.
    Transform(TransformOptions),
    /// `verse apply`: one poem through a transform service.
    Apply(ApplyOptions),
    /// `verse proxy`: a caching proxy.
    Proxy(ProxyOptions),
    /// `verse check`: a configuration read and judged.
    Check(CheckOptions),
    /// `verse ctl`: a node that runs, seen and steered.
    Ctl(CtlOptions),
    /// `verse deferred`: the deferred simulator.
    Deferred(DeferredOptions),
}

/// Poetry servers, clients, a transform service and a caching proxy, as supervised actors.
#[derive(Debug, Parser)]
#[command(name = "verse", version, after_help = exit::sentences())]
struct Args {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    Node(node::Args),
    Serve(serve::Args),
    Get(get::Args),
    Transform(transform::Args),
    Apply(apply::Args),
    Proxy(proxy::Args),
    Check(check::Args),
    Ctl(ctl::Args),
    Deferred(deferred::Args),
}

/// Reads a command line, the program's name first. Reads the files that it names (configuration, poems), so
/// that a missing one is told before anything listens; opens no socket, prints nothing.
///
/// # Errors
/// What to print instead, and the exit code: 0 for `--help` and `--version`, 2 for bad input.
pub fn parse<I, T>(args: I) -> Result<Command, Exit>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let raw = Args::try_parse_from(&args).map_err(|error| usage::exit(&error, &args))?;
    match raw.command {
        Subcommands::Node(raw) => raw.check().map(Command::Node),
        Subcommands::Serve(raw) => raw.check().map(Command::Serve),
        Subcommands::Get(raw) => raw.check().map(Command::Get),
        Subcommands::Transform(raw) => raw.check().map(Command::Transform),
        Subcommands::Apply(raw) => raw.check().map(Command::Apply),
        Subcommands::Proxy(raw) => raw.check().map(Command::Proxy),
        Subcommands::Check(raw) => raw.check().map(Command::Check),
        Subcommands::Ctl(raw) => raw.check().map(Command::Ctl),
        Subcommands::Deferred(raw) => raw.check().map(Command::Deferred),
    }
}
