//! Addresses as people write them: `[HOST:]PORT`, not yet resolved.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The longest host name, in bytes (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;

/// The longest label of a host name, in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

/// A host and a port: `[HOST:]PORT`.
///
/// No host is 127.0.0.1, an IPv6 address stands in brackets, a name is kept and resolved where it is used.
/// `Display` gives the full form, which parses back to the same value. Port 0 asks for any free port when
/// listening and is refused by [`HostPort::connectable`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// Where; 127.0.0.1 when nothing was said.
    pub host: Host,
    /// The port, 0 to 65535.
    pub port: u16,
}

/// A host: an address, or a name that is resolved where it is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A host name: letters, digits, `-`, `_` and dots, at most 253 bytes, labels of 1 to 63.
    Name(String),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The port is no integer in 0..=65535.
    #[error("'{0}' is no port; a port is an integer from 0 to 65535")]
    Port(String),
    /// The host is neither an address nor a name.
    #[error("'{0}' is no host; give a name, an IPv4 address, or an IPv6 address in brackets")]
    Host(String),
    /// An IPv6 address without brackets, of which nobody can tell where the port begins.
    #[error("'{0}' looks like an IPv6 address without brackets; write [ADDRESS]:PORT")]
    Brackets(String),
    /// Port 0, which stands for any free port, where something must be connected to.
    #[error("'{0}' has port 0, which nobody can connect to")]
    Zero(HostPort),
}

impl HostPort {
    /// 127.0.0.1 with that port.
    pub const fn loopback(port: u16) -> HostPort {
        HostPort { host: Host::LOOPBACK, port }
    }

    /// The address as one that can be connected to.
    ///
    /// # Errors
    /// [`AddressError::Zero`] for port 0.
    pub fn connectable(self) -> Result<HostPort, AddressError> {
        if self.port == 0 { Err(AddressError::Zero(self)) } else { Ok(self) }
    }

    /// Whether two listeners would be in each other's way: the same port, not 0, on hosts that share an
    /// address. Names are not resolved, so of two different names only `localhost` and the loopback addresses
    /// are known to overlap; what is left is found by the system when the second one binds.
    pub fn collides(&self, other: &HostPort) -> bool {
        self.port != 0 && self.port == other.port && self.host.overlaps(&other.host)
    }
}

impl Host {
    /// 127.0.0.1, where everything listens unless told otherwise.
    pub const LOOPBACK: Host = Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));

    /// Whether it is this machine for nobody but itself: an address of the loopback interface, or `localhost`.
    pub fn is_loopback(&self) -> bool {
        match self {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
        }
    }

    fn overlaps(&self, other: &Host) -> bool {
        let any = |host: &Host| matches!(host, Host::Ip(ip) if ip.is_unspecified());
        let loopback = |host: &Host| matches!(host, Host::Ip(ip) if ip.is_loopback());
        let local = |host: &Host| matches!(host, Host::Name(name) if name.eq_ignore_ascii_case("localhost"));
        match (self, other) {
            (Host::Name(a), Host::Name(b)) if a.eq_ignore_ascii_case(b) => true,
            _ if any(self) || any(other) => true,
            _ if (local(self) && loopback(other)) || (loopback(self) && local(other)) => true,
            _ => self == other,
        }
    }
}

impl Default for HostPort {
    /// 127.0.0.1 and any free port.
    fn default() -> Self {
        HostPort::loopback(0)
    }
}

impl From<SocketAddr> for HostPort {
    fn from(at: SocketAddr) -> Self {
        HostPort { host: Host::Ip(at.ip()), port: at.port() }
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let Some((host, port)) = text.rsplit_once(':') else {
            return Ok(HostPort::loopback(parse_port(text)?));
        };
        if text.parse::<Ipv6Addr>().is_ok() || host.parse::<Ipv6Addr>().is_ok() {
            return Err(AddressError::Brackets(text.to_owned()));
        }
        // `[::1]` without a port splits inside the brackets; say so instead of blaming the port `1]`.
        if host.starts_with('[') && !host.ends_with(']') {
            return Err(AddressError::Host(text.to_owned()));
        }
        Ok(HostPort { host: host.parse()?, port: parse_port(port)? })
    }
}

impl FromStr for Host {
    type Err = AddressError;

    /// An address, an IPv6 address with or without brackets, or a name.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refused = || AddressError::Host(text.to_owned());
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or_else(refused)?;
            return inner.parse::<Ipv6Addr>().map(|ip| Host::Ip(ip.into())).map_err(|_| refused());
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Host::Ip(ip));
        }
        if is_name(text) { Ok(Host::Name(text.to_owned())) } else { Err(refused()) }
    }
}

/// A port: decimal digits only (`u16::from_str` would take `+80` as well).
///
/// # Errors
/// [`AddressError::Port`] if it is no integer in 0..=65535.
pub(crate) fn parse_port(text: &str) -> Result<u16, AddressError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().ok() } else { None };
    port.ok_or_else(|| AddressError::Port(text.to_owned()))
}

/// A name whose last label is a number is a mistyped IPv4 address (`256.0.0.1`, `127.1`), which resolvers
/// read in surprising ways.
fn is_name(text: &str) -> bool {
    let labels = text.strip_suffix('.').unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let label = |label: &str| {
        !label.is_empty() && label.len() <= MAX_LABEL && label.bytes().all(plain) && !label.starts_with('-')
    };
    let last_is_number =
        labels.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    labels.len() <= MAX_NAME && labels.split('.').all(label) && !last_is_number
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Ip(ip) => write!(f, "{ip}"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
