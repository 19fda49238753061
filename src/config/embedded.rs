//! The configuration of `verse node` without a file.

use std::fmt;
use std::str::FromStr;

use super::address::parse_port;
use super::{
    Config, HostPort, NodeConfig, Pace, PoemConfig, PoemSource, ProxyConfig, TransformConfig, Upstream,
};
use crate::poem::Title;

/// The port of the admin port above the base: the largest one in use.
const ADMIN: u16 = 80;

/// The port of the caching proxy above the base.
const PROXY: u16 = 20;

/// The port of the transform service above the base.
const TRANSFORM: u16 = 11;

/// Where the ports of the embedded configuration begin: `--port-base`. Default 10000; the first service is at
/// base + 1. 0 stands for any free ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortBase(u16);

/// Why a number is no port base.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no port base; it is an integer from 0 (any free ports) to {max}", max = PortBase::MAX)]
pub struct PortBaseError(String);

impl PortBase {
    /// The largest base: the last service must still have a port.
    pub const MAX: u16 = u16::MAX - ADMIN;

    /// Any free ports.
    pub const FREE: PortBase = PortBase(0);

    /// A base from 0 to [`PortBase::MAX`].
    ///
    /// # Errors
    /// It is larger.
    pub fn new(base: u16) -> Result<PortBase, PortBaseError> {
        if base <= PortBase::MAX { Ok(PortBase(base)) } else { Err(PortBaseError(base.to_string())) }
    }

    /// The base as a number.
    pub fn get(self) -> u16 {
        self.0
    }

    fn port(self, offset: u16) -> HostPort {
        HostPort::loopback(if self == PortBase::FREE { 0 } else { self.0 + offset })
    }
}

impl Config {
    /// What `verse node` runs when it is given no file: ecstasy, fascination and science, fast, on base + 1
    /// to base + 3; science, slow, on base + 4; the transform service on base + 11; a caching proxy for the
    /// slow science on base + 20; the admin port on base + 80. All on 127.0.0.1. The proxy names its upstream by title, so that it also
    /// finds it on any free port.
    pub fn embedded(base: PortBase) -> Config {
        let title = |text| Title::new(text).expect("the titles below are short and plain");
        let poem = |text, pace, offset| PoemConfig {
            listen: base.port(offset),
            pace,
            ..PoemConfig::new(PoemSource::Embedded(title(text)))
        };
        let slow = title("science-slow");
        Config {
            node: NodeConfig { admin: Some(base.port(ADMIN)), ..NodeConfig::default() },
            poems: vec![
                poem("ecstasy", Pace::Fast, 1),
                poem("fascination", Pace::Fast, 2),
                poem("science", Pace::Fast, 3),
                PoemConfig { title: slow.clone(), ..poem("science", Pace::SLOW, 4) },
            ],
            transform: Some(TransformConfig { listen: base.port(TRANSFORM), ..TransformConfig::default() }),
            proxies: vec![ProxyConfig {
                listen: base.port(PROXY),
                ..ProxyConfig::new(vec![Upstream::Poem(slow)])
            }],
            ..Config::default()
        }
    }
}

impl Default for PortBase {
    /// 10000.
    fn default() -> Self {
        PortBase(10_000)
    }
}

impl fmt::Display for PortBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for PortBase {
    type Err = PortBaseError;

    fn from_str(text: &str) -> Result<Self, PortBaseError> {
        let base = parse_port(text).map_err(|_| PortBaseError(text.to_owned()))?;
        PortBase::new(base)
    }
}
