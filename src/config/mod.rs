//! What a node is told to be: plain data with every default, unit, bound and reason, read from and written as
//! TOML.
//!
//! | table | type | what |
//! |---|---|---|
//! | `[node]` | [`NodeConfig`] | drain, restart intensity, log, admin port |
//! | `[limits]` | [`LimitsConfig`] | bounds that all services share |
//! | `[[poem]]` | [`PoemConfig`] | a poem and the port it is served on |
//! | `[transform]` | [`TransformConfig`] | the transform service |
//! | `[[proxy]]` | [`ProxyConfig`] | a caching proxy |
//!
//! Nothing here opens a socket or resolves a name; a poem is read only when [`PoemConfig::load`] is asked to.
//! Each file holds one table with its defaults, its keys, its reader and its writer; [`Config::validate`] is
//! the one place where values are judged.

mod address;
mod duration;
mod embedded;
mod error;
mod key;
mod limits;
mod node;
mod poem;
mod proxy;
mod reader;
mod size;
mod transform;
mod validate;
mod value;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::poem::{Poem, PoemError};

pub(crate) use address::parse_port;
pub use address::{AddressError, Host, HostPort};
pub use duration::{DurationError, format_duration, parse_duration};
pub use embedded::{PortBase, PortBaseError};
pub use error::{ConfigError, Invalid, Place};
pub(crate) use key::nearest;
pub use key::{KeyPath, Table};
pub use limits::LimitsConfig;
pub use node::{LogLevel, NodeConfig};
pub use poem::{Framing, Pace, PoemConfig, PoemSource};
pub use proxy::{ProxyConfig, Upstream};
pub use size::{SizeError, format_size, parse_size};
pub use transform::TransformConfig;

use reader::Document;
use writer::Writer;

/// A whole node: what it serves, on which addresses, within which bounds.
///
/// `Config::default()` has every default and serves nothing; [`Config::embedded`] is what `verse node` runs
/// when it is given no file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The node itself: `[node]`.
    pub node: NodeConfig,
    /// Bounds that all services share: `[limits]`.
    pub limits: LimitsConfig,
    /// The poems, each on a port of its own: `[[poem]]`, in the order in which they are started. At most
    /// 1,024.
    pub poems: Vec<PoemConfig>,
    /// The transform service, if there is one: `[transform]`.
    pub transform: Option<TransformConfig>,
    /// The caching proxies, each on a port of its own: `[[proxy]]`. At most 1,024.
    pub proxies: Vec<ProxyConfig>,
}

impl Config {
    /// Reads and validates a file of at most 1 MiB. A relative `file` of a poem or a token is taken from the folder that
    /// holds the configuration, so that a node starts the same from anywhere.
    ///
    /// # Errors
    /// The file cannot be read, or [`Config::from_toml`] refuses it.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = reader::read_file(path)?;
        let mut config = Config::from_toml(&text, &path.display().to_string())?;
        if let Some(folder) = path.parent() {
            if let Some(file) = &mut config.node.admin_token {
                *file = folder.join(&*file);
            }
            for poem in &mut config.poems {
                if let PoemSource::File(file) = &mut poem.source {
                    *file = folder.join(&*file);
                }
            }
        }
        Ok(config)
    }

    /// Reads and validates TOML; `file` is only the name that errors give.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line, column and the key: no TOML, an unknown key (with the
    /// nearest known one), a wrong type, a missing key, or what [`Config::validate`] refuses.
    pub fn from_toml(text: &str, file: &str) -> Result<Config, ConfigError> {
        Document::parse(text, file)?.read()
    }

    /// The poems, in their order. One on disk may be as long as one that a client of ours receives: a longer one could be
    /// served and never got.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub fn load_poems(&self) -> Result<Vec<Poem>, PoemError> {
        let limit = usize::try_from(self.limits.max_poem).unwrap_or(usize::MAX);
        self.poems.iter().map(|poem| poem.load(limit)).collect()
    }

    /// The configuration as TOML with every value in force and a comment a key: what `--print-config` prints.
    ///
    /// A valid configuration reads back equal, except that a file name that is not UTF-8 cannot be written in
    /// TOML (its wrong bytes become U+FFFD).
    pub fn to_toml(&self) -> String {
        let mut writer = Writer::new();
        self.node.write(&mut writer);
        self.limits.write(&mut writer);
        for poem in &self.poems {
            poem.write(&mut writer);
        }
        if let Some(transform) = &self.transform {
            transform.write(&mut writer);
        }
        for proxy in &self.proxies {
            proxy.write(&mut writer);
        }
        writer.finish()
    }

    /// Judges every value and how they go together: bounds, one address for one listener, titles, upstreams.
    ///
    /// # Errors
    /// The first value that is refused, named by its [`KeyPath`].
    pub fn validate(&self) -> Result<(), Invalid> {
        validate::config(self)
    }

    /// Every address the node listens on, with the key that asks for it, in the order of the file,
    /// the admin port last.
    pub fn listeners(&self) -> impl Iterator<Item = (KeyPath, &HostPort)> {
        let poems =
            self.poems.iter().enumerate().map(|(i, poem)| (Table::Poem(i).key("listen"), &poem.listen));
        let transform = self.transform.iter().flat_map(|transform| {
            let lines = transform.lines_listen.as_ref().map(|at| (Table::Transform.key("lines_listen"), at));
            [(Table::Transform.key("listen"), &transform.listen)].into_iter().chain(lines)
        });
        let proxies = self.proxies.iter().enumerate();
        let proxies = proxies.map(|(i, proxy)| (Table::Proxy(i).key("listen"), &proxy.listen));
        let admin = self.node.admin.iter().map(|at| (Table::Node.key("admin"), at));
        poems.chain(transform).chain(proxies).chain(admin)
    }

    /// The poem of this node with that title, the one an [`Upstream::Poem`] means.
    pub fn poem(&self, title: &str) -> Option<&PoemConfig> {
        self.poems.iter().find(|poem| poem.title.as_str() == title)
    }
}
