//! The node on a terminal: what listens where, and what to try.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::config::{Framing, Pace, PoemConfig, ProxyConfig, format_duration};

/// A listener of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is called in the tree: `science-slow`.
    pub name: String,
    /// What it is, in a few words: `poem, 10 bytes each 100ms`.
    pub what: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// A command that shows it: `verse get 10004 --tasks`.
    pub command: String,
}

impl Row {
    /// A poem of `bytes` bytes.
    pub fn poem(poem: &PoemConfig, bytes: usize, at: SocketAddr) -> Row {
        let (what, tasks) = match poem.pace {
            Pace::Fast => (format!("poem of {bytes} bytes"), ""),
            Pace::Slow { num_bytes, delay } => {
                let delay = format_duration(delay);
                (format!("poem of {bytes} bytes, {num_bytes} each {delay}"), " --tasks")
            }
        };
        let command = format!("verse get {}{tasks}{}", target(at), framing(poem.framing));
        Row { name: poem.title.to_string(), what, address: at, command }
    }

    /// The transform service.
    pub fn transform(at: SocketAddr) -> Row {
        let command = format!("echo 'TRUE DAUGHTER OF OLD TIME' | verse apply {} cummingsify", target(at));
        Row { name: "transform".to_owned(), what: "transform service".to_owned(), address: at, command }
    }

    /// The transform service's second protocol.
    pub fn lines(at: SocketAddr) -> Row {
        let at_host = SocketAddr::new(reachable(at.ip()), at.port());
        let command = format!("printf 'shout 4\\npoem' | nc {} {}", at_host.ip(), at.port());
        Row { name: "lines".to_owned(), what: "transform service, lines".to_owned(), address: at, command }
    }

    /// The admin port.
    pub fn admin(at: SocketAddr) -> Row {
        let target = target(at);
        let option = if target == "10080" { String::new() } else { format!(" --admin {target}") };
        let command = format!("verse ctl tree{option}");
        Row { name: "admin".to_owned(), what: "admin port".to_owned(), address: at, command }
    }

    /// A caching proxy; `upstream` is where it asks.
    pub fn proxy(proxy: &ProxyConfig, upstream: &dyn Display, at: SocketAddr) -> Row {
        let (what, command) = if proxy.transforms {
            let command =
                format!("echo 'TRUE DAUGHTER OF OLD TIME' | verse apply {} cummingsify", target(at));
            (format!("caching proxy for the transforms of {upstream}"), command)
        } else {
            let command = format!("verse get {}{}", target(at), framing(proxy.framing));
            (format!("caching proxy for {upstream}"), command)
        };
        Row { name: "proxy".to_owned(), what, address: at, command }
    }
}

/// The table: columns as wide as their widest text, two spaces between them, a heading, no last newline.
pub fn table(rows: &[Row]) -> String {
    let heading = ["name", "what", "address", "try"].map(str::to_owned);
    let body = rows
        .iter()
        .map(|row| [row.name.clone(), row.what.clone(), row.address.to_string(), row.command.clone()]);
    let lines: Vec<[String; 4]> = std::iter::once(heading).chain(body).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), 0];
    let line = |cells: &[String; 4]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ")
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// How a client on this machine names a listener: the port alone on 127.0.0.1.
fn target(at: SocketAddr) -> String {
    match reachable(at.ip()) {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => at.port().to_string(),
        ip => SocketAddr::new(ip, at.port()).to_string(),
    }
}

/// "All interfaces" is no address to connect to.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

fn framing(framing: Framing) -> &'static str {
    match framing {
        Framing::Raw => "",
        Framing::Netstring => " --framing netstring",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, PortBase};

    #[test]
    fn the_embedded_node_is_a_table_of_commands_to_try() {
        let config = Config::embedded(PortBase::default());
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut rows: Vec<Row> =
            config.poems.iter().map(|poem| Row::poem(poem, 700, at(poem.listen.port))).collect();
        rows.push(Row::transform(at(10011)));
        rows.push(Row::lines("[::]:10012".parse().unwrap()));
        rows.push(Row::proxy(&config.proxies[0], &"127.0.0.1:10004", at(10020)));
        rows.push(Row::admin(at(10080)));
        rows.push(Row::admin(at(20080)));
        let expected = "\
name          what                               address          try
ecstasy       poem of 700 bytes                  127.0.0.1:10001  verse get 10001
fascination   poem of 700 bytes                  127.0.0.1:10002  verse get 10002
science       poem of 700 bytes                  127.0.0.1:10003  verse get 10003
science-slow  poem of 700 bytes, 10 each 100ms   127.0.0.1:10004  verse get 10004 --tasks
transform     transform service                  127.0.0.1:10011  echo 'TRUE DAUGHTER OF OLD TIME' | verse apply 10011 cummingsify
lines         transform service, lines           [::]:10012       printf 'shout 4\\npoem' | nc ::1 10012
proxy         caching proxy for 127.0.0.1:10004  127.0.0.1:10020  verse get 10020
admin         admin port                         127.0.0.1:10080  verse ctl tree
admin         admin port                         127.0.0.1:20080  verse ctl tree --admin 20080";
        assert_eq!(table(&rows), expected);
    }

    #[test]
    fn the_command_of_a_row_reaches_its_listener() {
        let any = SocketAddr::from(([0, 0, 0, 0], 1));
        let other = SocketAddr::from(([10, 0, 0, 1], 1));
        assert_eq!(target(any), "1");
        assert_eq!(target(other), "10.0.0.1:1");
        let mut config = Config::embedded(PortBase::default());
        config.poems[0].framing = Framing::Netstring;
        assert_eq!(Row::poem(&config.poems[0], 1, any).command, "verse get 1 --framing netstring");
        config.proxies[0].transforms = true;
        let row = Row::proxy(&config.proxies[0], &"127.0.0.1:10011", any);
        assert!(row.command.ends_with("| verse apply 1 cummingsify"), "{}", row.command);
    }
}
