//! `verse ctl`: a node that runs, seen and steered.

mod run;

use std::path::PathBuf;

use super::{Exit, values};
use crate::config::HostPort;
use crate::ops::admin::view::{CacheOrder, KillOrder};

pub use run::ctl;

/// The admin port of the built-in configuration.
const ADMIN: u16 = 10_080;

/// See and steer a node that runs, at its admin port.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The admin port; no host is 127.0.0.1, IPv6 in brackets [default: 10080]
    #[arg(long, global = true, value_name = "[HOST:]PORT", value_parser = values::server)]
    admin: Option<HostPort>,
    /// The file that holds its token [default: where a node on that port puts it]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print what the admin port answers, as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Whether it is alive and ready, what listens where, what went wrong lately
    Status,
    /// Its supervision tree: who runs, who was restarted how often, and why
    Tree,
    /// Kill a process; its supervisor does the rest
    Kill {
        /// Its place in the tree, such as proxy/cache, or its pid, such as 0.12
        #[arg(value_name = "PATH")]
        whom: String,
    },
    /// Let running poems finish, end the node, and wait for that
    Drain,
    /// What its caches hold
    Cache {
        #[command(subcommand)]
        what: Option<CacheWhat>,
    },
}

#[derive(Debug, clap::Subcommand)]
enum CacheWhat {
    /// Drop poems; those that are being sent are not cut
    Purge(CacheArgs),
    /// Have poems fetched anew, in the background
    Refresh(CacheArgs),
}

#[derive(Debug, clap::Args)]
struct CacheArgs {
    /// The key of one poem, as `verse ctl cache` shows it [default: all]
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// The branch of one proxy, such as proxy-2 [default: all]
    #[arg(long, value_name = "NAME")]
    proxy: Option<String>,
}

/// The checked options of `verse ctl`.
#[derive(Debug)]
pub struct CtlOptions {
    /// The admin port.
    pub admin: HostPort,
    /// The file of its token; `None` is where a node on that port puts it.
    pub token_file: Option<PathBuf>,
    /// Whether to print JSON.
    pub json: bool,
    /// What is wanted.
    pub order: Order,
}

/// What is wanted of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// How it is.
    Status,
    /// Its tree.
    Tree,
    /// A process killed.
    Kill(KillOrder),
    /// Its end.
    Drain,
    /// What its caches hold.
    Cache,
    /// Poems dropped.
    Purge(CacheOrder),
    /// Poems fetched anew.
    Refresh(CacheOrder),
}

impl Args {
    pub(super) fn check(self) -> Result<CtlOptions, Exit> {
        let cache = |CacheArgs { key, proxy }| CacheOrder { proxy, key };
        let order = match self.what {
            What::Status => Order::Status,
            What::Tree => Order::Tree,
            What::Kill { whom } if whom.is_empty() => {
                return Err(Exit::usage("ctl", "PATH", "it names nobody"));
            }
            What::Kill { whom } if is_pid(&whom) => Order::Kill(KillOrder { pid: Some(whom), path: None }),
            What::Kill { whom } => Order::Kill(KillOrder { path: Some(whom), pid: None }),
            What::Drain => Order::Drain,
            What::Cache { what: None } => Order::Cache,
            What::Cache { what: Some(CacheWhat::Purge(args)) } => Order::Purge(cache(args)),
            What::Cache { what: Some(CacheWhat::Refresh(args)) } => Order::Refresh(cache(args)),
        };
        let admin = self.admin.unwrap_or(HostPort::loopback(ADMIN));
        Ok(CtlOptions { admin, token_file: self.token_file, json: self.json, order })
    }
}

/// `<0.12>` or `0.12`. A place in the tree may begin with a digit, but is not two numbers.
fn is_pid(text: &str) -> bool {
    let bare = text.strip_prefix('<').and_then(|it| it.strip_suffix('>')).unwrap_or(text);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    bare.split_once('.').is_some_and(|(node, serial)| number(node) && number(serial))
}
