//! `verse check CONFIG`: reads and judges a configuration, binds nothing.

use std::path::PathBuf;

use super::Exit;
use crate::config::Config;
use crate::poem::Poem;

/// Read a configuration and its poems, say what is wrong with them, and bind nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration, a TOML file
    config: PathBuf,
}

/// A configuration that is well.
#[derive(Debug)]
pub struct CheckOptions {
    /// The file.
    pub file: PathBuf,
    /// What it says.
    pub config: Config,
    /// The poems of `config.poems`, in the same order.
    pub poems: Vec<Poem>,
}

impl Args {
    pub(super) fn check(self) -> Result<CheckOptions, Exit> {
        let failed = |error: &dyn std::error::Error| Exit::because("check", error);
        let config = Config::read(&self.config).map_err(|error| failed(&error))?;
        let poems = config.load_poems().map_err(|error| failed(&error))?;
        Ok(CheckOptions { file: self.config, config, poems })
    }
}

impl CheckOptions {
    /// The line that is printed: `verse.toml is well: 4 poems, 1 transform service, 1 proxy`.
    pub fn report(&self) -> String {
        let number = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        let parts = [
            number(self.config.poems.len(), "poem", "poems"),
            number(usize::from(self.config.transform.is_some()), "transform service", "transform services"),
            number(self.config.proxies.len(), "proxy", "proxies"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{} is well: {}", self.file.display(), parts.join(", "))
    }
}
