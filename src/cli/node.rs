//! `verse node [CONFIG]`: a supervised node.

use std::path::PathBuf;

use super::Exit;
use super::shared::Common;
use crate::config::{Config, PortBase};
use crate::poem::Poem;

/// Run a supervised node: poems, the transform service and caching proxies of a configuration.
///
/// Without CONFIG: ecstasy, fascination and science on 10001 to 10003, science slowly on 10004, the transform
/// service on 10011, a caching proxy for 10004 on 10020, the admin port on 10080. SIGINT and SIGTERM drain it, a second one stops it
/// at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration, a TOML file [default: the one that is built in; see --print-config]
    config: Option<PathBuf>,
    /// Where the ports of the built-in configuration begin; 0 is any free ports [default: 10000]
    #[arg(long, value_name = "N", conflicts_with = "config", allow_negative_numbers = true)]
    port_base: Option<PortBase>,
    /// Print the configuration as TOML, with every value in force, and end
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    common: Common,
}

/// The checked options of `verse node`.
#[derive(Debug)]
pub struct NodeOptions {
    /// The node; its log level is the one of `--log`, if that was given.
    pub config: Config,
    /// The poems of `config.poems`, in the same order, already loaded.
    pub poems: Vec<Poem>,
    /// The file that the configuration is from; `None` for the one that is built in.
    pub file: Option<PathBuf>,
    /// Whether only to print [`Config::to_toml`] on stdout.
    pub print_config: bool,
}

impl Args {
    pub(super) fn check(self) -> Result<NodeOptions, Exit> {
        self.common.engine.supervised("node")?;
        let mut config = match &self.config {
            Some(file) => Config::read(file).map_err(|error| Exit::because("node", &error))?,
            None => Config::embedded(self.port_base.unwrap_or_default()),
        };
        let poems = config.load_poems().map_err(|error| Exit::because("node", &error))?;
        if let Some(level) = self.common.log {
            config.node.log = level;
        }
        Ok(NodeOptions { config, poems, file: self.config, print_config: self.print_config })
    }
}
